"""The picture a run is judged by: turned about the seed cell, refused where it does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from coordinator.picture import Picture, turned
from firmware_sim import rule as rules
from firmware_sim.errors import BadInput
from firmware_sim.rule import Rule


def arrow() -> np.ndarray:
    """6x6, centre pixel [3, 3]; a bar from the centre to the right."""
    target = np.zeros((6, 6, 4), np.float32)
    target[3, 3:6] = 1.0
    return target


def lit(target: np.ndarray) -> set[tuple[int, int]]:
    """Lit pixels relative to the centre pixel, (down, right)."""
    rows, columns = np.nonzero(target[..., 3] > 0.5)
    return {(int(y) - target.shape[0] // 2, int(x) - target.shape[1] // 2) for y, x in zip(rows, columns, strict=True)}


def test_quarter_turns_are_exact_and_counter_clockwise() -> None:
    assert lit(turned(arrow(), 0)) == {(0, 0), (0, 1), (0, 2)}
    assert lit(turned(arrow(), 90)) == {(0, 0), (-1, 0), (-2, 0)}
    assert lit(turned(arrow(), 180)) == {(0, 0), (0, -1), (0, -2)}
    assert lit(turned(arrow(), -90)) == lit(turned(arrow(), 270)) == {(0, 0), (1, 0), (2, 0)}
    assert set(np.unique(turned(arrow(), 90))) == {0.0, 1.0}


def test_any_angle_keeps_about_the_same_amount_of_picture() -> None:
    target = np.zeros((12, 12, 4), np.float32)
    target[3:10, 3:10] = 1.0
    assert turned(target, 33).sum() == pytest.approx(target.sum(), rel=0.02)


def test_a_rule_that_perceives_turned_grows_the_turned_picture() -> None:
    """A rule that copies what lies to its left grows a bar to the right; turned by 90 degrees it must grow upward."""
    w1 = np.zeros((48, 2), np.float32)
    w1[16 + 3, 0] = -1.0  # alpha gradient along x: negative to the right of what is there
    w2 = np.zeros((2, 16), np.float32)
    w2[0, 3] = 4.0
    rule = Rule(w1, np.zeros(2, np.float32), w2, np.zeros(16, np.float32))
    grown = {}
    for degrees in (0, 90):
        grid = rules.seed(13, 13)
        for _ in range(3):
            grid = rules.step(rule, grid, np.ones((13, 13), np.bool_), degrees=degrees)
        y, x = np.mgrid[-6:7, -6:7]
        alpha = np.clip(grid[..., 3], 0, 1)
        grown[degrees] = (float((y * alpha).sum()), float((x * alpha).sum()))
    assert grown[0][1] > 1 and abs(grown[0][0]) < 1e-3
    assert grown[90][0] < -1 and abs(grown[90][1]) < 1e-3


def test_a_perfect_picture_has_the_smallest_loss_and_a_blank_grid_no_gain() -> None:
    picture = Picture(arrow(), 8, 8, False, 0)
    states = np.zeros((8, 8, 16), np.float32)
    assert picture.losses(states).gain_log10 == 0.0
    states[4, 4:7, :4] = 1.0
    assert picture.losses(states).loss_log10 == -12.0


def test_a_turned_picture_is_compared_with_the_turned_target() -> None:
    picture = Picture(arrow(), 8, 8, False, 90)
    states = np.zeros((8, 8, 16), np.float32)
    states[2:5, 4, :4] = 1.0
    assert picture.losses(states).loss_log10 == -12.0


def test_the_squares_of_the_dead_can_be_left_out() -> None:
    picture = Picture(arrow(), 8, 8, False, 0)
    states = np.zeros((8, 8, 16), np.float32)
    states[4, 4:6, :4] = 1.0
    dead = np.zeros((8, 8), np.bool_)
    dead[4, 6] = True
    assert picture.losses(states).loss_log10 > -4 and picture.losses(states, dead).loss_log10 == -12.0


def test_a_grid_too_small_for_the_turned_picture_is_bad_input_and_says_what_would_do() -> None:
    Picture(arrow(), 1, 6, False, 0)
    with pytest.raises(BadInput, match=r"1x6 is too small .* turned by 90 degrees: use at least 4x"):
        Picture(arrow(), 1, 6, False, 90)
    Picture(arrow(), 5, 5, False, 90)


def test_a_torus_needs_room_for_the_extent_only() -> None:
    Picture(arrow(), 3, 3, True, 90)
    with pytest.raises(BadInput):
        Picture(arrow(), 3, 3, False, 90)


def test_cells_awake_are_the_living_and_their_ring_on_the_grid() -> None:
    assert Picture(arrow(), 8, 8, False, 0).cells_awake() == 3 * 5
    assert Picture(arrow(), 8, 7, False, 0).cells_awake() == 3 * 5
