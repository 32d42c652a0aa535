"""Which chips a rule fits, from its ledger alone: no compiler is asked.

An image is its genome and code that does not depend on it; the code was measured once for each board and is the same to
the byte from 16 to 256 hidden units (tests/firmware holds this). RAM and stack do not depend on the rule as long as it
has the core's 16 channels. `planaria firmware budget` builds, runs and measures the very image. Imports: catalog,
genome, ledger, limits.
"""

from __future__ import annotations

from firmware_sim.boards.catalog import BOARDS, MAIN_BOARDS
from firmware_sim.genome import HIDDEN_MAX, HIDDEN_MIN
from firmware_sim.ledger import Ledger
from firmware_sim.limits import CHANNELS

CODE_BYTES = {"atmega328p": 1744, "cortex-m0": 2032, "rv32imc": 2196, "rv32ec": 2484}  # of the image, genome aside


def obstacles(ledger: Ledger, *, has_genome: bool = True) -> dict[str, str]:
    """For each main board why the rule does not fit it; empty where it does."""
    return {name: _obstacle(ledger, name, has_genome) for name in MAIN_BOARDS}


def fitting(ledger: Ledger, *, has_genome: bool = True) -> list[str]:
    """The main boards that the rule fits."""
    return [name for name, why in obstacles(ledger, has_genome=has_genome).items() if not why]


def _obstacle(ledger: Ledger, name: str, has_genome: bool) -> str:
    if ledger.channels != CHANNELS:
        return f"{ledger.channels} channels, a chip's core has {CHANNELS}: it runs in virtual time only"
    if not HIDDEN_MIN <= ledger.hidden <= HIDDEN_MAX:
        return f"{ledger.hidden} hidden units, a genome holds {HIDDEN_MIN} to {HIDDEN_MAX}"
    if not has_genome:
        return "no genome: it was not trained for whole numbers"
    flash, limit = CODE_BYTES[name] + ledger.rom_genome, BOARDS[name].flash_limit_bytes
    return f"flash {flash:,} bytes, {flash - limit:,} over its limit" if flash > limit else ""
