"""Traitors in a real swarm in virtual time, quickly: which loss is left over the honest cells, t after they turned.

A turncoat's engine computes the victim's rule until it turns, so that the fast world in C grows the swarm and asks only
for the traitors. What a fault of a run does is judged in judge.py; this serves a training. Needs no torch. Imports
numpy, cellnode and firmware_sim.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.topology import seed_cell, tag
from cellnode.virtual import VirtualSwarm
from firmware_sim.engines import Engine, Family
from firmware_sim.folder import RuleFolder
from firmware_sim.genome import Genome
from firmware_sim.limits import ALPHA, CHANNELS, STATE_STEP
from firmware_sim.loss import loss_log10
from firmware_sim.native import native_engine

SEED_VALUE = round(1 / STATE_STEP)


class Dice:
    """16 values drawn anew at every wake: what traitors say who have learned nothing."""

    name = "dice"
    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        drawn: NDArray[Any] = self._rng.integers(-127, 128, (len(neighbourhood), CHANNELS)).astype(np.int8)
        return drawn


class Turncoat:
    """An int8 engine that is the victim's until `turned`."""

    name = "turncoat"
    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, honest: Engine, adversary: Engine) -> None:
        self._honest, self._adversary = honest, adversary
        self.turned = False

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        return (self._adversary if self.turned else self._honest).update(neighbourhood)


def seed_state() -> bytes:
    """A seed cell's 16 bytes."""
    state = np.zeros(CHANNELS, np.int8)
    state[ALPHA:] = SEED_VALUE
    return state.tobytes()


def traitors(side: int, share: float, rng: np.random.Generator) -> list[int]:
    """So many cells of a square grid, drawn; never the seed cell, which must begin."""
    cells = np.delete(np.arange(side * side), seed_cell(side, side))
    return sorted(rng.choice(cells, max(1, round(share * side * side)), replace=False).tolist())


def grown(engine: Engine, side: int, age: float, rng_seed: int) -> NDArray[np.int8]:
    """The states [side, side, 16] of a swarm grown from one seed, `age` T old."""
    swarm = VirtualSwarm(side, side, False, engine, tag("adversary", ""), rng_seed, say=lambda line: None)
    swarm.poke("seed", [seed_cell(side, side)], seed_state())
    swarm.run_until(age)
    return swarm.states()


def harm(
    victim: RuleFolder,
    adversary: Genome | None,
    *,
    side: int,
    share: float,
    turn_at: float,
    until: float,
    rng_seed: int,
) -> float:
    """log10 loss over the honest cells `until` T after the traitors turned; `adversary` None: they throw dice."""
    genome, target = victim.genome(), victim.target()
    assert genome is not None and target is not None, "checked when the training began"
    engine = native_engine(genome, say=lambda line: None)
    dice = Dice(np.random.default_rng([rng_seed, 2]))
    coat = Turncoat(engine, dice if adversary is None else native_engine(adversary, say=lambda line: None))
    cells = traitors(side, share, np.random.default_rng([rng_seed, 1]))
    swarm = VirtualSwarm(
        side, side, False, engine, tag("adversary", victim.sha256), rng_seed,
        others=[(cells, coat)], say=lambda line: None,
    )  # fmt: skip
    swarm.poke("seed", [seed_cell(side, side)], seed_state())
    swarm.run_until(turn_at)
    coat.turned = True
    states = swarm.states().reshape(-1, CHANNELS)
    for cell in cells:
        swarm.poke("seed", [cell], states[cell].tobytes())  # its own: or one at a proven fixed point would not compute
    swarm.run_until(turn_at + until)
    away = np.zeros(side * side, np.bool_)
    away[cells] = True
    return loss_log10(swarm.states(), target, None, away.reshape(side, side))
