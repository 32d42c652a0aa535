"""The loop of an adversary's training: pool, betrayal, gradient, score, checkpoint. Read `training_step` first.

It knows no command line and draws everything from the learner's generator. Imports torch (through the learner), numpy,
firmware_sim and trainer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from firmware_sim.genome import Genome
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.loss import FLOOR
from trainer import checkpoint
from trainer.adversary import battle, episode
from trainer.adversary.learner import Traitor
from trainer.train import Progress

HISTORY_EVERY = 10  # steps whose mean loss makes one row of the log
SCORE_SHARE, SCORE_TURN_T, SCORE_T, SCORE_DRAWS = 0.05, 60.0, 60.0, 3


def train(learner: Traitor, folder: Path, show: Callable[[Progress], None], stop: Callable[[], bool]) -> bool:
    """From wherever the learner stands to the settings' last step; False when `stop` answered True before, and the
    checkpoint holds what there is."""
    s = learner.settings
    while learner.step < s.steps:
        learner.recent.append(training_step(learner))
        halt, last = stop(), learner.step == s.steps
        show(_progress(learner))
        if learner.step % HISTORY_EVERY == 0 or last:
            learner.note()
        if learner.step % s.score_every == 0 or last:
            keep_the_worst(learner)
        if learner.step % s.checkpoint_every == 0 or last or halt:
            checkpoint.save(folder, learner)
        if halt:
            return last
    return True


def training_step(learner: Traitor) -> float:
    """One episode and one step uphill; answers the mean loss of the honest cells, not yet log10."""
    s, rng = learner.settings, learner.rng
    entries = rng.choice(s.pool, s.batch, replace=False)
    for entry in entries.tolist():
        dead = not (learner.states[entry, ..., ALPHA] > ALIVE_THRESHOLD).any()
        if learner.ages[entry] >= s.lives or dead:
            learner.renew(entry)
    length = int(rng.integers(s.episode_min, s.episode_max))
    rates = rng.uniform(s.fire_min, s.fire_max, s.batch)[:, None, None]
    fire = rng.random((length, s.batch, learner.side, learner.side), dtype=np.float32) < rates
    given = episode.Betrayal(learner.read(entries), learner.traitors[entries], fire, learner.target)
    outcome = episode.run(learner.victim, learner.rule(), given)
    learner.write(entries, outcome.states)
    assert outcome.gradients is not None
    learner.learn(outcome.gradients)
    learner.step += 1
    return float(outcome.losses.mean())


def keep_the_worst(learner: Traitor) -> None:
    """Let the adversary as it stands do its harm in a swarm; remember it if none has done more. Always the same draws,
    so that two of them are compared in the same swarms."""
    rule = learner.rule()
    genome = Genome.quantise(rule)
    draws = [
        battle.harm(
            learner.folder, genome, side=learner.side, share=SCORE_SHARE, turn_at=SCORE_TURN_T, until=SCORE_T,
            rng_seed=learner.settings.rng_seed + (draw << 20),
        )
        for draw in range(SCORE_DRAWS)
    ]  # fmt: skip
    score = float(np.median(draws))
    learner.scores.append((learner.step, score))
    if score > learner.best_score:
        learner.best_score = score
        learner.best = {"w1": rule.w1, "b1": rule.b1, "w2": rule.w2, "b2": rule.b2}


def _progress(learner: Traitor) -> Progress:
    loss = float(np.log10(np.mean(learner.recent) + FLOOR))
    best = learner.best_score if np.isfinite(learner.best_score) else 99.0
    return Progress(learner.step, learner.settings.steps, loss, learner.learning_rate(), best, 0)
