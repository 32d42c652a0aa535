"""The estimate of energy stays near what is measured on images, and grows with the rule."""

from __future__ import annotations

import pytest

from firmware_sim import folder
from firmware_sim.boards.catalog import MAIN_BOARDS
from firmware_sim.energy import estimate
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome

MEASURED_UJ = {"lizard": 380.0, "dot": 389.2, "lizard-24": 392.1}  # typical cycles of `firmware budget`, in energy

# `firmware budget lizard --json`: volts * amperes * typical cycles / clock
LIZARD_UJ = {"atmega328p": 380.0, "cortex-m0": 106.1, "rv32imc": 121.9, "rv32ec": 408.1}


def genome(name: str) -> Genome:
    found = folder.load(name).genome()
    assert found is not None
    return found


@pytest.mark.parametrize("name", MEASURED_UJ)
def test_the_estimate_is_within_five_percent_of_what_the_images_measure(name: str) -> None:
    assert estimate(genome(name)).microjoules_per_update == pytest.approx(MEASURED_UJ[name], rel=0.05)


@pytest.mark.parametrize("board", MAIN_BOARDS)
def test_every_chip_has_an_estimate_within_ten_percent_of_its_image(board: str) -> None:
    assert estimate(genome("lizard"), board).microjoules_per_update == pytest.approx(LIZARD_UJ[board], rel=0.1)


def test_a_byte_on_the_line_costs_what_the_chip_takes_while_it_passes() -> None:
    found = estimate(genome("dot"), "atmega328p")
    assert found.microjoules_per_byte == pytest.approx(5.0 * 9.2e-3 * 10 / 115_200 * 1e6, rel=1e-4)


def test_an_unknown_board_is_named_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"board 'abacus' is unknown.*cortex-m0"):
        estimate(genome("dot"), "abacus")


def test_an_update_of_half_the_hidden_units_costs_half() -> None:
    rule = folder.load("lizard").rule()
    half = type(rule)(rule.w1[:, : rule.hidden // 2], rule.b1[: rule.hidden // 2], rule.w2[: rule.hidden // 2], rule.b2)
    ratio = estimate(half).microjoules_per_update / estimate(rule).microjoules_per_update
    assert ratio == pytest.approx(0.5, rel=0.01)


def test_where_the_figure_comes_from_is_said() -> None:
    assert "ATmega328P" in estimate(genome("dot")).source and "estimate" in estimate(genome("dot")).source
