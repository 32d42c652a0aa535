"""The picture a run is judged by: turned about the seed cell, refused where it does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from coordinator.picture import Picture
from firmware_sim.errors import BadInput


def arrow() -> np.ndarray:
    """6x6, centre pixel [3, 3]; a bar from the centre to the right."""
    target = np.zeros((6, 6, 4), np.float32)
    target[3, 3:6] = 1.0
    return target


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


def test_a_grid_too_small_for_an_upright_picture_is_a_line_for_people() -> None:
    assert Picture(arrow(), 1, 6, False, 0).overhang is None
    assert "1x4 is too small for the picture, which takes 2x6" in (Picture(arrow(), 1, 4, False, 0).overhang or "")


def test_a_torus_needs_room_for_the_extent_only() -> None:
    Picture(arrow(), 3, 3, True, 90)
    with pytest.raises(BadInput):
        Picture(arrow(), 3, 3, False, 90)


def test_cells_awake_are_the_living_and_their_ring_on_the_grid() -> None:
    assert Picture(arrow(), 8, 8, False, 0).cells_awake() == 3 * 5
    assert Picture(arrow(), 8, 7, False, 0).cells_awake() == 3 * 5
