"""What the page shows and acts on when the run is in virtual time, and so in this very process.

Has the same face as source.Source, which looks at real processes from outside. Every touch of the swarm takes turns
with its life (pace.Pace.lock). Blocking, any thread. May import the swarm and serve's hello, inspect and pace.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from cellnode.topology import neighbours
from coordinator.actions import Action, FaultReport, Outcome
from coordinator.camera import Sight
from coordinator.opening import picture_of
from coordinator.runfolder import RunFolder, RunState
from coordinator.serve import hello, inspect, pace, spent, whereabouts
from coordinator.serve.pace import Pace
from coordinator.serve.source import Source, totals_of
from coordinator.succession import Begin
from coordinator.swarm import Swarm
from firmware_sim.errors import RunFailed

EPOCH = np.uint64(1 << 32)  # all are placed once


class Inside:
    """One swarm in virtual time, at its pace. `begins`: its owner puts another pattern in its place when asked."""

    def __init__(self, swarm: Swarm, at: Pace, begins: bool = False) -> None:
        self.begins = begins
        self._swarm, self.pace = swarm, at
        self.folder, self.info = RunFolder.open(swarm.folder), swarm.info
        self.picture = picture_of(self.folder)
        self.value_bytes = hello.value_bytes(self.info)
        self._neighbours = neighbours(self.info.height, self.info.width, self.info.torus)
        self._last: tuple[float, float, NDArray[np.float64]] | None = None  # seconds, T, counters
        self._t, self._paused = 0.0, False
        self.sight: Sight | None = None  # the newest

    def see(self) -> tuple[Sight, float, bool]:
        """A look at all cells, t, and whether the swarm is paused; the last one again when the run is over."""
        with self.pace.lock:
            if not self._swarm.ended:
                self.sight = _as_seen(self._swarm.look(ages=True))
                self._t, self._paused = self._swarm.t, self._swarm.paused
        if self.sight is None:
            raise RunFailed("this run is over, and nobody has looked at it")
        return self.sight, self._t, self._paused

    @property
    def t(self) -> float:
        """T since the seed."""
        with self.pace.lock:
            return self._t if self._swarm.ended else self._swarm.t

    @property
    def interval_s(self) -> float:
        """How long a T takes now, in seconds."""
        return 1.0 / self.pace.t_per_s

    @property
    def over(self) -> bool:
        """Whether the run has been stopped."""
        return self._swarm.ended

    def numbers_of_run(self) -> dict[str, Any]:
        """The measure as `planaria run --json` has it."""
        with self.pace.lock:
            return self._swarm.measure().to_dict()

    def numbers(self) -> dict[str, Any]:
        """The measure, and what holds just now: rates count real seconds."""
        found = self.numbers_of_run()
        sight, t, paused = self.see()
        totals, at_s = totals_of(sight.counters), time.monotonic()
        rates: list[float | None] = [None] * len(totals)
        reached = None
        if self._last is not None and at_s > self._last[0]:
            seconds = at_s - self._last[0]
            rates = [round(max(float(gained), 0.0) / seconds, 1) for gained in totals - self._last[2]]
            reached = round((t - self._last[1]) / seconds, 2)
        self._last = at_s, t, totals
        now = {
            "updates_per_s": rates[0],
            "messages_per_s": rates[1],
            "computed_per_s": rates[3],
            "line_bytes_per_s": rates[4],
            "cores": None,  # its cells have no processes that could be asked
            "stale_age_p99": found["stale_age_p99"],
            "paused": paused,
            "interval_s": self.interval_s,
            "faults": sum(not fault.over for fault in self.faults()),
            "pace": {"wished": self.pace.t_per_s, "reached": reached},
        }
        return {"measure": found, "now": now}

    def perform(self, action: Action) -> Outcome:
        """Carry it out between two steps of life."""
        with self.pace.lock:
            if self._swarm.ended:
                raise RunFailed("this run is over")
            return self._swarm.perform(action)

    def begin(self, begin: Begin) -> None:
        """Ask the run's owner to put another pattern in its place."""
        self._swarm.begin(begin)

    def faults(self) -> list[FaultReport]:
        """All faults with proof."""
        with self.pace.lock:
            return [] if self._swarm.ended else self._swarm.faults()

    def step(self) -> None:
        """One T, exactly, and then a pause."""
        self.pace.step(self._swarm)

    def hello(self) -> dict[str, Any]:
        """What does not change while one looks."""
        found = hello.hello(self.info, self.picture, {}, spent.chips_of(self.folder))
        return {
            **found,
            "folder": str(self.folder.path),
            "pace": {"least": pace.LEAST, "most": pace.MOST},
            "begins": self.begins,
        }

    def whereabouts(self) -> dict[str, Any]:
        """All are in this process, which is none of theirs."""
        return whereabouts.whereabouts(self.info, RunState(), None)

    def cell(self, number: int) -> dict[str, Any] | None:
        """Everything there is to see of one cell, as of the newest look."""
        if self.sight is None:
            return None
        faults = self.folder.state().faults
        return inspect.cell(self.info, self.sight, number, self._neighbours[number], faults)

    def close(self) -> None:
        """The swarm belongs to the command that runs it."""


Shown = Source | Inside


def _as_seen(sight: Sight) -> Sight:
    """As a camera would see it: a placement epoch, an age for each cell, no CPU time (there is one sum for all)."""
    counters = sight.counters.copy()
    counters[:, Counter.CPU_NS] = 0
    on = np.flatnonzero(sight.on)
    known = sight.ages_intervals.size and not np.isnan(sight.ages_intervals).any()
    return dataclasses.replace(
        sight,
        counters=counters,
        lives=np.where(sight.on, sight.lives | EPOCH, sight.lives),
        ages_intervals=np.zeros(on.size if known else 0),
        age_cells=on if known else np.zeros(0, np.int64),
    )
