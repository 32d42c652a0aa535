"""The rule under evaluation: its target, and what computes it, in float and in int8, turned by any angle.

Reads a rule folder and draws nothing. May import firmware_sim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from firmware_sim.engines import Engine, make_engine
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.genome import Genome
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, STATE_STEP
from firmware_sim.rule import Floats, Rule
from firmware_sim.synchronous import ChipProposer, FloatProposer, Proposer

MARGIN = 16  # the article's padding: 40 px on 72x72
WORM_OVER, WORM_RATIO = 40, 1.5
SYNC, ASYNC = "sync", "async"
FLOAT, INT8 = "float", "int8"


@dataclass(frozen=True, slots=True)
class Way:
    """One of the up to four ways to live: in which step, computed by which family."""

    step: str
    family: str

    def __str__(self) -> str:
        return f"{self.step} {self.family}"


WAYS = tuple(Way(step, family) for step in (SYNC, ASYNC) for family in (FLOAT, INT8))


class Subject:
    """A rule folder with a target; BadInput without one. `missing` says in lines which ways cannot be computed."""

    def __init__(self, folder: RuleFolder) -> None:
        target = folder.target()
        if target is None:
            raise BadInput(f"{folder.path}: no target.png to judge it by; give a rule folder that has a picture")
        self.folder, self.target = folder, target
        self.missing: list[str] = []
        self._rule: Rule | None = None
        try:
            self._rule = folder.rule()
        except BadInput:
            self.missing.append("sync float is left out: the graph is of another kind, its weights cannot be read")
        self._genome: Genome | None = folder.genome()
        if self._genome is None:
            self.missing.append("int8 is left out: the rule has no genome")

    @property
    def ways(self) -> list[Way]:
        """What can be computed."""
        lacking = {Way(SYNC, FLOAT)} if self._rule is None else set()
        lacking |= {way for way in WAYS if way.family == INT8} if self._genome is None else set()
        return [way for way in WAYS if way not in lacking]

    @property
    def grid(self) -> tuple[int, int]:
        """The picture with the article's margin around it."""
        return self.target.shape[0] + 2 * MARGIN, self.target.shape[1] + 2 * MARGIN

    @property
    def square(self) -> tuple[int, int]:
        """A grid for the picture turned by any angle."""
        side = max(self.grid)
        return side, side

    @property
    def is_worm(self) -> bool:
        """Large, and much longer than wide: something to cut in three."""
        longer, shorter = self._extent
        return longer > WORM_OVER and longer >= WORM_RATIO * shorter

    @property
    def no_worm(self) -> str:
        """Why it is none."""
        longer, shorter = self._extent
        return (
            f"what shows is {longer}x{shorter}, a worm to be cut in three is longer than {WORM_OVER} px and "
            f"{WORM_RATIO:g} times as long as wide"
        )

    @property
    def _extent(self) -> tuple[int, int]:
        """The longer and the shorter side of what shows."""
        lit = np.argwhere(self.target[..., ALPHA] > ALIVE_THRESHOLD)
        sides = (lit.max(axis=0) - lit.min(axis=0) + 1).tolist() if len(lit) else [0, 0]
        return max(sides), min(sides)

    def seed_state(self, family: str) -> Floats:
        """One cell's state [C] as it is planted."""
        state = np.zeros(self.folder.info.channels, np.float32)
        state[3:] = 1 / STATE_STEP if family == INT8 else 1
        return state

    def proposer(self, family: str, degrees: float = 0.0) -> Proposer:
        """For the synchronous step."""
        if family == INT8:
            assert self._genome is not None
            return ChipProposer(self._genome.turned(degrees) if degrees else self._genome)
        assert self._rule is not None
        return FloatProposer(self._rule.turned(degrees) if degrees else self._rule)

    def engine(self, family: str, degrees: float = 0.0) -> Engine:
        """For asynchrony. In batches engine chip is twice as fast as the compiled core, to the same bits."""
        if family == INT8:
            return make_engine("chip", self.folder, degrees)
        return make_engine("onnx" if self._rule is None else "numpy", self.folder, degrees)
