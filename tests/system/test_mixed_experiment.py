"""An experiment some of whose swarms are real processes; killed with -9 in the middle, it goes on and leaves nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
MIXED = """name = "mixed"
rule = "dot"
grid = "8x8"
interval = 0.1
replicates = 3
processes_replicates = 2
watch = 15

[hypothesis]
measure = "recovered"
at_least = 0.3

[[at]]
t = 30
do = "inject"
fault = "crash"
select = "25%"
for = 2
"""


def wait_for(seen: Callable[[], bool], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def rows_of(out: Path) -> list[dict[str, object]]:
    path = out / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_real_and_virtual_swarms_in_one_experiment_and_kill_9_in_between(runtime_root: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "mixed.toml", tmp_path / "out"
    file.write_text(MIXED)
    command = [sys.executable, "-m", "coordinator.cli.main", "experiment", str(file), "--out", str(out), "--json"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    try:
        # The virtual one tells how long it will take; then the first of the real ones lives, and its cells with it.
        wait_for(lambda: any(runtime_root.glob("*/panel")) and any((out / "films").glob("*/run.json")), "real cells")
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
    kept = rows_of(out)
    assert [row["substrate"] for row in kept] == ["virtual"]
    assert any(runtime_root.iterdir()), "cells live on without whom they are observed by"
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode in (0, 3), again.stderr
    found, rows = json.loads(again.stdout), rows_of(out)
    assert rows[0] == kept[0], "what was there is not computed again"
    assert sorted((str(row["substrate"]), row["replicate"]) for row in rows) == [
        ("processes", 0),
        ("processes", 1),
        ("virtual", 2),
    ]
    assert all(row["hits"] == 16 and not row["unproven"] and row["broken"] == [] for row in rows), rows
    point = found["points"][0]
    assert point["substrates"]["processes"]["of"] == 2 and point["substrates"]["virtual"]["of"] == 1
    assert (out / "films" / "point0" / "measure.json").exists() and not (out / "living").exists()


def test_swarms_of_patches_live_one_after_the_other_and_leave_nobody(runtime_root: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "patches.toml", tmp_path / "out"
    patches = MIXED.replace("processes_replicates = 2", 'substrate = "patches"\npatch = "4x8"')
    file.write_text(patches.replace("replicates = 3", "replicates = 2"))
    command = [sys.executable, "-m", "coordinator.cli.main", "experiment", str(file), "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr
    assert "2 of them real processes" in done.stderr
    rows = rows_of(out)
    assert [(row["substrate"], row["replicate"]) for row in rows] == [("patches", 0), ("patches", 1)]
    assert all(row["hits"] == 16 and not row["unproven"] and row["broken"] == [] for row in rows), rows
    assert json.loads(done.stdout)["points"][0]["substrates"]["patches"]["of"] == 2
    told = json.loads((out / "films" / "point0" / "run.json").read_text())
    assert (told["substrate"], told["patch"]) == ("patches", [4, 8])
    assert not (out / "living").exists() and not any(runtime_root.glob("*"))
