"""All faults of a run: begins them, ends them when their time is up, and remembers those that are over.

Time is passed in, in T. May import coordinator.faults and numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cellnode.messages import RulePayload
from coordinator.actions import FaultReport
from coordinator.faults import KINDS, Fault, Record, Target, restore
from firmware_sim.errors import BadInput

FINISHED_KEPT = 200


class Board:
    """The faults of one swarm; `changed` is called with all records whenever one begins or ends, to store them, and
    `tell` with what became of one."""

    def __init__(
        self,
        target: Target,
        changed: Callable[[int, list[Record]], None],
        tell: Callable[[FaultReport], None] = lambda _report: None,
    ) -> None:
        self._target, self._changed, self._tell = target, changed, tell
        self._faults: dict[int, Fault] = {}
        self.next_id = 1

    def adopt(self, records: list[Record], next_id: int) -> None:
        """Go on with the faults that an earlier coordinator stored."""
        self.next_id = next_id
        for record in records:
            fault = self._faults[record.id] = restore(record)
            if not fault.finished:
                fault.adopt(self._target)
                if fault.finished:  # that a successor adopts it is all it was about
                    self._store()
                    self._tell(fault.report())

    def take_id(self) -> int:
        """A number for something that is to be known beside the faults, and healed by it."""
        number, self.next_id = self.next_id, self.next_id + 1
        self._store()
        return number

    def inject(
        self,
        kind: str,
        selector: str,
        cells: list[int],
        parameters: dict[str, Any],
        start: float,
        duration: float | None,
        rng_seed: int,
        slots: list[int] | None = None,
        rule: RulePayload | None = None,
    ) -> Fault:
        """Begin a fault on these cells."""
        if KINDS[kind].alone and (others := [fault for fault in self._active() if fault.kind == kind]):
            raise BadInput(f"fault {kind}: fault {others[0].record.id} is one already; heal it first")
        number, self.next_id = self.next_id, self.next_id + 1
        record = Record(
            id=number,
            kind=kind,
            selector=selector,
            parameters=parameters,
            start=start,
            duration=duration,
            rng_seed=rng_seed,
            cells=cells,
            slots=slots or [],
            rule=rule,
        )
        fault = KINDS[kind](record)
        self._faults[number] = fault
        self._store()  # before it begins: a successor must be able to heal it
        fault.apply(self._target)
        self._tell(fault.report())
        if fault.instant:
            fault.heal()
            self._store()
            self._tell(fault.report())
        return fault

    def due(self, t: float) -> list[Fault]:
        """Faults whose time is up at `t`."""
        return [fault for fault in self._active() if (end := fault.ends_at()) is not None and end <= t]

    def next_end(self) -> float | None:
        """When the next fault ends by itself, in T."""
        return min((end for fault in self._active() if (end := fault.ends_at()) is not None), default=None)

    def next_change(self, t: float) -> float | None:
        """When after `t` a fault has something to do or ends, in T."""
        moments = [fault.next_change(t) for fault in self._active()]
        moments.append(self.next_end())
        return min((moment for moment in moments if moment is not None and moment > t), default=None)

    def change(self, t: float) -> None:
        """Let faults do what is due at `t`."""
        for fault in self._active():
            fault.change(t)

    def heal(self, fault_id: int | None, t: float | None = None) -> list[Fault]:
        """End one fault, or all, at `t`. Cells that another crash still holds down stay down."""
        if fault_id is not None and fault_id not in self._faults:
            raise BadInput(f"fault {fault_id} is unknown, this run has: {self.known}")
        healed = [fault for fault in self._active() if fault_id in (None, fault.record.id)]
        releases = [fault.holds_off().size for fault in healed]
        for fault in healed:
            end = fault.ends_at()
            fault.heal(by_order=t is None or end is None or t < end)
        held = [fault.holds_off() for fault in self._active()]
        if held and any(releases) and (cells := np.unique(np.concatenate(held))).size:
            self._target.power(cells, False)
        self._store()
        for fault in healed:
            self._tell(fault.report())
        return healed

    def going_on(self) -> tuple[str, ...]:
        """Those that are not over, in words."""
        return tuple(f"{fault.kind} on {fault.record.selector}" for fault in self._active())

    def unproven(self, t: float) -> list[FaultReport]:
        """Faults that have hit nothing, though they are over or had a T to hit: with them a run proves nothing."""
        return [report for report in self.reports() if not report.hits and (report.over or t >= report.start + 1)]

    @property
    def known(self) -> str:
        """The ids of this run's faults, for messages."""
        return ", ".join(map(str, self._faults)) or "none"

    def reports(self) -> list[FaultReport]:
        """What all of them have done; may be asked from any thread while another begins or ends one."""
        return [fault.report() for fault in self._now()]

    def _now(self) -> list[Fault]:
        return list(self._faults.values())  # in one step, which no other thread can come between

    def _active(self) -> list[Fault]:
        return [fault for fault in self._now() if not fault.finished]

    def _store(self) -> None:
        over = [number for number, fault in self._faults.items() if fault.finished]
        for number in over[:-FINISHED_KEPT]:
            del self._faults[number]
        seen = cast(Target, _OneLook(self._target))
        self._changed(self.next_id, [fault.stored(seen) for fault in self._faults.values()])


class _OneLook:
    """A target whose counters are read once, however many faults ask for them."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    @cached_property
    def _read(self) -> NDArray[np.uint64]:
        return self._target.totals()

    def totals(self) -> NDArray[np.uint64]:
        return self._read
