"""Hardware faults of one cell: each does what its name says, is counted in the cell's own page, and is healed."""

from __future__ import annotations

import numpy as np
import pytest
from firmware_inputs import ordinary_genome
from needs import needs
from samples import int8_samples

from cellnode import harm
from cellnode.cell import Cell
from cellnode.harm import Harm
from cellnode.messages import RulePayload
from cellnode.panel import Counter
from coordinator import faults
from coordinator.faults.hardware import HARDWARE
from firmware_sim import chip
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput
from firmware_sim.rule import Rule

GENOME = ordinary_genome(1)
RULE = RulePayload("chip", "", GENOME.to_bytes(), 16, GENOME.hidden, {}, 0.0)
ANY = [pytest.param(name, marks=needs(board)) for name, board in (("unicorn", "cortex-m0"), ("avr", "atmega328p"))]


def cell_on(name: str, number: int = 4) -> Cell:
    return Cell(number, [-1] * 8, 1, 1, 1, 1000, make_engine(name, GENOME), lambda k, mean: mean, 0)


def harmed(cell: Cell, kind: str, number: int = 1, heal: bool = False, **parameters: float) -> int:
    """Carry out an order; how much was counted by it."""
    before = cell.counters[Counter.HARMED]
    given = faults.check(kind, parameters, None)
    harm.carry_out(harm.decode(harm.encode(Harm(number, kind, given, 7, heal))), cell, RULE, 0)
    return int(cell.counters[Counter.HARMED] - before)


def test_state_bits_flip_in_any_int8_cell_and_no_other_draw_the_same_bits() -> None:
    found = []
    for number in (4, 5):
        cell = cell_on("chip", number)
        cell.seed(bytes(range(16)), 0)
        assert harmed(cell, "bit_flip", count=3) == 3
        assert cell.counters[Counter.SEEDED] == 1, "the agent has done nothing to it"
        found.append(cell.state_bytes)
    assert found[0] != found[1] != bytes(range(16))
    flipped = sum((a ^ b).bit_count() for a, b in zip(found[0], range(16), strict=True))
    assert flipped in (1, 3), "three flips, of which two may meet"


@pytest.mark.parametrize("name", ["chip", "native", *ANY])
def test_a_harmed_genome_computes_something_else_until_it_is_programmed_anew(name: str) -> None:
    cell = cell_on(name)
    cells = int8_samples(2, 1 if name == "avr" else 20)
    right = chip.update(GENOME, cells)
    assert np.array_equal(cell.engine.update(cells), right)
    assert harmed(cell, "genome_flip", count=300) == 300
    assert not np.array_equal(cell.engine.update(cells), right)
    assert harmed(cell, "genome_flip", heal=True) == 0
    assert np.array_equal(cell.engine.update(cells), right)


@needs("atmega328p")
def test_a_brown_out_is_survived_and_a_stuck_bit_is_held() -> None:
    cell = cell_on("avr")
    cells = int8_samples(2, 1)[:1]
    cell.engine.update(cells)
    assert harmed(cell, "brown_out") == 1
    assert np.array_equal(cell.engine.update(cells), chip.update(GENOME, cells)), "placed again, it goes on"
    harmed(cell, "stuck_bit", 2, at=4, bit=6, value=1)
    held = cell.counters[Counter.HARMED]
    new = cell.engine.update(cells)
    assert cell.counters[Counter.HARMED] > held or new[0, 3] & 0x40
    harmed(cell, "stuck_bit", 2, heal=True, at=4)
    assert np.array_equal(cell.engine.update(cells), chip.update(GENOME, cells))


@needs("atmega328p")
def test_noise_on_the_line_is_counted_and_does_no_harm_to_the_state() -> None:
    cell = cell_on("avr")
    cells = int8_samples(2, 1)[:1]
    possible, own = [], cells
    for _ in range(4):  # where its SAY is lost the chip has stepped, and steps again before it is heard
        possible.append(chip.update(GENOME, own)[0].tolist())
        own = own.copy()
        own[0, 1, 1] = possible[-1]
    harmed(cell, "line_noise", flip=0.003)
    for _ in range(4):
        assert cell.engine.update(cells)[0].tolist() in possible, "never a wrong step: the checksum sees to it"
    assert cell.counters[Counter.HARMED] > 0
    harmed(cell, "line_noise", heal=True)
    before = cell.counters[Counter.HARMED]
    cell.engine.update(cells)
    assert cell.counters[Counter.HARMED] == before


def test_what_an_engine_does_not_have_is_refused() -> None:
    with pytest.raises(BadInput, match="no such part"):
        harmed(cell_on("chip"), "brown_out")
    floats = GENOME.dequantise()
    assert isinstance(floats, Rule)
    cell = Cell(1, [-1] * 8, 1, 1, 1, 1000, make_engine("numpy", floats), lambda k, mean: mean, 0)
    for kind in ("bit_flip", "genome_flip"):
        with pytest.raises(BadInput, match="float"):
            harmed(cell, kind)


def test_every_kind_is_in_the_catalogue_with_a_line_of_help() -> None:
    for kind in HARDWARE:
        assert faults.KINDS[kind.kind] is kind and kind.help and faults.check(kind.kind, {}, None) is not None
