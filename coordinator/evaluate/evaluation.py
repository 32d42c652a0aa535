"""Run the experiments asked for, in every way the rule can live, on all cores, and keep rows and pictures in order.

Decides nothing about the numbers. May import the rest of this package and cellnode.workers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cellnode.workers import spread
from coordinator.evaluate.experiments import EXPERIMENTS, Found, Frame, Still
from coordinator.evaluate.jobs import Job, Plan
from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import Subject, Way
from coordinator.evaluate.times import Times
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.rule import Floats

LONGEST_FIRST = ("damage", "worm", "seeds", "growth", "film", "rotation")  # so that no core is left with a long one
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`only`: names of experiments, empty for all that apply; `filmed`: seeds that touch are filmed, too; `cores`: how
    many processes share the work, 1 for none but this one; `ways`: empty for all that can be computed."""

    draws: int = 5
    rng_seed: int = 0
    only: tuple[str, ...] = ()
    filmed: bool = False
    cores: int = 1
    ways: tuple[Way, ...] = ()
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
    if not options.only and not subject.is_worm:
        say(f"experiment worm is skipped: {subject.no_worm}")
    begun = time.monotonic()
    ways = [way for way in subject.ways if way in (options.ways or subject.ways)]
    if not ways:
        raise BadInput(
            f"{folder.name} cannot live as {', '.join(map(str, options.ways))}: {'; '.join(subject.missing)}"
        )
    jobs = _jobs(chosen, ways, options.filmed)
    order = sorted(range(len(jobs)), key=lambda k: LONGEST_FIRST.index(jobs[k].experiment))
    results: dict[int, list[Found]] = {}

    def done(place: int, result: list[Found]) -> None:
        results[order[place]] = result
        head = f"[{len(results)}/{len(jobs)}, {time.monotonic() - begun:.0f} s] {jobs[order[place]].way}"
        for row in (each for each in result if isinstance(each, Row)):
            say(f"{head}, {row.experiment}, {row.when}: {row.loss_log10:.2f}")

    plan = Plan(folder, options.draws, options.rng_seed, options.times)
    spread(plan.worker, [jobs[k] for k in order], options.cores, done)
    for number, job in enumerate(jobs):
        for each in results[number]:
            if isinstance(each, Still):
                found.strips.setdefault((each.strip, job.way), []).append(each)
            elif isinstance(each, Frame):
                found.filmed = job.way
                found.frames.append(each.states)
            else:
                found.rows.append(each)
    found.seconds = time.monotonic() - begun
    return found


def _jobs(chosen: list[str], ways: list[Way], filmed: bool) -> list[Job]:
    """In the order of the table. The film is of the last way alone."""
    jobs = [Job(name, way, piece) for name in chosen for way in ways for piece in range(EXPERIMENTS[name].pieces)]
    return [*jobs, Job("film", ways[-1], 0)] if filmed and "seeds" in chosen else jobs


def _chosen(subject: Subject, only: tuple[str, ...]) -> list[str]:
    names = [name for name in EXPERIMENTS if name != "film"]
    for name in only:
        if name not in names:
            raise BadInput(f"experiment {name!r} is unknown, expected some of {', '.join(names)}")
    if "worm" in only and not subject.is_worm:
        raise BadInput(f"experiment worm is skipped: {subject.no_worm}")
    return [name for name in names if (name in only if only else name != "worm" or subject.is_worm)]
