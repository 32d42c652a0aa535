"""What updates would cost in energy on a chip: an estimate from counts, for reports of runs that ran on no chip.

Volts and amperes are the catalogue's; the cycles of an update go with its multiply-adds, at the rate measured on the
images of our own rules. An update skipped at a fixed point costs nothing here; neither do sleeping and the line.
It builds and runs no image (`planaria firmware budget` does, and is exact). May import the boards' catalogue and
the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass

from firmware_sim.boards.catalog import board
from firmware_sim.genome import Genome
from firmware_sim.ledger import ledger
from firmware_sim.rule import Rule

BOARD = "atmega328p"
CYCLES_PER_MULTIPLY_ADD = 16.4  # typical states, `firmware budget`: lizard 16.1, dot 16.5, lizard-24 16.6


@dataclass(frozen=True, slots=True)
class Energy:
    """Of one computed update."""

    microjoules_per_update: float
    source: str  # where the figure comes from, for people


def estimate(rule: Rule | Genome) -> Energy:
    """For the chip that `firmware budget` lists first."""
    chip = board(BOARD)
    cycles = CYCLES_PER_MULTIPLY_ADD * ledger(rule).multiply_adds
    joules = chip.volts * chip.amperes * cycles / chip.clock_hz
    clock = f"{chip.clock_hz / 1e6:g} MHz, {chip.volts:g} V, {chip.amperes * 1e3:g} mA"
    return Energy(
        round(joules * 1e6, 1),
        f"estimate for an {chip.chip} ({clock}): {cycles:,.0f} cycles a computed update, from its multiply-adds; "
        "skipped updates, sleep and the line are not in it",
    )
