"""The standard experiments run for the built-in lizards and the published one; docs/standard-experiments.md shows them.

`make campaign CAMPAIGN=experiments`, or `python -m tools.standard_experiments [EXPERIMENT ...]` with

    --replicates N    swarms a point, or as many as the file says where that is fewer (default 20)
    --rules A,B       default lizard,lizard-hardened,worm; `published` is the article's lizard, which needs --models
    --models DIR      the user's own download of ex3_lizard.json and targets_10x40.png
    --workers N       default: all cores
    --show            run nothing; write results, figures and page anew from what has been run

Rounds of 1, 3, 5, 10 and 20 swarms a point go over everything, so that what is interrupted shows something of all; the
same command goes on where it stood (rows under runs/standard). `planaria experiment NAME` runs the same swarms: their
seeds follow from the file.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from cellnode.workers import Pool, cores, spread
from coordinator.bench.machine import machine
from coordinator.bench.published import target_of
from coordinator.cli.experiment import STANDARD
from coordinator.experiment import replicate, spec, verdict
from coordinator.experiment.carry import Runner
from coordinator.experiment.replicate import Job, Row
from coordinator.experiment.rows import Folder
from coordinator.experiment.spec import Experiment
from firmware_sim import published
from firmware_sim.errors import BadInput
from tools import experiment_page

ROOT = Path(__file__).parents[1]
RUNS = Path(os.environ.get("EXPERIMENT_RUNS", ROOT / "runs" / "standard"))
PUBLISHED, LIZARD = "published", "lizard"
LIZARDS = (LIZARD, "lizard-hardened", PUBLISHED)
ROUNDS = (1, 3, 5, 10, 20)


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """One experiment on one rule, and the folder that keeps its rows."""

    name: str
    rule: str  # as the page calls it
    experiment: Experiment
    folder: Folder

    @property
    def seed(self) -> int:
        return self.experiment.document.seed

    def rows(self) -> list[Row]:
        """Sorted by point and replicate, however they came."""
        return sorted(self.folder.rows(), key=lambda row: (row["point"], row["replicate"]))


def main(arguments: Sequence[str]) -> int:
    wish = _options(arguments)
    names = wish.experiments or [path.stem for path in sorted(STANDARD.glob("*.toml"))]
    rules = wish.rules.split(",")
    trials = [trial for rule in rules for name in names for trial in _trials(name, rule, wish.models)]
    if not wish.show:
        with Pool(_worker, wish.workers, replicate.lost) as pool:  # the same workers from the first round to the last
            for count in [*(round_ for round_ in ROUNDS if round_ < wish.replicates), wish.replicates]:
                for trial in trials:
                    _run(trial, min(count, trial.experiment.document.replicates), None if wish.workers == 1 else pool)
                    keep(trial)
    for trial in trials:
        keep(trial)
    experiment_page.write()
    return 0


def keep(trial: Trial) -> None:
    """What is known of this trial so far, in docs/results/experiments/NAME.json beside that of other rules."""
    rows = trial.rows()
    if not rows:
        return
    path = experiment_page.RESULTS / f"{trial.name}.json"
    kept = json.loads(path.read_text()) if path.is_file() else {"rules": {}}
    points = trial.experiment.points()
    judged = [verdict.judge(point, [row for row in rows if row["point"] == point.number]) for point in points]
    found = [experiment_page.brief(one) for one in judged if one.replicates + one.failed]
    plan = json.loads((trial.folder.path / "plan.json").read_text())
    document = trial.experiment.document
    kept |= {"name": trial.name, "about": document.about, "seed": trial.seed, "watch_T": document.watch}
    kept["hypothesis"] = msgspec.to_builtins(document.hypothesis)
    kept["rules"][trial.rule] = {
        "sha256": next(iter(plan["rules"].values())),
        "versions": plan["versions"],
        "machine": machine() | {"load": None},
        "points": found,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(experiment_page.written(kept))


def _run(trial: Trial, count: int, pool: Pool[Job, Row] | None) -> None:
    """By these workers, or in this process."""
    runner = Runner(trial.folder, trial.seed, 1, lambda _row: None)
    done = {(row["point"], row["replicate"]) for row in runner.rows}
    jobs = [
        dataclasses.replace(runner.job(point, number), keep=None)  # films of all of them would fill a disk
        for point in trial.experiment.points()
        for number in range(count)
        if (point.number, number) not in done
    ]
    begun = time.monotonic()
    if pool is None:
        spread(_worker, jobs, 1, lambda _place, row: trial.folder.append(row))
    else:
        pool.run(jobs, lambda _place, row: trial.folder.append(row))
    if jobs:
        print(f"{trial.name} on {trial.rule}: {len(jobs)} swarms, {time.monotonic() - begun:.0f} s", flush=True)


def _worker() -> Callable[[Job], Row]:
    return replicate.run


def _trials(name: str, rule: str, models: Path | None) -> Iterator[Trial]:
    """None for a search, which has a tool of its own: `planaria experiment`; a worm's is no lizard's."""
    experiment = spec.load(STANDARD / f"{name}.toml")
    if experiment.document.search is not None or (experiment.document.rule == LIZARD) is (rule not in LIZARDS):
        return
    experiment = experiment.with_rule(str(_published(models)) if rule == PUBLISHED else rule)
    out = RUNS / rule / name
    yield Trial(name, rule, experiment, Folder.create(experiment, out, experiment.document.seed))


def _published(models: Path | None) -> Path:
    """The article's lizard as a rule folder of ours; its int8 genome are the authors' own bytes."""
    out = RUNS / "published-lizard"
    if (out / "rule.json").is_file():
        return out
    if models is None or not (models / "ex3_lizard.json").is_file():
        raise BadInput("--rules published needs --models DIR with ex3_lizard.json and targets_10x40.png")
    published.import_model(models / "ex3_lizard.json", out, target_of(models, "lizard"), premultiplied=True)
    return out


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.standard_experiments")
    parser.add_argument("experiments", nargs="*")
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--rules", default="lizard,lizard-hardened,worm")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--show", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
