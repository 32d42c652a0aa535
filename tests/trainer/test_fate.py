"""What is said of a picture that has lived long."""

from __future__ import annotations

import numpy as np

from firmware_sim import folder
from trainer.episode import Floats
from trainer.fast import choose
from trainer.fate import SHOWN, classify, fate
from trainer.targets import resolve

TARGET = resolve("dot").pixels


def on_a_grid(picture: Floats) -> Floats:
    grid = np.zeros((38, 38, 16), np.float32)
    grid[16:22, 16:22, :4] = picture
    return grid


def test_a_picture_holds_drifts_dies_or_explodes() -> None:
    assert classify(on_a_grid(TARGET), TARGET) == "holds"
    black = on_a_grid(TARGET * np.array([0, 0, 0, 1], np.float32))
    assert classify(black, TARGET) == "drifts", "another picture of the same size"
    assert classify(on_a_grid(TARGET * 0), TARGET) == "dies"
    assert classify(np.ones((38, 38, 16), np.float32), TARGET) == "explodes"
    broken = on_a_grid(TARGET)
    broken[0, 0, 7] = np.nan
    assert classify(broken, TARGET) == "explodes"


def test_a_rule_trained_to_heal_holds_for_2000_steps() -> None:
    dot = folder.load("dot")
    found = fate(choose(1, lambda line: None), dot.rule(), TARGET, np.random.default_rng(1))
    assert found.kind == "holds" and found.states.shape[0] == len(SHOWN) and min(found.gains[1:]) > 2
