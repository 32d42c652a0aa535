"""A training in stages: to grow, to stay, to heal, one after the other, each with a learning rate of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmware_sim.errors import BadInput
from trainer.fast import choose
from trainer.learner import Learner
from trainer.settings import QUICK_GROWING, Settings, quick
from trainer.stages import HEAL_RATE, STAY_RATE, stage
from trainer.targets import resolve
from trainer.train import _replaced, training_step

STAGED = Settings(size=6, pad=2, batch=4, damaged=2, pool=8, hidden=16, steps=24, grow=6, stay=4)


def test_a_training_without_stages_is_one() -> None:
    plain = Settings(regime="persistent", steps=10)
    assert {stage(plain, step) for step in range(11)} == {stage(plain, 0)}
    only = stage(plain, 0)
    assert (only.regime, only.begin, only.end, only.rate) == ("persistent", 0, 10, plain.rate)
    assert (only.episode_min, only.episode_max, only.fire_min) == (64, 96, 0.25)
    assert "grow" not in plain.to_dict() and "stay" not in plain.to_dict()


def test_it_grows_then_stays_then_heals() -> None:
    regimes = [stage(STAGED, step).regime for step in range(25)]
    assert regimes == ["growing"] * 6 + ["persistent"] * 4 + ["regenerating"] * 15
    assert stage(STAGED, 0).episode_min == QUICK_GROWING["episode_min"], "long enough for the whole picture"
    assert [stage(STAGED, step).share(step) for step in (0, 3, 6, 8, 10, 24)] == [0, 0.5, 0, 0.5, 0, 1]
    assert Settings(**STAGED.to_dict()) == STAGED


def test_the_learning_rate_falls_anew_in_each() -> None:
    learner = Learner(STAGED, resolve("dot", 6).pixels)
    rates = []
    for learner.step in range(25):
        rates.append(learner.learning_rate())
    assert (rates[0], rates[6], rates[10]) == (STAGED.rate, STAGED.rate * STAY_RATE, STAGED.rate * HEAL_RATE)
    for begin, end in ((0, 6), (6, 10), (10, 25)):
        assert rates[begin:end] == sorted(rates[begin:end], reverse=True)


def test_while_it_learns_to_grow_the_pool_keeps_its_seeds_and_then_the_optimiser_begins_anew() -> None:
    learner, kernel = Learner(STAGED, resolve("dot", 6).pixels), choose(1, lambda line: None)
    seeds = learner.pool.states.copy()
    for _ in range(6):
        training_step(learner, kernel)
    assert (learner.pool.states == seeds).all()
    before = learner.adam
    training_step(learner, kernel)
    assert learner.adam is not before and (learner.pool.states != seeds).any()


def test_only_where_it_heals_a_picture_may_stand_aside_and_any_sample_may_become_the_seed() -> None:
    learner = Learner(replace(STAGED, aside=1), resolve("dot", 6).pixels)
    alive = np.ones_like(learner.pool.read(np.array([0]))[0][0])
    begins = {stage(learner.settings, step).begin: stage(learner.settings, step) for step in range(24)}
    assert [each.aside for each in begins.values()] == [0, 0, 1]
    for learner.step, each in begins.items():
        chosen = {_replaced(learner, alive) for _ in range(100)}
        assert chosen == (set(range(STAGED.batch)) if each.regime == "regenerating" else {0})
        assert _replaced(learner, 0 * alive) == 0, "what has died always goes"


def test_quick_heals_in_stages_unless_it_is_too_short_for_them() -> None:
    whole, short = Settings(**quick("regenerating")), Settings(**quick("regenerating", 1500))
    assert (whole.grow, whole.stay, whole.steps) == (1350, 900, 9000)
    assert (short.grow, short.stay, short.steps) == (0, 0, 1500)
    assert not any(Settings(regime=regime, **quick(regime)).grow for regime in ("growing", "persistent"))


def test_stages_that_leave_no_step_to_heal_are_refused() -> None:
    with pytest.raises(BadInput, match="grow 6 and stay 4 leave nothing of 10 steps, expected less"):
        Settings(steps=10, grow=6, stay=4)
