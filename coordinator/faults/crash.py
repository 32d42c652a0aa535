"""Crash: the cells' processes are killed with SIGKILL; healed, they start again, empty. Without an end: dead for
ever.
"""

from __future__ import annotations

import numpy as np

from coordinator.faults.base import Cells, Fault, Target


class Crash(Fault):
    """Proof: victims whose process of before is gone."""

    kind = "crash"
    help = "SIGKILL the cells; healed, they start again empty (without for=: dead for ever)"

    def holds_off(self) -> Cells:
        return self.cells

    def _watch(self, target: Target) -> None:
        self._before = target.lives()[self.cells].copy()

    def _begin(self, target: Target) -> list[int]:
        return target.power(self.cells, False)

    def _end(self, target: Target) -> list[int]:
        return target.power(self.cells, True)

    def _count(self, target: Target) -> int:
        return int(np.sum((self._before != 0) & (target.lives()[self.cells] != self._before)))
