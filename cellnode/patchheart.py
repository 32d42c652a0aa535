"""The clockwork of one patch in real time: a tick lets its realm live up to now, says what is to be said, and hears.

    something due   ticks `TICKS` times an interval; each wake still happens at its own moment, see `Realm.run`
    nothing due     sleeps until the first event, or until another patch speaks; never more often than it would tick

It decides nothing about states. Time is passed in; what it says and hears goes through what it is given. Imports the
realm, the pages and the panel's counters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cellnode.panel import Counter, Phase
from cellnode.patchpages import PatchPages
from cellnode.realm import Realm

TICKS = 20  # an interval: a word reaches another patch within T / 10, half of it on the average
TICK_MIN_NS = 2_000_000

Say = Callable[[Sequence[int], bytes], None]
Drain = Callable[[], list[bytes]]


class PatchHeart:
    """One realm between its sockets and its pages. `cpu_ns`: what the process has used, to be shared out."""

    def __init__(self, realm: Realm, pages: PatchPages, say: Say, drain: Drain, cpu_ns: Callable[[], int]) -> None:
        self.realm = realm
        self._pages, self._say, self._drain, self._cpu_ns = pages, say, drain, cpu_ns
        self._listeners = [
            tuple(peer for peer in realm.layout.peers if index in set(realm.layout.speaks[peer].tolist()))
            for index in range(realm.count)
        ]
        self._booked_ns = cpu_ns()
        self._all_linked = False
        self.stood_ns = 0  # for so long all clocks stood still: a realm's time is that much behind

    @property
    def tick_ns(self) -> int:
        return max(TICK_MIN_NS, self.realm.interval_ns // TICKS)

    def stand(self, ns: int) -> None:
        """All clocks stood still for `ns`."""
        self.stood_ns += ns
        self._pages.later_ns = self.stood_ns
        self.realm.side.shown_later(self.stood_ns)

    def tick(self, now_ns: int) -> int | None:
        """Live up to now; when the next tick is due, None if only a word from outside could be a reason."""
        self._book()
        for index, frame in self.realm.run(now_ns - self.stood_ns):
            self._say(self._listeners[index], frame)
        messages = self._drain()
        if messages:
            self.realm.hear(messages)
        if not self._all_linked:
            self.show_linked()
        event_ns = self.realm.next_event_ns
        if event_ns is None:
            return None
        return max(now_ns + self.tick_ns, event_ns + self.stood_ns)

    def show_linked(self) -> None:
        """Whether each cell has met every neighbour that is on."""
        linked, powered = self.realm.linked, self.realm.lives > 0
        self._all_linked = bool((linked | ~powered).all())
        self._pages.show_phases(Phase.WIRED, linked, powered)

    def look_anew(self) -> None:
        """Somebody may have come or gone."""
        self._all_linked = False

    def _book(self) -> None:
        """Share what the process has used among its cells: so each page says what its cell costs."""
        powered = np.flatnonzero(self.realm.lives > 0)
        used_ns = self._cpu_ns() - self._booked_ns
        if len(powered) and used_ns >= len(powered):
            share = used_ns // len(powered)
            self._booked_ns += share * len(powered)
            self.realm.side.add(Counter.CPU_NS, powered, share)
