"""The integer core: single = batched to the bit, whatever the bytes and the states; silence reads as zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import int8_samples, random_rule

from firmware_sim import chip
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome
from firmware_sim.limits import ALPHA, OFFSETS

SEED = np.array([0, 0, 0] + [32] * 13, np.int8)


def one_by_one(genome: Genome, samples: Any, order: Any = range(8)) -> Any:
    """What a chip does: begin, hear each neighbour once, step."""
    core = chip.Core(genome)
    new = []
    for sample in samples:
        core.begin(sample[1, 1])
        for slot in order:
            dy, dx = OFFSETS[slot]
            core.hear(slot, sample[1 + dy, 1 + dx])
        new.append(core.step())
    return np.array(new)


def any_genome(rng_seed: int, hidden: int, half1: bool, half2: bool) -> Genome:
    """Any bytes whatsoever, extremes included, with the largest M that the loader lets pass."""
    rng = np.random.default_rng(rng_seed)
    extremes = rng.random() < 0.5
    draw = (
        (lambda shape: rng.choice([-128, 127], shape)) if extremes else (lambda shape: rng.integers(-128, 128, shape))
    )
    b1_shift = int(rng.integers(0, 12))
    for m in (0xFFFF, 511, 255, 100, 1):
        try:
            return Genome(
                w1=draw((48, hidden)).astype(np.int8),
                b1=(rng.integers(-32768, 32768, hidden) << b1_shift).astype(np.int32),
                w2=draw((hidden, 16)).astype(np.int8),
                b2=rng.integers(-32768, 32768, 16).astype(np.int16),
                shift=int(rng.integers(1, 17)),
                m=m,
                s=int(rng.integers(1, 23)),
                half1=half1,
                half2=half2,
                b1_shift=b1_shift,
            )
        except BadInput:
            continue
    raise AssertionError("M = 1 always fits")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(16, 256), st.booleans(), st.booleans())
def test_single_and_batched_agree_to_the_bit_for_any_genome_the_loader_accepts(
    rng_seed: int, hidden: int, half1: bool, half2: bool
) -> None:
    genome = any_genome(rng_seed, hidden, half1, half2)
    samples = int8_samples(rng_seed, 2)
    assert np.array_equal(chip.update(genome, samples), one_by_one(genome, samples))


@pytest.mark.parametrize("half", [False, True])
def test_single_and_batched_agree_for_a_rule_like_trained_ones(half: bool, samples_int8: Any) -> None:
    genome = Genome.quantise(random_rule(0, hidden=128), half1=half, half2=half)
    new = chip.update(genome, samples_int8)
    assert np.array_equal(new, one_by_one(genome, samples_int8))
    assert new.any(axis=1).mean() > 0.5, "most samples should live, or this proves nothing"
    assert chip.Batch(genome).first.dtype == np.float32, "trained rules take the fast, exact path"


def test_biases_beyond_24_bits_take_the_exact_slow_path(samples_int8: Any) -> None:
    rule = random_rule()
    genome = Genome.quantise(rule)
    large = Genome(
        genome.w1,
        np.full(32, 32767 << 12, np.int32),
        genome.w2,
        genome.b2,
        genome.shift,
        genome.m,
        genome.s,
        b1_shift=12,
    )
    assert chip.Batch(large).first.dtype == np.float64
    assert np.array_equal(chip.update(large, samples_int8[:30]), one_by_one(large, samples_int8[:30]))


def test_the_order_in_which_neighbours_are_heard_changes_nothing(genome: Genome, samples_int8: Any) -> None:
    samples = samples_int8[::10]
    for order in (range(7, -1, -1), np.random.default_rng(0).permutation(8)):
        assert np.array_equal(one_by_one(genome, samples, order), one_by_one(genome, samples))


def test_a_neighbour_not_heard_reads_as_zero(genome: Genome) -> None:
    neighbourhood = np.zeros((1, 3, 3, 16), np.int8)
    neighbourhood[0, 1, 1] = neighbourhood[0, 0, 2] = SEED
    core = chip.Core(genome)
    core.begin(SEED)
    core.hear(2, SEED)
    assert np.array_equal(core.step(), chip.update(genome, neighbourhood)[0])


def test_nothing_heard_survives_the_step(genome: Genome) -> None:
    core = chip.Core(genome)
    core.begin(SEED)
    alone = core.step()
    core.begin(SEED)
    for slot in range(8):
        core.hear(slot, SEED)
    core.step()
    core.begin(SEED)
    assert np.array_equal(core.step(), alone)


def test_alpha_4_lives_and_alpha_3_does_not(genome: Genome) -> None:
    for slot, (dy, dx) in enumerate(OFFSETS):
        for alpha, lives in ((3, False), (4, True)):
            neighbourhood = np.full((1, 3, 3, 16), 2, np.int8)
            neighbourhood[0, 1 + dy, 1 + dx, ALPHA] = alpha
            assert chip.update(genome, neighbourhood).any() == lives
            assert one_by_one(genome, neighbourhood).any() == lives, slot


def test_states_saturate_at_127_on_both_sides(samples_int8: Any) -> None:
    loud = Genome.quantise(random_rule(4))
    new = chip.update(loud, samples_int8).astype(int)
    assert new.max() == 127
    assert new.min() == -127


def test_the_arithmetic_is_the_published_integer_scheme(samples_int8: Any) -> None:
    """Written out once more in plain Python integers, half steps and floors included."""
    genome = Genome.quantise(random_rule(6, hidden=16), half1=True, half2=True)
    for sample in samples_int8[60:66].astype(int):
        own = sample[1, 1]
        dx = sample[:, 2].T @ [1, 2, 1] - sample[:, 0].T @ [1, 2, 1]
        dy = sample[2].T @ [1, 2, 1] - sample[0].T @ [1, 2, 1]
        half = int(8 * own.sum() + dx.sum() + dy.sum()) // 2
        w1, w2 = genome.w1.astype(int), genome.w2.astype(int)
        a = genome.b1.astype(int) + half + 8 * (own @ w1[:16]) + dx @ w1[16:32] + dy @ w1[32:]
        h = [min(max(int(value) // 2**genome.shift, 0), 255) for value in a]
        acc = [int(b + np.dot(h, w2[:, c])) + sum(h) // 2 for c, b in enumerate(genome.b2)]
        new = [min(max(int(s) + (x * genome.m + 2 ** (genome.s - 1)) // 2**genome.s, -127), 127)
               for s, x in zip(own, acc, strict=True)]  # fmt: skip
        others = np.delete(sample[..., ALPHA].ravel(), 4).max()
        alive = max(others, own[ALPHA]) > 3 and max(others, new[ALPHA]) > 3
        assert chip.update(genome, sample[None].astype(np.int8))[0].tolist() == (new if alive else [0] * 16)
