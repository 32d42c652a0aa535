"""Partitions: who belongs to which part, and which edges are cut between parts, both ways or one."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellnode.topology import neighbours
from coordinator import faults
from coordinator.faults.base import Grid
from coordinator.faults.partition import WILD, Partition, cut, sides

GRID = Grid(6, 6, neighbours(6, 6, False))
ALL = np.arange(36)


def named(name: str, cells: np.ndarray = ALL, seed: int = 1, **more: float | str) -> np.ndarray:
    return sides(cells, GRID, given(name, **more), seed).reshape(6, 6)


def given(name: str, **more: float | str) -> dict[str, Any]:
    return faults.check("partition", {"name": name, **more}, None)


def edges(name: str, cells: np.ndarray = ALL, **more: float | str) -> set[tuple[int, int]]:
    """(speaker, listener) pairs that are cut."""
    hit, masks = Partition.place(cells, [], GRID, given(name, **more), 1)
    pairs = zip(hit.tolist(), masks, strict=True)
    return {(int(GRID.table[cell, slot]), cell) for cell, mask in pairs for slot in range(8) if mask >> slot & 1}


def test_isolated_cells_hear_one_another_and_nobody_else() -> None:
    side = named("isolate", np.array([14, 15]))
    assert (side.reshape(-1)[[14, 15]] == 0).all() and (side == 1).sum() == 34
    cut_off = edges("isolate", np.array([14, 15]))
    assert (14, 15) not in cut_off and (14, 13) in cut_off and (13, 14) in cut_off
    assert all((a in (14, 15)) != (b in (14, 15)) for a, b in cut_off)


def test_halves_are_left_and_right_or_upper_and_lower() -> None:
    assert (named("halves")[:, :3] == 0).all() and (named("halves")[:, 3:] == 1).all()
    assert (named("halves", cut="rows")[:3] == 0).all() and (named("halves", cut="rows")[3:] == 1).all()


def test_one_way_cuts_half_of_the_edges() -> None:
    both, deaf, unheard = (edges("halves", way=way) for way in ("both", "in", "out"))
    assert deaf | unheard == both and not deaf & unheard
    assert all(listener % 6 == 2 for _, listener in deaf), "the left part does not hear the right one"


def test_rings_lie_around_the_centre() -> None:
    side = named("ring", width=1)
    assert side[2, 2] == side[3, 3] and side[0, 0] == side[0, 5] == side.max() == 2
    assert (0, 1) not in edges("ring", width=1) and (0, 7) in edges("ring", width=1)


def test_a_bridge_is_a_strip_across_the_cut_that_hears_and_is_heard_by_both() -> None:
    side = named("bridge", width=2)
    assert (side[2:4] == WILD).all() and (side[:2, :3] == 0).all() and (side[4:, 3:] == 1).all()
    assert not any(a // 6 in (2, 3) or b // 6 in (2, 3) for a, b in edges("bridge", width=2))
    assert (named("bridge", width=1) == WILD).sum() == 6


def test_random_sides_follow_the_seed() -> None:
    assert (named("random", seed=3) == named("random", seed=3)).all()
    assert (named("random", seed=3) != named("random", seed=4)).any()
    assert set(named("random", sides=4).reshape(-1).tolist()) == {0, 1, 2, 3}


def test_cells_that_were_not_chosen_hear_everybody() -> None:
    chosen = np.flatnonzero(ALL % 6 > 0)
    assert (named("halves", chosen)[:, 0] == WILD).all()
    assert not cut(np.full(36, WILD), GRID.table, "both").any()
