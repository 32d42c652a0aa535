"""`planaria bench page`, tiny: it measures a real page beside a real swarm, and its numbers are of what was done."""

from __future__ import annotations

import shutil

import pytest

from coordinator.bench import browser
from coordinator.bench.page import measure
from coordinator.bench.registry import Options

pytestmark = pytest.mark.system
TINY = Options(rule="dot", grid=(6, 6), engines=("chip",), window_s=1.0, viewers=3, large=(8, 8))


def test_every_case_is_measured_on_a_swarm_that_goes_on() -> None:
    rows = {row["case"]: row for row in measure(TINY)}
    watched = [row for row in rows.values() if "slowest_frames_per_s" in row]
    assert len(watched) == 3
    for row in watched:
        assert 0 < row["slowest_frames_per_s"] <= row["frames_per_s"] <= 40
        assert row["kib_per_s"] > 0 and row["cells_a_frame"] >= 1
    costs = [row for row in rows.values() if "page_cpu" in row]
    assert len(costs) == 10
    assert all(row["updates_per_s"] > 0 for row in costs), "and the cells lived all the time"
    assert any(row["page_cpu"] > 0 for row in costs)
    strokes = rows["strokes"]
    assert strokes["strokes"] == 3
    for name in ("to_sigkill_ms", "to_frame_ms"):
        assert 0 < strokes[f"{name}_p50"] <= strokes[f"{name}_p95"]
    assert strokes["to_sigkill_ms_p50"] <= strokes["to_frame_ms_p50"], "a cell is seen dark after it has died"
    assert rows["files"]["kib"] <= 500
    if any(map(shutil.which, browser.CHROMIUM)):
        drawn = rows["a browser"]
        assert drawn["frames_per_s"] > 0 and drawn["first_paint_ms"] > 0, "or it would still wait for a frame"
        assert 50 < drawn["kib_until_drawn"] <= 500
        assert rows["a browser, by WebGL"]["painter"] == "webgl2"
        assert 0.5 < drawn["browser_ms_a_frame"] < 2000, "what a browser with all its processes takes"


def test_without_a_browser_its_row_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert browser.look("http://127.0.0.1:1/#none", 1.0) == {
        "skipped": "no chromium on the path: install the Debian package chromium"
    }
