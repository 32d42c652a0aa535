"""The five cuts of the article."""

from __future__ import annotations

from firmware_sim.cuts import CUTS, cut_masks


def test_halves_share_the_grid_and_the_square_is_16_of_40_px() -> None:
    masks = dict(zip(CUTS, cut_masks(72, 72, 40), strict=True))
    assert not (masks["left"] & masks["right"]).any() and (masks["upper"] | masks["lower"]).all()
    assert masks["left"].sum() == masks["upper"].sum() == 72 * 36
    square = masks["square"]
    assert square.sum() == 16 * 16 and square[28:44, 28:44].all()


def test_the_seed_cell_is_lost_with_the_right_the_lower_half_and_the_square() -> None:
    assert cut_masks(9, 12, 5)[:, 4, 6].tolist() == [False, True, False, True, True]
