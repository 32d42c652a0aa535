"""A training from the first word to the rule folder: resume or begin, train, judge the best checkpoint, export.

What the command line calls, and what a script may call.  The folder OUT.training beside OUT holds checkpoint, log and
report; OUT is there only when it is whole.  It prints nothing: it says lines through `say`.  Imports torch,
firmware_sim, trainer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from firmware_sim import folder as rule_folder
from firmware_sim.cuts import CUTS
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.rule import Rule
from trainer import checkpoint, report
from trainer.export import export
from trainer.fast import choose
from trainer.learner import Learner
from trainer.score import Score, score
from trainer.settings import Settings
from trainer.targets import Target
from trainer.train import Progress, Watch, train

FINAL_DRAWS = 5  # of everything, with draws that no checkpoint was chosen by
FINAL_STREAM = 2
REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Trained:
    """`loss_log10`: median over draws, grown from one seed in asynchrony, int8 where the rule fits a chip; `cuts` alike
    200 T after each of the article's cuts (empty unless regenerating)."""

    out: Path
    loss_log10: float
    cuts: dict[str, float]
    seconds: float
    steps: int
    rng_seed: int
    losses: dict[str, float] = field(default_factory=dict)


def check_out(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out}: exists already and is not empty; give another --out or remove it")


def starting_point(given: str) -> tuple[Rule, str]:
    """The weights of a rule folder or built-in rule to go on from, and its hash; BadInput when it is none."""
    found = rule_folder.load(given)
    return found.rule(), found.sha256


def training_folder(out: Path) -> Path:
    return out.with_name(out.name + ".training")


def run(
    target: Target,
    settings: Settings,
    out: Path,
    *,
    threads: int,
    say: Callable[[str], None],
    show: Callable[[Progress], None],
    stop: Callable[[], bool],
    start: Rule | None = None,
    watch: Watch | None = None,
    device: str = "cpu",
) -> Trained | None:
    """Train (from the weights of `start`, if given) and export; None when `stop` ended it, with a checkpoint to go on
    from.  BadInput, RunFailed."""
    began = time.monotonic()
    check_out(out)
    folder = training_folder(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made ({error.strerror}); give another --out") from error
    learner = Learner(settings, target.pixels, start)
    if (folder / checkpoint.NAME).exists():
        checkpoint.load(folder / checkpoint.NAME, learner)
        say(f"going on from step {learner.step:,} of {folder / checkpoint.NAME}")
    kernel = choose(threads, say, device)
    if not train(learner, kernel, folder, show, stop, watch):
        return None
    if learner.best is None:
        raise RunFailed(f"no checkpoint of this training had a finite score; the log is {folder / 'losses.csv'}")
    judged = score(learner.best_rule(), target.pixels, settings.regime, _final_rng(settings), FINAL_DRAWS)
    losses = summary(judged)
    name = target.name + ("-hardened" if settings.faulty else "")
    export(out, name, learner.best_rule(), target, settings, losses, kernel.name)
    page = folder / REPORT
    try:
        report.write(page, f"{name}, {settings.regime}", learner, kernel, losses)
        say(f"report: {page}")
    except OSError as error:
        say(f"the rule is written, but its report is not: {page}: {error.strerror}")
    return Trained(
        out=out,
        loss_log10=losses["grown"],
        cuts={name: losses[f"cut_{name}"] for name in CUTS if f"cut_{name}" in losses},
        seconds=round(time.monotonic() - began, 1),
        steps=learner.step,
        rng_seed=settings.rng_seed,
        losses=losses,
    )


def summary(judged: Score) -> dict[str, float]:
    """Medians over draws, and the worst draw of the half-loss test, under the names they have in rule.json."""
    losses = {"grown": float(np.median(judged.grown))}
    if judged.healed:
        losses |= {"healed": float(np.median(judged.healed)), "healed_worst": max(judged.healed)}
        losses |= {f"cut_{name}": value for name, value in zip(CUTS, judged.cuts, strict=True)}
    return {name: round(value, 3) for name, value in losses.items()}


def _final_rng(settings: Settings) -> np.random.Generator:
    return np.random.default_rng([settings.rng_seed, FINAL_STREAM])
