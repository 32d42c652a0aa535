"""A cell's two sockets, for real: the latest word of each peer, garbage counted, each message's fate under a fault."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq
from toys import TAG, T

from cellnode import links
from cellnode.control import Link
from cellnode.frame import FRAME_MAX, Frame, encode
from cellnode.linkfate import fate
from cellnode.mailbox import Mailbox
from cellnode.messages import LinkFault
from cellnode.panel import COUNTERS, Counter
from cellnode.quickrecv import _slow, taker

pytestmark = pytest.mark.system
ME = 50
LOSS = LinkFault(3, "loss", [ME], rate=0.5, rng_seed=11)


class Bench:
    """One listener with real sockets, and as many speakers as a test binds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.context = links.make_context()
        self.counters = [0] * COUNTERS
        self.ears = links.Ears(self.context, ME, TAG, T, self.counters)
        self.heard: list[bytes] = []
        self.speakers: dict[int, zmq.Socket[bytes]] = {}
        self._speaking = links.make_context()

    def endpoint(self, cell: int) -> str:
        return f"ipc://{self.folder}/{cell}"

    def speaker(self, cell: int) -> zmq.Socket[bytes]:
        """A neighbour's PUB, bound (again)."""
        if cell in self.speakers:
            self.speakers[cell].close(0)
        self.speakers[cell] = links.bind_publisher(self._speaking, self.endpoint(cell))
        return self.speakers[cell]

    def wire(self, *cells: int, faults: tuple[LinkFault, ...] = (), life: int = 1) -> None:
        wired = [Link(slot, cell, self.endpoint(cell), True, 1, life) for slot, cell in enumerate(cells)]
        self.ears.wire(wired, list(faults), T)

    def drain(self, now_ns: int = 0) -> None:
        self.ears.drain(lambda data, _: self.heard.append(data), now_ns)

    def until(self, fact: Callable[[], bool], each: Callable[[], object] = lambda: None) -> None:
        deadline = time.monotonic() + 5
        while not fact():
            assert time.monotonic() < deadline, "not within 5 s"
            each()
            time.sleep(0.01)
            self.drain()

    def connect(self, *cells: int) -> None:
        """Wait until each speaker is heard, then forget what was said."""
        for cell in cells:
            self.until(lambda: b"ready" in self.heard, lambda cell=cell: self.speakers[cell].send(b"ready"))  # type: ignore[misc]
            time.sleep(0.05)
            self.drain()
            self.heard.clear()
        self.counters[:] = [0] * COUNTERS

    def close(self) -> None:
        self.context.destroy(0)
        self._speaking.destroy(0)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/dev/shm") as folder:
        bench = Bench(Path(folder))
        yield bench
        bench.close()


def word(cell: int, sequence: int, value: float = 0.0) -> bytes:
    return encode(Frame(0, TAG, cell, 1, 1, sequence, 1, np.full(16, value, np.float32).tobytes()))


def test_only_the_latest_word_of_each_neighbour_waits(bench: Bench) -> None:
    for cell in (1, 2, 3):
        bench.speaker(cell)
    bench.wire(1, 2, 3)
    bench.connect(1, 2, 3)
    for sequence in range(1, 501):
        for cell in (1, 2, 3):
            bench.speakers[cell].send(word(cell, sequence))
    time.sleep(0.2)
    bench.drain()
    assert sorted(bench.heard) == sorted(word(cell, 500) for cell in (1, 2, 3))


def test_a_reborn_neighbour_is_connected_to_at_once_when_announced(bench: Bench) -> None:
    bench.speaker(1)
    bench.wire(1)
    bench.connect(1)
    bench.speakers.pop(1).close(0)
    time.sleep(1.0)  # attempts to reconnect back off meanwhile
    bench.speaker(1)
    bench.wire(1, life=2)
    begun = time.monotonic()
    bench.until(lambda: bool(bench.heard), lambda: bench.speakers[1].send(word(1, 1)))
    assert time.monotonic() - begun < 1.0


def test_a_neighbour_no_longer_wired_is_heard_no_longer(bench: Bench) -> None:
    for cell in (1, 2):
        bench.speaker(cell)
    bench.wire(1, 2)
    bench.connect(1, 2)
    bench.wire(2)
    bench.until(lambda: word(2, 1) in bench.heard, lambda: [s.send(word(c, 1)) for c, s in bench.speakers.items()])
    bench.heard.clear()
    bench.speakers[1].send(word(1, 2))
    time.sleep(0.1)
    bench.drain()
    assert bench.heard == []


def test_under_a_fault_every_message_meets_its_own_fate(bench: Bench) -> None:
    bench.speakers[1] = bench._speaking.socket(zmq.PUB)  # one that does not conflate, so that every word leaves
    bench.speakers[1].bind(bench.endpoint(1))
    bench.wire(1, faults=(LOSS,))
    bench.connect(1)
    said = list(range(1, 41))
    for sequence in said:
        bench.speakers[1].send(word(1, sequence))
    bench.until(lambda: len(bench.heard) + bench.counters[Counter.FAULT_LOST] == len(said))
    spared = [s for s in said if not fate(LOSS, (1, ME), 1, 1, s, T).lost]
    assert bench.heard == [word(1, s) for s in spared]
    assert bench.counters[Counter.FAULT_LOST] == len(said) - len(spared) > 5


def test_a_delayed_message_is_held_until_it_is_due(bench: Bench) -> None:
    delay = LinkFault(4, "delay", [ME], delay_intervals=8.0, rng_seed=5)
    bench.speaker(1)
    bench.wire(1, faults=(delay,))
    bench.connect(1)
    bench.speakers[1].send(word(1, 1))
    bench.until(lambda: bench.counters[Counter.FAULT_DELAYED] == 1)
    due_ns = bench.ears.next_due_ns
    assert due_ns == fate(delay, (1, ME), 1, 1, 1, T).delay_ns
    bench.drain(due_ns - 1)
    assert bench.heard == []
    bench.drain(due_ns)
    assert bench.heard == [word(1, 1)]
    assert bench.ears.next_due_ns is None


def test_a_healed_link_conflates_again(bench: Bench) -> None:
    bench.speaker(1)
    bench.wire(1, faults=(LOSS,))
    bench.connect(1)
    bench.wire(1)
    bench.connect(1)
    for sequence in range(1, 200):
        bench.speakers[1].send(word(1, sequence))
    time.sleep(0.1)
    bench.drain()
    assert bench.heard == [word(1, 199)]


def test_a_message_of_several_parts_is_counted_and_dropped_under_a_fault(bench: Bench) -> None:
    bench.wire(1, faults=(LOSS,))
    stranger = bench._speaking.socket(zmq.PUB)
    stranger.bind(bench.endpoint(1))
    bench.until(lambda: bench.counters[Counter.DROP_SIZE] > 0, lambda: stranger.send_multipart([b"one", b"two"]))
    assert bench.heard == []
    stranger.close(0)


def test_a_flood_is_taken_in_parts_so_that_the_clock_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "DRAIN_MAX", 10)
    flooder = bench._speaking.socket(zmq.PUB)
    flooder.setsockopt(zmq.LINGER, 0)
    flooder.bind(bench.endpoint(1))
    bench.speakers[1] = flooder
    bench.wire(1, faults=(LinkFault(3, "loss", [ME], rate=0.0),))
    bench.connect(1)
    for sequence in range(25):
        flooder.send(word(1, sequence + 1))
    time.sleep(0.2)
    heard: list[bytes] = []
    more = [bench.ears.drain(lambda data, _: heard.append(data), 0) for _ in range(3)]
    assert (more, len(heard)) == ([True, True, False], 25)


def test_an_oversized_message_cuts_the_line_until_the_neighbours_next_life_is_announced(bench: Bench) -> None:
    bench.speaker(1)
    bench.wire(1)
    bench.connect(1)
    bench.speakers[1].send(bytes(100_000))
    time.sleep(0.3)
    bench.drain()
    assert bench.heard == []
    bench.wire(1, life=2)
    bench.until(lambda: word(1, 1) in bench.heard, lambda: bench.speakers[1].send(word(1, 1)))


@pytest.mark.parametrize("way", [taker, _slow])
def test_both_ways_of_taking_a_message_give_the_same(
    bench: Bench, way: Callable[..., Callable[[], bytes | None]]
) -> None:
    speaker = bench.speaker(1)
    listener = bench.context.socket(zmq.SUB)
    listener.setsockopt(zmq.SUBSCRIBE, b"")
    listener.connect(bench.endpoint(1))
    take = way(listener)
    assert take() is None
    taken: list[bytes] = []
    deadline = time.monotonic() + 5
    while not taken and time.monotonic() < deadline:
        speaker.send(word(1, 1))
        time.sleep(0.01)
        taken += [message for message in (take(), take()) if message is not None]
    assert set(taken) == {word(1, 1)}
    listener.close(0)


def test_garbage_from_a_neighbours_endpoint_is_counted_by_the_mailbox_under_its_own_reason(bench: Bench) -> None:
    speaker = bench.speaker(1)
    bench.wire(1)
    bench.connect(1)
    mailbox = Mailbox([1] + [-1] * 7, TAG, np.dtype(np.float32), T, bench.counters)
    mailbox.announce(0, 1, 1, True)
    good = word(1, 1, 0.5)
    for bad, reason in (
        (b"\x00" * (FRAME_MAX + 1), Counter.DROP_SIZE),
        (good[:-9], Counter.DROP_GARBLED),
        (b"", Counter.DROP_GARBLED),
        (good[:-1] + bytes([good[-1] ^ 1]), Counter.DROP_CRC),
        (encode(Frame(0, TAG ^ 1, 1, 1, 1, 1, 1, bytes(64))), Counter.DROP_TAG),
        (encode(Frame(0, TAG, 2, 1, 1, 1, 1, bytes(64))), Counter.DROP_CELL),
        (encode(Frame(0, TAG, 1, 1, 2, 1, 1, bytes(64))), Counter.DROP_FUTURE_INCARNATION),
        (encode(Frame(0, TAG, 1, 1, 1, 1, 1, np.full(16, np.nan, np.float32).tobytes())), Counter.DROP_VALUES),
    ):
        speaker.send(bad)
        bench.until(lambda: bool(bench.heard))
        mailbox.receive(bench.heard.pop(), 0)
        assert bench.counters[reason] == 1, reason.name
        bench.counters[reason] = 0
        assert mailbox.alive == 0, "it changes nothing"
    assert mailbox.receive(good, 0) != 0
