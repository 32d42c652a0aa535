"""Draws of one rule side by side: the same surface whether bytes live in virtual time or floats in the stand-in."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim import folder
from trainer.draws import Draws, losses, seeded

DOT = folder.load("dot")
TARGET = DOT.target()


def grown(int8: bool, seed: int = 1) -> Draws:
    draws = seeded(DOT.rule(), 8, 3, np.random.default_rng(seed), int8=int8)
    draws.run(40)
    return draws


@pytest.mark.parametrize("int8", [True, False], ids=["int8", "float"])
def test_each_grows_by_chance_of_its_own_and_the_same_seed_gives_the_same(int8: bool) -> None:
    assert TARGET is not None
    one, again, other = grown(int8), grown(int8), grown(int8, seed=2)
    assert one.states().shape == (3, 8, 8, 16) and (losses(one, TARGET) < -3).all()
    assert not np.array_equal(one.states()[0], one.states()[1])
    assert np.array_equal(one.states(), again.states()) and not np.array_equal(one.states(), other.states())


@pytest.mark.parametrize("int8", [True, False], ids=["int8", "float"])
def test_a_copy_is_hurt_and_heals_by_itself(int8: bool) -> None:
    assert TARGET is not None
    whole = grown(int8)
    before, hurt = whole.states(), whole.copy()
    lost = np.zeros((8, 8), np.bool_)
    lost[:, 4:] = True
    hurt.erase(lost)
    assert not hurt.states()[:, lost].any() and np.array_equal(hurt.states()[:, ~lost], before[:, ~lost])
    hurt.run(60)
    assert (losses(hurt, TARGET) < -3).all() and np.array_equal(whole.states(), before)
    hurt.erase(np.stack([lost, ~lost, lost]))
    assert hurt.states()[1, ~lost].sum() == 0 != hurt.states()[1, lost].sum(), "or each loses cells of its own"
