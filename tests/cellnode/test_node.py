"""Cells as processes: 3x3 and 6x6 swarms with real sockets, driven by messages to their agent alone."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from routerclient import RUN, RouterClient, router_client, seed_state

from cellnode import links
from cellnode.frame import Frame, decode
from cellnode.messages import LinkFault, SetFaults, SetInterval, SetPause
from cellnode.panel import Counter, Phase
from cellnode.topology import tag

pytestmark = pytest.mark.system
DROPS = [counter for counter in Counter if counter.name.startswith("DROP_")]


@pytest.fixture
def swarm() -> Iterator[RouterClient]:
    """3x3, launched and linked, nothing seeded."""
    with router_client() as client:
        client.start_agent()
        client.place(3, 3)
        client.until_linked()
        yield client


def test_one_seed_fills_a_grid_of_real_processes() -> None:
    with router_client() as client:
        client.start_agent()
        client.place(6, 6)
        pids = client.pids()
        assert len(set(pids)) == 36
        for cell, pid in enumerate(pids):
            assert Path(f"/proc/{pid}/comm").read_text() == f"cell-{cell}\n"
            assert (client.runtime / "c" / str(cell)).is_socket(), "each has an endpoint of its own"
        client.until_linked()
        assert not client.grown()
        client.seed(21)
        client.until_grown()
        assert client.counter(Counter.DROP_CELL).sum() == 0


def test_a_grid_that_nobody_seeded_falls_asleep_and_uses_no_time(swarm: RouterClient) -> None:
    swarm.until(lambda: bool((swarm.counter(Counter.SLEEPING) == 1).all()), 10, "all to sleep")
    said = swarm.counter(Counter.SAID)
    time.sleep(0.5)
    assert (swarm.counter(Counter.SAID) == said).all()
    swarm.seed(4)
    swarm.until_grown()


def test_a_stopped_process_freezes_its_cell_alone(swarm: RouterClient) -> None:
    swarm.seed(4)
    swarm.until_grown()
    swarm.order(SetFaults(swarm.next_id(), [LinkFault(1, "loss", [4], rate=0.1)]))  # keeps the cells from freezing
    victim = swarm.pids()[0]
    os.kill(victim, signal.SIGSTOP)
    time.sleep(0.1)
    before = swarm.counter(Counter.UPDATES)
    time.sleep(1.5)
    after = swarm.counter(Counter.UPDATES)
    assert after[0] == before[0]
    assert (after[1:] > before[1:]).all()
    assert swarm.alphas()[0] > 0.9, "it keeps its LED"
    os.kill(victim, signal.SIGCONT)
    swarm.until(lambda: bool(swarm.counter(Counter.UPDATES)[0] > after[0]), 5, "the cell to go on")
    assert swarm.pids()[0] == victim


def test_cells_that_have_given_back_the_panel_behave_the_same(swarm: RouterClient) -> None:
    everyone = list(range(9))
    swarm.poke("unmap", everyone)
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in swarm.pids()]
    assert not any("/panel" in text for text in maps)
    swarm.seed(4)
    swarm.order(SetInterval(swarm.next_id(), 40_000_000))
    time.sleep(1.5)
    assert not swarm.grown(), "nothing of it is seen ..."
    swarm.poke("map", everyone)
    swarm.until_grown(3)  # ... until they take their pages again


def test_a_paused_swarm_stands_still_and_no_time_has_passed_for_it(swarm: RouterClient) -> None:
    swarm.order(SetPause(swarm.next_id(), True))
    swarm.seed(4)
    before = swarm.counter(Counter.UPDATES)
    time.sleep(1.2)
    assert (swarm.counter(Counter.UPDATES) == before).all()
    swarm.order(SetPause(swarm.next_id(), False))
    swarm.until_grown()
    assert swarm.counter(Counter.MISSED_WAKES).sum() == 0 or swarm.counter(Counter.LATE_NS).max() < 1_000_000_000


def test_erasing_takes_the_state_and_the_neighbours_give_it_back(swarm: RouterClient) -> None:
    swarm.seed(4)
    swarm.until_grown()
    swarm.poke("erase", [0, 1])
    swarm.until_grown()
    assert swarm.counter(Counter.ERASED).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    swarm.order(SetPause(swarm.next_id(), True))  # or those not yet erased would tell those that are
    swarm.poke("erase", list(range(9)))
    swarm.order(SetPause(swarm.next_id(), False))
    swarm.until(lambda: bool((swarm.alphas() == 0).all()), 5, "all to be dark")


def test_lost_messages_are_counted_at_the_victim_alone_and_the_picture_grows(swarm: RouterClient) -> None:
    swarm.order(
        SetFaults(
            swarm.next_id(), [LinkFault(1, "loss", [4], rate=0.5), LinkFault(2, "delay", [8], delay_intervals=0.5)]
        )
    )
    swarm.seed(0)
    swarm.until_grown()
    swarm.until(lambda: swarm.counter(Counter.FAULT_LOST)[4] > 3, 10, "losses")
    swarm.until(lambda: swarm.counter(Counter.FAULT_DELAYED)[8] > 0, 10, "delays")
    others = [cell for cell in range(9) if cell != 4]
    assert swarm.counter(Counter.FAULT_LOST)[others].sum() == 0
    swarm.order(SetFaults(swarm.next_id(), []))
    swarm.until_linked()
    lost = swarm.counter(Counter.FAULT_LOST)[4]
    time.sleep(0.5)
    assert swarm.counter(Counter.FAULT_LOST)[4] == lost, "healed"


def test_with_every_message_lost_nothing_grows(swarm: RouterClient) -> None:
    swarm.order(SetFaults(swarm.next_id(), [LinkFault(1, "loss", list(range(9)), rate=1.0)]))
    swarm.seed(4)
    time.sleep(1.0)
    assert (swarm.alphas() > 0.9).tolist() == [cell == 4 for cell in range(9)]


def test_garbage_on_the_sockets_of_a_cell_is_counted_and_changes_nothing(swarm: RouterClient) -> None:
    swarm.seed(4)
    swarm.until_grown()
    pids = swarm.pids()
    swarm.power([0], on=False)
    context = links.make_context()
    impostor = links.bind_publisher(context, f"ipc://{swarm.runtime}/c/0")  # where cell 0's neighbours listen
    known = Frame(0, tag(RUN, "ab" * 32), 0, 1, 1, 1 << 40, 1, bytes(64))
    garbage = [b"", bytes(200), b"\x9a" + bytes(60), os.urandom(100), b"GET / HTTP/1.1\r\n\r\n"]
    assert isinstance(decode(garbage[3], known.tag), Counter)
    before = swarm.counter(Counter.RECEIVED)

    def dropped() -> int:
        return sum(int(swarm.counter(reason)[[1, 3, 4]].min()) for reason in DROPS)

    deadline = time.monotonic() + 8
    while dropped() < 3 and time.monotonic() < deadline:
        for data in garbage:
            impostor.send(data)
            time.sleep(0.05)
    assert dropped() >= 3, "the neighbours 1, 3 and 4 have counted it"
    assert swarm.counter(Counter.RECEIVED)[4] > before[4]
    letters = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for data in garbage[1:]:
        letters.sendto(data, f"{swarm.runtime}/k/4")
    swarm.until(lambda: swarm.counter(Counter.CONTROL_BAD)[4] == 4, 5, "bad control datagrams to be counted")
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.connect(f"{swarm.runtime}/c/4")  # a cell's PUB, by somebody who speaks no ZeroMQ
    raw.sendall(os.urandom(2000))
    stranger = context.socket(zmq.XSUB)
    stranger.connect(f"ipc://{swarm.runtime}/c/4")
    stranger.send(b"\x01" + os.urandom(50))
    stranger.send(os.urandom(200))
    time.sleep(0.3)
    assert (swarm.alphas()[1:] > 0.9).all()
    assert swarm.pids()[1:] == pids[1:], "nobody died of it"
    context.destroy(0)
    for end in (letters, raw):
        end.close()
    swarm.power([0], on=True)
    swarm.until_grown()


def test_a_state_that_no_cell_can_have_is_no_seed(swarm: RouterClient) -> None:
    done = swarm.poke("seed", [4], seed_state()[:16], ok=False)
    assert "64" in done.error
    nan = np.full(16, np.nan, np.float32).tobytes()
    assert "NaN" in swarm.poke("seed", [4], nan, ok=False).error
    assert (swarm.phases() >= Phase.WIRED).all()
    assert (swarm.alphas() == 0).all()
