"""What a training step hands to the thing that computes it: an episode in, an outcome out.

Three kernels understand these values and mean the same mathematics: `model.Oracle` (plain convolutions and
autograd), `fast.TorchKernel` (gathered cells, hand-written backward) and `native.NativeKernel` (the same in C++).
Nothing here computes. Imports numpy and firmware_sim only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim.loss import DIVISOR
from firmware_sim.rule import Rule

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

LOSS_SCALE = 1.0 / DIVISOR  # the one loss of firmware_sim.loss, before its logarithm


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on the links and in the memories, all [T,B,H,W]: `late` (a cell that fires reads its slots as
    they were so many steps ago), `lost` (bit k: what the neighbour in slot k says in this step does not arrive, and the
    last one heard stays), `forget` (the cell's state and slots are empty before this step)."""

    late: Bytes
    lost: Bytes
    forget: Mask


@dataclass(frozen=True, slots=True)
class Episode:
    """B grids and all the chance they meet: `states` [B,H,W,C], `exists` [B,H,W] (False: no cell there, it never fires
    and holds zeros), `fire` [T,B,H,W] (who wakes in each of the T steps), `target` [B,H,W,4] premultiplied.

    Without `faults` a step is the article's. With them (all zero is allowed) a cell acts on the states it holds of its
    neighbours, says its own when it has fired, and only a cell that fires may die: the swarm's own semantics."""

    states: Floats
    exists: Mask
    fire: Mask
    target: Floats
    faults: Faults | None = None


@dataclass(frozen=True, slots=True)
class Gradients:
    """d(mean loss of the batch) / d(weights), shapes as in `Rule`."""

    w1: Floats
    b1: Floats
    w2: Floats
    b2: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """States after the last step [B,H,W,C], each sample's loss [B] (not yet log10), gradients unless not asked for."""

    states: Floats
    losses: Floats
    gradients: Gradients | None


class Kernel(Protocol):
    """Runs an episode forward, and back when `backward`; never draws, never learns."""

    @property
    def name(self) -> str: ...

    def run(self, rule: Rule, episode: Episode, backward: bool = True) -> Outcome: ...
