"""A soak: a swarm over four hosts in a network of their own, for `--window` seconds under a random mix of all faults.

They all heal, but a tenth of all messages is lost all the time. Root, for `--netns`.

In every cycle (five minutes, or less where the whole is short) a share of the cells is killed and started empty, one
host or two lose their power or are cut off, and four faults of other kinds follow: a deck that is shuffled by the seed
and dealt until it is empty. The run's folder is kept, with its report and `wear.csv`. May import the API.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cellnode.draws import Purpose, draw64, draw64_array
from coordinator import Swarm, faults
from coordinator.bench.registry import Options, Row
from coordinator.bench.wear import Wear, growth, wear
from coordinator.lab.network import Network, pids
from coordinator.lab.tools import NAMESPACES, check
from firmware_sim.errors import BadInput

HOSTS, ROOM = 4, 3  # so that the cells of one lost host fit on the others
AVAILABLE, ABOVE_NOTHING = -2.0, 0.5  # the loss of a lizard of 40 pixels; any picture is so far from an empty grid
CYCLE_S, CYCLES_LEAST = 300.0, 2
SETTLED_S = 600.0  # wear is compared from then on, or from a third of the whole
LOOK_S = 1.0
GROWN_T = 60.0
KILLED = "crash select=12% for=5"
BASE = "link_loss select=all rate=0.1"
LOSSES = (
    "host_off hosts=1 for=30",
    "host_cut hosts=1 for=30",
    "host_cut hosts=2 coordinator=both for=30",
    "agent_kill",
)
DECK = (
    "pause select=5% for=10",
    "slow select=10% factor=3 for=20",
    "stuck_channel select=1% channel=3 level=0 for=10",
    "byzantine select=1% mode=frozen for=10",
    "erase select=10%",
    "churn select=10% up=20 down=4 min_up=5 min_down=1 for=30",
    "link_burst select=20% burst=5 gap=20 rate=0.9 for=20",
    "link_delay select=20% delay=1 for=20",
    "link_reorder select=20% rate=0.2 by=2 for=20",
    "link_duplicate select=20% rate=0.5 within=2 for=20",
    "link_corrupt select=20% rate=0.05 bits=2 for=20",
    "link_rate select=20% frames=0.5 queue=2 for=20",
    "hold select=20% for=8",
    "partition select=all name=bridge width=4 for=20",
    "clock_drift select=20% drift=0 spread=0.2 for=30",
    "clock_jitter select=20% jitter=0.5 for=30",
    "clock_jump select=10% by=5",
    "bit_flip select=n:1 count=1",
    "state_flip select=n:1 count=1",
    "accumulator_flip select=n:3 rate=0.01 for=10",
    "genome_flip select=n:1 count=3 for=20",
    "host_loss hosts=1 rate=0.1 for=30",
    "host_delay hosts=1 delay=100 for=30",
)


def measure(options: Options) -> Iterator[Row]:
    """One row. `availability`: the share of seconds with a loss of `available_below` or less, faults included. Lies
    are mild, since no rule heals a share of cells that say random words (docs/faults/byzantine.md), and flips single:
    of a shower of them one becomes a seed, and the second picture stays (docs/standard-experiments.md)."""
    check()
    height, width = options.grid
    swarm = Swarm.start(
        options.rule,
        options.grid,
        engine=options.engines[-1],
        interval_s=options.interval_s,
        seed=options.seeds[0],
        hosts=HOSTS,
        netns=True,
        capacity=-(-height * width // ROOM),
        on_line=options.say,
    )
    try:
        swarm.wait_until(GROWN_T)
        watch = _Watch(swarm, options.window_s, _bound(swarm))
        watch.inject(BASE)
        plan = schedule(options.window_s, options.seeds[0])
        while watch.second < options.window_s:
            while plan and plan[0][0] <= watch.second:
                words = plan.pop(0)[1]
                options.say(f"{watch.second:6.0f} s, loss {swarm.loss() or 0:.2f}: {words}")
                watch.inject(words)
            watch.look()
        measured, without_hits = swarm.measure(), watch.without_hits()
    finally:
        swarm.stop()
    watch.keep(swarm.folder / "wear.csv")
    settled = min(SETTLED_S, options.window_s / 3)
    yield {
        "cells": height * width,
        "hosts": HOSTS,
        "interval_s": swarm.info.interval_s,
        "seconds": round(watch.second),
        "available_below": watch.bound,
        "availability": round(watch.available / max(1, watch.looks), 4),
        "worst_loss": watch.worst,
        "last_loss": measured.loss_log10,
        "faults": watch.faults,
        "without_hits": without_hits,
        "refused": watch.refused,
        "broken": list(measured.broken),
        "of_a_process_of_the_hosts": growth(watch.of_hosts, settled),
        "of_the_coordinator": growth(watch.of_us, settled, each=False),
        "processes": [sample.processes for sample in (watch.of_hosts[0], watch.of_hosts[-1])],
        "left": left(swarm.run, Path(swarm.info.runtime)),
        "run": str(swarm.folder),
    }


def bound(loss: float, gain: float) -> float:
    """The loss below which the picture is available; `gain`: how far this loss lies below that of an empty grid."""
    return round(min(AVAILABLE, loss + gain - ABOVE_NOTHING), 2)


def _bound(swarm: Swarm) -> float:
    measured = swarm.measure()
    if measured.loss_log10 is None or measured.gain_log10 is None:
        raise BadInput(f"bench soak: {measured.rule} has no picture by which it could be judged: take another --rule")
    return bound(measured.loss_log10, measured.gain_log10)


def schedule(window_s: float, seed: int) -> list[tuple[float, str]]:
    """What begins when, in seconds: a pure function of length and seed."""
    cycle_s = min(CYCLE_S, window_s / CYCLES_LEAST)
    found: list[tuple[float, str]] = []
    dealt: list[str] = []
    for number in range(int(window_s / cycle_s + 1e-9)):
        begin = number * cycle_s
        lost = LOSSES[draw64(seed, number, Purpose.SCHEDULE, 0) % len(LOSSES)]
        found += [(begin + 0.05 * cycle_s, KILLED), (begin + 0.4 * cycle_s, lost)]
        for place in (0.2, 0.6, 0.7, 0.8):
            if not dealt:
                dealt = _shuffled(DECK, seed, number)
            found.append((begin + place * cycle_s, dealt.pop()))
    return sorted(found)


def _shuffled(deck: Sequence[str], seed: int, number: int) -> list[str]:
    draws = draw64_array(seed, np.arange(len(deck), dtype=np.uint64), Purpose.SCHEDULE, number + 1)
    return [deck[place] for place in np.argsort(draws, kind="stable")]


def left(run: str, runtime: Path) -> list[str]:
    """What a run that was stopped has left of itself beside its folder."""
    spaces = NAMESPACES.glob(f"planaria-{run}-*") if NAMESPACES.is_dir() else ()
    return [*(path.name for path in spaces), *([str(runtime)] if runtime.exists() else [])]


class _Watch:
    """Looks once a second, and says what became of it."""

    def __init__(self, swarm: Swarm, window_s: float, bound: float) -> None:
        self._swarm, self._begun_s, self.bound = swarm, time.monotonic(), bound
        info = swarm.info
        network = Network.found(info.run, tuple(f"h{number}" for number in range(1, info.hosts + 1)))
        self._spaces = [network.namespace(name) for name in network.hosts]
        self._cells = info.height * info.width
        self._every_s, self._worn_s = max(2.0, min(15.0, window_s / 60)), -np.inf
        self.looks = self.available = 0
        self.worst = -np.inf
        self.of_hosts: list[Wear] = []
        self.of_us: list[Wear] = []
        self.refused: list[str] = []
        self.faults = 0

    @property
    def second(self) -> float:
        return time.monotonic() - self._begun_s

    def inject(self, words: str) -> None:
        """Begin it; one that cannot be at this moment (no such cell lives, one of its kind is on) is noted."""
        try:
            self._swarm.perform(faults.parse(words.split()))
            self.faults += 1
        except BadInput as error:
            self.refused.append(f"{words}: {error}")

    def look(self) -> None:
        """At the loss, and now and then at the processes; takes a second."""
        due = self._begun_s + self.looks * LOOK_S
        time.sleep(max(0.0, due - time.monotonic()))
        loss = self._swarm.loss()
        self.looks += 1
        if loss is not None:
            self.available += loss <= self.bound
            self.worst = max(self.worst, loss)
        second = self.second
        if second - self._worn_s >= self._every_s and self._swarm.look().alive == self._cells:
            self._worn_s = second
            self.of_hosts.append(wear((pid for space in self._spaces for pid in pids(space)), second))
            self.of_us.append(wear([os.getpid()], second))

    def without_hits(self) -> list[str]:
        """Faults that are over and have hit nothing."""
        return [
            f"{report.kind} {report.selector}" for report in self._swarm.faults() if report.over and not report.hits
        ]

    def keep(self, path: Path) -> None:
        """All samples, as a table."""
        names = [field.name for field in dataclasses.fields(Wear)]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["of", *names])
            for of, samples in (("hosts", self.of_hosts), ("coordinator", self.of_us)):
                writer.writerows([of, *dataclasses.astuple(sample)] for sample in samples)
