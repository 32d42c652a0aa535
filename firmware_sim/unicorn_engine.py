"""Engines `unicorn`, `rv32imc` and `rv32ec`: a 32-bit image's own machine code computes every update, under Unicorn.

One emulated chip serves any number of cells, one after another: begin, hear and step of the image that
`planaria firmware build` makes, on its own RAM.  BadInput, naming the package, where the cross compiler or Unicorn is
missing.  Safe to make before a fork: the chip itself begins at the first update.  Imports: numpy, boards, engines,
genome, limits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.boards import machine
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.boards.machine import Machine
from firmware_sim.boards.stand import stand
from firmware_sim.engines import Family
from firmware_sim.genome import Genome
from firmware_sim.limits import CHANNELS

CORTEX_M0 = "unicorn"  # the engine's name since before there were others


class UnicornEngine:
    """`update` in ARM or RISC-V machine code; about 300 us a cell."""

    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, genome: Genome, degrees: float = 0.0, name: str = CORTEX_M0) -> None:
        self.name = name
        machine.require()
        turned = genome.turned(degrees) if degrees % 360.0 else genome
        self._image = build(turned, board("cortex-m0" if name == CORTEX_M0 else name), check_fit=False)
        stand(self._image)  # compiled here, once, and not in each of a thousand children
        self._machine: Machine | None = None

    @property
    def chip(self) -> Machine:
        """The emulated chip, made now if it was not needed before."""
        if self._machine is None:
            self._machine = Machine(self._image)
        return self._machine

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        return self.chip.update(neighbourhood)
