"""Kill -9 of coordinator, agent and zygote, alone and in pairs: what the design promises happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from grown import GROWN, grown, loss_of

from cellnode.panel import Counter
from cellnode.runtime import Runtime
from coordinator import Swarm

pytestmark = pytest.mark.system
PLANARIA = [sys.executable, "-m", "coordinator.cli.main"]
ROOT = Path(__file__).parents[2]


def until(what: Callable[[], bool], seconds: float, why: str) -> None:
    """Wait for a fact; fail, saying which, when it does not come about."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.05)
    pytest.fail(f"not within {seconds} s: {why}")


class Run:
    """A swarm whose coordinator is a process of its own, as a user starts it, with the pids of its parts."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.coordinator = subprocess.Popen(
            [
                *PLANARIA,
                "run",
                "dot",
                "--grid",
                "8x8",
                "--interval",
                "0.1",
                "--seed",
                "1",
                "--out",
                folder,
                "--no-view",
                *more,
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def await_seed(self) -> None:
        until(lambda: '"event":"seed"' in self.events(), 40, "the seed is planted")
        self.runtime = Runtime(Path(json.loads((self.folder / "run.json").read_text())["runtime"]))

    def events(self) -> str:
        path = self.folder / "events.jsonl"
        return path.read_text() if path.exists() else ""

    def pid_of(self, part: str) -> int:
        if part == "coordinator":
            return self.coordinator.pid
        out = subprocess.run(["pgrep", "-f", f"cellnode.agent .*{self.runtime.path}"], capture_output=True, text=True)
        agent = int(out.stdout.split()[0])
        if part == "agent":
            return agent
        return int(subprocess.run(["pgrep", "-P", str(agent)], capture_output=True, text=True).stdout.split()[0])

    def kill(self, *parts: str) -> None:
        pids = [self.pid_of(part) for part in parts]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        if "coordinator" in parts:
            self.coordinator.wait()

    def cells(self) -> int:
        """How many processes hold the lock that every cell and zygote of this run shares."""
        holders = subprocess.run(["fuser", self.runtime.cells_lock], capture_output=True, text=True).stdout
        return len(holders.split())


@pytest.fixture
def run(runtime_root: Path, tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "run")
    try:
        run.await_seed()
        yield run
    finally:
        subprocess.run([*PLANARIA, "stop", run.folder], cwd=ROOT, capture_output=True)
        run.coordinator.kill()
        run.coordinator.wait()


def test_without_a_coordinator_the_swarm_goes_on_and_a_new_one_sees_every_cell(run: Run) -> None:
    run.kill("coordinator")
    time.sleep(3)
    begun = time.monotonic()
    with Swarm.attach(str(run.folder)) as swarm:
        first = swarm.look()
        assert time.monotonic() - begun < 2
        assert swarm.coordinates
        assert first.alive == 64
        swarm.wait(30)
        after = swarm.look()
        assert (after.lives == first.lives).all(), "no cell noticed"
        updates = after.counters[:, Counter.UPDATES].sum() - first.counters[:, Counter.UPDATES].sum()
        missed = after.counters[:, Counter.MISSED_WAKES].sum() - first.counters[:, Counter.MISSED_WAKES].sum()
        assert updates > 500
        assert missed < updates * 0.1, "a busy machine misses some; a swarm that waits for somebody misses all"
        assert loss_of(swarm) < GROWN


def test_a_lost_zygote_is_replaced_and_its_cells_are_reborn(run: Run) -> None:
    with Swarm.attach(str(run.folder)) as swarm:
        before = swarm.look()
        run.kill("zygote")
        until(lambda: swarm.look().alive == 64 and (swarm.look().pids != before.pids).all(), 20, "all cells are reborn")
        assert (swarm.look().lives > before.lives).all()


@pytest.mark.parametrize("parts", [("agent",), ("agent", "zygote")], ids="+".join)
def test_a_lost_agent_takes_its_cells_along_and_is_succeeded_by_another(run: Run, parts: tuple[str, ...]) -> None:
    with Swarm.attach(str(run.folder)) as swarm:
        before = swarm.look()
        run.kill(*parts)
        until(
            lambda: bool((swarm.look().lives > before.lives).all()) and swarm.look().alive == 64, 30, "all are reborn"
        )
        epochs = swarm.look().lives >> np.uint64(32)
        assert (epochs > before.lives >> np.uint64(32)).all(), "in a new placement epoch"
        swarm.plant()
        assert grown(swarm)


@pytest.mark.parametrize("parts", [("coordinator", "zygote"), ("coordinator", "agent")], ids="+".join)
def test_a_lost_pair_with_the_coordinator_is_taken_over_by_whoever_attaches(run: Run, parts: tuple[str, ...]) -> None:
    run.kill(*parts)
    if "agent" in parts:
        until(lambda: run.cells() <= 0, 10, "cells die with their agent")
    with Swarm.attach(str(run.folder)) as swarm:
        until(lambda: swarm.look().alive == 64, 30, "all cells are back")
        swarm.plant()
        assert grown(swarm)


@pytest.mark.parametrize("parts", [("coordinator",), ("coordinator", "agent")], ids="+".join)
def test_stop_leaves_nothing_whoever_was_killed_before(run: Run, parts: tuple[str, ...]) -> None:
    run.kill(*parts)
    subprocess.run([*PLANARIA, "stop", run.folder], cwd=ROOT, check=True, capture_output=True)
    assert not run.runtime.path.exists()
    until(lambda: run.cells() <= 0, 5, "no cell is left")


def test_ctrl_c_stops_the_run_with_exit_code_130_and_leaves_nothing(run: Run) -> None:
    run.coordinator.send_signal(signal.SIGINT)
    assert run.coordinator.wait(timeout=20) == 130
    assert not run.runtime.path.exists()
    until(lambda: run.cells() <= 0, 5, "no cell is left")
