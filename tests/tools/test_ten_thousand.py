"""docs/ten-thousand-machines.md: made of what was measured and of real sizes, and right where it can be looked up."""

from __future__ import annotations

import pytest

from cellnode.topology import neighbours
from tools import ten_thousand
from tools.ten_thousand import Machine, breaks, checks, load, machine, units


def test_the_page_is_made_from_the_results_of_today() -> None:
    assert ten_thousand.PAGE.read_text() == ten_thousand.page(), "run python -m tools.ten_thousand"


@pytest.mark.parametrize("side", [3, 8, 20])
def test_the_words_of_a_block_to_others_are_those_of_the_topology(side: int) -> None:
    around = neighbours(3 * side, 3 * side, False).reshape(3 * side, 3 * side, 8)
    block = {row * 3 * side + column for row in range(side, 2 * side) for column in range(side, 2 * side)}
    mine = [around[cell // (3 * side), cell % (3 * side)] for cell in sorted(block)]
    beyond = [sum(int(near) not in block for near in each) for each in mine]
    assert sum(beyond) == 12 * side - 4 and sum(number > 0 for number in beyond) == 4 * side - 4
    one = machine()
    assert (one.words, one.border) == (12 * one.side - 4, 4 * one.side - 4)


def test_the_arithmetic_carries_from_a_smaller_swarm_to_a_larger_one_within_a_factor_of_two() -> None:
    for what, predicted, measured in checks():
        assert 0.5 < predicted / measured < 2, what


def test_what_breaks_first_stands_first_and_more_doors_fill_the_coordinator_sooner() -> None:
    unit, one = units(), machine()
    shares = [share for share, _, _ in breaks(unit, one, load(unit, one))]
    assert shares == sorted(shares) and shares[0] < 1
    wider = Machine(one.cells, one.side, 2 * one.border, one.words, one.word_bytes)
    assert load(unit, wider).machines < load(unit, one).machines
