"""The rule of a cell in float32: perception, two small layers, limit and living mask.  Read this file first.

Numerics of "Growing Neural Cellular Automata" (Mordvintsev, Randazzo, Niklasson, Levin, Distill 2020,
doi 10.23915/distill.00023) as its notebook has them.  `update` is the asynchronous cell: one round of messages, one
new state.  `step` is the article's synchronous grid, kept as the reference to compare with.  Nothing here knows a
file, a process, a clock or a random source; who fires is passed in.  Imports: numpy, errors, limits.

Shapes: N cells, C channels, H hidden units; a neighbourhood is [N, 3, 3, C], row 0 is the north, y grows downward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, CHANNELS, Limits

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAX_HIDDEN = 1024  # a rule beyond this is a mistake, not a rule


@dataclass(frozen=True, eq=False)
class Rule:
    """Weights [3C, H], [H], [H, C], [C] in float32; rows of `w1` are banded: x0..xC-1, gx0.., gy0...

    Raises BadInput when the shapes do not belong together or a weight is not finite.
    """

    w1: Floats
    b1: Floats
    w2: Floats
    b2: Floats
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in ("w1", "b1", "w2", "b2"):
            values = np.array(getattr(self, name), dtype=np.float32, order="C")
            if not np.isfinite(values).all():
                raise BadInput(f"rule: {name} holds a value that is not finite")
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        if self.w2.ndim != 2:
            raise BadInput(f"rule: w2 has shape {self.w2.shape}, expected [hidden, channels]")
        hidden, channels = self.w2.shape
        if not (ALPHA < channels <= 256 and 1 <= hidden <= MAX_HIDDEN):
            raise BadInput(f"rule: {channels} channels, {hidden} hidden units; expected 4..256 and 1..{MAX_HIDDEN}")
        expected = {"w1": (3 * channels, hidden), "b1": (hidden,), "b2": (channels,)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise BadInput(f"rule: {name} has shape {getattr(self, name).shape}, expected {shape}")

    @property
    def channels(self) -> int:
        return int(self.w2.shape[1])

    @property
    def hidden(self) -> int:
        return int(self.w2.shape[0])

    def turned(self, degrees: float) -> Rule:
        """The rule whose weights already hold the rotation: `delta(r.turned(d), n)` = `delta(r, n, degrees=d)`.

        Turning the Sobel pair equals turning the gx and gy rows of the first layer the other way.
        """
        cos, sin = cos_sin(degrees)
        own, gx, gy = np.split(self.w1, 3)
        return replace(self, w1=np.concatenate([own, cos * gx + sin * gy, cos * gy - sin * gx]))


def cos_sin(degrees: float) -> tuple[float, float]:
    """Cosine and sine, exact at multiples of 90 degrees, so that a quarter turn only moves and negates weights."""
    if not math.isfinite(degrees):
        raise BadInput(f"angle is {degrees!r}, expected a finite number of degrees")
    quarter = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}
    angle = degrees % 360.0
    return quarter.get(angle, (math.cos(math.radians(angle)), math.sin(math.radians(angle))))


def perceive(neighbourhood: Floats, degrees: float = 0.0) -> Floats:
    """What a cell senses: own state and the two Sobel gradients, [N, 3, 3, C] -> [N, 3C], banded like `w1`."""
    n = neighbourhood
    dx = (n[:, 0, 2] - n[:, 0, 0] + 2 * (n[:, 1, 2] - n[:, 1, 0]) + n[:, 2, 2] - n[:, 2, 0]) / 8
    dy = (n[:, 2, 0] - n[:, 0, 0] + 2 * (n[:, 2, 1] - n[:, 0, 1]) + n[:, 2, 2] - n[:, 0, 2]) / 8
    cos, sin = cos_sin(degrees)
    return np.concatenate([n[:, 1, 1], cos * dx - sin * dy, sin * dx + cos * dy], axis=1, dtype=np.float32)


def delta(rule: Rule, neighbourhood: Floats, degrees: float = 0.0) -> Floats:
    """What the rule adds to the own state, `limit(state + d) - state`, [N, 3, 3, C] -> [N, C]; no masks."""
    hidden: Floats = np.maximum(perceive(neighbourhood, degrees) @ rule.w1 + rule.b1, 0)
    if rule.limits.hidden_max is not None:
        hidden = np.minimum(hidden, np.float32(rule.limits.hidden_max))
    d: Floats = hidden @ rule.w2 + rule.b2
    if rule.limits.limit == "identity":
        return d
    state: Floats = neighbourhood[:, 1, 1]
    return rule.limits.apply(state + d) - state


def update(rule: Rule, neighbourhood: Floats, degrees: float = 0.0) -> Floats:
    """One wake of one asynchronous cell, for N cells at once: [N, 3, 3, C] -> new own states [N, C].

    A cell lives if an alpha of its 3x3 is above 0.1 before, and its own NEW alpha or one of the 8 HEARD alphas is
    above 0.1 after.  The article's exact second mask would need a second round of messages; measured, it changes the
    loss in the third digit only (-3.912 against -3.911).
    """
    alphas = neighbourhood[..., ALPHA].reshape(-1, 9)
    heard = np.delete(alphas, 4, axis=1).max(axis=1)
    before = np.maximum(heard, alphas[:, 4]) > ALIVE_THRESHOLD
    new = neighbourhood[:, 1, 1] + delta(rule, neighbourhood, degrees)
    after = np.maximum(heard, new[:, ALPHA]) > ALIVE_THRESHOLD
    return np.where((before & after)[:, None], new, np.float32(0))


def neighbourhoods(grid: NDArray[Any], torus: bool = False) -> NDArray[Any]:
    """Every cell's 3x3, [H, W, C] -> read-only view [H, W, 3, 3, C]; beyond the border are zeros, or the other side."""
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)), mode="wrap" if torus else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return windows.transpose(0, 1, 3, 4, 2)


def living(grid: Floats, torus: bool = False) -> Mask:
    """Where an alpha of the 3x3 is above 0.1, [H, W, C] -> [H, W]."""
    alive: Mask = neighbourhoods(grid[..., ALPHA : ALPHA + 1], torus).max(axis=(2, 3, 4)) > ALIVE_THRESHOLD
    return alive


def step(rule: Rule, grid: Floats, fire: Mask, torus: bool = False, degrees: float = 0.0) -> Floats:
    """The article's synchronous step, [H, W, C] -> [H, W, C]: the cells that `fire` [H, W] add their delta, then both
    living masks are applied exactly.  One draw per cell, no 1/p rescaling."""
    filled: Mask = np.any(grid, axis=2, keepdims=True)
    touched: Mask = np.any(neighbourhoods(filled, torus), axis=(2, 3, 4))
    around: Floats = neighbourhoods(grid, torus)[fire & touched]
    nothing = np.zeros((1, 3, 3, rule.channels), np.float32)
    new = grid.copy()
    new[fire & touched] += delta(rule, around, degrees)
    # Amid nothing all deltas are one; they count too, for their new alpha may keep a neighbour alive.
    new[fire & ~touched] += delta(rule, nothing, degrees)
    new[~(living(grid, torus) & living(new, torus))] = 0
    return new


def seed(height: int, width: int, channels: int = CHANNELS, at: tuple[int, int] | None = None) -> Floats:
    """An empty grid [height, width, channels] with one seed: channels 3.. are 1 at `at`, default the centre cell."""
    row, column = (height // 2, width // 2) if at is None else at
    if not (0 <= row < height and 0 <= column < width):
        raise BadInput(f"seed at row {row}, column {column} lies outside the {height}x{width} grid")
    grid = np.zeros((height, width, channels), dtype=np.float32)
    grid[row, column, ALPHA:] = 1.0
    return grid


def rgb_on_white(grid: Floats) -> Floats:
    """The picture as on paper, 1 - alpha + rgb, [..., C] -> [..., 3] in 0..1."""
    alpha = np.clip(grid[..., ALPHA : ALPHA + 1], 0, 1)
    paper: Floats = np.clip(1 - alpha + grid[..., :3], 0, 1).astype(np.float32)
    return paper


def rgb_on_black(grid: Floats) -> Floats:
    """The picture as LEDs show it: the stored, premultiplied colour, [..., C] -> [..., 3] in 0..1."""
    return np.clip(grid[..., :3], 0, 1).astype(np.float32)
