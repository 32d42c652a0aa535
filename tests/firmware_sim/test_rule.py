"""The numerics of the rule: perception, masks, rotation, limits, and the article's synchronous step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim import rule as float_rule
from firmware_sim.errors import BadInput
from firmware_sim.limits import ALPHA, OFFSETS, Limits
from firmware_sim.rule import Rule


def ramp(across: float, down: float) -> Any:
    """One neighbourhood whose every channel rises by `across` to the right and by `down` downward."""
    rows, columns = np.mgrid[-1:2, -1:2].astype(np.float32)
    return np.repeat((across * columns + down * rows)[None, ..., None], 16, axis=-1)


def test_perception_is_own_state_then_gradient_to_the_right_then_gradient_downward() -> None:
    sensed = float_rule.perceive(ramp(2.0, 3.0) + 5)
    assert sensed.shape == (1, 48)
    assert sensed[0, :16] == pytest.approx(5)
    assert sensed[0, 16:32] == pytest.approx(2)  # a Sobel / 8 of slope 2 is 8 * 2 / 8
    assert sensed[0, 32:] == pytest.approx(3)


def test_perception_at_an_angle_turns_the_pair_of_gradients() -> None:
    sensed = float_rule.perceive(ramp(1.0, 0.0), degrees=90)
    assert sensed[0, 16:32] == pytest.approx(0)
    assert sensed[0, 32:] == pytest.approx(1)


@settings(max_examples=25, deadline=None)
@given(st.floats(-720, 720), st.integers(0, 5))
def test_a_turned_rule_equals_perceiving_with_the_angle(degrees: float, rng_seed: int) -> None:
    from samples import int8_samples, random_rule

    rule, samples = random_rule(rng_seed), int8_samples(rng_seed, 10)[:20] / np.float32(32)
    expected = float_rule.delta(rule, samples, degrees)
    assert float_rule.delta(rule.turned(degrees), samples) == pytest.approx(expected, abs=1e-5)


def test_a_quarter_turn_only_moves_and_negates_weights(make_rule: Any) -> None:
    rule = make_rule()
    four = rule.turned(90).turned(90).turned(90).turned(90)
    assert np.array_equal(four.w1, rule.w1)
    assert np.array_equal(rule.turned(90).w1[16:32], rule.w1[32:])


def test_nothing_alive_in_reach_stays_or_becomes_nothing(make_rule: Any) -> None:
    rule = replace(make_rule(), b2=np.full(16, 2.0, np.float32))
    faint = np.full((1, 3, 3, 16), 0.1, np.float32)  # alpha 0.1 is not above 0.1
    assert not float_rule.update(rule, faint).any()
    faint[0, 0, 0, ALPHA] = 0.2
    assert float_rule.update(rule, faint).any()


def test_a_cell_that_lets_go_of_its_alpha_lives_on_only_by_a_heard_one() -> None:
    rule = Rule(
        w1=np.zeros((48, 4), np.float32),
        b1=np.zeros(4, np.float32),
        w2=np.zeros((4, 16), np.float32),
        b2=np.array([0.5] * 3 + [-1.0] + [0.5] * 12, np.float32),
    )
    alone = np.zeros((1, 3, 3, 16), np.float32)
    alone[0, 1, 1, ALPHA] = 1.0
    assert not float_rule.update(rule, alone).any()
    beside = alone.copy()
    beside[0, 2, 2, ALPHA] = 0.5
    assert float_rule.update(rule, beside)[0] == pytest.approx([0.5] * 3 + [0.0] + [0.5] * 12)


def test_neighbourhoods_see_zeros_beyond_the_border_and_the_other_side_on_a_torus() -> None:
    grid = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    flat, torus = float_rule.neighbourhoods(grid), float_rule.neighbourhoods(grid, torus=True)
    assert flat.shape == (3, 4, 3, 3, 1)
    assert flat[0, 0, :, :, 0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 4, 5]]
    assert torus[0, 0, :, :, 0].tolist() == [[11, 8, 9], [3, 0, 1], [7, 4, 5]]
    for dy, dx in OFFSETS:
        assert flat[1, 1, 1 + dy, 1 + dx, 0] == grid[1 + dy, 1 + dx, 0]


def test_the_synchronous_step_changes_only_who_fires_and_masks_exactly(make_rule: Any) -> None:
    rule, grid = make_rule(1), float_rule.seed(7, 7)
    assert np.array_equal(float_rule.step(rule, grid, np.zeros((7, 7), bool)), grid)
    fire = np.zeros((7, 7), bool)
    fire[3, 3] = True
    expected = grid[3, 3] + float_rule.delta(rule, float_rule.neighbourhoods(grid)[3, 3][None])[0]
    after = float_rule.step(rule, grid, fire)
    assert after[3, 3] == pytest.approx(expected if expected[ALPHA] > 0.1 else 0 * expected)
    assert np.count_nonzero(after.any(axis=-1)) <= 1


def test_a_symmetric_rule_grows_the_same_across_a_torus_seam(make_rule: Any) -> None:
    rule, fire = make_rule(2), np.random.default_rng(0).random((6, 6)) < 0.5
    middle, corner = float_rule.seed(6, 6), float_rule.seed(6, 6, at=(0, 0))
    for _ in range(3):
        middle = float_rule.step(rule, middle, fire, torus=True)
        corner = float_rule.step(rule, corner, np.roll(fire, (-3, -3), axis=(0, 1)), torus=True)
    assert np.roll(middle, (-3, -3), axis=(0, 1)) == pytest.approx(corner, abs=1e-5)


def test_the_seed_is_one_cell_with_alpha_and_hidden_channels_at_one() -> None:
    grid = float_rule.seed(4, 6)
    assert grid[2, 3].tolist() == [0, 0, 0] + [1] * 13
    assert grid.sum() == 13
    assert float_rule.seed(4, 6, at=(0, 5))[0, 5, ALPHA] == 1
    with pytest.raises(BadInput, match="outside the 4x6 grid"):
        float_rule.seed(4, 6, at=(4, 0))


def test_colours_on_paper_and_on_leds() -> None:
    grid = np.zeros((1, 2, 16), np.float32)
    grid[0, 1, :4] = [0.25, -0.5, 1.5, 0.5]
    assert float_rule.rgb_on_white(grid)[0].tolist() == [[1, 1, 1], [0.75, 0, 1]]
    assert float_rule.rgb_on_black(grid)[0].tolist() == [[0, 0, 0], [0.25, 0, 1]]


def test_limit_round_scales_rounds_half_to_even_then_clamps() -> None:
    values = np.array([0.5, 1.5, 2.5, -0.5, 126.6, 127.4, 500, -500], np.float32) / 32
    assert (Limits("round").apply(values) * 32).tolist() == [0, 2, 2, 0, 127, 127, 127, -127]
    assert Limits("clamp").apply(values).tolist()[:4] == values.tolist()[:4]
    assert Limits("clamp").apply(values).max() == np.float32(127 / 32)
    assert Limits("identity").apply(values) is values


def test_a_limited_delta_lands_on_the_limited_state(make_rule: Any, samples_float: Any) -> None:
    rule = make_rule(limits=Limits("round", hidden_max=1.0))
    new = samples_float[:, 1, 1] + float_rule.delta(rule, samples_float)
    assert (new * 32) == pytest.approx(np.rint(new * 32), abs=1e-3)
    assert np.abs(new).max() <= 127 / 32 + 1e-5


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"limit": "wrap"}, "limit is 'wrap'"),
        ({"state_step": 0.0}, "state_step"),
        ({"state_max": float("nan")}, "state_max"),
        ({"hidden_max": -1.0}, "hidden_max"),
        ({"hidden_max": "2"}, "hidden_max"),
    ],
)
def test_limits_that_no_engine_could_follow_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Limits(**values)


def test_limits_survive_the_dictionary_and_refuse_what_is_missing_or_new() -> None:
    limits = Limits("round", hidden_max=2.4)
    assert Limits.from_dict(limits.to_dict()) == limits
    with pytest.raises(BadInput, match="'hidden_max' is missing"):
        Limits.from_dict({"limit": "clamp", "state_step": 1.0, "state_max": 1.0})
    with pytest.raises(BadInput, match="unknown key 'speed'"):
        Limits.from_dict({**limits.to_dict(), "speed": 1})


def test_a_rule_whose_shapes_do_not_belong_together_or_that_is_not_finite_is_refused(make_rule: Any) -> None:
    rule = make_rule()
    with pytest.raises(BadInput, match=r"w1 has shape \(47, 32\), expected \(48, 32\)"):
        replace(rule, w1=rule.w1[:-1])
    with pytest.raises(BadInput, match="b2 holds a value that is not finite"):
        replace(rule, b2=np.full(16, np.nan, np.float32))
    with pytest.raises(BadInput, match="finite number of degrees"):
        rule.turned(float("inf"))


def test_weights_of_a_rule_cannot_be_changed_behind_its_back(make_rule: Any) -> None:
    rule = make_rule()
    with pytest.raises(ValueError, match="read-only"):
        rule.w1[0, 0] = 1
