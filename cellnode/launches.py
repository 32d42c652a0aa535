"""All launches of one host that are under way, and who is started again after a death: a launch, `supervision`, or
nobody.

Counts units: what one process carries, a cell or a patch. The first launch, and the one after a lost zygote, is of
everything; how far that is is how far the host is. Forks and kills nothing itself. Imports numpy, cellnode.launch and
cellnode.supervision.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cellnode.launch import Indices, Launch, Mask, Orders, Patience, Stage
from cellnode.supervision import Supervision

RETRIES = 3  # how often a launch starts a dead unit again
PHASE_NAMES = {
    Stage.FORKING: "forking",
    Stage.BINDING: "binding",
    Stage.CONNECTING: "linking",
    Stage.LINKING: "linking",
    Stage.FINISHED: "running",
}


class Launches:
    """Of so many units, given by index; `patience`: how long a stage may take, None: as cells do."""

    def __init__(self, units: int, patience: Patience | None = None) -> None:
        self._units = units
        self._supervision = Supervision(units)
        self._launches: list[Launch] = []
        self._whole: Launch | None = None
        self._patience = patience or Patience()

    # ---- what is wanted

    def begin(self, units: Indices, now_ns: int) -> None:
        """Everything that is wanted on is to come up."""
        self._whole = Launch(units, now_ns, retries=RETRIES, patience=self._patience)
        self._launches = [self._whole]

    def start(self, units: Indices, now_ns: int) -> None:
        """These are to come up, too; their earlier deaths are forgiven."""
        self._forgive(units)
        if len(units):
            self._launches.append(Launch(units, now_ns, retries=RETRIES, patience=self._patience))

    def drop(self, units: Indices) -> None:
        """These are not wanted any more."""
        for launch in self._launches:
            launch.drop(units)
        self._forgive(units)

    def reset(self, units: Indices) -> None:
        """The zygote is lost and these with it: nothing is under way until `begin`."""
        self._forgive(units)
        self._launches, self._whole = [], None

    def _forgive(self, units: Indices) -> None:
        for unit in units.tolist():
            self._supervision.forget(unit)

    # ---- what happened

    def born(self, unit: int, now_ns: int) -> None:
        self._supervision.born(unit, now_ns)

    def died(self, unit: int, now_ns: int) -> None:
        """It was wanted on, and no launch looks after it: it is started again after a pause."""
        self._supervision.died(unit, now_ns)

    # ---- what is due

    def step(self, now_ns: int, phases: NDArray[np.uint32], alive: Mask) -> Iterator[tuple[Launch, Orders]]:
        """Each launch, with what is to be carried out for it at once, before the next is asked for."""
        for launch in self._launches:
            orders = launch.step(now_ns, phases, alive)
            yield launch, orders
            for unit in orders.given_up:
                if launch.retries:
                    self._supervision.gave_up(unit, now_ns)
                else:
                    self._supervision.died(unit, now_ns)
        self._launches = [launch for launch in self._launches if launch.stage is not Stage.FINISHED]

    def start_due(self, now_ns: int) -> None:
        """Whoever has died and paused long enough."""
        due = self._supervision.due(now_ns)
        if len(due):
            self._launches.append(Launch(due, now_ns, retries=0, patience=self._patience))

    # ---- how far things are

    @property
    def under_way(self) -> bool:
        return bool(self._launches)

    @property
    def phase_name(self) -> str:
        return "forking" if self._whole is None else PHASE_NAMES[self._whole.stage]

    def looked_after(self) -> Mask:
        """Those that some launch is trying to start."""
        mask = np.zeros(self._units, np.bool_)
        for launch in self._launches:
            mask |= launch.holds(self._units)
        return mask
