"""Erase: the cells' memory is lost at one blow, their processes live on. It is over as soon as it has happened."""

from __future__ import annotations

from cellnode.panel import Counter
from coordinator.faults.base import Counted, Target


class Erase(Counted):
    """Proof: the victims' own count of erasures."""

    kind = "erase"
    help = "the cells lose their memory, their processes live on"
    counter = Counter.ERASED
    instant = True

    def _begin(self, target: Target) -> list[int]:
        return target.poke("erase", self.cells)

    def _end(self, target: Target) -> list[int]:
        return []
