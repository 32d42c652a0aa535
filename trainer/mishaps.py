"""Draws what goes wrong in an episode: late reading, lost messages, forgotten memories, cells that are dead for ever.

The rates are those of the settings at most; a share of the samples meets nothing, since a rule must also be good where
nothing fails. It draws only from the generator it is given and computes no update. Imports numpy and trainer.
"""

from __future__ import annotations

import numpy as np

from trainer.episode import Bytes, Faults, Mask
from trainer.settings import Settings

SPARED = 0.25  # of the samples meet no late and no lost message
LATE_SHARE, LOSS_SHARE = 0.6, 0.75  # of the others, each by itself, so that many meet both
DEAD_SHARE = 0.4  # of the grids drawn have dead cells
DYING_SHARE = 0.08  # of the samples with all cells alive lose some for ever in the middle of life
FORGET_MOST = 0.6  # the largest share of cells that forget in one moment of an episode; larger losses are damage.py's


def draw(settings: Settings, rng: np.random.Generator, episode_shape: tuple[int, int, int, int]) -> Faults:
    """Faults for an episode of shape [T, B, H, W]."""
    steps, samples = episode_shape[:2]
    late = np.zeros(episode_shape, np.uint8)
    lost = np.zeros(episode_shape, np.uint8)
    forget = np.zeros(episode_shape, np.bool_)
    for i in range(samples):
        spared = rng.random() < SPARED
        if settings.late and not spared and rng.random() < LATE_SHARE:
            most = int(rng.integers(1, settings.late + 1))
            late[:, i] = rng.integers(0, most + 1, late[:, i].shape, dtype=np.uint8)
        if settings.loss and not spared and rng.random() < LOSS_SHARE:
            lost[:, i] = lost_bits(rng, rng.uniform(0, settings.loss), lost[:, i].shape)
        if rng.random() < settings.forget:
            at = int(rng.integers(steps))
            forget[at, i] = rng.random(forget[at, i].shape) < rng.uniform(0, FORGET_MOST)
    return Faults(late, lost, forget)


def lost_bits(rng: np.random.Generator, rate: float, shape: tuple[int, ...]) -> Bytes:
    """One bit an edge, set with probability `rate` to within 1/256."""
    draws = rng.integers(0, 256, (*shape, 8), dtype=np.uint8)
    bits: Bytes = np.packbits(draws < round(rate * 256), axis=-1, bitorder="little")[..., 0]
    return bits


def dead_cells(settings: Settings, rng: np.random.Generator, shape: tuple[int, int], seed_at: tuple[int, int]) -> Mask:
    """Cells of a grid that never live, True where dead; never the seed cell."""
    dead: Mask = rng.random(shape) < rng.uniform(0, settings.dead)
    dead[seed_at] = False
    return dead
