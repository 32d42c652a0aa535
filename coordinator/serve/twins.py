"""Twins of a run, to stand beside it: what the same rule does unharmed, at the same time.

`golden`: the same cells in virtual time, asynchronous, with the run's own seed of chance; `reference`: the article's
step, every cell of a float grid with probability 1/2, all at once, two steps a T. Computed when asked for, and kept.
One thread at a time. May import the coordinator's quick, firmware_sim and numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from cellnode.panel import COUNTERS, Phase
from coordinator import opening
from coordinator.camera import Sight
from coordinator.picture import Picture
from coordinator.quick import QuickSwarm
from coordinator.runfolder import RunFolder
from coordinator.serve.hello import value_bytes
from coordinator.serve.history import History
from coordinator.serve.stage import Stage
from firmware_sim import rule as reference
from firmware_sim.errors import BadInput
from firmware_sim.rule import Floats

STRIDE_T = 1.0
STEPS_A_T = 2
FIRE_RATE = 0.5
CELLS_MAX = {"golden": 65_536, "reference": 6_400}  # above, arithmetic would take longer than anybody waits
ABOUT = {
    "golden": "the same rule, unharmed, in virtual time (golden run)",
    "reference": "the article's synchronous float step, unharmed (reference simulation)",
}


class Life(Protocol):
    """One life that can be followed in whole T."""

    def states(self, t: float) -> Floats:
        """float32 [H, W, 16] at `t`, which never falls."""


class Golden:
    """In virtual time."""

    def __init__(self, folder: RunFolder) -> None:
        info = folder.info
        self._swarm = QuickSwarm(
            opening.copy_of_rule(folder).path,
            (info.height, info.width),
            engine=info.engine,
            seed=info.rng_seed,
            degrees=info.degrees,
            torus=info.torus,
        )

    def states(self, t: float) -> Floats:
        self._swarm.wait_until(t)
        return self._swarm.states()


class Reference:
    """firmware_sim.rule.step from one seed cell."""

    def __init__(self, folder: RunFolder) -> None:
        info = folder.info
        self._rule, self._degrees, self._torus = opening.copy_of_rule(folder).rule(), info.degrees, info.torus
        self._grid = reference.seed(info.height, info.width, at=(info.height // 2, info.width // 2))
        self._chance = np.random.Generator(np.random.PCG64(info.rng_seed))
        self._steps = 0

    def states(self, t: float) -> Floats:
        while self._steps < round(t * STEPS_A_T):
            fire = self._chance.random(self._grid.shape[:2]) < FIRE_RATE
            self._grid = reference.step(self._rule, self._grid, fire, self._torus, self._degrees)
            self._steps += 1
        return self._grid


LIVES: dict[str, Callable[[RunFolder], Life]] = {"golden": Golden, "reference": Reference}


class Twin:
    """One twin of one run: frames at whole T, and how far its picture is from the target."""

    def __init__(self, kind: str, folder: RunFolder, picture: Picture | None) -> None:
        info, self._picture = folder.info, picture
        cells = info.height * info.width
        if kind not in LIVES:
            raise BadInput(f"there is no twin {kind[:40]!r}, expected {' or '.join(LIVES)}")
        if cells > CELLS_MAX[kind]:
            raise BadInput(f"the twin {kind} has at most {CELLS_MAX[kind]:,} cells, this run has {cells:,}")
        self._life = LIVES[kind](folder)
        self._stage, self._past = Stage(cells, value_bytes(info)), History(stride_t=STRIDE_T)
        self._losses: dict[float, float | None] = {}
        self._t = -1.0

    def frame(self, t: float) -> tuple[bytes, float | None]:
        """A whole frame at floor(t) and its log10 loss (None without a target)."""
        t = max(float(np.floor(t)), 0.0)
        while self._t < t:
            self._t += STRIDE_T
            states = self._life.states(self._t)
            self._stage.take(_sight(states), self._t, False)
            self._past.keep(self._t, self._stage.cells)
            self._losses[self._t] = None if self._picture is None else self._picture.losses(states).loss_log10
        return self._past.frame(t), self._losses[t]


def _sight(states: Floats) -> Sight:
    cells = states.shape[0] * states.shape[1]
    on = np.ones(cells, np.bool_)
    return Sight(
        at_ns=0,
        on=on,
        pids=np.ones(cells, np.uint32),
        phases=np.full(cells, Phase.LINKED, np.uint32),
        lives=np.full(cells, (1 << 32) | 1, np.uint64),
        counters=np.zeros((cells, COUNTERS), np.uint64),
        states=states,
        ages_intervals=np.zeros(0),
    )
