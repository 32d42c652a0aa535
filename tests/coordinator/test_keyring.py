"""The coordinator's keys and its list of hosts, by hand and by command; and hosts that can only be themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from cellnode.curve import HostKeys, KeyPair, call
from cellnode.hostmessages import Offer, Refused, encode
from cellnode.messages import PROTOCOL_VERSION, Done, Join, SetPause, Sheet, Welcome
from cellnode.messages import encode as encode_report
from coordinator.cli.main import invoke
from coordinator.keyring import Keyring, Watch, make_host, rotate_host
from coordinator.link import Link
from coordinator.registrar import Registrar
from firmware_sim.errors import BadInput


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.make(tmp_path / "keys")


def test_a_host_on_the_list_is_known_by_its_key_and_no_other_is(ring: Keyring) -> None:
    one, other = KeyPair.fresh(), KeyPair.fresh()
    ring.allow("attic", one.public)
    assert (ring.who(one.public), ring.who(other.public)) == ("attic", None)
    assert ring.key_of("attic") == one.public


def test_a_living_coordinator_takes_note_of_changes(ring: Keyring) -> None:
    one, other = KeyPair.fresh(), KeyPair.fresh()
    ring.allow("attic", one.public)
    by_hand = Keyring(ring.path)
    assert ring.who(one.public) == "attic"
    by_hand.allow("attic", other.public)
    assert (ring.who(one.public), ring.who(other.public)) == (None, "attic"), "rotated"
    by_hand.refuse("attic")
    assert ring.who(other.public) is None


def test_what_is_taken_back_is_told_once(ring: Keyring) -> None:
    for name in ("attic", "shed"):
        ring.allow(name, KeyPair.fresh().public)
    watch = Watch(ring)
    by_hand = Keyring(ring.path)
    assert watch.lapsed() == ([], False)
    by_hand.allow("cellar", KeyPair.fresh().public)
    assert watch.lapsed() == ([], False), "nobody has lost anything"
    by_hand.refuse("attic")
    (ring.path / "hosts" / "shed.pub").write_text(KeyPair.fresh().public)  # within the file: the folder is as it was
    assert watch.lapsed() == (["attic", "shed"], False)
    by_hand.rotate()
    assert watch.lapsed() == ([], True)
    assert watch.lapsed() == ([], False)
    (ring.path / "coordinator.key").unlink()
    assert watch.lapsed() == ([], False), "what cannot be read changes nothing"


def test_every_host_has_a_key_of_its_own(ring: Keyring) -> None:
    key = KeyPair.fresh().public
    ring.allow("attic", key)
    with pytest.raises(BadInput, match="that of host 'attic' already"):
        ring.allow("shed", key)
    with pytest.raises(BadInput, match="is no public key"):
        ring.allow("shed", "abc")
    with pytest.raises(BadInput, match="not on the list"):
        ring.refuse("shed")


def test_rotation_makes_another_key_and_leaves_the_list(ring: Keyring, tmp_path: Path) -> None:
    before = ring.pair
    ring.allow("attic", make_host(tmp_path / "attic", before.public).public)
    ring.rotate()
    assert Keyring(ring.path).pair == ring.pair != before
    assert set(ring.hosts.values()) == {"attic"}
    first = HostKeys.load(tmp_path / "attic")
    assert rotate_host(tmp_path / "attic").public != first.own.public


def test_a_folder_that_has_a_key_keeps_it(ring: Keyring) -> None:
    with pytest.raises(BadInput, match="has a key already"):
        Keyring.make(ring.path)
    with pytest.raises(BadInput, match="planaria keys new"):
        Keyring(ring.path / "hosts")


def test_the_commands_make_keys_put_a_host_on_the_list_and_take_it_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, host = str(tmp_path / "keys"), str(tmp_path / "host")
    assert invoke(["keys", "new", keys]) == 0
    assert invoke(["keys", "host", host, "--coordinator", f"{keys}/coordinator.pub"]) == 0
    assert invoke(["keys", "allow", keys, "attic", f"{host}/host.pub"]) == 0
    capsys.readouterr()
    assert invoke(["keys", "list", keys, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hosts"] == {"attic": HostKeys.load(tmp_path / "host").own.public}
    assert invoke(["keys", "rotate", host]) == 0
    assert invoke(["keys", "refuse", keys, "attic"]) == 0
    assert invoke(["keys", "refuse", keys, "attic"]) == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--hosts", "2", "--at", "tcp://0.0.0.0:7400"], "can be reached by others, and no keys are given"),
        (["--hosts", "2", "--at", "nowhere"], "expected tcp://ADDRESS:PORT"),
        (["--hosts", "2", "--keys", "x"], "those started here need none"),
        (["--at", "tcp://127.0.0.1:7400"], "say how many with --hosts N"),
        (["--hosts", "2", "--capacity", "10"], "no room for the grid: 2 hosts with --capacity 10 hold 20 cells"),
        (["--hosts", "99999"], "--hosts is 99999"),
        (["--hosts", "2", "--substrate", "virtual"], "--hosts spreads real processes"),
    ],
)
def test_a_run_that_would_be_open_or_cannot_be_is_refused(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["run", "dot", "--grid", "8x8", "--out", str(tmp_path / "run"), *words]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


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


@pytest.mark.system
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


@pytest.mark.system
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


@pytest.mark.system
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


@pytest.mark.system
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


@pytest.mark.system
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
