"""Heads are counted wherever an end of the target stands, turned or not, and nowhere else."""

from __future__ import annotations

import numpy as np

from coordinator.evaluate.bodies import Nursery
from coordinator.evaluate.experiments import worm
from coordinator.evaluate.heads import count
from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import Subject, Way
from coordinator.evaluate.times import Times
from firmware_sim import folder
from firmware_sim.rule import Rule


def two_headed_worm() -> np.ndarray:
    """64x96, a brown body with a round, eyed head at either end."""
    y, x = np.mgrid[:64, :96]
    body = (np.abs(y - 32) < 8) & (np.abs(x - 48) < 36)
    target = np.zeros((64, 96, 4), np.float32)
    for centre, eye in ((14, 10), (82, 86)):
        body |= (y - 32) ** 2 + (x - centre) ** 2 < 12**2
        target[..., 0][(np.abs(y - 32) == 5) & (np.abs(x - eye) < 2)] = 0.1
    target[body] = (0.5, 0.3, 0.2, 1)
    for eye in (10, 86):
        target[(np.abs(np.abs(y - 32) - 5) < 2) & (np.abs(x - eye) < 3)] = (1, 1, 1, 1)
    return target


WORM = two_headed_worm()


def on_grid(*worms: tuple[np.ndarray, int, int], size: tuple[int, int] = (128, 160)) -> np.ndarray:
    grid = np.zeros((*size, 16), np.float32)
    for picture, top, left in worms:
        grid[top : top + picture.shape[0], left : left + picture.shape[1], :4] += picture
    return grid


def test_a_worm_has_two_heads_however_it_lies() -> None:
    assert count(on_grid((WORM, 20, 30)), WORM) == 2
    assert count(on_grid((np.rot90(WORM), 20, 30)), WORM) == 2
    assert count(on_grid((np.rot90(WORM, 2), 3, 5)), WORM) == 2


def test_a_third_of_a_worm_has_the_heads_it_still_has() -> None:
    left, middle = WORM.copy(), WORM.copy()
    left[:, 34:] = 0
    middle[:, :34] = middle[:, 62:] = 0
    assert count(on_grid((left, 20, 30)), WORM) == 1
    assert count(on_grid((middle, 20, 30)), WORM) == 0
    assert count(on_grid(), WORM) == 0


def test_two_worms_have_four_heads_and_noise_takes_none_away() -> None:
    grid = on_grid((WORM, 0, 30), (WORM, 64, 10))
    noise = np.random.default_rng(1).normal(0, 0.05, grid.shape).astype(np.float32)
    assert count(grid + noise, WORM) == 4
    assert count(np.full_like(grid, np.nan), WORM) == 0


def test_any_rule_with_a_picture_of_64x96_is_cut_in_three_and_turned(tmp_path: object) -> None:
    """A worm's weights that do nothing: what is planted stays one cell, and the pieces without it die."""
    idle = Rule(np.zeros((48, 4)), np.zeros(4), np.zeros((4, 16)), np.zeros(16))
    rule = folder.save(f"{tmp_path}/worm", name="worm", rule=idle, target=WORM)
    nursery = Nursery(Subject(rule), 1, 1, Times(worm=20))
    found = [each for piece in (0, 1) for each in worm(nursery, Way("sync", "float"), piece)]
    rows = [row for row in found if isinstance(row, Row)]
    assert [row.experiment for row in rows] == [
        "worm",
        "worm first third",
        "worm middle third",
        "worm last third",
        "worm turned 90",
    ]
    assert [row.heads for row in rows] == [0] * 5 and [*rows[1].fate] == ["died"] and [*rows[2].fate] == ["holds"]
    assert "heads" in rows[0].to_json()
