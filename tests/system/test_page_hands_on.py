"""An afternoon at the live page, in a real browser: two viewers of one swarm, a cut, a look back, a scenario taken home
and run again, all by keys alone, and another pattern at the end. One command lives it all."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import CHROMIUM, Visit, drag, place, says, until
from playwright.sync_api import Page, Route

from coordinator import Swarm, scenario
from coordinator.runfolder import RunFolder

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian package chromium)"),
]
ROOT = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "coordinator.cli.main", "run", "dot", "--grid", "8x8"]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "color_scheme": "dark"}
SEEN = "Array.from(planaria.page.cells.values).concat(Array.from(planaria.page.cells.phases))"


@dataclass
class Live:
    """`planaria run dot --grid 8x8 --serve`, and its page's address."""

    url: str
    home: Path

    @property
    def folder(self) -> RunFolder:
        """Of the run that lives now."""
        return RunFolder.open((self.home / "runs" / "dot" / "latest").resolve())


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    home, root = tmp_path_factory.mktemp("live"), Path(f"/dev/shm/ph-{os.getpid()}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PLANARIA_RUNTIME_DIR": str(root)}
    command = [*RUN, "--interval", "0.5", "--seed", "3", "--serve", "--listen", "127.0.0.1:0", "--no-view"]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    try:
        text = (home / "log").read_text
        until(lambda: "run folder" in text() or " runs/dot/" in text(), "a swarm")
        yield Live(re.findall(r"http://\S+", text())[0], home)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert not list(root.glob("*")), "nothing is left"
    finally:
        process.kill()
        subprocess.run(["rm", "-rf", str(root)], check=True)


@pytest.fixture
def swarm(live: Live) -> Iterator[Swarm]:
    """The run as a guest sees it."""
    found = Swarm.attach(str(live.folder.path))
    yield found
    found.leave()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def tab_to(page: Page, wanted: str) -> None:
    """By the Tab key alone."""
    for _ in range(80):
        if focused(page) == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached by Tab")


def test_two_viewers_see_the_same_and_each_sees_what_the_other_does(visit: Visit, live: Live, swarm: Swarm) -> None:
    large, wrong = visit(live.url)
    small, wrong_too = visit(live.url, **PHONE)
    drag(large, "kill", [(0, 1), (0, 4)])
    until(
        lambda: small.evaluate("[1, 2, 3, 4].every((cell) => !planaria.page.cells.on(cell))"), "the dead on the other"
    )
    small.click("#pause")
    until(lambda: large.locator("#state").inner_text() == "paused", "the pause on the first")
    until(lambda: large.evaluate(SEEN) == small.evaluate(SEEN), "the same cells on both")
    assert any(large.evaluate(SEEN))
    until(lambda: large.locator("#events").inner_text() == small.locator("#events").inner_text(), "the same log")
    small.click("#pause")
    until(lambda: not swarm.paused, "the end of the pause")
    small.click("#patterns")
    until(lambda: small.locator("#cards button").count() > 3, "the patterns")
    inside = "(() => { const box = at.getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth; })()"
    assert small.evaluate(inside.replace("at.", "document.getElementById('begin').")), "it fits a phone"
    assert small.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    small.click("#begin-cancel")
    large.click("#heal")
    until(lambda: swarm.look().on.all(), "the return of all")
    assert wrong == wrong_too == []


def test_who_comes_in_the_middle_of_a_stroke_sees_all_that_was_before(visit: Visit, live: Live, swarm: Swarm) -> None:
    def late(page: Page) -> None:
        def hold(route: Route) -> None:
            swarm.kill("cell:7,7")
            until(lambda: list(live.folder.events())[-1]["event"] == "kill", "a line in the log")
            time.sleep(1)  # it goes out over the socket meanwhile
            route.continue_()

        page.route("**/api/events?*", hold)

    first, _ = visit(live.url)
    other, wrong = visit(live.url, before=late)
    until(lambda: other.locator("#events").get_by_text("kill cell:7,7").count(), "what happened meanwhile")
    until(lambda: other.locator("#events").inner_text() == first.locator("#events").inner_text(), "the same log")
    assert first.locator("#events li").count() > 3
    swarm.revive("dead")
    assert wrong == []


def test_two_quick_presses_are_a_pause_and_its_end(visit: Visit, live: Live, swarm: Swarm) -> None:
    page, wrong = visit(live.url)
    until(lambda: page.locator("#pause").is_enabled(), "a page that can act")
    before = len(list(live.folder.events()))
    page.evaluate("document.getElementById('pause').click(); document.getElementById('pause').click()")
    until(lambda: len(list(live.folder.events())) >= before + 2, "two lines in the log")
    assert [event["event"] for event in list(live.folder.events())[before : before + 2]] == ["pause", "resume"]
    until(lambda: not swarm.paused, "life going on")
    assert wrong == []


def test_a_drawn_line_parts_the_swarm_and_the_inspector_says_so(visit: Visit, live: Live, swarm: Swarm) -> None:
    page, wrong = visit(live.url)
    drag(page, "cut", [(3.5, 0), (3.5, 7)])
    cut = until(lambda: [each for each in swarm.faults() if not each.over], "a cut")[0]
    assert (cut.kind, cut.links) == ("partition", 44)
    page.click("#tool-look")
    page.mouse.click(*place(page, 3, 3))
    rows = page.locator(".heard tbody tr")
    until(lambda: rows.count() == 8, "the neighbours of a cell beside the line")
    below = [row for row in rows.all_inner_texts() if row.startswith("4,")]
    assert len(below) == 3
    assert all(row.rstrip().endswith(str(cut.id)) for row in below), "the fault is named where it lies"
    page.locator("#faults button").first.click()
    until(lambda: all(each.over for each in swarm.faults()), "the end of the cut")
    assert wrong == []


def test_one_can_look_back_while_it_goes_on(visit: Visit, live: Live, swarm: Swarm) -> None:
    page, wrong = visit(live.url)
    page.click("#tool-look")
    until(lambda: page.evaluate("planaria.page.cells.on(0)"), "a cell that lives")
    before_t = swarm.t
    until(lambda: page.evaluate("planaria.page.cells.t") > before_t + 1, "a T more")
    swarm.kill("rect:0,0,1,7")
    until(lambda: page.evaluate("!planaria.page.cells.on(0)"), "a loss")
    until(lambda: (page.evaluate("planaria.page.then.span?.[1]") or 0) > before_t + 1, "a past that reaches so far")
    page.evaluate("(t) => planaria.page.then.go(t)", before_t)
    until(lambda: page.evaluate("planaria.page.then.cells?.on(0) === true"), "the cell as it was before")
    then = page.evaluate("planaria.page.cells.t")
    until(lambda: page.evaluate("planaria.page.cells.t") > then + 2, "the run going on meanwhile")
    assert page.evaluate("planaria.page.then.cells.on(0)"), "and the past stays on the screen"
    page.click("#to-now")
    until(lambda: page.evaluate("planaria.page.then.cells === null && !planaria.page.cells.on(0)"), "now")
    swarm.revive("dead")
    assert wrong == []


def test_what_was_done_can_be_taken_home_and_run_again(visit: Visit, live: Live, tmp_path: Path) -> None:
    page, wrong = visit(live.url)
    drag(page, "erase", [(2, 2), (5, 5)])
    until(lambda: page.evaluate("!planaria.page.hands.busy && !planaria.page.hands.strokes.length"), "the whole stroke")
    until(lambda: page.locator("#events").get_by_text("erase path:").count(), "it in the log")
    with page.expect_download() as download:
        page.click("#export")
    file = tmp_path / "strokes.toml"
    download.value.save_as(file)
    steps = scenario.load(file)
    out = tmp_path / "again"
    words = ["--substrate", "virtual", "--seed", "9", "--scenario", str(file), "--for", str(steps[-1].t + 2)]
    words += ["--out", str(out), "--json", "--no-view"]
    done = subprocess.run([*RUN, *words], capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode in (0, 1, 3), done.stderr.decode()
    assert json.loads(done.stdout)["intervals"] > steps[-1].t

    def acts(folder: RunFolder) -> list[tuple[str, list[int]]]:
        chosen = (event for event in folder.events() if event["event"] in ("kill", "erase", "revive", "inject"))
        return [(event["event"], event["cells"]) for event in chosen]

    assert len(steps) >= len(acts(live.folder)) >= 4
    assert acts(RunFolder.open(out)) == acts(live.folder), "the same cells are hit again"
    assert wrong == []


def test_keys_alone_do_everything_down_to_another_pattern(visit: Visit, live: Live, swarm: Swarm) -> None:
    page, _ = visit(live.url)
    first, pids = live.folder.info.run, swarm.look().pids.tolist()
    page.keyboard.press("v")
    until(lambda: page.evaluate("planaria.page.views.chosen.id") == "paper", "the next view")
    tab_to(page, "grid")
    page.keyboard.press(str(page.evaluate("planaria.page.hands.tools.indexOf('kill') + 1")))
    for key in ("[", "[", "ArrowUp", "ArrowUp", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    until(lambda: not swarm.look().on[2 * 8 + 3], "the death of the cell at the cursor")
    page.keyboard.press("i")
    until(lambda: page.locator("#cell-name").inner_text() == "Cell 2, 3", "the inspector")
    page.keyboard.press("Escape")
    page.keyboard.press("Space")
    until(lambda: swarm.paused and page.locator("#state").inner_text() == "paused", "a pause")
    page.keyboard.press("Space")
    until(lambda: not swarm.paused, "its end")
    page.keyboard.press("p")
    until(lambda: focused(page) == "pattern-dot", "the choice of patterns, on the present one")
    page.keyboard.press("ArrowRight")
    until(lambda: focused(page) != "pattern-dot", "another one")
    page.keyboard.press("ArrowLeft")
    assert "heals" in page.locator("#expect").inner_text()
    tab_to(page, "begin-angle")
    page.keyboard.type("90")
    page.keyboard.press("Tab")
    page.keyboard.type("9")
    page.keyboard.press("Tab")
    page.keyboard.type("10")
    page.keyboard.press("Enter")
    shape = "globalThis.planaria?.page.hello && [planaria.page.hello.height, planaria.page.hello.width]"
    until(lambda: says(page, shape) == [9, 10], "the page of the next swarm, by itself")
    second = live.folder.info
    assert (second.run != first, second.degrees, second.height, second.width) == (True, 90.0, 9, 10)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "no process of the first is left"
    until(lambda: page.locator("#state").inner_text() == "live", "its life")
    until(lambda: page.evaluate("planaria.page.cells.alive()") == 90, "all its cells")
