"""Tokens: whom they let onto the coordinator's list, until when, how often; and good for nothing else they are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from cellnode.curve import NEVER, HostKeys, KeyPair, call
from cellnode.enrolment import Enrolment, prepare
from cellnode.hostmessages import Enrol, Enrolled, Offer, Refused, encode
from cellnode.messages import PROTOCOL_VERSION
from cellnode.token import Token
from coordinator.cli.main import invoke
from coordinator.keyring import Keyring
from coordinator.link import Link
from coordinator.registrar import Registrar
from firmware_sim.errors import BadInput

HOUR = 3600.0


class Desk:
    """A registrar with a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 1_000_000.0
        self.said: list[str] = []
        self.ring = Keyring.make(folder)
        self.registrar = Registrar(self.ring, self.said.append, lambda: self.now_s)

    def give(self, hours: float = 1.0, uses: int = 1, name: str = "door") -> Token:
        return self.registrar.tokens.give(name, self.ring.pair.public, hours, uses)

    def enrol(
        self, token: Token, host: str, public: str, lives: bool = False, version: int = PROTOCOL_VERSION
    ) -> Enrolled | Refused | None:
        """As the link does it; None: not even let in."""
        who = self.registrar.who(token.pair.public)
        return self.registrar.enrol(who, Enrol(version, host, public), lambda _name: lives) if who else None


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "keys")


def reason(answer: Enrolled | Refused | None) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


def test_a_token_puts_one_key_on_the_list_and_is_used_up(desk: Desk) -> None:
    token, key = desk.give(), KeyPair.fresh().public
    assert desk.registrar.who(key) is None
    assert desk.enrol(token, "attic", key) == Enrolled("attic")
    assert desk.registrar.who(key) == "attic"
    assert desk.enrol(token, "shed", KeyPair.fresh().public) is None
    assert desk.registrar.who(token.pair.public) == NEVER
    assert set(desk.ring.hosts.values()) == {"attic"}
    assert (desk.registrar.enrolled, desk.registrar.refused) == (1, 2)
    assert desk.said == [
        "host attic was put on the list by token 'door' (0 uses left)",
        "refused: token 'door' is used up; `planaria keys token` makes another",
    ]


def test_the_same_host_may_ask_again_and_uses_nothing_up(desk: Desk) -> None:
    token, key = desk.give(uses=2), KeyPair.fresh().public
    assert [desk.enrol(token, "attic", key) for _ in range(3)] == [Enrolled("attic")] * 3
    assert desk.enrol(token, "shed", KeyPair.fresh().public) == Enrolled("shed")


def test_a_token_ends_with_its_time_even_for_who_has_come_in_by_it(desk: Desk) -> None:
    token, key = desk.give(hours=0.5, uses=9), KeyPair.fresh().public
    who = desk.registrar.who(token.pair.public)
    assert who == "token/door"
    desk.now_s += 0.5 * HOUR - 1
    assert desk.registrar.who(token.pair.public) == who
    desk.now_s += 1
    assert desk.registrar.who(token.pair.public) == NEVER
    answer = desk.registrar.enrol("token/door", Enrol(PROTOCOL_VERSION, "attic", key), lambda _name: False)
    assert reason(answer) == "token 'door' expired 0 s ago; `planaria keys token` makes another"
    assert desk.ring.hosts == {}


def test_a_new_token_of_the_same_name_ends_the_old_one(desk: Desk) -> None:
    old, new = desk.give(), desk.give()
    assert desk.registrar.who(old.pair.public) is None
    assert desk.enrol(new, "attic", KeyPair.fresh().public) == Enrolled("attic")


def test_a_living_host_s_name_is_nobody_else_s_and_a_dead_one_s_is(desk: Desk) -> None:
    token, first, second = desk.give(uses=9), KeyPair.fresh().public, KeyPair.fresh().public
    assert desk.enrol(token, "attic", first) == Enrolled("attic")
    assert "the name 'attic' is another key's" in reason(desk.enrol(token, "attic", second, lives=True))
    assert (desk.registrar.who(first), desk.registrar.who(second)) == ("attic", None)
    assert desk.enrol(token, "attic", second) == Enrolled("attic")
    assert (desk.registrar.who(first), desk.registrar.who(second)) == (None, "attic")


def test_a_name_given_by_hand_is_given_away_by_hand_alone(desk: Desk) -> None:
    desk.ring.allow("attic", KeyPair.fresh().public)
    token, other = desk.give(), KeyPair.fresh().public
    assert "planaria keys refuse KEYS attic" in reason(desk.enrol(token, "attic", other))
    desk.ring.refuse("attic")
    assert desk.enrol(token, "attic", other) == Enrolled("attic")


def test_a_key_that_has_a_name_gets_no_second_one(desk: Desk) -> None:
    token, key = desk.give(uses=9), KeyPair.fresh().public
    desk.enrol(token, "attic", key)
    assert "that of host 'attic' already" in reason(desk.enrol(token, "shed", key))


def test_another_version_and_what_is_no_key_are_refused_for_good(desk: Desk) -> None:
    token = desk.give(uses=9)
    for answer in (desk.enrol(token, "a", KeyPair.fresh().public, version=0), desk.enrol(token, "a", "~" * 40)):
        assert isinstance(answer, Refused) and answer.for_good
    assert desk.ring.hosts == {}


def test_a_broken_token_file_lets_nobody_in(desk: Desk) -> None:
    token = desk.give()
    (desk.ring.path / "tokens" / "door.token").write_text("uses = everybody\n")
    assert desk.registrar.who(token.pair.public) is None


def test_what_can_be_no_token_is_refused_with_what_to_do(desk: Desk, tmp_path: Path) -> None:
    wrong = [({"hours": 0.0}, "--hours is 0"), ({"uses": 0}, "--uses is 0"), ({"name": "../x"}, "token '../x'")]
    for settings, expected in wrong:
        with pytest.raises(BadInput, match=expected):
            desk.give(**settings)  # type: ignore[arg-type]
    path = tmp_path / "join.token"
    with pytest.raises(BadInput, match="planaria keys token KEYS"):
        Token.load(path)
    desk.give().save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(BadInput, match="can be read by everybody"):
        Token.load(path)
    path.chmod(0o600)
    path.write_text('secret = "x"\n')
    with pytest.raises(BadInput, match="is no token"):
        Token.load(path)


def test_a_token_never_shows_its_secret_half_in_a_log(desk: Desk) -> None:
    token = desk.give()
    assert token.pair.secret not in repr(token)


def test_the_command_makes_a_key_and_a_token_and_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys, out = str(tmp_path / "keys"), tmp_path / "join.token"
    assert invoke(["keys", "token", keys, "--out", str(out)]) == 2
    for uses in ("3", "4"):
        assert invoke(["keys", "token", keys, "--out", str(out), "--uses", uses, "--make"]) == 0
    token, ring = Token.load(out), Keyring(tmp_path / "keys")
    assert token.coordinator == ring.pair.public
    capsys.readouterr()
    assert invoke(["keys", "list", keys, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["tokens"]["token"]
    assert found["uses"] == 4 and 0 < found["expires"] - time.time() <= 3601
    assert invoke(["keys", "list", keys]) == 0
    assert "token 'token' lets 4 more on, for 60 min" in capsys.readouterr().out


@pytest.fixture
def line(desk: Desk, tmp_path: Path) -> Iterator[tuple[Link, str]]:
    link = Link(f"ipc://{tmp_path}/x", 1, on_offer=lambda _offer, _known: None)
    endpoint = link.listen("tcp://127.0.0.1:*", desk.registrar)
    link.start()
    yield link, endpoint
    link.close()


def ask(enrolment: Enrolment, seconds: float = 20) -> Enrolled | Refused | None:
    """Until there is an answer, or it has said why there will be none."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = enrolment.step(time.monotonic_ns())
        if answer is not None or enrolment.waits:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"no answer within {seconds} s")


@pytest.mark.system
def test_a_host_with_a_token_lists_itself_and_a_stale_token_is_looked_at_again(
    desk: Desk, line: tuple[Link, str], tmp_path: Path
) -> None:
    path, said = tmp_path / "join.token", list[str]()
    desk.give(hours=0.1).save(path)
    prepare(tmp_path / "mine", Token.load(path), said.append)
    keys = HostKeys.load(tmp_path / "mine")
    assert keys.coordinator == desk.ring.pair.public
    desk.now_s += HOUR
    enrolment = Enrolment(line[1], path, "attic", keys.own.public, said.append)
    assert ask(enrolment) is None
    assert len(said) == 1 and "was refused: it has expired or was used up" in said[0]
    assert enrolment.waits
    desk.give().save(path)
    enrolment.step(time.monotonic_ns())
    assert not enrolment.waits, "it has seen the new one"
    assert ask(enrolment) == Enrolled("attic")
    assert desk.registrar.who(keys.own.public) == "attic"
    enrolment.close()


@pytest.mark.system
def test_a_token_s_line_is_good_for_listing_a_key_and_for_nothing_else(desk: Desk, line: tuple[Link, str]) -> None:
    link, endpoint = line
    token = desk.give()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    call(dealer, token.pair, token.coordinator)
    dealer.connect(endpoint)
    for data in (encode(Offer(PROTOCOL_VERSION, "attic", "1", 1, "", "127.0.0.1", 10, 0)), b"\x80", b""):
        dealer.send(data)
    end = time.monotonic() + 20
    while link.garbage < 3 and time.monotonic() < end:
        time.sleep(0.02)
    assert (link.garbage, link.hosts) == (3, {})
    context.destroy(0)


@pytest.mark.system
def test_a_wrong_token_is_not_even_told_so(desk: Desk, line: tuple[Link, str]) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    call(dealer, KeyPair.fresh(), desk.ring.pair.public)
    monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    dealer.connect(line[1])
    assert not monitor.poll(1000), recv_monitor_message(monitor)
    assert desk.ring.hosts == {}
    dealer.disable_monitor()
    monitor.close(0)
    context.destroy(0)
