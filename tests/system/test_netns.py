"""Swarms on hosts of a network of their own: power off, cuts and their ends, with and without room elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from grown import GROWN, grown, loss_of
from labs import mine, needs_netns
from starting import Start

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.lab.tools import NAMESPACES
from coordinator.runfolder import RunFolder
from firmware_sim.errors import BadInput

pytestmark = [pytest.mark.system, needs_netns]


def until(swarm: Swarm, what: Callable[[], bool], why: str, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s: {why}; {swarm.look().alive} alive"
        time.sleep(0.1)


def places(swarm: Swarm) -> dict[str, list[int]]:
    """Host -> its cells."""
    found: dict[str, list[int]] = {}
    for tenure in RunFolder.open(swarm.folder).state().tenures:
        found.setdefault(tenure.host, []).extend(tenure.cells)
    return found


def test_a_host_without_power_is_dark_until_it_is_healed_and_half_of_them_live_on_when_cut_off(start: Start) -> None:
    swarm = start(hosts=4, netns=True, interval_s=0.2)
    assert swarm.measure().hosts == 4
    assert grown(swarm)

    off = swarm.inject("host_off", hosts="h2")
    assert off.cells == sorted(places(swarm)["h2"]) and off.proof["hits"] == 1
    until(swarm, lambda: swarm.look().alive == 48, "a quarter is gone")
    swarm.heal(off.fault)
    until(swarm, lambda: swarm.look().alive == 64, "it is back")
    swarm.wait(20)

    before = swarm.look()
    cut = swarm.inject("host_cut", hosts="h1,h2")
    until(swarm, lambda: swarm.look().alive == 32, "what cannot be reached is not seen")
    time.sleep(2)
    assert swarm.heal(cut.fault).proof[f"fault_{cut.fault}_hits"] > 0
    until(swarm, lambda: swarm.look().alive == 64, "both halves are seen again")
    after = swarm.look()
    assert (after.lives == before.lives).all(), "nobody has died of it"
    said = after.counters[:, Counter.SAID] - before.counters[:, Counter.SAID]
    for half in (("h1", "h2"), ("h3", "h4")):
        cells = [cell for name in half for cell in places(swarm)[name]]
        assert (said[cells] > 10).sum() > 16, "both halves have lived on; what is empty sleeps"
    assert grown(swarm)
    assert swarm.measure().broken == ()
    run = swarm.run
    swarm.stop()
    assert mine() == [] and not list(NAMESPACES.glob(f"planaria-{run}-*"))


def test_with_room_elsewhere_a_host_cut_off_is_replaced_and_its_old_cells_are_killed_when_it_returns(
    start: Start,
) -> None:
    swarm = start(hosts=3, netns=True, capacity=64, grid=(8, 8))
    swarm.wait(20)
    mine_before = np.asarray(sorted(places(swarm)["h1"]))
    before = swarm.look().lives[mine_before]
    cut = swarm.inject("host_cut", hosts="h1")
    until(swarm, lambda: "h1" not in places(swarm) and swarm.look().alive == 64, "its cells live elsewhere")
    lives = swarm.look().lives
    assert (lives[mine_before] > before).all(), "under a higher placement epoch"
    with pytest.raises(BadInput, match="keep spares cells"):
        swarm.inject("host_off", hosts="h1", keep=3)
    swarm.heal(cut.fault)
    swarm.wait(30)
    after = swarm.look()
    assert (after.lives[mine_before] == lives[mine_before]).all() and after.alive == 64
    logs = (Path(RunFolder.open(swarm.folder).info.runtime) / "h1.log").read_text()
    assert "no longer ours; its cells are killed" in logs
    assert loss_of(swarm) < GROWN
    assert swarm.measure().broken == ()


def test_a_successor_of_the_coordinator_finds_network_and_faults_and_heals_them(start: Start) -> None:
    swarm = start(hosts=2, netns=True)
    swarm.wait(5)
    off = swarm.inject("host_off", hosts="h1")
    loss = swarm.inject("host_loss", hosts="h2", rate=0.1)
    swarm.leave()
    with Swarm.attach(str(swarm.folder)) as other:
        assert other.coordinates
        until(other, lambda: other.look().alive == 32, "the host is still off")
        other.wait(10)
        assert {fault.id: fault.over for fault in other.faults()} == {off.fault: False, loss.fault: False}
        other.heal()
        until(other, lambda: other.look().alive == 64, "it is on again")
        assert other.inject("agent_kill").proof["hits"] == 1
        until(other, lambda: other.look().alive == 32, "a host that was adopted is killed")
        until(other, lambda: other.look().alive == 64, "and comes back by itself")
        other.stop()
    assert mine() == []
