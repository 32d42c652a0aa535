"""The clockwork of one cell in real time: one beat is one wait, and one wake if its time has come. The hot path.

    awake       waits for the agent alone until the cell's next wake, then drains its links, steps, shows, speaks once
    stretched   the same, and drains its links once a T in between, in case something has changed
    newborn     watches its links until it has heard every neighbour, so that being linked is soon a fact
    asleep      watches its links, without any timeout

It decides nothing about states: that is `cell.py`. Pauses, wiring and orders are `node.py`. Imports pyzmq by way of
`cellnode.links`, the cell and its page.
"""

from __future__ import annotations

import select
import time

from cellnode.cell import Cell
from cellnode.links import Ears, Mouth
from cellnode.page import Page
from cellnode.panel import Counter, Phase

MILLISECOND = 1_000_000
NEVER_NS = 1 << 62
NEWBORN_MAX = 4  # in T: after this long a newborn no longer waits by its links for neighbours that do not speak
CPU_NS, RECEIVED = int(Counter.CPU_NS), int(Counter.RECEIVED)  # looking one up in its enum costs more than counting


class Heart:
    """One cell between its links, its page and its mouth. `agent` is the descriptor on which the agent speaks.

    Everyone waits for a newborn's first word, so that is said at `first_ns`, within one T: an exponential clock alone
    would take up to 8 T for the slowest of thousands.
    """

    def __init__(
        self, cell: Cell, ears: Ears, page: Page, mouth: Mouth, agent: int, born_ns: int, first_ns: int
    ) -> None:
        self.cell = cell
        self._ears, self._page, self._mouth, self._agent = ears, page, mouth, agent
        self._first_wake_ns = first_ns
        self._newborn_until_ns = born_ns + NEWBORN_MAX * cell.interval_ns
        self._alone = select.poll()
        self._alone.register(agent, select.POLLIN)
        self._both = self._alone
        self.listen_anew()

    def listen_anew(self) -> None:
        """The links' sockets may be others now."""
        self._both = select.poll()
        self._both.register(self._agent, select.POLLIN)
        for descriptor in self._ears.descriptors():
            self._both.register(descriptor, select.POLLIN)

    def beat(self) -> bool:
        """Wait, and wake the cell if its time has come. True when the agent has spoken."""
        cell = self.cell
        now_ns = time.monotonic_ns()
        watching = more = False
        due_ns = self._due_ns()
        until_ns = due_ns
        held_ns = self._ears.next_due_ns
        if cell.listening or held_ns is not None or now_ns < self._newborn_until_ns:
            more = self._look(now_ns)
            due_ns, held_ns = self._due_ns(), self._ears.next_due_ns
            until_ns = due_ns
            watching = due_ns is None or now_ns < self._newborn_until_ns
            if due_ns is not None and not watching:
                # Every word of a neighbour would wake us: 8 times an update. Once a T is as soon as if awake.
                until_ns = min(due_ns, now_ns + cell.interval_ns)
            if held_ns is not None and (until_ns is None or held_ns < until_ns):
                until_ns = held_ns
            if more:
                until_ns = now_ns
        poller = self._both if watching else self._alone
        if until_ns is None:
            ready = poller.poll()
        else:
            ready = poller.poll(max(0, (until_ns - now_ns + MILLISECOND - 1) // MILLISECOND))
        if ready and (not watching or any(descriptor == self._agent for descriptor, _ in ready)):
            return True
        if due_ns is not None:
            now_ns = time.monotonic_ns()
            if now_ns >= due_ns:
                self._wake(now_ns)
        return False

    def _wake(self, now_ns: int) -> None:
        """Drain, step, show, say; in this order, so that whatever anyone has heard is on the panel already."""
        cell, page = self.cell, self._page
        self._ears.drain(cell.receive, now_ns)
        frame = cell.wake(now_ns)
        self._first_wake_ns = NEVER_NS
        if frame is None:
            return
        page.counters[CPU_NS] = time.process_time_ns()
        page.show_state(cell, time.monotonic_ns(), now_ns)
        self._mouth.send(frame)
        if page.phase is not Phase.LINKED:
            self.show_linked()

    def _look(self, now_ns: int) -> bool:
        """Take what has come between two wakes, and show what was counted; True when more may be there."""
        page = self._page
        before = page.counters[RECEIVED]
        more = self._ears.drain(self.cell.receive, now_ns)
        if page.counters[RECEIVED] != before:
            page.show_counters()
            if page.phase is not Phase.LINKED:
                self.show_linked()
        return more

    def _due_ns(self) -> int | None:
        """When to wake: as the cell says, or before, for the first word."""
        due_ns = self.cell.next_wake_ns
        return due_ns if due_ns is None or due_ns < self._first_wake_ns else self._first_wake_ns

    def show_linked(self) -> None:
        """Whether the cell has heard every neighbour that is on."""
        if self.cell.linked:
            self._page.show_phase(Phase.LINKED)
            self._newborn_until_ns = 0
        else:
            self._page.show_phase(Phase.WIRED)

    def shift(self, ns: int) -> None:
        """All clocks stood still for `ns`."""
        self.cell.shift(ns)
        self._ears.shift(ns)
        self._first_wake_ns += ns
        self._newborn_until_ns += ns
