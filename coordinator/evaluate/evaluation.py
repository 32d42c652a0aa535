"""Run the experiments asked for, in every way the rule can live, and keep rows and pictures.

Decides nothing about the numbers. May import the rest of this package.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from coordinator.evaluate.bodies import Nursery
from coordinator.evaluate.experiments import EXPERIMENTS, Still, film
from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import Subject, Way
from coordinator.evaluate.times import Times
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.rule import Floats

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`only`: names of experiments, empty for all that apply; `filmed`: seeds that touch are filmed, too."""

    draws: int = 5
    rng_seed: int = 0
    only: tuple[str, ...] = ()
    filmed: bool = False
    times: Times = field(default_factory=Times)


@dataclass(slots=True)
class Evaluation:
    """What was found. `strips`: by (strip, way), in order; `frames`: the film, or empty."""

    subject: Subject
    options: Options
    rows: list[Row] = field(default_factory=list)
    strips: dict[tuple[str, Way], list[Still]] = field(default_factory=dict)
    frames: list[Floats] = field(default_factory=list)
    filmed: Way | None = None
    seconds: float = 0.0


def evaluate(folder: RuleFolder, options: Options, say: Say = lambda _line: None) -> Evaluation:
    """All rows and pictures. BadInput when the rule has no target, or for an experiment that cannot apply to it."""
    subject = Subject(folder)
    chosen = _chosen(subject, options.only)
    found = Evaluation(subject, options)
    for line in subject.missing:
        say(line)
    begun = time.monotonic()
    nursery = Nursery(subject, options.draws, options.rng_seed, options.times)
    parts = [(name, way) for name in chosen for way in subject.ways]
    for number, (name, way) in enumerate(parts, 1):
        say(f"[{number}/{len(parts)}, {time.monotonic() - begun:.0f} s] {name}, {way}")
        for each in EXPERIMENTS[name](nursery, way):
            if isinstance(each, Still):
                found.strips.setdefault((each.strip, way), []).append(each)
            else:
                found.rows.append(each)
                say(f"  {each.experiment}, {each.when}: {each.loss_log10:.2f}")
        if number == len(parts) or parts[number][0] != name:
            nursery.forget()
    if options.filmed and "seeds" in chosen:
        found.filmed = subject.ways[-1]
        say(f"film of two seeds that touch, {found.filmed}")
        found.frames = film(nursery, found.filmed)
    found.seconds = time.monotonic() - begun
    return found


def _chosen(subject: Subject, only: tuple[str, ...]) -> list[str]:
    for name in only:
        if name not in EXPERIMENTS:
            raise BadInput(f"experiment {name!r} is unknown, expected some of {', '.join(EXPERIMENTS)}")
    if "worm" in only and not subject.is_worm:
        height, width, _ = subject.target.shape
        raise BadInput(f"experiment worm is for a picture longer than 40 px, this one is {height}x{width}")
    return [name for name in EXPERIMENTS if (name in only if only else name != "worm" or subject.is_worm)]
