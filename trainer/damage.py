"""What a pool sample may lose before an episode: circles, half planes, squares and scattered cells.

Every shape is drawn in units of the picture's size around the seed cell, so a 6 px dot meets the same share of loss
as a 40 px lizard.  A lost cell restarts empty.  It never touches a state itself: it answers which cells are lost.
Imports numpy only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

KINDS = ("circle", "half plane", "square", "scattered")
WEIGHTS = (0.2, 0.25, 0.25, 0.3)  # scattered loss is what a swarm of processes meets most
SCATTERED_MAX = 0.8


def draw(
    rng: np.random.Generator, shape: tuple[int, int], centre: tuple[int, int], size: int,
    pieces: float = 0.0, halves: float = 0.0, squares: float = 0.0,
) -> Mask:  # fmt: skip
    """One random loss as a mask [H, W], True where the cell is lost.

    With probability `pieces` a third is left; of the rest, a share of `halves` are half planes through the middle or
    near it, and of what then remains a share of `squares` are squares.
    """
    if pieces and rng.random() < pieces:
        return _all_but_a_piece(rng, shape, centre, size)
    given = halves and rng.random() < halves
    square = not given and squares and rng.random() < squares
    kind = "half plane" if given else "square" if square else KINDS[int(rng.choice(len(KINDS), p=WEIGHTS))]
    y, x = np.ogrid[: shape[0], : shape[1]]
    y, x = y - centre[0], x - centre[1]
    if kind == "circle":
        cy, cx = rng.uniform(-0.4, 0.4, 2) * size
        return np.asarray((y - cy) ** 2 + (x - cx) ** 2 <= (rng.uniform(0.1, 0.36) * size) ** 2)
    if kind == "half plane":
        # Half of the draws along the axes: the article's own cuts.
        angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else int(rng.integers(4)) * np.pi / 2
        kept = rng.uniform(-0.05, 0.1 if given else 0.3)  # beyond the middle; a whole half is what is hard to heal
        return np.asarray(np.cos(angle) * x + np.sin(angle) * y > kept * size)
    if kind == "square":
        # Towards the middle: the article's square there parts a slender picture in two, the hardest cut of all.
        cy, cx = rng.uniform(-0.3, 0.3, 2) * rng.random() * size
        side = rng.uniform(0.2, 0.5) * size
        return np.asarray((np.abs(y - cy) <= side / 2) & (np.abs(x - cx) <= side / 2))
    return rng.random(shape) < rng.uniform(0.1, SCATTERED_MAX)


def _all_but_a_piece(rng: np.random.Generator, shape: tuple[int, int], centre: tuple[int, int], size: int) -> Mask:
    """All but a slab about a third of the picture wide, across either axis, anywhere along it."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    along = (x - centre[1]) + 0 * y if rng.random() < 0.5 else (y - centre[0]) + 0 * x
    middle, width = rng.uniform(-1 / 3, 1 / 3) * size, rng.uniform(0.3, 0.45) * size
    return np.asarray(np.abs(along - middle) > width / 2)
