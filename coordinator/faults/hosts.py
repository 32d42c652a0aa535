"""Faults of a host: its agent is killed, or the coordinator itself. Both are over at once; the swarm must cope.

A killed agent takes its cells with it; the coordinator notices, starts its successor, and the cells are born again,
empty. A killed coordinator changes nothing for the cells: whoever acts on the run next takes its place.
"""

from __future__ import annotations

from typing import Any

from coordinator.faults.base import Cells, Fault, Grid, Target


class _Host(Fault):
    host = True

    def _watch(self, target: Target) -> None:
        """Its proof needs no count of before."""

    def _end(self, target: Target) -> list[int]:
        return []

    def _count(self, target: Target) -> int:
        return self._hit

    _hit = 0


class AgentKill(_Host):
    """Proof: the agent's process is gone."""

    kind = "agent_kill"
    help = "SIGKILL the agent, and so all its cells; the coordinator starts its successor"
    instant = True

    def _begin(self, target: Target) -> list[int]:
        self._hit = target.kill_agent()
        return []


class CoordinatorKill(_Host):
    """Proof: a coordinator with another process id has found it on."""

    kind = "coordinator_kill"
    help = "SIGKILL the coordinator; the swarm goes on, and the next command on the run takes its place"

    def adopt(self, target: Target) -> None:
        super().adopt(target)
        self._hit = 1
        self.heal()

    @classmethod
    def place(
        cls, cells: Cells, slots: list[int], grid: Grid, parameters: dict[str, Any], rng_seed: int
    ) -> tuple[Cells, list[int]]:
        return cells[:0], []  # no cell notices

    def _begin(self, target: Target) -> list[int]:
        target.die()
        return []
