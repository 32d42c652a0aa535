"""The staged launch of a batch of cells: fork all, bind all, connect all, start all; a barrier after each, with a
deadline.

Cells that connect while others still fork slow everyone down, so nobody passes a barrier before all are ready or given
up. A cell that dies on the way, or is neither ready nor dead at a deadline, is started again a few times. A state
machine only: time and the cells' phases are passed in, and what to fork or kill is handed back. Imports numpy and
`cellnode.panel`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Phase

SECOND = 1_000_000_000
RETRY_PAUSE_NS = SECOND // 5  # before a dead cell is forked again: whatever killed it may pass

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Stage(IntEnum):
    """What the batch is waiting for: every member to be at least in this phase."""

    FORKING = Phase.BORN
    BINDING = Phase.BOUND
    CONNECTING = Phase.WIRED
    LINKING = Phase.LINKED
    FINISHED = 9


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stage of `n` cells may take: base + n x each."""

    base_ns: int = 10 * SECOND
    each_ns: int = SECOND // 50  # about five times what a cell takes on a busy machine

    def of(self, cells: int) -> int:
        return self.base_ns + cells * self.each_ns


@dataclass(slots=True)
class Orders:
    """What the owner of the processes is to do now; members are given as indices of cells."""

    fork: list[int] = field(default_factory=list)
    kill: list[int] = field(default_factory=list)
    wire: bool = False  # all are bound: tell them their links, and their neighbours of them
    start: bool = False  # all are connected: let their clocks tick
    given_up: list[int] = field(default_factory=list)


class Launch:
    """One batch on its way up. `retries`: how often a member is started again before it is given up."""

    def __init__(self, members: Indices, now_ns: int, *, retries: int, patience: Patience) -> None:
        self.members = np.array(members, np.intp)
        self.stage = Stage.FORKING
        self.retries = retries
        self._patience = patience
        self._forks = np.zeros(len(members), np.int64)  # how often each was forked by this launch
        self._not_before = np.zeros(len(members), np.int64)
        self._gone = np.zeros(len(members), np.bool_)  # given up, or dropped
        self._overruns = 0
        self._deadline_ns = now_ns + patience.of(len(members))

    def drop(self, indices: Indices) -> None:
        """These are no longer this launch's business (they were switched off)."""
        self._gone |= np.isin(self.members, indices)

    @property
    def present(self) -> Indices:
        """The members that this launch still looks after."""
        return self.members[~self._gone]

    def holds(self, cells: int) -> Mask:
        """The same as a mask over all `cells`."""
        mask = np.zeros(cells, np.bool_)
        mask[self.present] = True
        return mask

    def step(self, now_ns: int, phase: NDArray[np.uint32], alive: Mask) -> Orders:
        """Go as far as the facts allow. `phase` and `alive` are of ALL cells, by index; a cell without a process, or
        with one that is being killed, has phase OFF; `alive` says that a process exists or was asked for."""
        orders = Orders()
        self._refork(now_ns, alive[self.members], orders)
        while self.stage is not Stage.FINISHED:
            waiting = (phase[self.members] < self.stage) & ~self._gone
            if waiting.any() and not self._out_of_time(now_ns, waiting, alive[self.members], orders):
                break
            self._pass(now_ns, orders)
        return orders

    def _refork(self, now_ns: int, alive: Mask, orders: Orders) -> None:
        dead = ~alive & ~self._gone
        if not dead.any():
            return
        lost = dead & (self._forks > self.retries)
        self._gone |= lost
        orders.given_up += self.members[lost].tolist()
        again = dead & ~lost & (self._not_before <= now_ns)
        self._forks[again] += 1
        self._not_before[again] = now_ns + RETRY_PAUSE_NS
        orders.fork += self.members[again].tolist()

    def _out_of_time(self, now_ns: int, waiting: Mask, alive: Mask, orders: Orders) -> bool:
        """Whether the stage is over although some are not ready; kills the undecided where starting again can help."""
        if now_ns < self._deadline_ns:
            return False
        if self.stage >= Stage.CONNECTING:
            return True
        self._overruns += 1
        if self._overruns > self.retries + 1:  # something that cannot even be killed
            self._gone |= waiting
            orders.given_up += self.members[waiting].tolist()
            return True
        orders.kill += self.members[waiting & alive].tolist()
        self._deadline_ns = now_ns + self._patience.of(int(waiting.sum()))
        return False

    def _pass(self, now_ns: int, orders: Orders) -> None:
        orders.wire |= self.stage is Stage.BINDING
        orders.start |= self.stage is Stage.CONNECTING
        following = {
            Stage.FORKING: Stage.BINDING,
            Stage.BINDING: Stage.CONNECTING,
            Stage.CONNECTING: Stage.LINKING,
            Stage.LINKING: Stage.FINISHED,
        }
        self.stage = following[self.stage]
        self._deadline_ns = now_ns + self._patience.of(len(self.members))
