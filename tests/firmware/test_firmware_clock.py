"""Wake times on the chip: exponential, and no two cells march together."""

from __future__ import annotations

import ctypes
import shutil

import numpy as np
import pytest
from board_here import library
from numpy.typing import NDArray

from firmware_sim import native_build
from firmware_sim.boards.image import clock_seed

pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in native_build.CANDIDATES["c"]), reason="no C compiler: apt-get install gcc"
)

DRAWS = 100_000


def intervals(cell: int, count: int = DRAWS) -> NDArray[np.float64]:
    """In means."""
    out = (ctypes.c_uint32 * count)()
    library().planaria_board_intervals(cell, out, count)
    return np.array(out, np.float64) / 65536


@pytest.mark.parametrize("cell", [0, 1, 820, 65535])
def test_a_hundred_thousand_intervals_pass_kolmogorov_and_smirnov(cell: int) -> None:
    drawn = np.sort(intervals(cell))
    expected = 1 - np.exp(-drawn)
    steps = np.arange(DRAWS + 1) / DRAWS
    distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
    assert distance < 1.63 / np.sqrt(DRAWS)  # 1 %


def test_in_whole_milliseconds_the_mean_is_kept() -> None:
    assert np.floor(intervals(7) * 500).mean() == pytest.approx(500, rel=0.01)


def test_intervals_of_one_cell_do_not_depend_on_those_before() -> None:
    drawn = intervals(3)
    for lag in (1, 2, 3, 16, 32):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 4 / np.sqrt(DRAWS), lag


@pytest.mark.parametrize("other", [1, 2, 39, 40, 41, 1024])
def test_neighbours_are_uncorrelated_and_never_march_together(other: int) -> None:
    count = 20_000
    for cell in (0, 17, 800):
        here, there = intervals(cell, count), intervals(cell + other, count)
        for lag in range(4):
            assert abs(np.corrcoef(here[lag:], there[: count - lag])[0, 1]) < 4.5 / np.sqrt(count)
        # Wakes within 1/100 of the mean of each other: as often as for two independent clocks.
        one, two = np.cumsum(here), np.cumsum(there)
        gap = np.abs(one[:, None][:2000] - two[None, :2200]).min(axis=1)[:1900]
        assert (gap < 0.01).mean() < 0.04


def test_all_cells_of_a_large_swarm_begin_elsewhere() -> None:
    seeds = {clock_seed(cell) for cell in range(65_536)}
    assert len(seeds) == 65_536 and 0 not in seeds


def test_the_lfsr_has_its_full_length() -> None:
    """x**(2**32) = x modulo its polynomial, and no shorter: 2**32 - 1 = 3 * 5 * 17 * 257 * 65537."""
    taps = 0x80000057

    def step(x: int) -> int:
        return x >> 1 ^ (taps if x & 1 else 0)

    columns = [step(1 << bit) for bit in range(32)]

    def apply(matrix: list[int], x: int) -> int:
        out = 0
        for bit in range(32):
            if x >> bit & 1:
                out ^= matrix[bit]
        return out

    def power(exponent: int) -> list[int]:
        result, base = [1 << bit for bit in range(32)], columns
        while exponent:
            if exponent & 1:
                result = [apply(base, column) for column in result]
            base = [apply(base, column) for column in base]
            exponent >>= 1
        return result

    identity = [1 << bit for bit in range(32)]
    order = 2**32 - 1
    assert power(order) == identity
    assert all(power(order // prime) != identity for prime in (3, 5, 17, 257, 65537))
