"""`planaria experiment`: a file with a hypothesis, many swarms, a verdict. Thin over coordinator.experiment."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cellnode.workers import cores
from coordinator.cli.options import exit_code, json_option, seed_option, show_json
from firmware_sim.errors import BadInput

if TYPE_CHECKING:  # scipy is imported by those who run an experiment, not by those who list commands
    from coordinator.experiment.carry import Runner
    from coordinator.experiment.spec import Experiment
    from coordinator.experiment.verdict import Judged

LONG_S = 600.0  # an experiment that takes longer asks first
MANY = 100_000  # swarms that are not begun without asking
A_SWARM_S = 0.25  # a virtual lizard of 40x40 that lives 200 T; measured on one core, rounded up
STANDARD = Path(__file__).parents[1] / "experiment" / "standard"


@click.command(short_help="A hypothesis, many swarms, a verdict with intervals.")
@click.argument("file", required=False)
@click.option("--replicates", type=click.IntRange(1), default=None, help="Swarms a point. Default: what the file says.")
@click.option("--rule", default=None, help="Another rule than the file's.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=None,
    help="Processes that compute virtual swarms. Default: one for each core. 1: this process itself, without another.",
)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Default: runs/experiments/NAME/TIME.")
@click.option("--yes", is_flag=True, help=f"Also if it takes longer than {LONG_S / 60:.0f} minutes.")
@click.option("--shrink", is_flag=True, help="Find the fewest steps of the first point that still prevent recovery.")
@click.option(
    "--schema",
    type=click.Choice(["experiment", "scenario"]),
    is_flag=False,
    flag_value="experiment",
    help="Print the JSON schema of such a file, for editors, and end.",
)
@seed_option
@json_option
def experiment(
    file: str | None,
    replicates: int | None,
    rule: str | None,
    workers: int | None,
    out: Path | None,
    yes: bool,
    shrink: bool,
    schema: str | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Run FILE (TOML or YAML, or the name of a standard experiment) and say whether its hypothesis holds.

    \b
    planaria experiment                            list the standard experiments
    planaria experiment crash --replicates 50
    planaria experiment mine.toml --out runs/mine  interrupted, the same command goes on where it stood
    planaria experiment mine.toml --shrink

    Exit code 0: it holds; 1: it does not; 3: unknown (too few swarms, or a fault that hit nothing).
    """
    from coordinator import schema as schemas
    from coordinator.experiment import spec

    if schema is not None:
        click.echo(schemas.text(schema), nl=False)
        return 0
    if file is None:
        return _list(as_json)
    found = spec.load(_path(file))
    if rule is not None:
        found = found.with_rule(rule)
    return _run(found, replicates, workers, out, yes, shrink, seed, as_json)


def _run(
    found: Experiment,
    replicates: int | None,
    workers: int | None,
    out: Path | None,
    yes: bool,
    shrink: bool,
    seed: int | None,
    as_json: bool,
) -> int:
    from coordinator.experiment import carry, junit, page, preflight, verdict
    from coordinator.experiment.rows import Folder
    from coordinator.experiment.statistics import sample_size

    document = found.document
    count = replicates or document.replicates
    rng_seed = document.seed if seed is None else seed
    _say(f"{document.name}: {page.sentence(document.hypothesis)}")
    if document.search is None:
        fine, coarse = (sample_size(margin, document.hypothesis.confidence) for margin in (0.05, 0.1))
        _say(
            f"{found.count} points x {count} swarms, seed {rng_seed}; "
            f"{fine} swarms a point would tell a share to 5 %, {coarse} to 10 %"
        )
        _ask(found.count * count, yes)
    preflight.check(found)
    folder = Folder.create(found, out, rng_seed)
    bar = _Bar(found.count * count if document.search is None else document.search.most)
    begun = time.monotonic()
    with carry.Runner(folder, rng_seed, workers, bar.row) as runner:
        if shrink:
            return _shrink(found, runner, as_json)
        threshold = None
        if document.search is not None:
            threshold, judged = carry.find_threshold(found, runner, document.hypothesis.confidence)
            whole = verdict.PASS if threshold.value is not None else verdict.UNKNOWN
        else:
            _probe(found, runner, count, workers or cores(), yes)
            judged = carry.sweep(found, runner, count)
            whole = verdict.overall(judged)
    bar.end()
    rows = runner.rows
    if len(folder.save_table(rows)) == 1:
        _say("rows.csv has no twin rows.parquet: that needs pyarrow (pip install 'planaria[experiment]')")
    result = {
        "verdict": whole,
        "hypothesis": page.sentence(document.hypothesis),
        "estimate": judged[0].estimate if len(judged) == 1 else None,
        "confidence_interval": list(judged[0].interval) if len(judged) == 1 else None,
        "replicates": sum(one.replicates for one in judged),
        "failed": sum(one.failed for one in judged),
        "seed": rng_seed,
        "out": str(folder.path),
        "points": [one.to_dict() for one in judged],
    }
    if threshold is not None:
        result |= {
            "estimate": threshold.value,
            "confidence_interval": list(threshold.interval),
            "threshold": page.threshold_line(found, threshold),
        }
    folder.save("result.json", json.dumps(result, indent=2) + "\n")
    folder.save("junit.xml", junit.xml(found, judged, time.monotonic() - begun))
    report = folder.save("report.html", page.html(found, folder.path, judged, rows, whole, threshold))
    if as_json:
        show_json(result)
    else:
        for one in judged if threshold is None else ():
            click.echo(_line(one))
        if threshold is not None:
            click.echo(page.threshold_line(found, threshold))
        click.echo(f"verdict: {whole}\nreport: {report}")
    return exit_code(whole)


def _shrink(found: Experiment, runner: Runner, as_json: bool) -> int:
    from coordinator.experiment import carry

    point = found.points()[0]
    shrunk = carry.shrink_schedule(point, runner, 200, lambda run, kept: _say(f"run {run}: {kept} steps"))
    steps = [point.steps[index] for index in shrunk.kept]
    facts = {
        "steps": len(point.steps),
        "kept": [{"number": index + 1, "t": point.steps[index].t} for index in shrunk.kept],
        "runs": shrunk.runs,
        "smallest": not shrunk.exhausted,
    }
    if as_json:
        show_json(facts)
        return 0
    click.echo(f"{len(steps)} of {len(point.steps)} steps are enough ({shrunk.runs} runs):")
    for index in shrunk.kept:
        click.echo(f"  step {index + 1} at {point.steps[index].t:g} T: {point.steps[index].action}")
    return 0


def _list(as_json: bool) -> int:
    from coordinator.experiment import spec

    found = {path.stem: spec.load(path).document for path in sorted(STANDARD.glob("*.toml"))}
    if as_json:
        show_json([{"name": name, "about": document.about} for name, document in found.items()])
    else:
        for name, document in found.items():
            click.echo(f"{name:16s} {document.about}")
    return 0


def _path(file: str) -> Path:
    named = STANDARD / f"{file}.toml"
    if not Path(file).exists() and named.exists():
        return named
    if not Path(file).exists():
        names = ", ".join(path.stem for path in sorted(STANDARD.glob("*.toml")))
        raise BadInput(f"experiment {file} is neither a file nor one of {names}")
    return Path(file)


def _ask(runs: int, yes: bool) -> None:
    """Before anything is made; what is left is told by its first swarm."""
    if runs >= MANY and not yes:
        here = cores()
        span = _span(A_SWARM_S * runs / here)
        raise BadInput(f"{runs:,} swarms: at {A_SWARM_S} s each on {here} cores that is about {span}; --yes runs it")


def _probe(found: Experiment, runner: Runner, count: int, workers: int, yes: bool) -> None:
    """How long all will take: the first virtual swarm tells, and real processes live as long as they are told to."""
    from coordinator.experiment import preflight
    from coordinator.substrate import REAL

    point = found.first()
    real = sum(point.substrate(number) in REAL for number in range(count))
    row = runner.run(point, [real])[0] if real < count else None
    done = [one["substrate"] in REAL for one in runner.rows]
    left_real = max(found.count * real - sum(done), 0)
    left = max(found.count * (count - real) - len(done) + sum(done), 0)
    seconds = row["seconds"] if row else None
    expected = (seconds * left / workers if seconds else 0.0) + preflight.real_seconds(point) * left_real
    if left + left_real == 0:
        return
    if seconds is not None:
        _say(f"the first swarm took {seconds:.1f} s")
    _say(f"all will take about {_span(expected)}" + (f", {left_real} of them real processes" if left_real else ""))
    if expected > LONG_S and not yes:
        span = _span(expected)
        raise BadInput(
            f"{left + left_real} swarms would take about {span}: --yes runs them, --replicates makes it shorter"
        )


def _line(one: Judged) -> str:
    low, high = one.interval
    fates = ", ".join(f"{count} {name}" for name, count in one.fates.items())
    estimate = "none" if one.estimate is None else f"{one.estimate:.3g}"
    notes = "".join(
        f"; {what} in {count}"
        for what, count in (("a fault hit nothing", one.unproven), ("what must never be was", one.broken))
        if count
    )
    real = one.substrates.get("processes")
    if real is not None and len(one.substrates) > 1:
        notes += f"; of {real[1]} swarms of real processes {real[0]} recovered"
    interval = f"{estimate} ({low:.3g} to {high:.3g})"
    return f"{one.verdict:8s} {one.point.label}: {interval}; {fates or 'no swarm lived'}{notes}"


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _say(line: str) -> None:
    click.echo(line, err=True)


class _Bar:
    """One line that counts, on a terminal; one in ten lines otherwise."""

    def __init__(self, whole: int) -> None:
        self._whole, self._done, self._good = whole, 0, 0
        self._terminal = sys.stderr.isatty()

    def row(self, row: dict[str, object]) -> None:
        self._done += 1
        self._good += bool(row.get("recovered"))
        text = f"{self._done} of at most {self._whole} swarms, {self._good} recovered"
        if "error" in row:
            click.echo(f"\rpoint {row['point']}, replicate {row['replicate']} failed: {row['error']}", err=True)
        if self._terminal:
            click.echo(f"\r{text}", nl=False, err=True)
        elif self._done % 10 == 0:
            _say(text)

    def end(self) -> None:
        if self._terminal and self._done:
            click.echo(err=True)
