"""The agent, driven by messages: launch, power, freezing, one answer a command, whom it obeys, and a clean end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from routerclient import INTERVAL_NS, RUN, RouterClient, alive, gone, payload, router_client, seed_state

from cellnode import messages
from cellnode.messages import Freeze, LinkFault, Place, Placement, Poke, SetFaults, SetInterval, Welcome
from cellnode.panel import Counter, Phase

pytestmark = pytest.mark.system


@pytest.fixture
def idle() -> Iterator[RouterClient]:
    """An agent without a placement."""
    with router_client() as client:
        client.start_agent()
        yield client


@pytest.fixture
def swarm(idle: RouterClient) -> RouterClient:
    """4x4, all running."""
    idle.place(4, 4)
    idle.until_linked()
    return idle


@pytest.fixture(scope="module")
def settled() -> Iterator[RouterClient]:
    """The same, for all tests that leave it as it is."""
    with router_client() as client:
        client.start_agent()
        client.place(4, 4)
        client.until_linked()
        yield client


def test_an_agent_without_a_placement_asks_for_one(idle: RouterClient) -> None:
    join = idle.joins[0]
    assert (join.agent, join.run, join.placement_epoch, join.panel) == ("host0", RUN, 0, "")
    assert idle.agent is not None
    assert join.pid == idle.agent.pid
    assert join.max_cells > 100
    idle.until(lambda: idle.beat is not None and idle.beat.phase == "idle", 5, "a beat")


def test_a_launch_is_done_when_every_cell_has_heard_its_neighbours(idle: RouterClient) -> None:
    done = idle.place(4, 4)
    assert done.ok and done.missing == []
    assert (idle.phases() == Phase.LINKED).all()
    idle.until(lambda: idle.beat is not None and idle.beat.phase == "running", 5, "the beat to say so")
    beat = idle.beat
    assert beat is not None
    assert (beat.wanted, beat.born, beat.bound, beat.linked, beat.dead) == (16, 16, 16, 16, 0)
    idle.until(lambda: idle.beat is not None and idle.beat.behind == 0, 5, "all to be told everything")


def test_killed_cells_are_dead_processes_with_dark_lights_and_stay_off(swarm: RouterClient) -> None:
    swarm.seed(5)
    swarm.until_grown()
    pids = swarm.pids()
    swarm.power([0, 1, 2], on=False)
    assert not any(alive(pid) for pid in pids[:3])
    assert (swarm.alphas()[:3] == 0).all()
    assert (swarm.phases()[:3] == Phase.OFF).all()
    assert not (swarm.runtime / "c" / "0").exists()
    time.sleep(0.7)
    assert swarm.pids()[:3] == [0, 0, 0], "nobody starts them again"
    assert swarm.pids()[3:] == pids[3:]


def test_revived_cells_begin_a_new_life_and_are_told_by_their_neighbours(swarm: RouterClient) -> None:
    swarm.seed(5)
    swarm.until_grown()
    before = swarm.pids()
    swarm.power([0, 5, 10], on=False)
    swarm.power([0, 5, 10], on=True)
    pages = swarm.pages()
    assert pages["life"][[0, 5, 10]].tolist() == [2, 2, 2]
    assert len(set(before + swarm.pids())) == 19
    swarm.until_grown()
    swarm.until_linked()
    assert swarm.counter(Counter.DROP_FUTURE_INCARNATION).sum() <= 24, "a hello repeats until the new life is announced"


def test_switching_on_what_is_on_and_off_what_is_off_changes_nothing(swarm: RouterClient) -> None:
    pids = swarm.pids()
    swarm.power([3], on=True)
    assert swarm.pids() == pids
    swarm.power([3], on=False)
    swarm.power([3], on=False)
    assert swarm.pages()["life"][3] == 1


def test_all_cells_killed_leave_an_empty_grid_and_a_new_seed_regrows_it(swarm: RouterClient) -> None:
    swarm.seed(5)
    swarm.until_grown()
    everyone = list(range(16))
    swarm.power(everyone, on=False)
    swarm.power(everyone, on=True, wait_s=30)
    time.sleep(0.5)
    assert (swarm.alphas() == 0).all()
    swarm.seed(10)
    swarm.until_grown()


def test_a_cell_that_dies_by_itself_is_reborn(swarm: RouterClient) -> None:
    swarm.seed(5)
    swarm.until_grown()
    victim = swarm.pids()[6]
    os.kill(victim, signal.SIGKILL)
    swarm.until(lambda: swarm.pages()["life"][6] == 2 and swarm.grown(), 10, "the cell to be reborn and healed")
    assert swarm.pids()[6] not in (0, victim)


def test_frozen_cells_stand_still_and_hear_what_was_wanted_when_they_go_on(swarm: RouterClient) -> None:
    swarm.order(Freeze(swarm.next_id(), [2, 3], True))
    done = swarm.order(SetInterval(swarm.next_id(), 2 * INTERVAL_NS))
    assert done.missing == [2, 3], "named, but no failure"
    assert swarm.poke("erase", [2, 4], ok=False).missing == [2]
    swarm.order(Freeze(swarm.next_id(), [2, 3], False))
    swarm.until(lambda: swarm.beat is not None and swarm.beat.behind == 0, 5, "the frozen cells to hear it")
    swarm.poke("erase", [2])
    assert swarm.counter(Counter.ERASED)[[2, 3, 4]].tolist() == [1, 0, 1]


def test_a_command_that_comes_twice_is_carried_out_once_and_answered_twice(swarm: RouterClient) -> None:
    command = Poke(swarm.next_id(), "seed", [5], seed_state())
    swarm.order(command)
    swarm.order(command)
    assert swarm.counter(Counter.SEEDED)[5] == 1


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (messages.Power(0, [99], False), "99"),
        (messages.Poke(0, "tickle", [1]), "tickle"),
        (messages.Poke(0, "seed", [1], b"short"), "5 bytes"),
        (SetInterval(0, 0), "interval"),
        (SetFaults(0, [LinkFault(1, "gremlin", [1])]), "gremlin"),
        (SetFaults(0, [LinkFault(1, "loss", [1], rate=2.0)]), "rate"),
    ],
)
def test_a_command_that_cannot_be_meant_is_answered_in_one_line(
    settled: RouterClient, command: messages.Power, error: str
) -> None:
    done = settled.order(msgspec.structs.replace(command, id=settled.next_id()), ok=False)
    assert error in done.error
    assert "\n" not in done.error


def test_placements_that_cannot_be_meant_are_refused_and_the_next_good_one_runs(idle: RouterClient) -> None:
    def place(**changes: object) -> messages.Done:
        good = Placement(RUN, 1, 2, 2, False, [0, 1, 2, 3], payload(), 7, 7, INTERVAL_NS)
        return idle.order(Place(idle.next_id(), msgspec.structs.replace(good, **changes)), ok=None)

    spoilt = msgspec.structs.replace(payload(), blob=b"spoilt")
    for changes, error in (
        ({"cells": []}, "no cells"),
        ({"cells": [0, 4]}, "outside"),
        ({"run": "other"}, "other"),
        ({"epoch": 0}, "epoch"),
        ({"rule": msgspec.structs.replace(payload(), engine="abacus")}, "abacus"),
        ({"rule": spoilt}, "weights"),
    ):
        done = place(**changes)
        assert not done.ok and error in done.error, done
    assert place().ok
    assert not place(interval_ns=5 * INTERVAL_NS).ok, "a changed placement needs a higher epoch"


def test_a_placement_of_a_higher_epoch_replaces_all_cells(swarm: RouterClient) -> None:
    pids = swarm.pids()
    swarm.place(2, 2, epoch=2)
    assert gone(pids)
    pages = swarm.pages()
    assert len(pages) == 4
    assert pages["epoch"].tolist() == [2] * 4
    assert pages["life"].tolist() == [1] * 4


def test_without_a_coordinator_nothing_changes_and_a_new_one_is_told_everything(swarm: RouterClient) -> None:
    swarm.power([1], on=False)
    swarm.seed(5)
    swarm.until(lambda: swarm.alphas()[5] > 0, 5, "the seed")
    pids = swarm.pids()
    swarm.unbind()
    time.sleep(1.0)
    assert swarm.pids() == pids
    swarm.bind(epoch=9)
    swarm.until(lambda: bool(swarm.joins), 2, "the agent to join")
    join = swarm.joins[0]
    assert (join.placement_epoch, join.off, join.interval_ns) == (1, [1], INTERVAL_NS)
    assert join.panel == str(swarm.runtime / "panel")
    swarm.power([1], on=True)
    swarm.until_grown()


def test_an_outdated_coordinator_is_told_so_and_not_obeyed(swarm: RouterClient) -> None:
    swarm.unbind()
    swarm.bind(epoch=5)
    swarm.until(lambda: bool(swarm.joins), 3, "the agent to join")
    swarm.order(SetInterval(swarm.next_id(), INTERVAL_NS * 2))
    swarm.epoch = 4
    swarm.post(messages.Power(swarm.next_id(), [0], False))
    swarm.until(lambda: bool(swarm.superseded), 5, "a refusal")
    assert swarm.superseded[0].coordinator_epoch == 5
    swarm._send(messages.encode(Welcome(4)))
    swarm.until(lambda: len(swarm.superseded) > 1, 5, "a refusal of the greeting too")
    assert swarm.pids()[0] != 0


def test_garbage_from_a_coordinator_is_dropped(swarm: RouterClient) -> None:
    for data in (b"", b"\xff" * 100, msgspec.msgpack.encode({"t": "power"}), os.urandom(1000)):
        swarm._send(data)
    swarm.power([0], on=False)


@pytest.mark.parametrize("way", ["stop", "SIGTERM"])
def test_the_end_leaves_no_process_socket_or_shared_memory(swarm: RouterClient, way: str) -> None:
    beat, pids = swarm.beat, swarm.pids()
    assert beat is not None and swarm.agent is not None
    if way == "stop":
        assert swarm.stop() == 0
    else:
        swarm.agent.send_signal(signal.SIGTERM)
        assert swarm.agent.wait(10) == 0
    assert gone([*pids, beat.zygote_pid], wait_s=0.5)
    assert not swarm.runtime.exists()


def test_a_second_agent_for_the_same_directory_is_refused_in_one_line(settled: RouterClient) -> None:
    command = [sys.executable, "-m", "cellnode.agent", "--run", RUN, "--runtime", str(settled.runtime)]
    second = subprocess.run([*command, "--connect", settled.endpoint], capture_output=True, text=True, timeout=20)
    assert second.returncode == 2
    assert len(second.stderr.splitlines()) == 1
    assert "another agent" in second.stderr
    assert Path(settled.runtime / "panel").exists()
    assert all(alive(pid) for pid in settled.pids())


def test_it_is_a_daemon_in_a_session_of_its_own(settled: RouterClient) -> None:
    assert settled.agent is not None
    assert os.getsid(settled.agent.pid) == settled.agent.pid
    for descriptor in (0, 1, 2):
        assert str(Path(f"/proc/{settled.agent.pid}/fd/{descriptor}").readlink()) in (
            "/dev/null",
            f"{settled.runtime}/agent.log",
        )
