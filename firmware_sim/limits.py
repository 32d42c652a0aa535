"""The one definition of a cell's constants, of how its state is limited and rounded, and of the order of its links.

Every engine, the ONNX writer and the trainer read them here.  It never computes an update.  Imports: numpy, errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput

CHANNELS = 16  # 0-2 premultiplied RGB, 3 alpha, 4-15 hidden (Mordvintsev et al. 2020)
ALPHA = 3  # index of the channel that says alive
ALIVE_THRESHOLD = 0.1  # float: alive where alpha > 0.1
ALIVE_THRESHOLD_INT8 = 3  # int8: alive where alpha > 3, i.e. >= 4/32 = 0.125, the first step above 0.1
STATE_BITS = 5  # k: an int8 state s means s / 2**5
STATE_STEP = 1.0 / (1 << STATE_BITS)
STATE_MAX_INT8 = 127  # saturation is symmetric; -128 is never produced
HIDDEN_STEPS = 255  # a hidden unit is uint8 in the integer core
HIDDEN_RANGE = 2.4  # measured: 0..255 = 0..2.4 serves every published rule

# Links, everywhere in this order: NW, N, NE, W, E, SW, S, SE as (dy, dx); y grows downward, row 0 is the north.
OFFSETS: tuple[tuple[int, int], ...] = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
SLOT_NAMES: tuple[str, ...] = ("NW", "N", "NE", "W", "E", "SW", "S", "SE")

LIMIT_KINDS: tuple[str, ...] = ("identity", "clamp", "round")


@dataclass(frozen=True, slots=True)
class Limits:
    """How a new state is limited: `identity` (published models), `clamp`, or `round` (round, then clamp).

    `state_step` and `state_max` are in units of the float state; `hidden_max` caps the hidden units, None leaves them
    open.  Raises BadInput for a kind or a number that no engine could follow.
    """

    limit: str = "identity"
    state_step: float = STATE_STEP
    state_max: float = STATE_MAX_INT8 * STATE_STEP
    hidden_max: float | None = None

    def __post_init__(self) -> None:
        if self.limit not in LIMIT_KINDS:
            raise BadInput(f"limit is {self.limit!r}, expected one of {', '.join(LIMIT_KINDS)}")
        for name in ("state_step", "state_max", "hidden_max"):
            value = getattr(self, name)
            if name == "hidden_max" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
                raise BadInput(f"{name} is {value!r}, expected a positive finite number")

    def apply(self, state: NDArray[np.float32]) -> NDArray[np.float32]:
        """The limited state, same shape, float32.  `round` scales, rounds half to even, scales back, then clamps."""
        if self.limit == "identity":
            return state
        if self.limit == "round":
            step = np.float32(self.state_step)
            state = np.rint(state / step) * step
        bound = np.float32(self.state_max)
        return np.minimum(np.maximum(state, -bound), bound)

    def to_dict(self) -> dict[str, Any]:
        """The four values as they stand in `rule.json` and in the ONNX metadata."""
        return {
            "limit": self.limit,
            "state_step": self.state_step,
            "state_max": self.state_max,
            "hidden_max": self.hidden_max,
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Limits:
        """Read the four values back; raises BadInput when one is missing, unknown or no number."""
        names = ("limit", "state_step", "state_max", "hidden_max")
        for key in values:
            if key not in names:
                raise BadInput(f"limits: unknown key {key!r}, expected {', '.join(names)}")
        for key in names:
            if key not in values:
                raise BadInput(f"limits: key {key!r} is missing")
        return Limits(
            limit=values["limit"],
            state_step=values["state_step"],
            state_max=values["state_max"],
            hidden_max=values["hidden_max"],
        )
