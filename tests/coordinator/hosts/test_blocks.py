"""A grid is cut into one block a host: everything once, nobody over his room, as square as can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellnode import patchlayout as patches
from coordinator.hosts.blocks import cut, cut_patches
from firmware_sim.errors import BadInput


def border(blocks: list[np.ndarray], height: int, width: int) -> int:
    """Pairs of neighbours, side by side or one above the other, that live on different hosts."""
    owner = np.zeros(height * width, int)
    for host, block in enumerate(blocks):
        owner[block] = host
    grid = owner.reshape(height, width)
    return int((grid[1:] != grid[:-1]).sum() + (grid[:, 1:] != grid[:, :-1]).sum())


def test_four_equal_hosts_get_the_four_quarters() -> None:
    blocks = cut(40, 40, [400] * 4)
    assert [len(block) for block in blocks] == [400] * 4
    assert border(blocks, 40, 40) == 80


def test_two_hosts_share_along_the_short_middle() -> None:
    blocks = cut(10, 20, [100, 100])
    assert border(blocks, 10, 20) == 10


def test_a_host_with_little_room_gets_little_and_the_others_the_rest() -> None:
    blocks = cut(10, 10, [10, 1000, 1000])
    assert len(blocks[0]) <= 10
    assert sum(map(len, blocks)) == 100


def test_too_little_room_is_refused_naming_what_is_offered() -> None:
    with pytest.raises(BadInput, match=r"no room for the grid: 10x10 is 100 cells, the 2 hosts offer 99 \(50, 49\)"):
        cut(10, 10, [50, 49])


def test_patches_stay_whole_and_hosts_get_as_many_as_fit() -> None:
    grid = patches.grid(12, 12, False, (4, 4))
    blocks = cut_patches(grid, [100, 20, 47])
    assert sorted(np.concatenate(blocks).tolist()) == list(range(144))
    assert [len(block) // 16 for block in blocks] == [6, 1, 2]
    for block in blocks:
        assert (np.bincount(grid.patch_of(block)) % 16 == 0).all(), "no patch is shared"
        assert (np.diff(block) > 0).all(), "cells in rising order"
    with pytest.raises(BadInput, match=r"9 patches of 4x4 cells, the 2 hosts have room for 8 \(4, 4\)"):
        cut_patches(grid, [79, 79])


def test_smaller_patches_at_the_border_count_as_whole_ones() -> None:
    grid = patches.grid(10, 6, False, (4, 4))
    blocks = cut_patches(grid, [48, 48])
    assert sorted(np.concatenate(blocks).tolist()) == list(range(60))
    assert set(grid.patch_of(blocks[0]).tolist()).isdisjoint(grid.patch_of(blocks[1]).tolist())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no bug
@given(st.integers(1, 24), st.integers(1, 24), st.lists(st.integers(0, 300), min_size=1, max_size=9))
def test_every_cell_is_given_once_and_no_room_is_exceeded(height: int, width: int, room: list[int]) -> None:
    if sum(room) < height * width:
        return
    blocks = cut(height, width, room)
    assert sorted(np.concatenate(blocks).tolist()) == list(range(height * width))
    assert all(len(block) <= most for block, most in zip(blocks, room, strict=True))
