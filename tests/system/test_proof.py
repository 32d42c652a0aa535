"""The swarm is what it claims to be: one process a cell, which know each other by messages and by nothing else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from grown import GROWN, grown
from wiretap import Wiretap

from cellnode.panel import Counter
from cellnode.runtime import Runtime
from cellnode.topology import tag
from coordinator import Swarm
from firmware_sim import folder
from firmware_sim.loss import loss_log10

pytestmark = pytest.mark.system
Start = Callable[..., Swarm]


def test_every_cell_is_a_process_of_its_own(start: Start) -> None:
    swarm = start()
    sight = swarm.look()
    assert len(set(sight.pids.tolist())) == 64
    zygotes = set()
    for cell, pid in enumerate(sight.pids.tolist()):
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"Name:\tcell-{cell}\n" in status
        zygotes.add(status.split("PPid:\t")[1].split("\n")[0])
    assert len(zygotes) == 1, "all cells are forked from one zygote"
    assert swarm.measure().processes == 64


def test_a_stopped_process_freezes_its_cell_alone(start: Start) -> None:
    swarm = start()
    swarm.wait(25)
    sight = swarm.look()
    victim = int(np.flatnonzero(sight.counters[:, Counter.SLEEPING] == 0)[0])
    os.kill(int(sight.pids[victim]), signal.SIGSTOP)
    time.sleep(0.3)
    before = swarm.look().counters
    swarm.wait(15)
    after = swarm.look()
    updates = after.counters[:, Counter.UPDATES] - before[:, Counter.UPDATES]
    awake = before[:, Counter.SLEEPING] == 0
    awake[victim] = False
    assert updates[victim] == 0
    assert (updates[awake] > 0).all()
    assert after.on[victim], "a frozen process keeps its LED"
    os.kill(int(sight.pids[victim]), signal.SIGCONT)
    swarm.wait(15)
    assert swarm.look().counters[victim, Counter.UPDATES] > after.counters[victim, Counter.UPDATES]


def test_with_the_panel_unmapped_in_all_cells_the_picture_is_the_same(start: Start) -> None:
    from coordinator.actions import Unmap

    swarm = start()
    assert swarm.perform(Unmap(select="all")).missing == []
    rule = folder.load("dot")
    target = rule.target()
    assert target is not None
    spy = Wiretap(Runtime.of_run(swarm.run).path / "c", 8, 8, tag(swarm.run, rule.sha256))
    try:
        blind = swarm.look().counters[:, Counter.UPDATES]
        spy.listen(8.0)
        assert (swarm.look().counters[:, Counter.UPDATES] == blind).all(), "no cell writes to the panel any more"
        assert spy.frames > 200
        assert loss_log10(spy.states, target) < GROWN
    finally:
        spy.close()


def test_with_the_sockets_between_cells_blocked_nothing_grows(
    start: Start, refuse_connect: Callable[[str], None]
) -> None:
    refuse_connect("/c/")
    swarm = start(grid=(6, 6))
    swarm.wait(60)
    sight = swarm.look()
    assert sight.alive == 36
    assert sight.counters[:, Counter.RECEIVED].sum() == 0
    living = sight.states[..., 3] > 0.1
    assert living.sum() <= 1, "a seed that hears nobody stays alone"


def test_with_the_coordinator_out_of_reach_of_cells_everything_grows(
    start: Start, refuse_connect: Callable[[str], None]
) -> None:
    refuse_connect("coordinator.sock")
    swarm = start()
    assert grown(swarm)
