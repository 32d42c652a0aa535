"""How many heads a worm has: places where the grid looks like one end of the target, in any quarter turn.

The two ends of the target along its longer side are the patterns; a place counts where the squared error over the
pattern's box is a small part of what an empty box would have. For a two-headed worm every end is a head; for one with
a tail, its tail is counted as an end too. Pure arithmetic; imports numpy and firmware_sim.limits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.rule import Floats

END = 1 / 5  # of the worm's length
GOOD = 0.15  # of an empty box's error: a picture at log10 -2.5 has 0.04 everywhere, a worm's middle above 0.2


def body(target: Floats) -> Floats:
    """The target cut to what is lit, its longer side lying along the columns."""
    rows, columns = np.nonzero(target[..., ALPHA] > ALIVE_THRESHOLD)
    lit = target[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return lit if lit.shape[1] >= lit.shape[0] else np.rot90(lit)


def ends(target: Floats) -> list[Floats]:
    """Both ends, with one empty pixel around the outside so that a cut edge is no end."""
    worm = body(target)
    length = max(3, round(worm.shape[1] * END))
    wide = np.pad(worm, ((1, 1), (1, 1), (0, 0)))
    return [wide[:, : length + 1], wide[:, -length - 1 :]]


def count(states: Floats, target: Floats) -> int:
    """Heads on a grid [H, W, >=4]."""
    patterns = ends(target)
    reach = max(patterns[0].shape[0], 2 * patterns[0].shape[1]) // 2
    pad = max(patterns[0].shape[:2])
    finite = np.nan_to_num(states[..., :4].astype(np.float64), posinf=0, neginf=0).clip(-4, 4)
    picture = np.pad(finite, ((pad, pad), (pad, pad), (0, 0)))
    found: list[tuple[float, float, float]] = []  # error, middle
    for pattern in patterns:
        for quarter in range(4):
            turned = np.rot90(pattern, quarter).astype(np.float64)
            error = _errors(picture, turned) / np.square(turned).sum()
            places = np.argwhere(error < GOOD)
            middles = places + np.array(turned.shape[:2]) / 2
            found += [
                (float(error[at[0], at[1]]), *middle) for at, middle in zip(places, middles.tolist(), strict=True)
            ]
    heads: list[tuple[float, float]] = []
    for _, y, x in sorted(found):
        if all(max(abs(y - other_y), abs(x - other_x)) > reach for other_y, other_x in heads):
            heads.append((y, x))
    return len(heads)


def _errors(picture: NDArray[np.float64], pattern: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared error of the pattern laid at every place that holds it whole, by Fourier transform."""
    height, width = picture.shape[:2]
    rows, columns = pattern.shape[:2]
    spectrum = np.fft.rfft2(picture, axes=(0, 1)) * np.conj(np.fft.rfft2(pattern, (height, width), axes=(0, 1)))
    product = np.fft.irfft2(spectrum.sum(axis=2), (height, width))
    total = np.pad(np.square(picture).sum(axis=2).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    boxes = total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    inside = boxes.shape
    errors: NDArray[np.float64] = boxes - 2 * product[: inside[0], : inside[1]] + np.square(pattern).sum()
    return errors
