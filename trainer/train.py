"""The one training loop: pool, episode, gradient, score, checkpoint.  Read `training_step` first.

The notebook's three regimes (growing, persistent, regenerating) with the chip's arithmetic in the forward pass.  It
knows no command line and draws everything from the learner's generator.  Imports torch (through learner), numpy,
firmware_sim, trainer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.loss import FLOOR
from trainer import checkpoint, damage, hardscore, mishaps, places
from trainer.episode import LOSS_SCALE, Episode, Floats, Kernel, Mask
from trainer.learner import Learner
from trainer.pool import Pool
from trainer.score import score

PATIENCE = 20  # steps in a row without a living cell, or run away, before a restart
RUNAWAY = 8.0  # times the loss of an empty grid
KEEP_WORST = 0.7  # by the last step, the share of batches in which any undamaged sample may become the seed
HISTORY_EVERY = 50  # steps whose mean loss makes one row of the log
SNAPSHOTS = (100, 500, 1000, 4000)  # the steps whose growth the article shows

Watch = Callable[[int, float, Pool, Floats, Floats], None]  # step, log10 loss, pool, batch before, batch after


@dataclass(frozen=True, slots=True)
class Progress:
    """What a progress display may show after a step: losses as log10, the best score of a checkpoint so far."""

    step: int
    steps: int
    loss_log10: float
    rate: float
    best_score: float
    restarts: int


def train(
    learner: Learner, kernel: Kernel, folder: Path, show: Callable[[Progress], None], stop: Callable[[], bool],
    watch: Watch | None = None,
) -> bool:  # fmt: skip
    """Train from wherever the learner stands to the settings' last step, with checkpoints and the log in `folder`.

    True when the last step is reached; False when `stop` answered True after a step, which is then in the checkpoint.
    """
    s = learner.settings
    while learner.step < s.steps:
        step, loss = learner.step, training_step(learner, kernel, watch)
        halt = stop()
        if learner.step > step:  # a step that collapsed is not counted
            learner.recent.append(loss)
            last = learner.step == s.steps
            if learner.step in SNAPSHOTS:
                learner.remember()
            show(_progress(learner))
            if learner.step % HISTORY_EVERY == 0 or last:
                learner.note()
            if (learner.step % s.score_every == 0 and learner.step >= s.score_from * s.steps) or last:
                keep_the_best(learner, kernel)
            if learner.step % s.checkpoint_every == 0 or last or halt:
                checkpoint.save(folder, learner)
        if halt:
            return learner.step == s.steps
    return True


def _progress(learner: Learner) -> Progress:
    loss = float(np.log10(np.mean(learner.recent) + FLOOR))
    rate = learner.learning_rate()
    return Progress(learner.step, learner.settings.steps, loss, rate, learner.best_score, learner.restarts)


def keep_the_best(learner: Learner, kernel: Kernel) -> None:
    """Score the rule as it stands; remember it if none was better.  Its draws are no part of the training's."""
    rng = np.random.default_rng([learner.settings.rng_seed, 1, learner.step])
    rule = learner.rule()
    if learner.settings.faulty:
        total = hardscore.total(hardscore.score(kernel, rule, learner.picture, rng))
    else:
        total = score(rule, learner.picture, learner.settings.regime, rng).total
    learner.scores.append((learner.step, total))
    if np.isfinite(total) and total < learner.best_score:
        learner.best_score = total
        learner.best = {"w1": rule.w1, "b1": rule.b1, "w2": rule.w2, "b2": rule.b2}


def training_step(learner: Learner, kernel: Kernel, watch: Watch | None = None) -> float:
    """One episode and one Adam step; answers the mean loss of the batch, not yet log10."""
    s, rng, canvas, now = learner.settings, learner.rng, learner.canvas, learner.stage
    if now.begin == learner.step > 0:
        learner.begin_stage()
    entries = rng.choice(len(learner.pool), s.batch, replace=False)
    states, exists = learner.pool.read(entries)
    fresh = np.zeros(s.batch, dtype=np.bool_)
    target, place = np.repeat(learner.target[None], s.batch, axis=0), places.fresh(s.batch)
    if now.regime == "growing" or learner.step - learner.since < s.warm:
        fresh[:] = True
    else:
        if now.aside:
            place = places.of_today(learner.pool.places[entries], states, learner.target, now.aside)
            target = np.stack([places.moved(learner.target, *at[:2]) for at in place])
        order = np.argsort(-_losses(states, target * exists[..., None]), kind="stable")  # the worst first
        entries, states, exists = entries[order], states[order], exists[order]
        target, place = target[order], place[order]
        fresh[_replaced(learner, states[0])] = True
        if s.faulty:
            fresh[int(rng.integers(max(1, s.batch - s.damaged)))] = True  # growing is what faults disturb most
        if now.regime == "regenerating":
            for i in range(s.batch - s.damaged, s.batch):
                if now.aside:
                    place[i] = (*places.standing(states[i], learner.target, now.aside), places.HELD)
                    target[i] = places.moved(learner.target, *place[i, :2])
                lost = damage.draw(rng, (canvas.side,) * 2, canvas.centre, s.size, s.pieces, s.halves, s.squares)
                states[i][lost] = 0
    for i in np.flatnonzero(fresh).tolist():
        states[i], exists[i] = canvas.seed(), canvas.draw_grid(rng)
        target[i], place[i] = learner.target, places.NEW
    if s.dead:
        _bury(learner, states, exists, fresh)
    length = int(rng.integers(now.episode_min, now.episode_max))
    rates = np.rint(256 * rng.uniform(now.fire_min, s.fire_max, s.batch))[:, None, None]
    fire = rng.integers(0, 256, (length, s.batch, canvas.side, canvas.side), dtype=np.uint8) < rates
    if s.faulty:
        target *= exists[..., None]  # nobody can paint a dead square
    faults = mishaps.draw(s, rng, (length, s.batch, canvas.side, canvas.side)) if s.faulty else None
    outcome = kernel.run(learner.rule(), Episode(states, exists, fire, target, faults))
    loss = float(outcome.losses.mean())
    if _collapsed(learner, outcome.states, loss):
        return loss
    if now.regime != "growing":
        learner.pool.write(entries, outcome.states, exists)
        learner.pool.places[entries] = place
    assert outcome.gradients is not None
    learner.learn(outcome.gradients)
    learner.step += 1
    if watch is not None:
        watch(learner.step, float(np.log10(loss + FLOOR)), learner.pool, states, outcome.states)
    return loss


def _bury(learner: Learner, states: Floats, exists: Mask, fresh: Mask) -> None:
    """Cells of some samples die for ever: before growing, or now and then later."""
    s, rng, canvas = learner.settings, learner.rng, learner.canvas
    for i in range(s.batch):
        if rng.random() < (mishaps.DEAD_SHARE if fresh[i] else mishaps.DYING_SHARE):
            exists[i] &= ~mishaps.dead_cells(s, rng, (canvas.side, canvas.side), canvas.centre)
            states[i][~exists[i]] = 0


def _replaced(learner: Learner, worst: Floats) -> int:
    """Which sample of a batch, the worst first, becomes a seed.

    In the notebook always the worst.  But then a wrong shape that heals into itself is thrown away and never unlearned,
    so here it is ever more often a middling one; not from the start, when most shapes are wrong.  Where stages before
    this one have taught to grow and to stay, most are right, and it may be any.  A dead sample has nothing left to
    learn from and always goes.
    """
    s, rng, now = learner.settings, learner.rng, learner.stage
    heals = now.regime == "regenerating"
    if heals and now.begin:
        chosen = int(rng.integers(s.batch))
    else:
        whole = s.batch - (s.damaged if heals else 0)
        chosen = int(rng.integers(max(1, whole))) if rng.random() < KEEP_WORST * now.share(learner.step) else 0
    return chosen if (worst[..., ALPHA] > ALIVE_THRESHOLD).any() else 0


def _losses(states: Floats, target: Floats) -> Floats:
    return np.asarray(((states[..., :4] - target) ** 2).sum(axis=(1, 2, 3)) * LOSS_SCALE, dtype=np.float32)


def _collapsed(learner: Learner, states: Floats, loss: float) -> bool:
    """True when this step broke the training for good; the learner then stands at a growing start again."""
    blank = float((learner.target**2).sum()) * LOSS_SCALE
    dead = not (states[..., ALPHA] > ALIVE_THRESHOLD).any()
    broken = not np.isfinite(loss)
    learner.bad_steps = learner.bad_steps + 1 if dead or broken or loss > RUNAWAY * blank else 0
    if not broken and learner.bad_steps < PATIENCE:
        return False
    learner.bad_steps = 0
    learner.restarts += 1
    learner.begin()
    return True
