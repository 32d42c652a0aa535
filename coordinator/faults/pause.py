"""Pause: the cells stand still with all they know, and go on where they were. Real processes by SIGSTOP and SIGCONT."""

from __future__ import annotations

from coordinator.faults.base import Fault, Target


class Pause(Fault):
    """Proof: victims that were found standing still."""

    kind = "pause"
    help = "the cells stand still (SIGSTOP) and go on where they were; in virtual time their clocks stop"

    def _watch(self, target: Target) -> None:
        """Its proof needs no count of before."""

    def _begin(self, target: Target) -> list[int]:
        return target.freeze(self.cells, True)

    def _end(self, target: Target) -> list[int]:
        return target.freeze(self.cells, False)

    def _count(self, target: Target) -> int:
        return target.stopped(self.cells)
