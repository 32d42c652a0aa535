"""All faults of a run: begins them, ends them when their time is up, and remembers those that are over.

Time is passed in, in T. May import coordinator.faults and numpy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coordinator.actions import FaultReport
from coordinator.faults import KINDS, Fault, Record, Target, restore
from firmware_sim.errors import BadInput

FINISHED_KEPT = 200


class Board:
    """The faults of one swarm; `changed` is called with all records whenever one begins or ends, to store them."""

    def __init__(self, target: Target, changed: Callable[[int, list[Record]], None]) -> None:
        self._target, self._changed = target, changed
        self._faults: dict[int, Fault] = {}
        self.next_id = 1

    def adopt(self, records: list[Record], next_id: int) -> None:
        """Go on with the faults that an earlier coordinator stored."""
        self.next_id = next_id
        for record in records:
            fault = self._faults[record.id] = restore(record)
            if not fault.finished:
                fault.adopt(self._target)

    def inject(
        self,
        kind: str,
        selector: str,
        cells: list[int],
        parameters: dict[str, float],
        start: float,
        duration: float | None,
        rng_seed: int,
    ) -> Fault:
        """Begin a fault on these cells."""
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
        )
        fault = KINDS[kind](record)
        self._faults[number] = fault
        self._store()  # before it begins: a successor must be able to heal it
        fault.apply(self._target)
        if fault.instant:
            fault.heal()
            self._store()
        return fault

    def due(self, t: float) -> list[Fault]:
        """Faults whose time is up at `t`."""
        return [fault for fault in self._active() if (end := fault.ends_at()) is not None and end <= t]

    def next_end(self) -> float | None:
        """When the next fault ends by itself, in T."""
        return min((end for fault in self._active() if (end := fault.ends_at()) is not None), default=None)

    def heal(self, fault_id: int | None) -> list[Fault]:
        """End one fault, or all. Cells that another crash still holds down stay down."""
        if fault_id is not None and fault_id not in self._faults:
            known = ", ".join(map(str, self._faults)) or "none"
            raise BadInput(f"fault {fault_id} is unknown, this run has: {known}")
        healed = [fault for fault in self._active() if fault_id in (None, fault.record.id)]
        for fault in healed:
            fault.heal()
        held = [fault.cells for fault in self._active() if fault.kind == "crash"]
        if healed and held and any(fault.kind == "crash" for fault in healed):
            self._target.power(np.unique(np.concatenate(held)), False)
        self._store()
        return healed

    def reports(self) -> list[FaultReport]:
        return [fault.report() for fault in self._faults.values()]

    def _active(self) -> list[Fault]:
        return [fault for fault in self._faults.values() if not fault.finished]

    def _store(self) -> None:
        over = [number for number, fault in self._faults.items() if fault.finished]
        for number in over[:-FINISHED_KEPT]:
            del self._faults[number]
        self._changed(self.next_id, [fault.stored() for fault in self._faults.values()])
