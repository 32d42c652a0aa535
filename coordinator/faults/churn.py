"""Churn: each victim crashes and comes back by chances of its own, over and over, its memory lost each time.

When a cell is down is a pure function of (seed, fault, cell, time): a successor of the coordinator goes on with the
same times. Moments lie on a grid of a quarter of a T, so that many cells change together. May import the draws.
"""

from __future__ import annotations

import bisect
from typing import Any, ClassVar

import numpy as np

from cellnode.draws import Purpose, chain, entity, interval_ns, stream_key
from coordinator.faults.base import Cells, Fault, Parameter, Record, Target
from firmware_sim.errors import BadInput

STEPS = 4  # moments in a T
MICRO = 1_000_000


class Churn(Fault):
    """Proof: processes that were killed."""

    kind = "churn"
    help = "each cell crashes and starts again by chances of its own, over and over"
    parameters: ClassVar[dict[str, Parameter]] = {
        "up": Parameter("mean time that a cell is up, in T", 0.25, 1e6, 50.0),
        "down": Parameter("mean time that it is down, in T", 0.25, 1e6, 4.0),
        "min_up": Parameter("it is never up for less, in T", 0.0, 1e6, 0.25),
        "min_down": Parameter("it is never down for less, in T", 0.0, 1e6, 0.25),
    }

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self._kills = 0
        self._off: set[int] = set()
        self._lives = {cell: _Life(record, cell) for cell in record.cells}

    @classmethod
    def check_together(cls, parameters: dict[str, Any]) -> None:
        for name in ("up", "down"):
            if parameters[f"min_{name}"] > parameters[name]:
                least = parameters[f"min_{name}"]
                raise BadInput(f"fault churn: {name} is {parameters[name]:g} in the mean, below min_{name} {least:g}")

    def holds_off(self) -> Cells:
        return np.array(sorted(self._off), np.int64)

    def next_change(self, t: float) -> float | None:
        since = t - self.record.start
        return min((life.next_change(since) for life in self._lives.values()), default=np.inf) + self.record.start

    def change(self, t: float) -> None:
        """Kill and start whoever's time has come."""
        if self._target is None:
            return
        since = t - self.record.start
        wanted = {cell for cell, life in self._lives.items() if life.is_down(since)}
        self._switch(self._target, wanted - self._off, on=False)
        self._switch(self._target, self._off - wanted, on=True)
        self._off = wanted

    def _switch(self, target: Target, cells: set[int], *, on: bool) -> None:
        if cells:
            numbers = np.array(sorted(cells), np.int64)
            self._kills += 0 if on else int((target.lives()[numbers] != 0).sum())
            self.missing = target.power(numbers, on)

    def _watch(self, target: Target) -> None:
        """Its proof needs no count of before."""

    def _begin(self, target: Target) -> list[int]:
        return []

    def _end(self, target: Target) -> list[int]:
        off, self._off = self.holds_off(), set()
        return target.power(off, True) if off.size else []

    def _count(self, target: Target) -> int:
        return self._kills


class _Life:
    """When one cell goes down and up, counted from the fault's beginning, in T: up first."""

    def __init__(self, record: Record, cell: int) -> None:
        self._key = stream_key(record.rng_seed, entity(record.id, cell), Purpose.CHURN)
        given = record.parameters
        self._laws = ((given["up"], given["min_up"]), (given["down"], given["min_down"]))
        self._turns: list[float] = []  # the moments at which it changes, in order

    def is_down(self, since: float) -> bool:
        return bisect.bisect_right(self._until(since), since) % 2 == 1

    def next_change(self, since: float) -> float:
        turns = self._until(since)
        return turns[bisect.bisect_right(turns, since)]

    def _until(self, since: float) -> list[float]:
        while not self._turns or self._turns[-1] <= since:
            mean, least = self._laws[len(self._turns) % 2]
            rest = round((mean - least) * MICRO)
            bits = chain(self._key, len(self._turns))
            lasts = least + (interval_ns(bits, rest) / MICRO if rest else 0.0)
            steps = max(1, round(lasts * STEPS))
            self._turns.append((self._turns[-1] if self._turns else 0.0) + steps / STEPS)
        return self._turns
