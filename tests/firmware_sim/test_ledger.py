"""The ledger: the article's guesses, counted."""

from __future__ import annotations

import pytest
from samples import random_rule

from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome
from firmware_sim.ledger import ledger


def test_the_articles_rule_costs_what_the_formats_say() -> None:
    genome = Genome.quantise(random_rule(hidden=128))
    counted = ledger(genome, wake_interval_s=0.5, frame_bytes=50)
    assert counted.rom_genome == len(genome.to_bytes()) == 8496
    assert counted.parameters == 8336
    assert (counted.multiply_adds, counted.perception_adds) == (8192, 192)
    assert (counted.core_ram_avr, counted.core_ram_32bit) == (129, 148)
    assert counted.message_state == 16
    assert (counted.said_bytes_per_s, counted.heard_bytes_per_s) == (100, 800)


def test_a_rule_and_its_genome_have_one_ledger() -> None:
    rule = random_rule(hidden=48)
    assert ledger(rule) == ledger(Genome.quantise(rule))
    assert ledger(rule).rom_genome == len(Genome.quantise(rule).to_bytes())


def test_the_table_prints_core_and_mailbox_ram_as_two_numbers() -> None:
    text = ledger(random_rule(hidden=128)).table()
    for words in ("8,496 B", "RAM, core (AVR", "129 B", "RAM, mailbox", "8,192 + 192", "bytes per second at T = 0.5 s"):
        assert words in text


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="wake interval"):
        ledger(random_rule(), wake_interval_s=0)
