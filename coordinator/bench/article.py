"""The article's published models under `planaria evaluate`, beside what others measured of them.

The figures are of one draw each, by an implementation that is not ours: the article's step (float weights, 72x72 with
zeros around, every cell firing with probability 1/2), log10 loss 96, 200 and 1000 steps after the seed. Draws differ by
up to 0.7, so the median of ours should lie within 0.5 of them, where the pattern is stable: ex2 and ex3 at 96 and 200,
ex1 at 96. Later, an ex1 model is compared by what becomes of it only. `--models` names the user's own download, as for
the benchmark `published`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from coordinator.bench.published import models_in, target_of
from coordinator.bench.registry import Options
from coordinator.bench.registry import Row as Line
from coordinator.evaluate.evaluation import Evaluation, evaluate
from coordinator.evaluate.evaluation import Options as EvaluateOptions
from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import FLOAT, SYNC, Way
from firmware_sim import published

NEAR = 0.5
DRAWS_MIN = 5
AT = (96, 200, 1000)
MEASURED: dict[str, tuple[float, float, float]] = {
    "ex1_lizard": (-3.44, -2.76, -2.40),
    "ex1_butterfly": (-3.94, -3.44, -1.31),
    "ex1_smiley": (-3.71, -1.25, 2.7),
    "ex1_boom": (-3.67, -2.52, -1.11),
    "ex2_lizard": (-3.48, -4.13, -4.05),
    "ex2_butterfly": (-3.41, -4.00, -4.09),
    "ex2_smiley": (-3.24, -3.50, -3.66),
    "ex2_boom": (-3.31, -3.68, -3.38),
    "ex3_lizard": (-3.09, -3.66, -3.94),
    "ex3_butterfly": (-2.97, -3.26, -3.04),
    "ex3_smiley": (-2.70, -2.82, -2.55),
    "ex3_boom": (-2.83, -2.90, -2.04),
}
FATES = {"ex1_butterfly": "died", "ex1_smiley": "exploded"}  # at 1000 steps
# The lizard cut at 200 steps: worst and best of the four halves, so many steps later.
HEALED: dict[str, dict[int, tuple[float, float]]] = {
    "ex3_lizard": {100: (-2.8, -3.5), 200: (-2.9, -3.9), 400: (-3.5, -3.9)},
}


def measure(options: Options) -> Iterator[Line]:
    """One row for each model and moment: our median over the draws, theirs, and whether they agree."""
    for path in models_in(options.models, "article"):
        with tempfile.TemporaryDirectory() as home:
            target = target_of(path.parent, path.stem.split("_", 1)[1])
            if target is None:
                options.say(f"{path.stem} is left out: no picture of it in {path.parent}")
                continue
            rule = published.import_model(path, Path(home) / "rule", target, premultiplied=True)
            only = ("growth", "damage") if path.stem in HEALED else ("growth",)
            asked = EvaluateOptions(
                max(DRAWS_MIN, len(options.seeds)), options.seeds[0], only, ways=(Way(SYNC, FLOAT),)
            )
            yield from compare(path.stem, evaluate(rule, asked, options.say))


def compare(model: str, found: Evaluation) -> Iterator[Line]:
    """Rows of growth and damage beside the figures."""
    for row in found.rows:
        at = int(row.at)
        if row.experiment == "growth" and at in AT:
            theirs = MEASURED[model][AT.index(at)] if model in MEASURED else None
            yield _line(model, row, None if theirs is None else f"{theirs:.2f}", _agrees(model, row, theirs))
    for at, (worst, best) in HEALED.get(model, {}).items():
        halves = [
            row
            for row in found.rows
            if row.at == at and row.experiment.startswith("damage ") and "square" not in row.experiment
        ]
        for row in halves:
            near = worst + NEAR >= row.loss_log10
            yield _line(model, row, f"{worst:.1f}..{best:.1f}", "yes" if near else "NO")


def _agrees(model: str, row: Row, theirs: float | None) -> str:
    if theirs is None:
        return "no figure"
    growing, at = model.startswith("ex1"), int(row.at)
    if at == AT[0] or (at == AT[1] and not growing):
        return "yes" if abs(row.loss_log10 - theirs) <= NEAR else "NO"
    if growing and at == AT[-1] and model in FATES:
        most = max(row.fate, key=lambda name: row.fate[name])
        return f"yes, {most}" if most == FATES[model] else f"NO, {most}, not {FATES[model]}"
    return "not compared"


def _line(model: str, row: Row, theirs: str | None, agrees: str) -> Line:
    return {
        "model": model,
        "experiment": row.experiment,
        "after": row.when,
        "median": round(row.loss_log10, 2),
        "best_and_worst": f"{row.range[0]:.2f}..{row.range[1]:.2f}",
        "shift1": round(row.loss_log10_shift1, 2),
        "draws": row.draws,
        "holds": row.fate.get("holds", 0),
        "figure": theirs,
        "agrees": agrees,
    }
