"""The limits are a gate: flash, RAM, stack and cycles of a built-in rule on every board; the ledger is the message."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from firmware_inputs import wild_genome
from needs import boards, needs
from samples import int8_samples

from firmware_sim import folder
from firmware_sim.boards.avr import Avr
from firmware_sim.boards.budget import budget, table
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import CYCLES_LIMIT, FLASH_GOAL_BYTES, MAIN_BOARDS, RAM_GOAL_BYTES, board
from firmware_sim.boards.cycles import cost
from firmware_sim.boards.listing import functions
from firmware_sim.boards.stack import bound
from firmware_sim.boards.worst import cycles_bound
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
@pytest.mark.parametrize("name", ["atmega328p", "atmega328p-fast"])
def test_no_state_and_no_weights_of_a_built_in_rule_take_more_cycles_than_the_limit(name: str) -> None:
    genomes = [folder.load(rule).genome() for rule in folder.builtin_names()]
    for genome in genomes:
        assert genome is not None
        for half in (False, True):  # as the article's published models have it
            found = cycles_bound(build(replace(genome, half1=half, half2=half, m=1), board(name), check_fit=False))
            assert found <= CYCLES_LIMIT, (name, genome.shift, half, found)


@needs("atmega328p")
@pytest.mark.parametrize("rng_seed", range(6))
def test_no_update_exceeds_the_bound_whatever_the_genome_and_the_states(rng_seed: int) -> None:
    genome = wild_genome(rng_seed, 20)
    always_on = replace(genome, w1=genome.w1 // 8, b1=np.full(20, 32767 << genome.b1_shift, np.int32), m=1)
    for each in (genome, always_on):
        image = build(each, board("atmega328p"), check_fit=False)
        most = cycles_bound(image)
        with Avr(image) as avr:
            found = [avr.update(cell)[1] for cell in int8_samples(rng_seed, 3)]
        assert max(found) <= most, (max(found), most)
        if each is always_on:
            assert max(found) > 0.9 * most, "a bound that is nearly reached"


@needs("rv32ec")
def test_without_a_multiplier_the_bound_counts_every_bit_of_the_weights() -> None:
    image = build(wild_genome(3, 16), board("rv32ec"), check_fit=False)
    most = cycles_bound(image)
    assert max(cost(image, cell).cycles for cell in int8_samples(1, 1)) <= most


@needs("atmega328p")
def test_a_legal_genome_that_takes_too_long_is_reported_with_by_how_much() -> None:
    slow = replace(lizard(), b1=np.full(128, 8 << 15, np.int32), b1_shift=15, shift=16, s=30, m=1)
    found = budget(slow, board("atmega328p"))
    assert not found.fits and found.cycles_bound > CYCLES_LIMIT
    assert f"{found.cycles_bound - CYCLES_LIMIT:,} over the limit of 165,000" in table([found])


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
