"""Where the picture of each sample in the pool belongs: its place, in pixels from where a seed would have drawn it.

No cell away from a border can tell a picture a pixel aside from one in its place, so a picture that has settled aside
is taught where it stands. But while it heals it is held to where it stood when it was hurt: a half that came back a
pixel short is to grow on, and the whole is not to settle by moving. Computes only; imports numpy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.int8]  # [B, 3]: rows and columns aside, episodes for which that holds

HELD = 4  # episodes, some 80 T with --quick: what settles aside does so 30 to 100 T after the cut (docs/training-logs)
NEW = (0, 0, HELD)  # of a seed


def fresh(samples: int) -> Places:
    """Those of so many seeds."""
    return np.tile(np.array(NEW, np.int8), (samples, 1))


def of_today(places: Places, states: Floats, target: Floats, aside: int) -> Places:
    """The places [B, 3] of samples [B, H, W, C] that begin another episode: who is held no longer belongs where it
    stands, up to `aside` px each way of `target` [H, W, 4]."""
    now = places.copy()
    now[:, 2] = np.maximum(places[:, 2] - 1, 0)
    for i in np.flatnonzero(now[:, 2] == 0).tolist():
        now[i, :2] = standing(states[i], target, aside)
    return now


def standing(state: Floats, target: Floats, aside: int) -> tuple[int, int]:
    """Where a picture [H, W, C] fits `target` best; where it fits alike, the least moved."""
    steps = sorted(range(-aside, aside + 1), key=abs)
    found = [(y, x) for y in steps for x in steps]
    return found[int(np.argmin([((state[..., :4] - moved(target, *to)) ** 2).sum() for to in found]))]


def moved(target: Floats, rows: int, columns: int) -> Floats:
    """The target [H, W, 4] so many pixels aside."""
    return np.roll(target, (rows, columns), (0, 1))
