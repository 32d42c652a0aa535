"""Looking at hosts: each is asked for a sheet, and no more until that has come, or must have been lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cellnode.messages import Placement, RulePayload, Sheet
from cellnode.runtime import Runtime
from coordinator.hosts import lookout as module
from coordinator.hosts.lookout import Lookout
from coordinator.hosts.steward import Steward
from coordinator.link import Link

AGENT = "h1/2"
RULE = RulePayload("chip", "ab" * 32, b"", 16, 4, {}, 0.0)
PLACEMENT = Placement("7e57ab1e", 0, 2, 2, False, [0, 1, 2, 3], RULE, 1, 1, 1_000_000)


class Hosts:
    """One agent, which answers when a test says so."""

    def __init__(self) -> None:
        self.agents = {AGENT: None}
        self.questions: list[int] = []

    def show(self, agent: str, asked_ns: int, base: int) -> None:
        assert (agent, base) == (AGENT, 0)
        self.questions.append(asked_ns)


@pytest.fixture
def lookout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lookout]:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    found = Lookout(Runtime(tmp_path), PLACEMENT)
    yield found
    found.close()


def look(lookout: Lookout, hosts: Hosts) -> None:
    steward: Any = SimpleNamespace(posts={2: SimpleNamespace(silent=False, tenure=SimpleNamespace(agent=AGENT))})
    lookout.look(cast(Link, hosts), cast(Steward, steward))


def answer(lookout: Lookout, asked_ns: int, left: int = 0) -> None:
    lookout.take(Sheet(AGENT, 2, 1, asked_ns, 0, b"", b"", 1, left))


def test_who_owes_an_answer_is_asked_again_only_when_it_has_come(lookout: Lookout) -> None:
    hosts = Hosts()
    look(lookout, hosts)
    look(lookout, hosts)
    assert len(hosts.questions) == 1
    answer(lookout, hosts.questions[0])
    look(lookout, hosts)
    assert len(hosts.questions) == 2


def test_an_answer_from_before_the_look_is_followed_by_a_question_within_it(
    lookout: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Hosts()
    look(lookout, hosts)
    monkeypatch.setattr(module, "LOOK_S", 20.0)
    looking = threading.Thread(target=look, args=(lookout, hosts))
    looking.start()
    answer(lookout, hosts.questions[0])
    while len(hosts.questions) < 2 and looking.is_alive():
        looking.join(0.01)
    assert looking.is_alive(), "it waits for what is newer than itself"
    answer(lookout, hosts.questions[1])
    looking.join(10)
    assert not looking.is_alive()


def test_a_look_goes_on_asking_until_all_pages_were_looked_at_since_it_began(
    lookout: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Hosts()
    look(lookout, hosts)
    answer(lookout, hosts.questions[0], left=1)  # a round that an earlier look has begun
    monkeypatch.setattr(module, "LOOK_S", 20.0)
    looking = threading.Thread(target=look, args=(lookout, hosts))
    looking.start()
    for number, left in ((1, 0), (2, 2), (3, 0)):
        while len(hosts.questions) <= number and looking.is_alive():
            looking.join(0.01)
        assert looking.is_alive(), "the rest of that round, and another one"
        answer(lookout, hosts.questions[number], left)
    looking.join(10)
    assert not looking.is_alive() and len(hosts.questions) == 4


def test_a_host_that_never_comes_to_an_end_is_not_waited_for(
    lookout: Lookout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.5)  # enough for a thread to be started twice
    hosts = Hosts()
    asked = hosts.show

    def show(agent: str, asked_ns: int, base: int) -> None:
        asked(agent, asked_ns, base)
        threading.Thread(target=answer, args=(lookout, asked_ns, 1)).start()

    hosts.show = show  # type: ignore[method-assign]
    look(lookout, hosts)
    assert len(hosts.questions) > 1


def test_a_question_that_was_lost_is_asked_again(lookout: Lookout, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Hosts()
    look(lookout, hosts)
    monkeypatch.setattr(module, "OWED_NS", 0)
    look(lookout, hosts)
    assert len(hosts.questions) == 2
