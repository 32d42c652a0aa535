"""Who is whose neighbour, and in which slot."""

from __future__ import annotations

import numpy as np
import pytest

from cellnode.topology import neighbours, opposite, seed_cell, tag
from firmware_sim.errors import BadInput
from firmware_sim.rule import neighbourhoods


def test_slots_run_from_north_west_to_south_east() -> None:
    assert neighbours(3, 3)[4].tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


def test_beyond_the_border_is_nobody() -> None:
    assert neighbours(2, 3)[0].tolist() == [-1, -1, -1, -1, 1, -1, 3, 4]
    assert neighbours(1, 1).tolist() == [[-1] * 8]


def test_on_a_torus_the_border_meets_the_other_side() -> None:
    assert neighbours(3, 4, torus=True)[0].tolist() == [11, 8, 9, 3, 1, 7, 4, 5]


@pytest.mark.parametrize("torus", [False, True])
def test_hearing_is_mutual_and_in_opposite_slots(torus: bool) -> None:
    table = neighbours(4, 5, torus)
    for cell, around in enumerate(table):
        for slot, other in enumerate(around):
            if other >= 0:
                assert table[other][opposite(slot)] == cell


@pytest.mark.parametrize("torus", [False, True])
def test_the_slots_lie_as_the_rule_sees_a_neighbourhood(torus: bool) -> None:
    grid = np.arange(1, 21, dtype=np.int64).reshape(4, 5, 1)
    seen = neighbourhoods(grid, torus)[..., 0].reshape(20, 9)
    slots = np.delete(seen, 4, axis=1)
    assert (np.where(neighbours(4, 5, torus) < 0, 0, neighbours(4, 5, torus) + 1) == slots).all()


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 3), (5000, 5000)])
def test_an_impossible_grid_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(BadInput, match="grid is"):
        neighbours(*size)


def test_a_torus_on_which_a_cell_would_be_its_own_neighbour_is_refused() -> None:
    with pytest.raises(BadInput, match="torus of 2x9"):
        neighbours(2, 9, torus=True)


def test_the_seed_cell_is_the_notebooks() -> None:
    assert seed_cell(72, 72) == 36 * 72 + 36
    assert seed_cell(5, 4) == 2 * 4 + 2


def test_the_tag_tells_runs_and_rules_apart() -> None:
    assert tag("00000001", "ab") != tag("00000002", "ab") != tag("00000001", "ac")
    assert tag("00000001", "ab") == tag("00000001", "ab")
    assert 0 <= tag("x", "y") < 2**32
