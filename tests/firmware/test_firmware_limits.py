"""The limits are a gate: flash, RAM, stack and cycles of a built-in rule on every board; the ledger is the message."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from firmware_inputs import States
from needs import boards, needs

from firmware_sim import folder
from firmware_sim.boards.avr import Avr
from firmware_sim.boards.budget import budget, table
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import CYCLES_LIMIT, FLASH_GOAL_BYTES, MAIN_BOARDS, RAM_GOAL_BYTES, board
from firmware_sim.boards.listing import functions
from firmware_sim.boards.stack import bound
from firmware_sim.genome import Genome

SLACK_BYTES = 16  # of the bound above what a run reached


def lizard() -> Genome:
    genome = folder.load("lizard").genome()
    assert genome is not None
    return genome


@pytest.mark.parametrize("name", boards(*MAIN_BOARDS, "atmega328p-mailbox"))
def test_the_whole_image_fits(name: str) -> None:
    found = budget(lizard(), board(name), "lizard")
    assert found.fits, "\n" + table([found])
    assert found.ram_bytes == found.static_ram_bytes + found.stack_bound_bytes
    assert found.stack_painted_bytes <= found.stack_bound_bytes <= found.stack_painted_bytes + SLACK_BYTES, found
    assert found.updates_per_s > 20 and found.microjoules_per_update > 0


@needs("atmega328p")
def test_the_article_is_right_about_10_kb_and_256_bytes() -> None:
    found = budget(lizard(), board("atmega328p"), "lizard")
    assert found.flash_bytes <= FLASH_GOAL_BYTES and found.ram_bytes <= RAM_GOAL_BYTES, "\n" + table([found])


@needs("atmega328p")
@pytest.mark.parametrize("rule", folder.builtin_names())
def test_no_state_takes_more_cycles_than_the_limit(rule: str) -> None:
    """The built-in rules with every hidden unit on in every state, so that nothing is skipped."""
    genome = folder.load(rule).genome()
    assert genome is not None
    always_on = replace(genome, b1=np.full(genome.hidden, 32767 << genome.b1_shift, np.int32), m=1)
    living: States = np.full((3, 3, 16), 50, np.int8)
    for name in ("atmega328p", "atmega328p-fast"):
        with Avr(build(always_on, board(name), check_fit=False)) as avr:
            _, cycles = avr.update(living)
        assert cycles <= CYCLES_LIMIT, (name, cycles)


@pytest.mark.parametrize("name", boards(*MAIN_BOARDS))
def test_the_call_graph_covers_every_byte_of_code(name: str) -> None:
    image = build(lizard(), board(name))
    bodies = {function.name: function.body for function in functions(image)}
    assert {"main", "planaria_step", "planaria_hear"} <= set(bodies)
    assert all(bodies.values())
    assert bound(image).path[0][0] == "main"


@needs("atmega328p")
def test_interrupts_cost_no_more_than_a_return_address() -> None:
    image = build(lizard(), board("atmega328p"))
    assert image.flash[0x2C:0x2E] == b"\x18\x95"  # reti, alone, in the vector of the only interrupt in use
