"""Real processes, recorded: what they did is computed again to the bit, whoever was killed meanwhile."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_lost_parts import PLANARIA, ROOT, Run, until

from coordinator import Swarm

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]


@pytest.fixture
def run(runtime_root: Path, tmp_path: Path) -> Iterator[Run]:
    """A recorded swarm whose coordinator is a process of its own."""
    run = Run(tmp_path / "run", "--record")
    try:
        run.await_seed()
        yield run
    finally:
        subprocess.run([*PLANARIA, "stop", run.folder], cwd=ROOT, capture_output=True)
        run.coordinator.kill()
        run.coordinator.wait()


def verified(folder: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON of `planaria verify`."""
    done = subprocess.run([*PLANARIA, "verify", folder, "--json"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_swarm_that_was_killed_erased_and_harmed_verifies_and_names_what_its_log_hides(start: Any) -> None:
    swarm: Swarm = start(record=True)
    swarm.wait(20)
    swarm.kill("n:20", seed=1)
    swarm.inject("link_loss", "all", duration=15, rate=0.3, seed=3)
    swarm.wait(4)
    swarm.revive("dead")
    swarm.erase("circle:4,4,1")
    swarm.wait(10)
    swarm.plant()
    swarm.wait(20)
    harmed = swarm.inject("genome_flip", "cell:4,4", count=200, seed=5).cells
    swarm.wait(10)
    swarm.stop()
    code, found = verified(swarm.folder)
    assert (code, found["verdict"], found["gaps"], found["first_mismatch"]) == (0, "pass", 0, None)
    assert found["recomputed"] == found["updates"] > 2000 and found["declared"] > 0
    assert found["exact"] and found["closed"]
    log = swarm.folder / "events.jsonl"
    log.write_text("".join(line for line in log.read_text().splitlines(True) if "genome_flip" not in line))
    code, found = verified(swarm.folder)
    assert (code, found["verdict"], found["first_mismatch"]["cell"]) == (1, "fail", harmed[0])


@pytest.mark.parametrize("parts", [("agent",), ("coordinator", "agent")], ids="+".join)
def test_a_recording_outlives_who_was_killed(run: Run, parts: tuple[str, ...]) -> None:
    chunks = run.folder / "recording" / "000001-0.rec"
    until(lambda: chunks.stat().st_size > 20_000, 30, "some chunks are written")
    run.kill(*parts)
    if parts == ("agent",):
        until(lambda: "agent replaced" in run.events(), 30, "another agent has taken over, with a file of its own")
        assert (run.folder / "recording" / "000002-0.rec").exists()
    subprocess.run([*PLANARIA, "stop", run.folder], cwd=ROOT, check=True, capture_output=True)
    code, found = verified(run.folder)
    assert (code, found["verdict"], found["gaps"], found["closed"]) == (0, "pass", 0, False)
    assert found["recomputed"] == found["updates"] > 500
