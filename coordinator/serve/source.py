"""What the page shows and acts on: a run as a guest sees it. Blocking; each method says which thread may call it.

Two guests of one run: one for the eyes (frames, thirty times a second), one for numbers and asking, since a camera
belongs to one thread. May import the coordinator's guest, locate and run folder.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from cellnode.topology import neighbours
from coordinator import locate
from coordinator.actions import Action, FaultReport, Outcome
from coordinator.camera import Sight
from coordinator.guest import Guest
from coordinator.picture import Picture
from coordinator.runfolder import RunFolder
from coordinator.serve import hello, inspect, spent, whereabouts
from coordinator.succession import Begin
from firmware_sim.errors import RunFailed

AGES_KEPT = 20_000
RATES = [Counter.UPDATES, Counter.SAID, Counter.CPU_NS]


class Source:
    """One run. `see` belongs to the eyes' thread, `numbers` to the clerk's, `perform` to the hands'. `begins`: its
    owner puts another pattern in its place when asked."""

    pace: None = None  # real time passes by itself

    def __init__(self, folder: RunFolder, picture: Picture | None, begins: bool = False) -> None:
        self.begins = begins
        self.folder, self.info = folder, folder.info
        self.picture = picture
        self.value_bytes = hello.value_bytes(self.info)
        self._eyes, self._clerk = Guest(folder, None), Guest(folder, picture)
        self._neighbours = neighbours(self.info.height, self.info.width, self.info.torus)
        self._ages: deque[NDArray[np.float64]] = deque()
        self._last: tuple[int, NDArray[np.float64]] | None = None
        self._asking = threading.Lock()
        self.sight: Sight | None = None  # the newest

    # ---- the eyes

    def see(self) -> tuple[Sight, float, bool]:
        """A look at all cells, t, and whether the swarm is paused."""
        sight, clock = self._eyes.look(ages=True), self._eyes.clock
        if sight.ages_intervals.size and sum(each.size for each in self._ages) < AGES_KEPT:
            self._ages.append(sight.ages_intervals)
        self.sight = sight
        return sight, clock.t(sight.at_ns), clock.paused

    @property
    def t(self) -> float:
        """T since the seed."""
        return self._eyes.t

    @property
    def interval_s(self) -> float:
        """T in seconds, as calibrated; as asked for, while that is not known. Any thread."""
        return self._eyes.interval_s or self.info.interval_s

    # ---- the clerk

    @property
    def over(self) -> bool:
        """Whether the run has been stopped."""
        return self._clerk.state().stopped

    def numbers_of_run(self) -> dict[str, Any]:
        """The measure as `planaria run --json` has it."""
        return self._clerk.measure().to_dict()

    def numbers(self) -> dict[str, Any]:
        """The measure as `planaria run --json` has it, and what holds just now: since the last call."""
        found, at_ns = self.numbers_of_run(), time.monotonic_ns()
        totals = totals_of(self._clerk.observer.totals())
        rates: list[float | None] = [None] * len(totals)
        if self._last is not None and at_ns > self._last[0]:
            seconds = (at_ns - self._last[0]) / 1e9
            rates = [round(max(float(gained), 0.0) / seconds, 1) for gained in totals - self._last[1]]
        self._last = at_ns, totals
        state = self._clerk.state()
        now = {
            "updates_per_s": rates[0],
            "messages_per_s": rates[1],
            "computed_per_s": rates[3],
            "line_bytes_per_s": rates[4],
            "cores": None if rates[2] is None else round(rates[2] / 1e9, 4),
            "stale_age_p99": self._recent_age(),
            "paused": self._clerk.clock.paused,
            "interval_s": self._clerk.interval_s,
            "faults": sum(not record.finished for record in state.faults),
        }
        return {"measure": found, "now": now}

    def _recent_age(self) -> float | None:
        found = []
        while self._ages:
            found.append(self._ages.popleft())
        ages = np.concatenate(found) if found else np.zeros(0)
        return None if not ages.size or np.isnan(ages).any() else round(float(np.quantile(ages, 0.99)), 3)

    # ---- the hands

    def perform(self, action: Action) -> Outcome:
        """Ask the run's coordinator. RunFailed at once when there is none."""
        with self._asking:
            self._require_coordinator()
            return self._clerk.perform(action)

    def begin(self, begin: Begin) -> None:
        """Ask the run's owner to put another pattern in its place."""
        with self._asking:
            self._require_coordinator()
            self._clerk.begin(begin)

    def faults(self) -> list[FaultReport]:
        """All faults with proof, fresh; from state.json when nobody coordinates, or not yet."""
        with self._asking, contextlib.suppress(RunFailed):
            if locate.look(self.folder).coordinator:
                return self._clerk.faults()
        return [_report(record) for record in self._clerk.state().faults]

    def _require_coordinator(self) -> None:
        if self.over:
            raise RunFailed("this run is over")
        if not locate.look(self.folder).coordinator:
            raise RunFailed(f"nobody coordinates this run just now: `planaria attach {self.folder.path}` does")

    # ---- any thread

    def hello(self) -> dict[str, Any]:
        """What does not change while one looks."""
        found = hello.hello(self.info, self.picture, self._eyes.state().boards, spent.chips_of(self.folder))
        return {**found, "folder": str(self.folder.path), "pace": None, "begins": self.begins}

    def whereabouts(self) -> dict[str, Any]:
        """Host, process and engine of every cell, as of the newest look. The clerk's."""
        return whereabouts.whereabouts(self.info, self._clerk.state(), self.sight)

    def cell(self, number: int) -> dict[str, Any] | None:
        """Everything there is to see of one cell, as of the newest look; None when nobody has looked yet. The eyes'."""
        if self.sight is None:
            return None
        return inspect.cell(self.info, self.sight, number, self._neighbours[number], self._eyes.state().faults)

    def close(self) -> None:
        self._eyes.leave()
        self._clerk.leave()


def totals_of(counters: NDArray[Any]) -> NDArray[np.float64]:
    """Of all cells: updates, messages, CPU ns, and what energy goes with: computed updates and bytes on the line."""
    sums = counters.sum(axis=0).astype(np.float64)
    return np.array([*sums[RATES], *spent.counted(*sums[spent.NEEDED])])


def _report(record: Any) -> FaultReport:
    names = ("id", "kind", "selector", "parameters", "rng_seed", "start", "duration", "hits")
    going = "active" if record.hits else "injecting"
    return FaultReport(
        **{name: getattr(record, name) for name in names},
        cells=len(record.cells),
        links=sum(mask.bit_count() for mask in record.slots),
        state=("healed" if record.healed else "finished") if record.finished else going,
    )
