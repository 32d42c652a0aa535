"""The live page in a real browser, beside a real swarm: it shows what the cells show, and its strokes hit processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browsing import CHROMIUM, Visit, drag, place, shown, until
from starting import Start

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.serve import address, beside

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian package chromium)"),
]


Served = tuple[Swarm, str, beside.Page]


@pytest.fixture
def served(start: Start) -> Iterator[Served]:
    """A swarm of 8x8 with its page beside it."""
    page = beside.Page(address.Address(port=0))
    try:
        swarm = start("dot", (8, 8), on_folder=page.open)  # before there is a panel: the page waits for it
        yield swarm, page.url, page
    finally:
        page.close()


RENDERER = """() => {
  const gl = document.createElement("canvas").getContext("webgl2");
  return gl ? gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info").UNMASKED_RENDERER_WEBGL) : "";
}"""


@pytest.mark.parametrize("painter", ["webgl2", "2d"])
def test_the_screen_shows_what_the_cells_show(visit: Visit, served: Served, painter: str) -> None:
    swarm, url, _ = served
    swarm.wait_until(20)
    page, wrong = visit(url.replace("/#", f"/?painter={painter}#"))
    assert page.evaluate("planaria.painter") == painter
    page.keyboard.press("Space")
    until(lambda: swarm.paused and page.evaluate("planaria.page.cells.paused"), "the pause")
    page.mouse.move(1, 1)
    colours = swarm.frame().rgb().astype(int)
    least = 255 * 0.075  # an LED that is off still shows its lens

    def same() -> bool:
        return bool(np.abs(shown(page, 8, 8) - np.maximum(colours, least)).max() <= 4)

    until(same, "the same colours")
    assert (colours.max(axis=2) > 60).sum() > 4, "there is something to see"
    page.keyboard.press("Space")
    until(lambda: not swarm.paused, "the end of the pause")
    assert wrong == []


def test_without_a_graphics_card_it_paints_flat(visit: Visit, served: Served) -> None:
    page, wrong = visit(served[1])
    renderer = page.evaluate(RENDERER)
    software = any(name in renderer.lower() for name in ("swiftshader", "llvmpipe"))
    assert page.evaluate("planaria.painter") == ("2d" if software or not renderer else "webgl2"), renderer
    assert wrong == []


def test_strokes_hit_real_processes_and_stand_in_the_log(visit: Visit, served: Served) -> None:
    swarm, url, _ = served
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


def test_the_page_works_on_a_phone_and_by_keyboard_alone(visit: Visit, served: Served) -> None:
    swarm, url, _ = served
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


def test_the_page_finds_its_server_again_by_itself(visit: Visit, served: Served) -> None:
    swarm, url, server = served
    page, _ = visit(url)
    page.click("#view-alpha")
    first = server.pid
    server.open(swarm.folder)
    assert server.pid != first
    swarm.kill("cell:0,0")
    until(lambda: page.evaluate("planaria.page.link === 'live' && !planaria.page.cells.on(0)"), "what died since")
    assert page.locator("#state").inner_text() == "live"
    assert page.evaluate("planaria.page.views.chosen.id") == "alpha", "the page is still the same one"
    drag(page, "kill", [(7, 7), (7, 6)])
    until(lambda: not swarm.look().on[63], "a stroke that reaches its target")
