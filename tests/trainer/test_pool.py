"""The grids, the pool and the damage that a training is made of."""

from __future__ import annotations

import numpy as np

from trainer import damage
from trainer.pool import Canvas, Pool

CANVAS = Canvas(size=20, pad=4, channels=16)


def test_the_target_stands_with_its_centre_pixel_on_the_seed() -> None:
    target = np.zeros((20, 20, 4), dtype=np.float32)
    target[10, 10] = 1
    assert CANVAS.place(target)[CANVAS.centre].tolist() == [1, 1, 1, 1]
    assert CANVAS.seed()[CANVAS.centre][3:].tolist() == [1] * 13


def test_grids_hold_the_seed_and_are_often_exactly_as_tight_as_the_target() -> None:
    rng = np.random.default_rng(0)
    grids = [CANVAS.draw_grid(rng) for _ in range(200)]
    assert all(grid[CANVAS.centre] for grid in grids)
    sizes = [int(grid.sum()) for grid in grids]
    assert 50 < sizes.count(400) < 120 and max(sizes) > 500


def test_the_pool_gives_back_what_was_written() -> None:
    rng = np.random.default_rng(0)
    for step in (None, 1 / 32):
        pool = Pool(CANVAS, 5, step, rng)
        states = (rng.integers(-127, 128, (2, 28, 28, 16)) / 32).astype(np.float32)
        exists = rng.random((2, 28, 28)) < 0.5
        pool.write(np.array([1, 3]), states, exists)
        found, there = pool.read(np.array([3, 1]))
        np.testing.assert_array_equal(found, states[::-1])
        np.testing.assert_array_equal(there, exists[::-1])


def test_damage_takes_a_part_and_seldom_all() -> None:
    rng = np.random.default_rng(0)
    shares = [damage.draw(rng, (28, 28), (14, 14), 20).mean() for _ in range(300)]
    assert 0.1 < np.mean(shares) < 0.6 and max(shares) < 0.9
    assert damage.draw(np.random.default_rng(5), (28, 28), (14, 14), 20).shape == (28, 28)


def test_a_piece_that_is_left_is_about_a_third_and_lies_anywhere() -> None:
    rng = np.random.default_rng(0)
    left = [~damage.draw(rng, (28, 28), (14, 14), 20, pieces=1.0) for _ in range(200)]
    sides = [(int(kept.all(axis=0).sum()), int(kept.all(axis=1).sum())) for kept in left]
    assert all(min(side) == 0 and 5 <= max(side) <= 10 for side in sides), "a slab across the whole grid"
    assert sum(kept[14, 14] for kept in left) < 150, "the seed cell is often among the lost"


def test_squares_can_be_asked_for() -> None:
    """A square fills the box around it; a share of halves comes first."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        lost = damage.draw(rng, (28, 28), (14, 14), 20, squares=1.0)
        rows, columns = lost.any(axis=1), lost.any(axis=0)
        assert lost.sum() == rows.sum() * columns.sum() > 0
    halves = [damage.draw(rng, (28, 28), (14, 14), 20, halves=1.0, squares=1.0) for _ in range(20)]
    assert all(mask[[0, 0, -1, -1], [0, -1, 0, -1]].any() for mask in halves), "no square reaches a corner"


def test_half_planes_can_be_asked_for() -> None:
    """A half plane loses all of one row or column at the border, and nothing of the opposite one; and it is a half."""
    rng = np.random.default_rng(0)
    lost = [damage.draw(rng, (28, 28), (14, 14), 20, halves=1.0) for _ in range(100)]
    corners = [(mask[0, 0], mask[0, -1], mask[-1, 0], mask[-1, -1]) for mask in lost]
    assert all(any(each) and not all(each) for each in corners)
    shares = [mask[4:-4, 4:-4].mean() for mask in lost]
    assert min(shares) > 0.3 and max(shares) < 0.65 and 0.4 < np.mean(shares) < 0.5
