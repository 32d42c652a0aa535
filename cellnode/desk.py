"""The agent's desk: commands of the coordinator come in, exactly one answer to each goes out when its cells have
acknowledged.

It obeys the highest coordinator epoch it has seen (the upper half of a command's id) and answers lower ones
`Superseded`. A command that comes twice is carried out once and answered again. It holds no socket; `Host` does the
work. May import everything in `cellnode` below the agent.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cellnode.celltable import Indices, check_family, name_some
from cellnode.control import POKES, CellPoke
from cellnode.draws import MEAN_MAX_NS
from cellnode.linkfault import check as check_fault
from cellnode.mailbox import legal_values
from cellnode.messages import (
    Command,
    Done,
    Fit,
    Freeze,
    Place,
    Poke,
    Power,
    Report,
    SetFaults,
    SetInterval,
    SetPause,
    Superseded,
    Wire,
)
from cellnode.patchhost import AnyHost
from firmware_sim.errors import BadInput

SECOND = 1_000_000_000
PATIENCE_NS = 10 * SECOND  # for cells to acknowledge; a launch has deadlines of its own
REMEMBERED = 512  # answers kept for commands that come twice


@dataclass(frozen=True, slots=True)
class Pending:
    """A command under way: `left()` are the cells it still waits for; answered when none is, or at the deadline."""

    id: int
    deadline_ns: int
    left: Callable[[], list[int]]
    hopeless: Callable[[], bool]  # waiting longer cannot help
    missed: Callable[[], list[int]]  # those who did not acknowledge, asked once, at the end
    later_is_good: bool = False  # stopped cells are named, but they will hear it: that is no failure


class Desk:
    """What is under way, what was answered, and whom to obey."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self.coordinator_epoch = 0
        self._pending: dict[int, Pending] = {}
        self._answers: OrderedDict[int, Done] = OrderedDict()
        self.reports: list[Report] = []  # to send

    def admits(self, command: Command) -> bool:
        """Whether to carry the command out: not of an outdated coordinator, not for the second time."""
        epoch = command.id >> 32
        if epoch < self.coordinator_epoch:
            self.reports.append(Superseded(command.id, self.coordinator_epoch))
            return False
        self.coordinator_epoch = epoch
        if command.id in self._answers:
            self.reports.append(self._answers[command.id])
        return command.id not in self._answers and command.id not in self._pending

    def greets(self, epoch: int) -> bool:
        """Whether a `Welcome` of this coordinator epoch is from the one to obey."""
        if epoch < self.coordinator_epoch:
            self.reports.append(Superseded(0, self.coordinator_epoch))
            return False
        self.coordinator_epoch = epoch
        return True

    def answer(self, id: int, error: str = "", missing: list[int] | None = None) -> None:
        """The one answer; `ok` when there is no error."""
        done = Done(id, not error, error, missing or [], self._agent)
        self._pending.pop(id, None)
        self._answers[id] = done
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        self.reports.append(done)

    @property
    def waiting(self) -> bool:
        return bool(self._pending)

    def abandon(self, error: str) -> None:
        """Nothing under way can come to its end: the placement is gone."""
        for id in list(self._pending):
            self.answer(id, error)

    # ---- commands

    def obey(self, command: Command, host: AnyHost | None, now_ns: int) -> None:
        """Begin to carry out anything but `Place` and `Stop`, which are the agent's own."""
        try:
            if host is None:
                raise BadInput("agent has no placement, send one first")
            self._begin(command, host, now_ns)
        except BadInput as error:
            self.answer(command.id, str(error))

    def placed(self, command: Place, host: AnyHost, now_ns: int) -> None:
        """A placement is under way: done when its launch has come to its end, however many came up."""
        everyone: Indices = host.table.indices(command.placement.cells)

        def launching() -> list[int]:
            return [0] if host.launching else []

        def missed() -> list[int]:
            return host.table.numbers(host.not_running(everyone[host.table.on[everyone]]))

        self._pending[command.id] = Pending(
            command.id, now_ns + 3600 * SECOND, launching, lambda: bool(host.error), missed
        )

    def _begin(self, command: Command, host: AnyHost, now_ns: int) -> None:
        table, id = host.table, command.id
        if isinstance(command, Power):
            indices = table.indices(command.cells)
            if command.on:
                host.power_on(indices, now_ns)
                self._await(id, host, lambda: host.not_running(indices), lambda: host.hopeless(indices), now_ns, 3600)
            else:
                host.power_off(indices)
                self._await(id, host, lambda: indices[table.alive[indices]], _never, now_ns)
        elif isinstance(command, Fit):
            indices = table.indices(command.cells)
            if command.rule is not None:
                check_family(host.placement, command.rule)
            host.fit(indices, command.rule, now_ns)
            self._await(id, host, lambda: host.not_running(indices), lambda: host.hopeless(indices), now_ns, 3600)
        elif isinstance(command, Freeze):
            indices = table.indices(command.cells)
            running = table.pid[indices] > 0
            host.freeze(id, indices, command.frozen)
            off = table.numbers(indices[~running])
            self._pending[id] = Pending(
                id,
                now_ns + PATIENCE_NS,
                lambda: [] if id in host.signalled else [0],
                _never,
                lambda: off if id in host.signalled else table.numbers(indices),
            )
        elif isinstance(command, Poke):
            self._poke(command, host, now_ns)
        elif isinstance(command, SetInterval):
            if not 1 <= command.interval_ns <= MEAN_MAX_NS:
                raise BadInput(f"interval is {command.interval_ns} ns, expected 1..{MEAN_MAX_NS}")
            host.wanted.set_interval(command.interval_ns)
            self._await_knowledge(id, host, now_ns)
        elif isinstance(command, SetPause):
            host.wanted.set_paused(command.paused)
            self._await_knowledge(id, host, now_ns)
        elif isinstance(command, SetFaults):
            host.wanted.set_faults([check_fault(fault) for fault in command.faults])
            self._await_knowledge(id, host, now_ns)
        elif isinstance(command, Wire):
            host.wanted.set_doors(command.doors)
            self._await_knowledge(id, host, now_ns)

    def _poke(self, command: Poke, host: AnyHost, now_ns: int) -> None:
        if command.kind not in POKES:
            raise BadInput(f"poke {command.kind!r} is unknown, expected one of {', '.join(POKES)}")
        size = host.table.state_size
        if command.kind == "seed" and len(command.state) != size:
            raise BadInput(f"seed state is {len(command.state)} bytes, expected {size} for this engine")
        if command.kind == "seed" and not legal_values(command.state, size):
            raise BadInput("seed state holds a value that no cell can have (NaN, infinite, or -128)")
        indices = host.table.indices(command.cells)
        host.pokes.add(CellPoke(command.id, command.kind, command.state), indices.tolist())
        self._pending[command.id] = Pending(
            command.id,
            now_ns + PATIENCE_NS,
            lambda: list(host.pokes.waiting[command.id]),
            _never,
            lambda: host.table.numbers(sorted(host.pokes.close(command.id))),
        )

    def _await(
        self,
        id: int,
        host: AnyHost,
        left: Callable[[], Indices],
        hopeless: Callable[[], bool],
        now_ns: int,
        patience_s: int = 10,
    ) -> None:
        def numbers() -> list[int]:
            return host.table.numbers(left())

        self._pending[id] = Pending(id, now_ns + patience_s * SECOND, numbers, hopeless, numbers)

    def _await_knowledge(self, id: int, host: AnyHost, now_ns: int) -> None:
        """Every running cell shows the wanted state; stopped ones are named at once, they hear it when they go on."""
        table, wanted = host.table, host.wanted

        def behind(frozen: bool) -> list[int]:
            mask = wanted.behind() & (table.frozen if frozen else ~table.frozen)
            return table.numbers(np.flatnonzero(mask))

        self._pending[id] = Pending(
            id, now_ns + PATIENCE_NS, lambda: behind(False), _never, lambda: behind(False) + behind(True), True
        )

    def tick(self, now_ns: int) -> None:
        """Answer whatever has come to its end."""
        for pending in list(self._pending.values()):
            if not pending.left():
                missed = pending.missed()
                self.answer(pending.id, "" if pending.later_is_good else _complaint(missed), missed)
            elif pending.hopeless() or now_ns >= pending.deadline_ns:
                missed = pending.missed()
                self.answer(pending.id, _complaint(missed) or "not done in time", missed)


def _never() -> bool:
    return False


def _complaint(missed: list[int]) -> str:
    return f"{len(missed)} cells have not acknowledged: {name_some(missed)}" if missed else ""
