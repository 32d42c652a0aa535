"""What the coordinator hears: one message at a time is read, known to be somebody's own, kept, and told to whom it
concerns. Garbage, and words in another's name, are counted and dropped.

Knows no socket but as the place to answer to: `say` sends. May import msgspec, cellnode's messages, and the
coordinator's contacts, gate and pending.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cellnode import hostmessages
from cellnode.hostmessages import Offer, Refused
from cellnode.messages import Beat, Done, Doors, Join, Report, Sheet, Superseded, Welcome, decode_report, encode
from coordinator.contacts import Contacts, HostLine, Line
from coordinator.gate import Gate, by_token, is_its_own
from coordinator.pending import Pending

Say = Callable[[Line, bytes], None]
Take = Callable[[Line, bytes], bool]


class Hearing:
    """`epoch` is the coordinator's own; `on_ask` takes what else may be said on this machine, and says whether it was
    understood; `on_offer` says why a host is not taken."""

    def __init__(
        self,
        contacts: Contacts,
        pending: Pending,
        say: Say,
        epoch: Callable[[], int],
        on_ask: Take,
        on_sheet: Callable[[Sheet], None] | None,
        on_offer: Callable[[Offer, HostLine | None], Refused | None] | None,
    ) -> None:
        self.garbage = 0
        self.spoofed = 0  # messages in the name of another host
        self._contacts, self._pending, self._say, self._epoch = contacts, pending, say, epoch
        self._on_ask, self._on_sheet, self._on_offer = on_ask, on_sheet, on_offer

    def local(self, line: Line, data: bytes) -> None:
        """From this machine: an agent, a host, or another command."""
        self._take(line, data, None, self._on_ask)

    def remote(self, line: Line, data: bytes, who: str | None, gate: Gate | None) -> None:
        """From elsewhere: an agent or a host. `who`: whose key it is at the other end; None: nobody had to show one."""
        if who is not None and by_token(who):
            self._enrol(line, data, who, gate)
        else:
            self._take(line, data, who, lambda _line, _data: False)

    def _take(self, line: Line, data: bytes, who: str | None, otherwise: Take) -> None:
        try:
            report = decode_report(data)
        except msgspec.DecodeError:
            self._take_offer(line, data, who, otherwise)
            return
        if who is None or is_its_own(report, who, self._pending.whom):
            self._take_report(line, report)
        else:
            self.spoofed += 1

    # ---- agents

    def _take_report(self, line: Line, report: Report) -> None:
        if isinstance(report, Join):
            self._joined(line, report)
        elif isinstance(report, Done):
            self._pending.done(report)
        elif isinstance(report, Superseded):
            self._pending.superseded(report)
        else:
            self._told(line, report)

    def _joined(self, line: Line, join: Join) -> None:
        if self._contacts.join(line, join):
            self._say(line, encode(Welcome(self._epoch())))
            self._pending.repeat()  # it may have missed them

    def _told(self, line: Line, report: Beat | Doors | Sheet) -> None:
        agent = self._contacts.heard(report.agent, line)
        if agent is None:
            return
        if isinstance(report, Beat):
            agent.beat = report
        elif isinstance(report, Doors):
            agent.doors = report
        elif self._on_sheet is not None:
            self._on_sheet(report)

    # ---- hosts

    def _take_offer(self, line: Line, data: bytes, who: str | None, otherwise: Take) -> None:
        try:
            offer = hostmessages.decode_offer(data)
        except msgspec.DecodeError:
            self.garbage += not otherwise(line, data)
            return
        if self._on_offer is None:
            self.garbage += 1
            return
        if who is not None and offer.host != who:
            self.spoofed += 1
            line_back = f"the key is that of host {who!r}, not of {offer.host!r}: say --name {who}"
            self._say(line, hostmessages.encode(Refused(line_back, True)))
            return
        if not self._contacts.has_room(offer.host):
            self.garbage += 1
            return
        refused = self._on_offer(offer, self._contacts.hosts.get(offer.host))
        if refused is not None:
            self._say(line, hostmessages.encode(refused))
            return
        self._contacts.offer(line, offer)
        if offer.coordinator_epoch < self._epoch():
            self._say(line, encode(Welcome(self._epoch())))

    def _enrol(self, line: Line, data: bytes, who: str, gate: Gate | None) -> None:
        """All that a token is good for."""
        answer = None if gate is None else gate.enrol(who, data, self._contacts.is_heard)
        if answer is None:
            self.garbage += 1
        else:
            self._say(line, answer)
