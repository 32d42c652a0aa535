"""How a grid is cut into patches: every cell in one, and every pair of neighbours either in a patch or on an edge."""

from __future__ import annotations

import numpy as np
import pytest

from cellnode.patchlayout import grid, layout
from cellnode.topology import neighbours
from firmware_sim.errors import BadInput

GRIDS = [
    (7, 10, False, (3, 4)),
    (8, 8, True, (4, 4)),
    (6, 9, True, (2, 9)),
    (5, 5, False, (1, 1)),
    (5, 6, True, (9, 9)),
]


@pytest.mark.parametrize(("height", "width", "torus", "patch"), GRIDS)
def test_every_cell_lies_in_one_patch_and_has_all_its_neighbours(
    height: int, width: int, torus: bool, patch: tuple[int, int]
) -> None:
    cut = grid(height, width, torus, patch)
    whole = neighbours(height, width, torus)
    patches = [layout(cut, number) for number in range(cut.patches)]
    assert sorted(np.concatenate([it.cells for it in patches])) == list(range(height * width))
    for it in patches:
        assert (cut.patch_of(it.cells) == it.number).all()
        names = np.append(it.numbers, -1)
        assert (names[it.table[: len(it.cells)]] == whole[it.cells]).all()


@pytest.mark.parametrize(("height", "width", "torus", "patch"), GRIDS)
def test_what_one_patch_says_to_another_is_what_the_other_listens_for(
    height: int, width: int, torus: bool, patch: tuple[int, int]
) -> None:
    cut = grid(height, width, torus, patch)
    patches = [layout(cut, number) for number in range(cut.patches)]
    for it in patches:
        for peer in it.peers:
            said = set(it.cells[it.speaks[peer]].tolist())
            heard = {cell for cell in patches[peer].around.tolist() if cut.patch_of(np.array([cell]))[0] == it.number}
            assert said == heard


def test_the_listeners_of_a_cell_around_have_it_in_the_slot_named() -> None:
    it = layout(grid(6, 6, True, (3, 3)), 0)
    n = len(it.cells)
    pairs = 0
    for stranger in range(len(it.around)):
        for k in range(it.first[stranger], it.first[stranger + 1]):
            assert it.table[it.listeners[k], it.slots[k]] == n + stranger
            pairs += 1
    assert pairs == (it.table[:n] >= n).sum()


def test_a_corner_of_a_patch_is_said_to_three_others() -> None:
    it = layout(grid(9, 9, False, (3, 3)), 4)
    assert it.peers == (0, 1, 2, 3, 5, 6, 7, 8)
    assert sum(0 in it.speaks[peer] for peer in it.peers) == 3, "its north-west corner"
    assert all(4 not in it.speaks[peer] for peer in it.peers), "the cell in the middle is nobody else's business"


def test_patches_larger_than_the_grid_are_the_grid_and_impossible_ones_are_refused() -> None:
    assert grid(5, 6, False, (16, 16)).patches == 1
    for patch in ((0, 4), (4, -1), (128, 128)):
        with pytest.raises(BadInput, match="expected 1x1 to 4,096 cells"):
            grid(200, 200, False, patch)
