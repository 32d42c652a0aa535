"""The loss is one number everywhere: definition, seed cell, overhang, shifts, ignored cells, int8."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import BadInput
from firmware_sim.loss import DIVISOR, Ruler, blank_loss_log10, gain_log10, loss_log10, loss_log10_shift1

RNG = np.random.default_rng(0)
TARGET = (RNG.integers(0, 33, (6, 6, 4)) / 32).astype(np.float32)


def placed(height: int, width: int, row: int, column: int, channels: int = 16) -> np.ndarray:
    """A grid that shows the target perfectly with its centre pixel on (row, column)."""
    canvas = np.zeros((height + 12, width + 12, channels), np.float32)
    canvas[row + 3 : row + 9, column + 3 : column + 9, :4] = TARGET
    return canvas[6:-6, 6:-6].copy()


def test_the_definition_is_the_articles_mean_on_a_72_grid() -> None:
    state = RNG.normal(size=(72, 72, 16)).astype(np.float32)
    target = RNG.random((40, 40, 4)).astype(np.float32)
    padded = np.pad(target, ((16, 16), (16, 16), (0, 0)))
    assert loss_log10(state, target) == pytest.approx(math.log10(np.mean((state[..., :4] - padded) ** 2)), abs=1e-5)


def test_the_divisor_does_not_depend_on_the_grid() -> None:
    for height, width in ((6, 6), (20, 31), (72, 72)):
        blank = loss_log10(np.zeros((height, width, 16), np.float32), TARGET)
        assert blank == pytest.approx(math.log10(float((TARGET**2).sum()) / DIVISOR))


@given(st.integers(4, 12), st.integers(4, 12), st.data())
def test_the_targets_centre_pixel_lies_on_the_seed_cell(height: int, width: int, data: st.DataObject) -> None:
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    state = placed(height, width, row, column)
    overhang = float((TARGET**2).sum()) - float((state**2).sum())
    expected = math.log10(max(overhang / DIVISOR, 1e-12))
    assert loss_log10(state, TARGET, (row, column)) == pytest.approx(expected, abs=1e-3)


def test_default_seed_cell_is_the_middle() -> None:
    assert loss_log10(placed(9, 12, 4, 6), TARGET) == -12
    assert loss_log10(placed(9, 12, 4, 5), TARGET) > -4


@pytest.mark.parametrize("shift", [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
def test_shift1_forgives_one_pixel_in_each_direction(shift: tuple[int, int]) -> None:
    state = placed(12, 12, 6 + shift[0], 6 + shift[1])
    assert loss_log10_shift1(state, TARGET) == -12
    assert loss_log10_shift1(placed(14, 14, 7 + 2, 7), TARGET) > -4


def test_shifts_fill_with_zeros_and_what_leaves_the_grid_is_gone() -> None:
    state = np.zeros((6, 6, 4), np.float32)
    state[0] = 1
    target = np.zeros((8, 6, 4), np.float32)
    target[0] = 1  # one row above the grid
    blank = math.log10(24 / DIVISOR)
    assert loss_log10_shift1(state, target) == pytest.approx(blank), "moving up loses the row, it does not hang over"
    assert loss_log10_shift1(np.zeros_like(state), target) == pytest.approx(blank)


def test_int8_states_are_read_in_steps_of_a_32nd() -> None:
    state = placed(10, 10, 5, 5)
    assert loss_log10((state * 32).astype(np.int8), TARGET) == -12
    assert loss_log10((state * 32).astype(np.int16), TARGET) > 0, "only int8 is a chip's state"


def test_ignored_cells_are_left_out_also_when_shifted() -> None:
    state, dead = placed(12, 12, 6, 6), np.zeros((12, 12), bool)
    state[5:7, 5:7] = 3.0
    dead[5:7, 5:7] = True
    assert loss_log10(state, TARGET) > -4
    assert loss_log10(state, TARGET, ignore=dead) == -12
    moved = np.roll(state, (1, 0), axis=(0, 1))
    assert loss_log10_shift1(moved, TARGET, ignore=np.roll(dead, (1, 0), axis=(0, 1))) == -12


@given(st.integers(0, 2**32), st.booleans())
def test_a_ruler_measures_what_its_definition_says_pixel_by_pixel(seed: int, some_are_dead: bool) -> None:
    rng = np.random.default_rng(seed)
    (height, width), (rows, columns) = rng.integers(2, 8, 2), rng.integers(1, 9, 2)
    state, target = rng.normal(size=(height, width, 16)), rng.random((rows, columns, 4)).astype(np.float32)
    dead = (rng.random((height, width)) < 0.4) & some_are_dead
    shown = np.zeros((40, 40, 4))
    shown[20 - rows // 2 : 20 - rows // 2 + rows, 20 - columns // 2 : 20 - columns // 2 + columns] = target
    wanted = []
    for shift in [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
        off, counts = shown.copy(), np.ones((40, 40), bool)
        for row, column in np.ndindex(int(height), int(width)):
            at = 20 - height // 2 + row + shift[0], 20 - width // 2 + column + shift[1]
            counts[at] = not dead[row, column]
            if 0 <= row + shift[0] < height and 0 <= column + shift[1] < width:
                off[at] -= state[row, column, :4]
        wanted.append(math.log10((off[counts] ** 2).sum() / DIVISOR) if (off[counts] ** 2).sum() > 1e-6 else -12)
    ruler = Ruler(target, (int(height), int(width)))
    assert ruler.loss_log10(state, dead) == pytest.approx(wanted[4])
    assert ruler.loss_log10_shift1(state, dead) == pytest.approx(min(wanted))


def test_gain_is_blank_minus_loss_over_the_same_cells() -> None:
    state, dead = placed(12, 12, 6, 6), np.zeros((12, 12), bool)
    dead[6:] = True
    assert gain_log10(np.zeros((12, 12, 16), np.float32), TARGET) == 0
    blank = blank_loss_log10(TARGET, ignore=dead)
    assert blank == pytest.approx(math.log10(float((TARGET[:3] ** 2).sum()) / DIVISOR))
    assert gain_log10(state, TARGET, ignore=dead) == pytest.approx(blank + 12)


def test_an_exploded_grid_has_a_number_too() -> None:
    for value in (np.nan, np.inf, 3e38):
        state = np.full((9, 9, 16), value, np.float32)
        assert loss_log10(state, TARGET) == 12
        assert loss_log10_shift1(state, TARGET) == 12


@pytest.mark.parametrize(
    ("state", "target", "seed_at", "ignore", "words"),
    [
        (np.zeros((5, 5, 3)), TARGET, None, None, "expected"),
        (np.zeros((5, 5, 16)), TARGET[..., :3], None, None, "expected"),
        (np.zeros((5, 5, 16)), TARGET, (5, 0), None, "outside the 5x5 grid"),
        (np.zeros((5, 5, 16)), TARGET, None, np.zeros((4, 5), bool), "ignore has shape"),
    ],
)
def test_bad_input_is_one_line(state: object, target: object, seed_at: object, ignore: object, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        loss_log10(state, target, seed_at, ignore)  # type: ignore[arg-type]
