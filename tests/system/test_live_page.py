"""The live page in a real browser, beside a real swarm: it shows what the cells show, and its strokes hit processes."""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from starting import Start

from cellnode.panel import Counter
from coordinator import Swarm, locate
from coordinator.recording import Recording
from coordinator.runfolder import RunFolder
from coordinator.serve import address, beside, gallery, wire
from coordinator.serve.past import Past

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian package chromium)"),
]
Visit = Callable[..., tuple[Page, list[str]]]
PATIENCE_S = 60
READY = "globalThis.planaria?.page.drawn > 1 && Boolean(planaria.page.hands)"
SOFTWARE_GL = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_GL)
        yield found
        found.close()


@pytest.fixture
def served(start: Start) -> Iterator[tuple[Swarm, str]]:
    """A swarm of 8x8 with its page beside it."""
    page = beside.Page(address.Address(port=0))
    try:
        swarm = start("dot", (8, 8), on_folder=page.open)  # before there is a panel: the page waits for it
        yield swarm, page.url
    finally:
        page.close()


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for a condition, not for a time."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
    return found


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens the page and waits until it is drawn; the list takes what should not be: errors, requests to elsewhere."""
    contexts = []

    def go(url: str, ready: str = READY, **settings: Any) -> tuple[Page, list[str]]:
        contexts.append(browser.new_context(**settings))
        page, wrong = contexts[-1].new_page(), []
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        home = url.split("/")[2]
        page.on("request", lambda request: wrong.append(request.url) if home not in request.url else None)
        page.goto(url)
        until(lambda: page.evaluate(ready), "a picture")
        return page, wrong

    yield go
    for context in contexts:
        context.close()


def place(page: Page, row: float, column: float) -> tuple[float, float]:
    """Where the centre of a cell lies in the window."""
    x, y = page.evaluate(
        """([row, column]) => { const box = planaria.board.canvas.getBoundingClientRect(), view = planaria.board.view;
        const ratio = devicePixelRatio; return [box.left + (view.left + (column + 0.5) * view.scale) / ratio,
        box.top + (view.top + (row + 0.5) * view.scale) / ratio]; }""",
        [row, column],
    )
    return float(x), float(y)


def drag(page: Page, tool: str, line: list[tuple[float, float]]) -> None:
    page.click(f"#tool-{tool}")
    page.mouse.move(*place(page, *line[0]))
    page.mouse.down()
    for point in line[1:]:
        page.mouse.move(*place(page, *point), steps=3)
    page.mouse.up()


def shown(page: Page, height: int, width: int) -> np.ndarray:
    """The colour on the screen at the centre of every cell."""
    picture = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    rows = [[place(page, row, column) for column in range(width)] for row in range(height)]
    return np.array([[picture[round(y), round(x)] for x, y in row] for row in rows])


@pytest.mark.parametrize("painter", ["webgl2", "2d"])
def test_the_screen_shows_what_the_cells_show(visit: Visit, served: tuple[Swarm, str], painter: str) -> None:
    swarm, url = served
    swarm.wait_until(20)
    page, wrong = visit(url if painter == "webgl2" else url.replace("/#", "/?painter=2d#"))
    assert page.evaluate("planaria.painter") == painter
    page.keyboard.press("Space")
    until(lambda: swarm.paused and page.evaluate("planaria.page.cells.paused"), "the pause")
    page.mouse.move(1, 1)
    colours = swarm.frame().rgb().astype(int)
    least = 255 * 0.075 if painter == "webgl2" else 0  # an LED that is off still shows its lens

    def same() -> bool:
        return bool(np.abs(shown(page, 8, 8) - np.maximum(colours, least)).max() <= 4)

    until(same, "the same colours")
    assert (colours.max(axis=2) > 60).sum() > 4, "there is something to see"
    page.keyboard.press("Space")
    until(lambda: not swarm.paused, "the end of the pause")
    assert wrong == []


def test_strokes_hit_real_processes_and_stand_in_the_log(visit: Visit, served: tuple[Swarm, str]) -> None:
    swarm, url = served
    page, wrong = visit(url)
    before = swarm.look()
    drag(page, "kill", [(1, 1), (1, 6)])
    row = [9, 10, 11, 12, 13, 14]
    until(lambda: not swarm.look().on[row].any(), "the death of a row")
    for pid in before.pids[row].tolist():
        assert not Path(f"/proc/{pid}").exists()
    until(lambda: page.evaluate("planaria.page.cells.alive()") == swarm.look().alive, "the dead on the page")
    page.fill("#select", "dead")
    page.click("#tool-revive")
    page.fill("#select", "dead")
    page.click("#select-go")
    until(lambda: swarm.look().on.all(), "the return of all")
    drag(page, "erase", [(5, 2), (6, 5)])
    until(lambda: swarm.look().counters[:, Counter.ERASED].sum() > 4, "an erasure")
    page.click("#tool-fault")
    page.select_option("#fault-kind", "link_loss")
    drag(page, "fault", [(3, 1), (3, 6)])
    (fault,) = until(swarm.faults, "a fault")
    assert (fault.kind, fault.selector.split(":")[0], fault.parameters) == ("link_loss", "path", {"rate": 0.3})
    drag(page, "cut", [(3.5, 0), (3.5, 7)])
    until(lambda: len(swarm.faults()) == 2, "a cut")
    cut = swarm.faults()[1]
    assert (cut.kind, cut.parameters["name"], cut.selector) == ("partition", "isolate", "side:3.5,0,3.5,7")
    assert cut.links == 44, "all links between the upper and the lower half, both ways"
    page.click("#heal")
    until(lambda: all(each.over for each in swarm.faults()), "the end of the faults")
    page.click("#tool-erase")
    page.mouse.dblclick(*place(page, 2, 2))
    until(lambda: swarm.look().counters[18, Counter.SEEDED] > 0, "a seed by double click")
    with page.expect_download() as download:
        page.click("#export")
    text = download.value.path().read_text()
    assert text.index('do = "kill"') < text.index('do = "revive"') < text.index('do = "inject"')
    assert "path:" in text
    assert wrong == []


def test_the_page_works_on_a_phone_and_by_keyboard_alone(visit: Visit, served: tuple[Swarm, str]) -> None:
    swarm, url = served
    page, wrong = visit(url, viewport={"width": 360, "height": 740}, has_touch=True, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    page.touchscreen.tap(*place(page, 4, 4))
    until(lambda: page.locator("#cell-name").inner_text() == "Cell 4, 4", "the inspector")
    page.keyboard.press("Escape")
    page.focus("#grid")
    page.keyboard.press("4")  # kill
    page.keyboard.press("[")
    page.keyboard.press("[")
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    until(lambda: not swarm.look().on[2 * 8 + 3], "the death of the cell at the cursor")
    assert swarm.look().alive == 63
    assert "token" not in page.url
    assert "#" not in page.url, "the token is taken out of the address line"
    assert wrong == []


def test_the_server_ends_with_the_command_that_started_it(start: Start) -> None:
    swarm = start("dot", (4, 4))
    page = beside.Page(address.Address(port=0))
    page.open(swarm.folder)
    process = Path(f"/proc/{page.pid}")
    assert process.exists()
    page.close()
    assert not process.exists()
    assert (swarm.folder / "page.log").read_text() == ""
    assert swarm.look().alive == 16, "the swarm does not care"


def test_a_past_run_can_be_scrubbed_through(visit: Visit, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "dot" / "20260101-000000"
    with Swarm.start("dot", (14, 14), substrate="virtual", seed=1, out=out) as swarm:
        swarm.wait_until(20)
        swarm.kill("50%")
        swarm.wait(4)
    with gallery_of(Past(lambda: locate.every(tmp_path / "runs"))) as url:
        page, wrong = visit(url, ready="document.querySelector('#runs img')?.naturalWidth > 0")
        page.click("#runs a")
        until(lambda: page.evaluate("globalThis.planaria?.shown > 10"), "the last still")
        page.fill("#scrub", "0")
        until(lambda: page.locator("#when").inner_text() == "0.0 T", "the first still")
        page.focus("#scrub")
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        until(lambda: page.locator("#when").inner_text() == "5.0 T", "the fifth")
        assert page.locator("#events li").count() > 2
        with page.expect_response(lambda answer: "/reports/" in answer.url) as answer:
            page.click("#report")
        assert answer.value.ok
        assert wrong == []


@contextmanager
def gallery_of(past: Past) -> Iterator[str]:
    """The page of past runs, served; its address."""
    token, listening = address.new_token(), address.Address(port=0).bind()
    servers: list[Any] = []
    thread = threading.Thread(target=gallery.serve, args=(past, listening, token, (), servers.append))
    thread.start()
    try:
        yield address.url(listening, token)
    finally:
        servers[0].should_exit = True
        thread.join(20)
        listening.close()


def test_a_recorded_run_can_be_seen_at_any_time_in_all_its_values(visit: Visit, start: Start, tmp_path: Path) -> None:
    swarm = start("dot", (8, 8), record=True)
    swarm.wait_until(20)
    swarm.stop()
    past = Past(lambda: [locate.look(RunFolder.open(swarm.folder))])
    recording = Recording.open(RunFolder.open(swarm.folder))
    first, last = past.one(swarm.run)["recorded"]
    assert 0 <= first < 1
    assert last > 15
    head, _, cells = wire.decode(past.frame(swarm.run, 12.0))
    assert (head.t, head.count) == (12.0, 64)
    assert np.array_equal(cells.values / 32, recording.frame(12.0).states.reshape(64, 16))
    with gallery_of(past) as base:
        url = base.replace("/#", f"/past?run={swarm.run}#")
        page, wrong = visit(url, ready="globalThis.planaria?.recorded?.shown > 0")
        page.fill("#scrub", "40")
        until(lambda: page.evaluate("planaria.recorded.shown - planaria.run.recorded[0]") == 10, "the tenth T")
        shown_values = page.evaluate("Array.from(planaria.recorded.cells.values)")
        t = page.evaluate("planaria.recorded.shown")
        assert np.allclose(shown_values, recording.frame(t).states.reshape(-1))
        assert wrong == []
