"""Past runs in a real browser: films and recordings to scrub through, two of them side by side, a replay that begins by
itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import CHROMIUM, Visit, until
from starting import Start

from coordinator import Swarm, locate
from coordinator.recording import Recording
from coordinator.runfolder import RunFolder
from coordinator.serve import address, gallery, wire
from coordinator.serve.past import Past

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (Debian package chromium)"),
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with two recorded runs in virtual time: 12 T unharmed, 20 T of which half was lost at 10; their ids."""
    home, runs = tmp_path_factory.mktemp("pair"), []
    for number, length in enumerate((12, 20)):
        out = home / "runs" / "dot" / f"2026010{number + 1}-000000"
        with Swarm.start("dot", (9, 9), substrate="virtual", seed=number, record=True, out=out) as swarm:
            swarm.wait_until(10)
            if number:
                swarm.kill("50%")
            swarm.wait_until(length)
            runs.append(swarm.run)
    return home, runs


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


def test_two_runs_stand_side_by_side_at_the_same_time(visit: Visit, pair: tuple[Path, list[str]]) -> None:
    home, (first, second) = pair
    with gallery_of(Past(lambda: locate.every(home / "runs"))) as url:
        page, wrong = visit(url, ready="document.querySelectorAll('.choice input').length === 2")
        page.check(f".choice input[value='{first}']")
        assert page.is_disabled("#compare"), "one alone is compared with nothing"
        page.check(f".choice input[value='{second}']")
        page.click("#compare")
        until(lambda: page.evaluate("globalThis.planaria?.page?.players?.length === 2"), "both films")
        page.fill("#scrub", "11")
        at_11 = "planaria.page.players.map((player) => player.recorded.shown)"
        until(lambda: page.evaluate(at_11) == [11, 11], "the same time of both")
        alive = page.evaluate("planaria.page.players.map((player) => player.recorded.cells.alive())")
        assert alive[0] == 81
        assert alive[1] <= 41, "half of the second were lost a T ago"
        page.fill("#scrub", "19")
        until(lambda: page.evaluate(at_11)[1] == 19, "the end of the longer one")
        assert "ended at 12.0 T" in page.locator("#pair").inner_text()
        rows = page.evaluate("planaria.charts.rows")
        assert {"loss_a", "loss_b"} <= {key for row in rows for key in row}
        assert page.locator("#charts .uplot").count() == 3, "both runs in each chart"
        assert "kill" in page.locator("#lists section").nth(1).inner_text()
        assert "kill" not in page.locator("#lists section").nth(0).inner_text()
        page.set_viewport_size({"width": 360, "height": 740})
        until(lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a page that fits a phone")
        assert wrong == []


def test_a_replay_in_the_browser_begins_by_itself(visit: Visit, pair: tuple[Path, list[str]], tmp_path: Path) -> None:
    home, (_, second) = pair
    folder = home / "runs" / "dot" / "20260102-000000"
    command = [
        sys.executable,
        "-m",
        "coordinator.cli.main",
        "replay",
        str(folder),
        "--browser",
        "--listen",
        "127.0.0.1:0",
    ]
    command += ["--from", "2", "--to", "8", "--speed", "6"]
    log = tmp_path / "err"
    with log.open("w") as err:
        process = subprocess.Popen(command, cwd=ROOT, stderr=err, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        url = until(lambda: re.search(r"http://\S+", log.read_text()), "an address")[0]
        page, wrong = visit(url, ready="globalThis.planaria?.recorded?.shown > 2")
        assert page.evaluate("planaria.run.run") == second
        until(lambda: not page.evaluate("planaria.playing"), "its end")
        until(lambda: 7.7 < page.evaluate("planaria.recorded.shown") <= 8, "the last place by then")
        assert wrong == []
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    finally:
        process.kill()
