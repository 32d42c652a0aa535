"""The gate over real sockets: hosts come in by their keys, can only be themselves, and are cut off when one lapses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from cellnode.curve import KeyPair, call
from cellnode.hostmessages import Offer, Refused, encode
from cellnode.messages import PROTOCOL_VERSION, Done, Join, SetPause, Sheet, Welcome
from cellnode.messages import encode as encode_report
from coordinator.keyring import Keyring
from coordinator.link import Link
from coordinator.registrar import Registrar

pytestmark = pytest.mark.system


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.make(tmp_path / "keys")


class Caller:
    """A host's end of the line, with these keys."""

    def __init__(self, endpoint: str, keys: KeyPair, coordinator: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        call(self.socket, keys, coordinator)
        self.socket.connect(endpoint)

    def offer(self, name: str) -> None:
        self.socket.send(encode(Offer(PROTOCOL_VERSION, name, "1", 1, "", "127.0.0.1", 10, 0)))

    def answer(self) -> bytes:
        assert self.socket.poll(5000), "no answer came"
        return self.socket.recv()

    def close(self) -> None:
        self._context.destroy(0)


@pytest.fixture
def line(ring: Keyring, tmp_path: Path) -> Iterator[tuple[Link, str]]:
    link = Link(f"ipc://{tmp_path}/x", 1, on_offer=lambda _offer, _known: None)
    endpoint = link.listen("tcp://127.0.0.1:*", Registrar(ring))
    link.start()
    yield link, endpoint
    link.close()


def until(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end, "not within 20 s"
        time.sleep(0.02)


def test_a_listed_host_is_heard_and_only_under_its_own_name(line: tuple[Link, str], ring: Keyring) -> None:
    link, endpoint = line
    keys = KeyPair.fresh()
    ring.allow("attic", keys.public)
    caller = Caller(endpoint, keys, ring.pair.public)
    caller.offer("attic")
    assert caller.answer() == encode(Welcome(1))
    assert set(link.hosts) == {"attic"}
    caller.offer("shed")
    while (heard := caller.answer()) == encode(Welcome(1)):
        pass
    assert heard == encode(Refused("the key is that of host 'attic', not of 'shed': say --name attic", True))
    assert (set(link.hosts), link.spoofed) == ({"attic"}, 1)
    caller.close()


def test_a_key_that_is_not_listed_comes_in_as_soon_as_it_is(line: tuple[Link, str], ring: Keyring) -> None:
    link, endpoint = line
    keys = KeyPair.fresh()
    caller = Caller(endpoint, keys, ring.pair.public)
    caller.offer("attic")
    assert not caller.socket.poll(500)
    assert link.hosts == {}
    ring.allow("attic", keys.public)
    until(lambda: "attic" in link.hosts)
    caller.close()


def test_a_refused_host_is_cut_within_seconds_and_the_others_come_back(line: tuple[Link, str], ring: Keyring) -> None:
    link, endpoint = line
    callers = {}
    for name in ("attic", "shed"):
        keys = KeyPair.fresh()
        ring.allow(name, keys.public)
        callers[name] = Caller(endpoint, keys, ring.pair.public)
        callers[name].offer(name)
    until(lambda: set(link.hosts) == {"attic", "shed"})
    Keyring(ring.path).refuse("attic")
    until(lambda: set(link.hosts) == {"shed"})
    since = time.monotonic()
    while time.monotonic() - since < 2:
        for name, caller in callers.items():
            caller.offer(name)
        time.sleep(0.1)
    assert set(link.hosts) == {"shed"}
    until(lambda: link.hosts["shed"].heard_at_s > since)
    for caller in callers.values():
        caller.close()


def test_a_coordinator_s_new_key_holds_at_once_and_the_old_one_no_more(line: tuple[Link, str], ring: Keyring) -> None:
    link, endpoint = line
    keys, old = KeyPair.fresh(), ring.pair
    ring.allow("attic", keys.public)
    before = Caller(endpoint, keys, old.public)
    before.offer("attic")
    until(lambda: "attic" in link.hosts)
    other = Keyring(ring.path)
    other.rotate()
    until(lambda: ring.pair == other.pair)
    time.sleep(0.5)
    since = time.monotonic()
    before.offer("attic")
    time.sleep(1)
    assert link.hosts["attic"].heard_at_s < since, "who calls the old key speaks to nobody"
    after = Caller(endpoint, keys, other.pair.public)
    after.offer("attic")
    until(lambda: link.hosts["attic"].heard_at_s > since)
    before.close()
    after.close()


def test_no_host_answers_or_shows_what_another_was_asked(line: tuple[Link, str], ring: Keyring) -> None:
    link, endpoint = line
    callers = {}
    for name in ("attic", "shed"):
        keys = KeyPair.fresh()
        ring.allow(name, keys.public)
        callers[name] = Caller(endpoint, keys, ring.pair.public)
        join = Join(PROTOCOL_VERSION, f"{name}/4", 1, "r", 0, 4, "", "", 9, 0, [], [])
        callers[name].socket.send(encode_report(join))
    until(lambda: set(link.agents) == {"attic/4", "shed/4"})
    future = link.post("attic/4", lambda number: SetPause(number, True))
    number = (link.epoch << 32) + 1
    callers["shed"].socket.send(encode_report(Done(number, True, agent="shed/4")))
    callers["shed"].socket.send(encode_report(Sheet("shed/4", 5, 1, 0, 0, b"", b"")))
    until(lambda: link.spoofed == 2)
    assert not future.done()
    callers["attic"].socket.send(encode_report(Done(number, True, agent="attic/4")))
    assert future.result(5).agent == "attic/4"
    for caller in callers.values():
        caller.close()
