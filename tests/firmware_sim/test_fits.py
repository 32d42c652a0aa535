"""Which chips a rule fits, told from its ledger."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim import folder
from firmware_sim.boards.catalog import MAIN_BOARDS
from firmware_sim.fits import obstacles
from firmware_sim.ledger import Ledger, ledger
from firmware_sim.rule import Rule


def of_size(channels: int, hidden: int) -> Rule:
    zeros = np.zeros((3 * channels, hidden), np.float32)
    return Rule(zeros, zeros[0], zeros[:channels].T.copy(), zeros[:channels, 0].copy())


def fitting(found: Ledger, *, has_genome: bool = True) -> list[str]:
    return [name for name, why in obstacles(found, has_genome=has_genome).items() if not why]


def test_the_built_in_rules_fit_every_board() -> None:
    for name in folder.builtin_names():
        genome = folder.load(name).genome()
        assert genome is not None and fitting(ledger(genome)) == list(MAIN_BOARDS), name


def test_more_hidden_units_than_flash_holds_are_too_many_for_the_small_boards_first() -> None:
    assert fitting(ledger(of_size(16, 16))) == list(MAIN_BOARDS)
    assert fitting(ledger(of_size(16, 144))) == ["cortex-m0", "rv32imc", "rv32ec"]
    assert fitting(ledger(of_size(16, 256))) == []
    assert "flash 11,296 bytes, 1,056 over" in obstacles(ledger(of_size(16, 144)))["atmega328p"]


@pytest.mark.parametrize("channels", [8, 24])
def test_other_channel_counts_fit_no_chip_and_the_reason_says_where_they_run(channels: int) -> None:
    why = obstacles(ledger(of_size(channels, 64)))
    assert set(why) == set(MAIN_BOARDS) and all(f"{channels} channels" in line for line in why.values())
    assert all("virtual" in line for line in why.values())


def test_a_rule_without_a_genome_fits_none() -> None:
    assert fitting(ledger(of_size(16, 64)), has_genome=False) == []
