"""A soak of half a minute: it lives on under all that befalls it, every fault hits, and nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from labs import mine, needs_netns

from coordinator.bench.registry import Options, run

pytestmark = [pytest.mark.system, needs_netns]


def test_a_small_swarm_lives_through_a_short_soak(
    runtime_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = Options(rule="dot", grid=(8, 8), engines=("chip",), interval_s=0.15, seeds=(2,), window_s=24.0)
    (row,) = run("soak", options)
    assert row["seconds"] >= 24 and row["faults"] >= 8 and 0 < row["availability"] <= 1
    assert row["broken"] == [] and row["left"] == [] and mine() == []
    folder = tmp_path / row["run"]
    assert (folder / "report.html").exists() or (folder / "loss.csv").exists()
    lines = (folder / "wear.csv").read_text().splitlines()
    assert lines[0] == "of,second,processes,mib,descriptors,threads" and len(lines) >= 3
