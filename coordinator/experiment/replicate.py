"""One replicate: one swarm, from its seed through the steps to the end of watching, as one row of numbers.

Virtual ones run in worker processes, unwritten; those of real processes, a cell or a patch of cells each, and those
whose film is kept, are whole runs. What is virtual gives the same row for the same seed, kept or not. May import quick,
opening and what it gives.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator import opening
from coordinator.actions import Action, FaultReport, Outcome, Plant
from coordinator.clientmessages import Answer
from coordinator.experiment import errormap, several
from coordinator.experiment.outcome import Story, judge
from coordinator.experiment.spec import Point
from coordinator.observer import Observer, Seen, living
from coordinator.picture import GROWN_GAIN, HEALED_GAIN
from coordinator.quick import QuickSwarm
from coordinator.scenario import Step
from coordinator.wish import Wish
from firmware_sim import folder as rules
from firmware_sim.energy import estimate
from firmware_sim.errors import BadInput, PlanariaError
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is told. `keep`: write film and losses there; else nothing is left of the run but its row. `home`:
    where the run folder of real processes stands while they live, so that who goes on after a kill can find them."""

    point: Point
    replicate: int
    rng_seed: int
    keep: Path | None = None
    home: Path | None = None
    steps: tuple[Step, ...] | None = None  # instead of the point's own (a shrunk schedule)


def run(job: Job) -> Row:
    """The row of this replicate; what fails is a row with its `error`."""
    begun = time.perf_counter()
    try:
        row = _lived(job)
    except (PlanariaError, OSError, MemoryError) as error:
        row = {"error": f"{type(error).__name__}: {error}"}
    return _head(job) | row | {"seconds": round(time.perf_counter() - begun, 3)}


def lost(job: Job, how: str) -> Row:
    """The row of a replicate whose process died before it was done; `how` says of what."""
    return _head(job) | {
        "error": f"the process that computed it {how}; if memory is short, use fewer --workers",
        "seconds": None,
    }


def _head(job: Job) -> Row:
    return {
        "point": job.point.number,
        **{f"${name}": value for name, value in job.point.values.items()},
        "replicate": job.replicate,
        "substrate": job.point.substrate(job.replicate),
        "seed": job.rng_seed,
    }


class _Life(Protocol):
    """What a replicate needs of a swarm."""

    observer: Observer
    undone: list[str]

    @property
    def t(self) -> float: ...

    def wait_until(self, t: float) -> None: ...

    def perform(self, action: Action) -> Outcome: ...

    def faults(self) -> list[FaultReport]: ...

    def glance(self) -> Seen: ...

    def broken(self) -> list[str]: ...


def _lived(job: Job) -> Row:
    with _swarm(job) as life:
        return _watched(life, job)


@contextmanager
def _swarm(job: Job) -> Iterator[_Life]:
    """A whole run if anything of it is to be kept, or if its cells are processes; else nothing but the cells."""
    document, point = job.point.document, job.point
    rule = _rule(document.rule, point.grid, tuple(document.seeds))
    interval_s, degrees = float(document.interval), float(document.angle)
    substrate = point.substrate(job.replicate)
    if substrate == "virtual" and job.keep is None:
        yield QuickSwarm(
            rule,
            point.grid,
            engine=document.engine,
            seed=job.rng_seed,
            degrees=degrees,
            torus=document.torus,
            interval_s=interval_s,
        )
        return
    with tempfile.TemporaryDirectory(prefix="planaria-") as home:
        wish = Wish(
            rule=document.rule if not document.seeds else str(several.written(rule, Path(home) / "rule")),
            grid=point.grid,
            torus=document.torus,
            substrate=substrate,
            patch=point.patch,
            engine=document.engine,
            interval_s=interval_s,
            degrees=degrees,
            rng_seed=job.rng_seed,
            out=job.keep or job.home or Path(home) / "run",
            command=("planaria", "experiment", document.name),
            filmed=job.keep is not None,
        )
        conductor = opening.start(wish, _no_guests, _no_line, lambda _progress: None)
        try:
            yield conductor
        finally:
            conductor.stop()
            if job.home is not None and job.keep is None:
                shutil.rmtree(job.home, ignore_errors=True)


def _watched(life: _Life, job: Job) -> Row:
    document, point = job.point.document, job.point
    target = _target(document.rule, point.grid, tuple(document.seeds))
    watch = _Watch(life, target, document.tolerance == "one-pixel")
    for place in document.seeds:
        life.perform(Plant(select="cell:{},{}".format(*place)))
    blow_t, end_t = job.point.first_t, job.point.end_t
    for step in job.point.steps if job.steps is None else job.steps:
        watch.until(step.t)
        if step.t >= blow_t and watch.before is None:
            watch.blow()
        life.perform(step.action)
    watch.until(end_t)
    faults, seen = life.faults(), life.glance()
    losses, others = life.observer.losses(seen), life.observer.losses_of_others(seen)
    assert losses is not None and others is not None, "_Watch has refused a rule without a target"
    totals = life.observer.totals()
    updates, skipped = (int(totals[:, counter].sum()) for counter in (Counter.UPDATES, Counter.SKIPPED))
    each = _microjoules(job.point.document.rule)
    row: Row = {
        "loss_before": watch.before,
        "loss_log10": round(losses.loss_log10, 4),
        "loss_log10_shift1": round(losses.loss_log10_shift1, 4),
        "loss_others_log10": round(others.loss_log10, 4),
        "living": living(seen),
        "alive": int(seen.on.sum()),
        "updates": updates,
        "skipped": skipped,
        "messages": int(totals[:, Counter.SAID].sum()),
        "heard": int(totals[:, Counter.HEARD].sum()),
        "energy_mJ": None if each is None else round((updates - skipped) * each / 1000, 1),
        "extent": watch.extent(blow_t),
        "hits": sum(fault.hits for fault in faults),
        "unproven": [f"{fault.kind} {fault.selector}" for fault in faults if fault.hits == 0] + life.undone,
        "broken": life.broken(),
    }
    errors = life.observer.errors(seen)
    maps = {} if errors is None else {"error_map": errormap.pack(errors, seen.on.reshape(errors.shape))}
    return row | judge(watch.story(blow_t)).to_dict() | {"curve": watch.curve()} | maps


class _Watch:
    """Looks once a T."""

    def __init__(self, life: _Life, target: NDArray[np.float32], one_pixel: bool) -> None:
        self._life, self._one_pixel = life, one_pixel
        self._expected = int((target[..., ALPHA] > ALIVE_THRESHOLD).sum())
        self._samples: list[tuple[float, float, float, int, int]] = []
        self.before: float | None = None

    def until(self, t: float) -> None:
        while self._life.t < t - 1e-9:
            self._life.wait_until(min(t, np.floor(self._life.t + 1e-9) + 1.0))
            self._sample()

    def blow(self) -> None:
        """The moment of the first blow: what the picture was like."""
        loss, gain = self._sample()
        if gain < GROWN_GAIN:
            raise BadInput(
                f"the picture had not grown when the first step struck (gain {gain:.2f}, loss {loss:.2f}): "
                "let it come later, or check the rule"
            )
        self.before = round(loss, 4)

    def _sample(self) -> tuple[float, float]:
        sight = self._life.glance()
        losses = self._life.observer.losses_of_others(sight)
        if losses is None:
            raise BadInput("this rule has no target picture, so nothing can be judged")
        loss, gain = losses.loss_log10, losses.gain_log10
        if self._one_pixel:
            gain += loss - losses.loss_log10_shift1
            loss = losses.loss_log10_shift1
        self._samples.append((self._life.t, loss, gain, living(sight), int(sight.on.sum())))
        return loss, gain

    def story(self, begin: float) -> Story:
        samples = np.array(self._samples, np.float64)
        samples = samples[samples[:, 0] >= begin - 1e-9]
        return Story(samples[:, 0], samples[:, 2], samples[:, 3], HEALED_GAIN, self._expected)

    def extent(self, begin: float) -> float:
        """The most living cells at a time from `begin` on, over those of the picture."""
        most = max((alive for t, _, _, alive, _ in self._samples if t >= begin - 1e-9), default=0)
        return round(most / max(self._expected, 1), 3)

    def curve(self) -> dict[str, list[float]]:
        """What is kept of it: a sample a T, in short form."""
        names = ("t", "loss", "gain", "living", "alive")
        return {name: [round(float(s[i]), 3) for s in self._samples] for i, name in enumerate(names) if name != "gain"}


@lru_cache(maxsize=8)
def _rule(name: str, grid: several.Place | None, seeds: tuple[several.Place, ...]) -> RuleFolder:
    """Read once a worker, not once a swarm; with the picture of all seeds, if there are several."""
    found = rules.load(name)
    return found if grid is None or not seeds else several.together(found, grid, seeds)


@lru_cache(maxsize=8)
def _target(name: str, grid: several.Place | None, seeds: tuple[several.Place, ...]) -> NDArray[np.float32]:
    found = _rule(name, grid, seeds)
    target = found.target()
    if target is None:
        raise BadInput(f"rule {found.name} has no target picture, so nothing can be judged")
    return target


@lru_cache(maxsize=8)
def _microjoules(name: str) -> float | None:
    """Of one computed update on a chip: an estimate, also for swarms that ran on none. None for somebody else's graph,
    of which nobody knows what it multiplies."""
    source = _rule(name, None, ())
    try:
        return estimate(source.genome() or source.rule()).microjoules_per_update
    except BadInput:
        return None


def _no_guests(ask: Any) -> Answer:
    return Answer(ask.id, error="a replicate of an experiment takes no commands")


def _no_line(_line: str) -> None:
    return
