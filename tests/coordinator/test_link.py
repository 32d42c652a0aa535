"""The link against a fake agent over real sockets: every command is answered once, garbage changes nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from fakeagent import FakeAgent

from cellnode.messages import PROTOCOL_VERSION, Join, Power, SetPause, Superseded
from coordinator import clientmessages, contacts, pending
from coordinator.actions import Kill, Outcome
from coordinator.clientmessages import Answer, Ask
from coordinator.link import Link
from firmware_sim.errors import RunFailed


@pytest.fixture
def endpoint() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="pl-", dir="/tmp") as folder:  # short: ipc paths end at 107 bytes
        yield f"ipc://{Path(folder) / 'c.sock'}"


@pytest.fixture
def line(endpoint: str) -> Iterator[Link]:
    found = Link(endpoint, epoch=3, on_ask=lambda ask: Answer(ask.id, outcome=Outcome(do=ask.what, t=1.0)))
    found.start()
    yield found
    found.close()


@pytest.fixture
def agent(line: Link, endpoint: str) -> Iterator[FakeAgent]:
    found = FakeAgent(endpoint)
    found.join()
    assert line.wait(lambda: "host0" in line.agents, 5)
    yield found
    found.close()


def test_an_agent_that_joins_is_known_and_welcomed(line: Link, agent: FakeAgent) -> None:
    assert line.agents["host0"].join.run == "00c0ffee"
    future = line.post("host0", lambda number: SetPause(number, True))
    agent.done(agent.hear())
    future.result(5)
    assert agent.welcomes >= 1


def test_a_command_carries_the_coordinators_epoch_and_returns_with_its_done(line: Link, agent: FakeAgent) -> None:
    future = line.post("host0", lambda number: Power(number, [1, 2], False))
    command = agent.hear()
    assert isinstance(command, Power) and command.id >> 32 == 3 and command.cells == [1, 2]
    agent.done(command, missing=[2])
    assert future.result(5).missing == [2]


def test_ids_rise(line: Link, agent: FakeAgent) -> None:
    numbers = []
    for _ in range(3):
        line.post("host0", lambda number: SetPause(number, True))
        numbers.append(agent.hear().id)
    assert numbers == sorted(set(numbers))


def test_a_command_is_repeated_until_it_is_done(line: Link, agent: FakeAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "REPEAT_EVERY_S", 0.05)
    future = line.post("host0", lambda number: SetPause(number, True))
    first, second = agent.hear(), agent.hear()
    assert first == second
    agent.done(second)
    assert future.result(5).ok


def test_an_agent_that_comes_back_gets_what_it_missed(line: Link, agent: FakeAgent, endpoint: str) -> None:
    future = line.post("host0", lambda number: SetPause(number, True))
    missed = agent.hear()
    agent.close()
    again = FakeAgent(endpoint)
    again.join()
    assert again.hear() == missed
    again.done(missed)
    assert future.result(5).ok
    again.close()


def test_a_command_that_was_refused_fails_with_the_agents_words(line: Link, agent: FakeAgent) -> None:
    import threading

    thread = threading.Thread(target=lambda: agent.done(agent.hear(), error="there is no such cell"))
    thread.start()
    with pytest.raises(RunFailed, match="there is no such cell"):
        line.request("host0", lambda number: Power(number, [99], True), 5)
    thread.join()


def test_a_command_without_an_answer_fails_in_time(line: Link, agent: FakeAgent) -> None:
    with pytest.raises(RunFailed, match=r"has not answered within 0\.05 s"):
        line.request("host0", lambda number: SetPause(number, True), 0.05)


def test_a_superseded_command_says_who_took_over(line: Link, agent: FakeAgent) -> None:
    future = line.post("host0", lambda number: SetPause(number, True))
    agent.say(Superseded(agent.hear().id, 9))
    with pytest.raises(RunFailed, match="epoch 9"):
        future.result(5)


def test_garbage_is_counted_and_changes_nothing(line: Link, agent: FakeAgent) -> None:
    for data in (b"", b"\xff" * 50, b"\x81\xa1t\xa4join", b"\x80"):
        agent.socket.send(data)
    agent.socket.send_multipart([b"two", b"parts"])
    agent.beat()
    assert line.wait(lambda: line.agents["host0"].beat is not None, 5)
    assert line.garbage == 5 and list(line.agents) == ["host0"]


def test_a_beat_of_somebody_who_has_not_joined_is_nobodys(line: Link, agent: FakeAgent, endpoint: str) -> None:
    stranger = FakeAgent(endpoint)
    stranger.beat()
    agent.beat()
    assert line.wait(lambda: line.agents["host0"].beat is not None, 5)
    assert line.agents["host0"].line.identity != b""
    stranger.close()


def test_another_command_asks_and_is_answered(line: Link, endpoint: str) -> None:
    context = zmq.Context()
    client = context.socket(zmq.DEALER)
    client.connect(endpoint)
    client.send(clientmessages.encode(Ask(7, "do", Kill(select="50%"))))
    assert client.poll(5000)
    answer = clientmessages.decode_answer(client.recv())
    assert answer.id == 7 and answer.outcome == Outcome(do="do", t=1.0)
    context.destroy(linger=0)


def test_after_closing_nobody_waits_for_ever(line: Link, agent: FakeAgent) -> None:
    future = line.post("host0", lambda number: SetPause(number, True))
    agent.hear()
    line.close()
    assert future.cancelled()


@pytest.mark.parametrize(
    "data",
    [
        b"\x82\xa1t\xa4beat\xa1x" + b"\x91" * 200_000,  # arrays in arrays
        b"\x82\xa1t\xa4beat\xa5agent\xa2\xff\xfe",  # text that is none
        b"\xdf\xff\xff\xff\xff",  # a map of four thousand million entries
        b"\x82\xa1t\xabsuperseded\xa2id\x01\xb1coordinator_epoch\xcf" + b"\xff" * 8,  # an epoch beyond all
        b"",
    ],
)
def test_whatever_bytes_come_the_line_stands(line: Link, agent: FakeAgent, data: bytes) -> None:
    agent.socket.send(data)
    assert line.wait(lambda: line.garbage == 1, 5)
    future = line.post("host0", lambda number: SetPause(number, True))
    agent.done(agent.hear())
    assert future.result(5).ok


def test_a_host_that_names_agents_without_end_keeps_the_latest(line: Link, endpoint: str) -> None:
    talker = FakeAgent(endpoint)
    for number in range(contacts.AGENTS_MAX + 5):
        talker.name = f"attic/{number}"
        talker.join()
    assert line.wait(lambda: talker.name in line.agents, 5)
    assert len(line.agents) == contacts.AGENTS_MAX and "attic/0" not in line.agents
    talker.close()


def test_an_agent_of_another_version_is_not_taken_and_its_version_is_kept(line: Link, endpoint: str) -> None:
    stranger = FakeAgent(endpoint)
    stranger.say(Join(PROTOCOL_VERSION + 1, "host0", 1, "r", 0, 0, "", "", 9, 0, [], []))
    assert line.wait(lambda: line.misfits == {"host0": PROTOCOL_VERSION + 1}, 5)
    assert line.agents == {}
    stranger.close()
