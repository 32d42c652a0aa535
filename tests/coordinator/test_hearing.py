"""What the coordinator makes of a message, without a socket: whose it is, who is told, and what is only counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from cellnode import hostmessages
from cellnode.hostmessages import Offer, Refused
from cellnode.messages import (
    PROTOCOL_VERSION,
    Beat,
    Done,
    Doors,
    Join,
    Report,
    SetPause,
    Sheet,
    Superseded,
    Welcome,
    encode,
)
from coordinator import contacts
from coordinator.contacts import Contacts, HostLine, Line
from coordinator.gate import is_its_own
from coordinator.hearing import Hearing
from coordinator.pending import Pending

OFFER = Offer(PROTOCOL_VERSION, "attic", "1", 1, "", "127.0.0.1", 10, 0)


class Ear:
    """A hearing with nobody behind it: what it said, and what it passed on."""

    def __init__(self, line: Line) -> None:
        self.line, self.said = line, list[bytes]()
        self.asked, self.sheets = list[bytes](), list[Sheet]()
        self.refusal: Refused | None = None
        self.contacts, self.pending = Contacts(), Pending()
        self.hearing = Hearing(
            self.contacts, self.pending, self._say, lambda: 3, self._ask, self.sheets.append, self._offered
        )

    def _say(self, line: Line, data: bytes) -> None:
        assert line == self.line
        self.said.append(data)

    def _ask(self, _line: Line, data: bytes) -> bool:
        self.asked.append(data)
        return data == b"a question"

    def _offered(self, _offer: Offer, _known: HostLine | None) -> Refused | None:
        return self.refusal

    def here(self, data: bytes) -> None:
        self.hearing.local(self.line, data)

    def there(self, data: bytes, who: str | None = "attic") -> None:
        self.hearing.remote(self.line, data, who, None)


@pytest.fixture
def ear() -> Iterator[Ear]:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        yield Ear(Line(router, b"1"))


def join(name: str, pid: int = 1) -> bytes:
    return encode(Join(PROTOCOL_VERSION, name, pid, "r", 0, 4, "", "", 9, 0, [], []))


def beat(name: str) -> Beat:
    return Beat(name, "running", 4, 4, 4, 4, 4, 0, 0, 1, 0)


def test_questions_are_taken_on_this_machine_alone(ear: Ear) -> None:
    ear.here(b"a question")
    assert (ear.asked, ear.hearing.garbage) == ([b"a question"], 0)
    ear.there(b"a question")
    assert (len(ear.asked), ear.hearing.garbage) == (1, 1)


def test_what_is_neither_report_nor_offer_nor_question_is_counted(ear: Ear) -> None:
    ear.here(b"noise")
    ear.there(b"noise")
    assert ear.hearing.garbage == 2 and ear.said == []


def test_words_in_another_s_name_are_counted_and_an_offer_is_told_its_own(ear: Ear) -> None:
    ear.there(encode(beat("shed/4")))
    ear.there(hostmessages.encode(OFFER), who="shed")
    assert ear.hearing.spoofed == 2 and ear.contacts.hosts == {}
    reason = "the key is that of host 'shed', not of 'attic': say --name shed"
    assert ear.said == [hostmessages.encode(Refused(reason, True))]


def test_an_offer_that_is_refused_is_told_why_and_not_kept(ear: Ear) -> None:
    ear.refusal = Refused("no room", False)
    ear.there(hostmessages.encode(OFFER))
    assert ear.said == [hostmessages.encode(ear.refusal)] and ear.contacts.hosts == {}
    ear.refusal = None
    ear.there(hostmessages.encode(OFFER))
    assert ear.said[1:] == [encode(Welcome(3))] and set(ear.contacts.hosts) == {"attic"}


def test_hosts_beyond_those_that_can_be_known_are_counted(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "HOSTS_MAX", 1)
    ear.there(hostmessages.encode(OFFER))
    ear.there(hostmessages.encode(Offer(PROTOCOL_VERSION, "shed", "1", 1, "", "", 10, 0)), who="shed")
    assert set(ear.contacts.hosts) == {"attic"} and ear.hearing.garbage == 1


def test_sheets_and_beats_count_only_of_an_agent_that_has_joined(ear: Ear) -> None:
    sheet = Sheet("attic/4", 4, 1, 0, 0, b"", b"")
    ear.there(encode(sheet))
    assert ear.sheets == []
    ear.there(join("attic/4"))
    ear.there(encode(sheet))
    ear.there(encode(beat("attic/4")))
    assert ear.sheets == [sheet] and ear.contacts.agents["attic/4"].beat == beat("attic/4")


def test_a_newcomer_is_welcomed_and_hears_again_what_it_may_have_missed(ear: Ear) -> None:
    ear.pending.post("attic/4", 3, lambda number: encode(SetPause(number, True)))
    (order,) = ear.pending.due(100.0)
    order.sent_at_s = 100.0
    assert ear.pending.due(100.1) == []
    ear.there(join("attic/4"))
    assert ear.said == [encode(Welcome(3))] and ear.pending.due(100.1) == [order]


@pytest.mark.parametrize(
    ("report", "own"),
    [
        (Beat("attic/4", "running", 4, 4, 4, 4, 4, 0, 0, 1, 0), True),
        (Beat("shed/4", "running", 4, 4, 4, 4, 4, 0, 0, 1, 0), False),
        (Sheet("attic/4", 4, 1, 0, 0, b"", b""), True),
        (Sheet("attic/4", 5, 1, 0, 0, b"", b""), False),
        (Doors("attic/4", 5, []), False),
        (Done(1, True, agent="attic/4"), True),
        (Done(2, True, agent="attic/4"), False),
        (Done(3, True, agent="attic/4"), True),
        (Done(1, True, agent="shed/5"), False),
        (Superseded(1, 9), True),
        (Superseded(2, 9), False),
    ],
)
def test_a_host_speaks_of_its_own_blocks_and_answers_what_it_was_asked(report: Report, own: bool) -> None:
    asked = {1: "attic/4", 2: "shed/5"}
    assert is_its_own(report, "attic", asked.get) is own
