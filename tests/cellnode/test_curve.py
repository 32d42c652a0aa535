"""Keys: files that others cannot read, doors that open to known keys alone, and nobody who speaks for another host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from toys import TAG, T

from cellnode import curve, links
from cellnode.control import Link
from cellnode.curve import KeyPair, load_public
from cellnode.frame import Frame, encode
from cellnode.panel import COUNTERS, Counter
from firmware_sim.errors import BadInput, RunFailed

ME, NEIGHBOUR, OTHER = 50, 51, 60


def frame(cell: int, sequence: int = 1) -> bytes:
    return encode(Frame(0, TAG, cell, 1, 1, sequence, 1, bytes(16)))


class Bench:
    """A listener's ears and a neighbour's mouth on another host, both with keys."""

    def __init__(self) -> None:
        self.mine, self.theirs = KeyPair.fresh(), KeyPair.fresh()
        self.known: set[str] = {self.mine.public}
        self.contexts = [links.make_context(), links.make_context()]
        self.mouth = links.Mouth(self.contexts[0], "inproc://near")
        self.port = self.mouth.open_door("127.0.0.1", 0, self.theirs, self.admit)
        self.counters = [0] * COUNTERS
        self.heard: list[bytes] = []
        self.ears = self.listen(self.mine)

    def admit(self, key: str) -> str | None:
        return key if key in self.known else None

    def listen(self, keys: KeyPair | None) -> links.Ears:
        return links.Ears(self.contexts[1], ME, TAG, T, self.counters, keys)

    def wire(self, ears: links.Ears, key: str) -> None:
        ears.wire([Link(0, NEIGHBOUR, f"tcp://127.0.0.1:{self.port}", True, 1, 9, key)], [], T)

    def speak(self, ears: links.Ears, data: bytes, seconds: float, until: Callable[[], bool]) -> bool:
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            self.mouth.send(data)
            time.sleep(0.02)
            ears.drain(lambda message, _: self.heard.append(message), 0)
        return until()

    def close(self) -> None:
        self.mouth.close()
        self.contexts[0].term()
        self.contexts[1].destroy(0)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


@pytest.mark.system
def test_a_neighbour_on_another_host_is_heard_by_its_host_s_key(bench: Bench) -> None:
    bench.wire(bench.ears, bench.theirs.public)
    assert bench.speak(bench.ears, frame(NEIGHBOUR), 10, lambda: frame(NEIGHBOUR) in bench.heard)


@pytest.mark.system
def test_a_frame_for_a_cell_of_another_host_is_counted_as_spoofed(bench: Bench) -> None:
    bench.wire(bench.ears, bench.theirs.public)
    assert bench.speak(bench.ears, frame(OTHER), 10, lambda: bench.counters[Counter.DROP_SPOOFED] > 0)
    assert bench.heard == []
    assert bench.counters[Counter.RECEIVED] == bench.counters[Counter.DROP_SPOOFED]


@pytest.mark.system
def test_unknown_keys_hear_nothing_until_they_are_known(bench: Bench) -> None:
    bench.known.clear()
    bench.wire(bench.ears, bench.theirs.public)
    assert not bench.speak(bench.ears, frame(NEIGHBOUR), 0.5, lambda: bool(bench.heard))
    bench.known.add(bench.mine.public)
    assert bench.speak(bench.ears, frame(NEIGHBOUR), 20, lambda: bool(bench.heard)), "they try again by themselves"


@pytest.mark.system
def test_a_key_that_is_taken_back_loses_the_connection_that_stands(bench: Bench) -> None:
    bench.wire(bench.ears, bench.theirs.public)
    assert bench.speak(bench.ears, frame(NEIGHBOUR), 10, lambda: bool(bench.heard))
    bench.known.clear()
    assert bench.mouth.readmit() == bench.port
    bench.ears.drain(lambda _message, _now: None, 0)
    bench.heard.clear()
    assert not bench.speak(bench.ears, frame(NEIGHBOUR, 2), 1.0, lambda: bool(bench.heard))
    bench.known.add(bench.mine.public)
    assert bench.speak(bench.ears, frame(NEIGHBOUR, 3), 20, lambda: bool(bench.heard)), "known again, it is back"


@pytest.mark.system
def test_without_a_key_or_with_the_wrong_one_for_the_door_nothing_is_heard(bench: Bench) -> None:
    for keys, door in ((None, ""), (bench.mine, KeyPair.fresh().public)):
        ears = bench.listen(keys)
        bench.wire(ears, door)
        assert not bench.speak(ears, frame(NEIGHBOUR), 0.5, lambda: bool(bench.heard))


def test_a_context_has_one_doorkeeper_and_a_second_is_refused() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    curve.Doorkeeper(context, lambda _key: None)
    with pytest.raises(RunFailed, match="no doorkeeper can be set up"):
        curve.Doorkeeper(context, lambda _key: None)
    context.term()


def test_a_key_file_is_its_owner_s_alone_and_comes_back_as_it_was(tmp_path: Path) -> None:
    pair, path = KeyPair.fresh(), tmp_path / "host.key"
    pair.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyPair.load(path) == pair
    assert load_public(path) == pair.public
    assert pair.secret not in repr(pair)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "host.key"
    KeyPair.fresh().save(path)
    path.chmod(mode)
    with pytest.raises(BadInput, match=f"can be read by others .mode {mode:03o}.: chmod 600"):
        KeyPair.load(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "is no key file"), ('public = "a"\nsecret = "b"\n', "is no key file"), (None, "cannot be read")],
)
def test_what_is_no_key_file_is_said_to_be_none(tmp_path: Path, text: str | None, expected: str) -> None:
    path = tmp_path / "host.key"
    if text is not None:
        path.touch(0o600)
        path.write_text(text)
    with pytest.raises(BadInput, match=expected):
        KeyPair.load(path)


def test_two_halves_of_different_keys_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "host.key"
    KeyPair(KeyPair.fresh().public, KeyPair.fresh().secret).save(path)
    with pytest.raises(BadInput, match="do not belong together"):
        KeyPair.load(path)
