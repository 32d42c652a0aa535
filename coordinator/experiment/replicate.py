"""One replicate: one swarm, from its seed through the steps to the end of watching, as one row of numbers.

Runs in a worker process (virtual) or in the experiment's own (processes). May import opening and what it gives.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator import opening
from coordinator.clientmessages import Answer
from coordinator.conductor import Conductor
from coordinator.experiment.outcome import Story, judge
from coordinator.experiment.spec import Point
from coordinator.observer import living
from coordinator.picture import GROWN_GAIN, HEALED_GAIN
from coordinator.scenario import Step
from firmware_sim import folder as rules
from firmware_sim.errors import BadInput, PlanariaError
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is told. `keep`: write film and losses there; else nothing is left of the run but its row."""

    point: Point
    replicate: int
    rng_seed: int
    keep: Path | None = None
    steps: tuple[Step, ...] | None = None  # instead of the point's own (a shrunk schedule)


def run(job: Job) -> Row:
    """The row of this replicate; what fails is a row with its `error`."""
    head: Row = {
        "point": job.point.number,
        **{f"${name}": value for name, value in job.point.values.items()},
        "replicate": job.replicate,
        "seed": job.rng_seed,
    }
    begun = time.perf_counter()
    try:
        row = _lived(job)
    except (PlanariaError, OSError, MemoryError) as error:
        row = {"error": f"{type(error).__name__}: {error}"}
    return head | row | {"seconds": round(time.perf_counter() - begun, 3)}


def _lived(job: Job) -> Row:
    document, point = job.point.document, job.point
    with tempfile.TemporaryDirectory(prefix="planaria-") as home:
        wish = opening.Wish(
            rule=document.rule,
            grid=point.grid,
            torus=document.torus,
            substrate=document.substrate,
            engine=document.engine,
            interval_s=float(document.interval),
            degrees=float(document.angle),
            rng_seed=job.rng_seed,
            out=job.keep or Path(home) / "run",
            command=("planaria", "experiment", document.name),
            filmed=job.keep is not None,
        )
        conductor = opening.start(wish, _no_guests, _no_line, lambda _progress: None)
        try:
            return _watched(conductor, job)
        finally:
            conductor.stop()


def _watched(conductor: Conductor, job: Job) -> Row:
    watch = _Watch(conductor, _target(job.point.document.rule), job.point.document.tolerance == "one-pixel")
    blow_t, end_t = job.point.first_t, job.point.end_t
    for step in job.point.steps if job.steps is None else job.steps:
        watch.until(step.t)
        if step.t >= blow_t and watch.before is None:
            watch.blow()
        conductor.perform(step.action)
    watch.until(end_t)
    faults = conductor.faults()
    measured = conductor.measure()
    totals = conductor.observer.totals()
    row: Row = {
        "loss_before": watch.before,
        "loss_log10": _rounded(measured.loss_log10),
        "loss_log10_shift1": _rounded(measured.loss_log10_shift1),
        "loss_others_log10": _rounded(measured.loss_others_log10),
        "living": measured.living,
        "alive": measured.alive,
        "updates": measured.updates,
        "messages": int(totals[:, Counter.SAID].sum()),
        "heard": int(totals[:, Counter.HEARD].sum()),
        "hits": sum(fault.hits for fault in faults),
        "unproven": [f"{fault.kind} {fault.selector}" for fault in faults if fault.hits == 0],
    }
    return row | judge(watch.story(blow_t)).to_dict() | {"curve": watch.curve()}


class _Watch:
    """Looks once a T."""

    def __init__(self, conductor: Conductor, target: NDArray[np.float32], one_pixel: bool) -> None:
        self._conductor, self._one_pixel = conductor, one_pixel
        self._expected = int((target[..., ALPHA] > ALIVE_THRESHOLD).sum())
        self._samples: list[tuple[float, float, float, int, int]] = []
        self.before: float | None = None

    def until(self, t: float) -> None:
        while self._conductor.t < t - 1e-9:
            self._conductor.wait_until(min(t, np.floor(self._conductor.t + 1e-9) + 1.0))
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
        sight = self._conductor.look()
        losses = self._conductor.observer.losses_of_others(sight)
        if losses is None:
            raise BadInput("this rule has no target picture, so nothing can be judged")
        loss, gain = losses.loss_log10, losses.gain_log10
        if self._one_pixel:
            gain += loss - losses.loss_log10_shift1
            loss = losses.loss_log10_shift1
        self._samples.append((self._conductor.t, loss, gain, living(sight), sight.alive))
        return loss, gain

    def story(self, begin: float) -> Story:
        samples = np.array(self._samples, np.float64)
        samples = samples[samples[:, 0] >= begin - 1e-9]
        return Story(samples[:, 0], samples[:, 2], samples[:, 3], HEALED_GAIN, self._expected)

    def curve(self) -> dict[str, list[float]]:
        """What is kept of it: a sample a T, in short form."""
        names = ("t", "loss", "gain", "living", "alive")
        return {name: [round(float(s[i]), 3) for s in self._samples] for i, name in enumerate(names) if name != "gain"}


@lru_cache(maxsize=8)
def _target(rule: str) -> NDArray[np.float32]:
    found: RuleFolder = rules.load(rule)
    target = found.target()
    if target is None:
        raise BadInput(f"rule {found.name} has no target picture, so nothing can be judged")
    return target


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _no_guests(ask: Any) -> Answer:
    return Answer(ask.id, error="a replicate of an experiment takes no commands")


def _no_line(_line: str) -> None:
    return
