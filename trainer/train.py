"""The one training loop: pool, episode, gradient, score, checkpoint.  Read `training_step` first.

The notebook's three regimes (growing, persistent, regenerating) with the chip's arithmetic in the forward pass.  It knows no
command line and draws everything from the learner's generator.  Imports torch (through learner), numpy, firmware_sim, trainer.
"""

from __future__ import annotations

import numpy as np

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from trainer import damage
from trainer.episode import LOSS_SCALE, Episode, Floats, Kernel
from trainer.learner import Learner

PATIENCE = 20  # steps in a row without a living cell, or run away, before a restart
RUNAWAY = 8.0  # times the loss of an empty grid


def training_step(learner: Learner, kernel: Kernel) -> float:
    """One episode and one Adam step; answers the mean loss of the batch, not yet log10."""
    s, rng, canvas = learner.settings, learner.rng, learner.canvas
    entries = rng.choice(len(learner.pool), s.batch, replace=False)
    states, exists = learner.pool.read(entries)
    fresh = np.zeros(s.batch, dtype=np.bool_)
    if s.regime == "growing" or learner.step - learner.since < s.warm:
        fresh[:] = True
    else:
        order = np.argsort(-_losses(states, learner.target), kind="stable")  # the worst first: it becomes the seed
        entries, states, exists = entries[order], states[order], exists[order]
        fresh[0] = True
        if s.regime == "regenerating":
            for i in range(s.batch - s.damaged, s.batch):
                states[i][damage.draw(rng, (canvas.side, canvas.side), canvas.centre, s.size)] = 0
    for i in np.nonzero(fresh)[0]:
        states[i], exists[i] = canvas.seed(), canvas.draw_grid(rng)
    length = int(rng.integers(s.episode_min, s.episode_max))
    rates = np.rint(256 * rng.uniform(s.fire_min, s.fire_max, s.batch))[:, None, None]
    fire = rng.integers(0, 256, (length, s.batch, canvas.side, canvas.side), dtype=np.uint8) < rates
    target = np.repeat(learner.target[None], s.batch, axis=0)
    outcome = kernel.run(learner.rule(), Episode(states, exists, fire, target))
    loss = float(outcome.losses.mean())
    if _collapsed(learner, outcome.states, loss):
        return loss
    if s.regime != "growing":
        learner.pool.write(entries, outcome.states, exists)
    assert outcome.gradients is not None
    learner.learn(outcome.gradients)
    learner.step += 1
    return loss


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
