"""What updates and messages would cost in energy on a chip: an estimate from counts, for runs that ran on no chip.

Volts and amperes are the catalogue's; the cycles of an update go with its multiply-adds, at the rate measured on the
images of our own rules. An update skipped at a fixed point computes nothing; sleeping is not in it. The line to the
mailbox is counted apart: a chip that sends or receives a byte is awake for as long as the byte takes.
It builds and runs no image (`planaria firmware budget` does, and is exact). May import the boards' catalogue and
the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from firmware_sim.boards.catalog import Board, board
from firmware_sim.genome import Genome
from firmware_sim.ledger import ledger
from firmware_sim.rule import Rule

BOARD = "atmega328p"
# Typical states, `firmware budget`: lizard 16.1, dot 16.5, lizard-24 16.6; 15.7, 16.0, 16.0; 12.0, 12.2, 12.2; and, on
# the chip that multiplies by adding, 72, 83, 80.
CYCLES_PER_MULTIPLY_ADD: Mapping[str, float] = MappingProxyType(
    {"atmega328p": 16.4, "cortex-m0": 15.9, "rv32imc": 12.2, "rv32ec": 78.5}
)
BITS_A_SECOND, BITS_A_BYTE = 115_200, 10  # of the line (firmware/hal): 8N1
FRAME = 6  # flag, length, kind, round and CRC around a payload (firmware/board/link.h), escapes not counted
WAKE_BYTES = FRAME + FRAME + 3  # WAKE, and END with count and interval
SAID_BYTES = FRAME + 16  # SAY with the state
HEARD_BYTES = FRAME + 17  # HEARD with slot and state


@dataclass(frozen=True, slots=True)
class Energy:
    """Of one computed update, and of one byte on the line."""

    board: str
    chip: str
    microjoules_per_update: float
    microjoules_per_byte: float
    source: str  # where the figure comes from, for people


def estimate(rule: Rule | Genome, name: str = BOARD) -> Energy:
    """For this board; by default the one that `firmware budget` lists first. BadInput for one that is unknown."""
    chip = board(name)
    cycles = CYCLES_PER_MULTIPLY_ADD[chip.name] * ledger(rule).multiply_adds
    clock = f"{chip.clock_hz / 1e6:g} MHz, {chip.volts:g} V, {chip.amperes * 1e3:g} mA"
    return Energy(
        chip.name,
        chip.chip,
        round(_joules(chip, cycles / chip.clock_hz) * 1e6, 1),
        round(_joules(chip, BITS_A_BYTE / BITS_A_SECOND) * 1e6, 4),
        f"estimate for an {chip.chip} ({clock}): {cycles:,.0f} cycles a computed update, from its multiply-adds; "
        "skipped updates, sleep and the line are not in it",
    )


def _joules(chip: Board, seconds: float) -> float:
    return chip.volts * chip.amperes * seconds
