"""Faults of hardware: bits that flip or stick, a supply that sags, a line that errs. Proof: the cells' own count.

What they do is done at the cell (cellnode/harm.py), each with bits of its own. A cell that is started again is a whole
chip again. `engines` says which cells can suffer one; the others of a selection are left out.
"""

from __future__ import annotations

from typing import ClassVar

from cellnode import harm
from cellnode.panel import Counter
from coordinator.faults.base import Counted, Parameter, Target

INTEGER_CORES = frozenset({"chip", "native"})  # whose sums can be reached; machine code keeps them in its registers
ON_A_CHIP = frozenset({"chip", "native", "unicorn", "rv32imc", "rv32ec", "avr"})
WHOLE_BOARDS = frozenset({"avr"})
COUNT: dict[str, Parameter] = {"count": Parameter("how many bits", 1, 1000, 1)}


class Hardware(Counted):
    """Ordered at the cells as a poke; what is over at once needs no healing."""

    counter = Counter.HARMED
    engines: ClassVar[frozenset[str] | None] = WHOLE_BOARDS

    def _begin(self, target: Target) -> list[int]:
        return self._order(target, heal=False)

    def _end(self, target: Target) -> list[int]:
        return [] if self.instant else self._order(target, heal=True)

    def _order(self, target: Target, *, heal: bool) -> list[int]:
        record = self.record
        order = harm.Harm(record.id, record.kind, record.parameters, record.rng_seed, heal)
        return target.poke("harm", self.cells, harm.encode(order))


class BitFlip(Hardware):
    """A single-event upset in the cell's state."""

    kind = "bit_flip"
    help = "bits flip in the 16 bytes of the cells' states, once"
    parameters = COUNT
    engines = ON_A_CHIP
    instant = True


class StateFlip(Hardware):
    """A single-event upset in the cell's state, whatever its numbers are."""

    kind = "state_flip"
    help = "bits flip in the 16 values of the cells' states, int8 or float, once"
    parameters = COUNT
    engines = None
    instant = True


class AccumulatorFlip(Hardware):
    """Its proof counts bits."""

    kind = "accumulator_flip"
    help = "bits flip in the sums of the integer core while it computes an update"
    parameters: ClassVar[dict[str, Parameter]] = {
        "rate": Parameter("probability that an update is hit", 0, 1, 0.01),
        "count": Parameter("how many of its 384 bits flip then", 1, 384, 1),
    }
    engines = INTEGER_CORES


class GenomeFlip(Hardware):
    """Healed: programmed anew."""

    kind = "genome_flip"
    help = "bits flip in the cells' genomes (flash); healed, they are programmed anew"
    parameters = COUNT
    engines = ON_A_CHIP


class RamFlip(Hardware):
    """Anywhere in what the firmware keeps in RAM."""

    kind = "ram_flip"
    help = "bits flip anywhere in the RAM of cells on avr, once"
    parameters = COUNT
    instant = True


class RegisterFlip(Hardware):
    """In r0 to r31, wherever the chip stands."""

    kind = "register_flip"
    help = "bits flip in the registers of cells on avr, once"
    parameters = COUNT
    instant = True


class BrownOut(Hardware):
    """Its proof counts restarts."""

    kind = "brown_out"
    help = "cells on avr restart, with `decay` bits of their RAM flipped"
    parameters: ClassVar[dict[str, Parameter]] = {"decay": Parameter("bits of RAM flipped", 0, 1000, 0)}
    instant = True


class StuckBit(Hardware):
    """Its proof counts how often the bit was held."""

    kind = "stuck_bit"
    help = "one bit of RAM cannot change in cells on avr"
    parameters: ClassVar[dict[str, Parameter]] = {
        "at": Parameter("byte of the static RAM; 1 to 16 are the state", 0, 127, 4),
        "bit": Parameter("which bit", 0, 7, 6),
        "value": Parameter("what it is stuck at", 0, 1, 0),
    }


class LineNoise(Hardware):
    """Its proof counts bytes."""

    kind = "line_noise"
    help = "bytes on the serial line of cells on avr are lost, flipped or inserted"
    parameters: ClassVar[dict[str, Parameter]] = {
        "lose": Parameter("probability a byte", 0, 0.3, 0),
        "flip": Parameter("probability a byte", 0, 0.3, 0),
        "insert": Parameter("probability a byte", 0, 0.3, 0),
    }


HARDWARE = (BitFlip, StateFlip, AccumulatorFlip, GenomeFlip, RamFlip, RegisterFlip, BrownOut, StuckBit, LineNoise)
