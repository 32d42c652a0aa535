"""An adversary's training from the first word to its folder: resume or begin, train, compare with random numbers,
export.

OUT.training beside OUT holds checkpoint and log; OUT is there only when it is whole. It prints nothing: it says lines
through `say`. Imports torch, firmware_sim and trainer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from firmware_sim import folder as rule_folder
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.genome import Genome
from trainer import checkpoint
from trainer.adversary import battle
from trainer.adversary.learner import Traitor
from trainer.adversary.settings import AdversarySettings
from trainer.adversary.train import train
from trainer.export import check_onnx
from trainer.session import check_out, training_folder
from trainer.train import Progress

DRAWS = 5  # of the comparison, with draws that no checkpoint was chosen by
SHARE, TURN_T, AFTER_T = 0.05, 100.0, 100.0
FINAL_SEED = 1000


@dataclass(frozen=True, slots=True)
class Taught:
    """Medians over the draws: the loss over the honest cells with 5 % of adversaries, of random numbers, of none."""

    out: Path
    adversary: float
    random: float
    honest: float
    seconds: float
    steps: int
    rng_seed: int


def run(
    victim: RuleFolder, settings: AdversarySettings, out: Path, *, threads: int, say: Callable[[str], None],
    show: Callable[[Progress], None], stop: Callable[[], bool],
) -> Taught | None:  # fmt: skip
    """Train and export; None when `stop` ended it, with a checkpoint to go on from. BadInput, RunFailed."""
    began = time.monotonic()
    torch.set_num_threads(threads)
    check_out(out)
    learner = Traitor(settings, victim)
    folder = training_folder(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made ({error.strerror}); give another --out") from error
    if (folder / checkpoint.NAME).exists():
        checkpoint.load(folder / checkpoint.NAME, learner)
        say(f"going on from step {learner.step:,} of {folder / checkpoint.NAME}")
    if not train(learner, folder, show, stop):
        return None
    genome = Genome.quantise(learner.best_rule())
    say(f"comparing it with random numbers, {DRAWS} swarms each")
    taught, drawn, none = (_median(learner, mind) for mind in (genome, None, learner.genome))
    losses = {"honest_cells_under_it": taught, "under_random": drawn, "under_none": none}
    rule = genome.dequantise()
    check_onnx(rule)
    rule_folder.save(
        out,
        name=f"{victim.name}-adversary",
        rule=rule,
        genome=genome,
        losses=losses,
        origin=f"trained by planaria train --adversary {victim.name}",
        trained=settings.to_dict() | {"torch": str(torch.__version__)},
    )
    seconds = round(time.monotonic() - began, 1)
    return Taught(out, taught, drawn, none, seconds, learner.step, settings.rng_seed)


def _median(learner: Traitor, mind: Genome | None) -> float:
    draws = [
        battle.harm(
            learner.folder, mind, side=learner.side, share=SHARE, turn_at=TURN_T, until=AFTER_T,
            rng_seed=FINAL_SEED + learner.settings.rng_seed + draw,
        )
        for draw in range(DRAWS)
    ]  # fmt: skip
    return round(float(np.median(draws)), 3)
