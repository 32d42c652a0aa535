"""The genome: exact bytes, a checksum that misses no flipped bit, an overflow proof, and what the bytes mean."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import int8_samples, random_rule

from firmware_sim import chip
from firmware_sim import rule as float_rule
from firmware_sim.errors import BadInput
from firmware_sim.genome import HEADER_BYTES, Genome, _crc, sum_bounds
from firmware_sim.limits import Limits
from firmware_sim.quantise import output_scale, quantise
from firmware_sim.rule import Rule

BLOB = Genome.quantise(random_rule(0, hidden=20)).to_bytes()


def with_new_crc(blob: bytes, offset: int, value: bytes) -> bytes:
    """The blob with bytes replaced and a checksum that matches: what an adversary would send."""
    changed = bytearray(blob)
    changed[offset : offset + len(value)] = value
    body = bytes(changed[HEADER_BYTES:])
    crc = _crc(bytes(changed[: HEADER_BYTES - 2]) + b"\0\0", body)
    changed[HEADER_BYTES - 2 : HEADER_BYTES] = struct.pack("<H", crc)
    return bytes(changed)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 1000), st.integers(16, 256), st.booleans(), st.booleans(), st.sampled_from([None, 0.7, 2.4, 10.0])
)
def test_any_genome_comes_back_from_its_bytes(
    rng_seed: int, hidden: int, half1: bool, half2: bool, hidden_max: float | None
) -> None:
    rule = random_rule(rng_seed, hidden, Limits("round", hidden_max=hidden_max))
    genome = Genome.quantise(rule, half1=half1, half2=half2)
    blob = genome.to_bytes()
    again = Genome.from_bytes(blob)
    assert len(blob) == 48 + 66 * hidden
    assert again.to_bytes() == blob
    for name in ("w1", "b1", "w2", "b2"):
        assert np.array_equal(getattr(again, name), getattr(genome, name))
    scalars = ("shift", "m", "s", "k", "alive", "half1", "half2", "b1_shift")
    assert [getattr(again, name) for name in scalars] == [getattr(genome, name) for name in scalars]


def test_the_articles_size_takes_8496_bytes() -> None:
    assert len(Genome.quantise(random_rule(0, hidden=128)).to_bytes()) == 8496


@given(st.integers(0, len(BLOB) - 1))
def test_any_truncation_is_refused(length: int) -> None:
    with pytest.raises(BadInput):
        Genome.from_bytes(BLOB[:length])


@given(st.binary(min_size=1, max_size=80))
def test_bytes_behind_the_end_are_refused(tail: bytes) -> None:
    with pytest.raises(BadInput, match="expected"):
        Genome.from_bytes(BLOB + tail)


@settings(max_examples=300)
@given(st.integers(0, len(BLOB) * 8 - 1))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    damaged = bytearray(BLOB)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadInput):
        Genome.from_bytes(bytes(damaged))


def test_every_single_flipped_bit_of_the_header_is_refused() -> None:
    for bit in range(8 * HEADER_BYTES):
        damaged = bytearray(BLOB)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadInput):
            Genome.from_bytes(bytes(damaged))


@given(st.binary(max_size=200))
def test_random_bytes_are_no_genome(blob: bytes) -> None:
    with pytest.raises(BadInput):
        Genome.from_bytes(blob, "cell.bin")


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (0, b"XYZ", "not a genome"),
        (3, b"\x02", "version 2, this program reads version 1"),
        (4, b"\x0f\0", "15 hidden units"),
        (4, b"\x15\0", "expected 1434 for 21 hidden units"),
        (6, b"\0\0", "m is 0"),
        (6, b"\xff\xff", "overflows 32 bits"),
        (8, b"\x04", "k is 4, expected 5..5"),
        (9, b"\0", "shift is 0"),
        (9, b"\x20", "shift is 32"),
        (10, b"\x09", "alive is 9"),
        (11, b"\x1f", "s is 31"),
        (12, b"\x04", "unknown flags 0x04"),
        (13, b"\x10", "b1_shift is 16"),
        (13, b"\xff", "b1_shift is 255"),
    ],
)
def test_a_header_out_of_range_is_refused_though_its_checksum_is_right(offset: int, value: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=f"bad.bin: .*{words}"):
        Genome.from_bytes(with_new_crc(BLOB, offset, value), "bad.bin")


def test_a_genome_whose_worst_case_overflows_is_refused_and_the_last_that_fits_is_not() -> None:
    genome = Genome.from_bytes(BLOB)
    _, accumulator, _ = sum_bounds(genome)
    fits = ((1 << 31) - 1 - (1 << 17)) // accumulator
    assert replace(genome, m=min(fits, 0xFFFF), s=18)
    with pytest.raises(BadInput, match=r"accumulator \* M could reach \d+, which overflows 32 bits"):
        replace(genome, m=fits + 1, s=18)


@pytest.mark.parametrize(("weight", "bias"), [(-128, -32768), (127, 32767)])
def test_24_bits_hold_the_accumulator_of_the_most_extreme_genome(weight: int, bias: int) -> None:
    extreme = replace(
        Genome.quantise(random_rule(0, hidden=256)),
        w2=np.full((256, 16), weight, np.int8),
        b2=np.full(16, bias, np.int16),
        half2=True,
        m=255,
        s=22,
    )
    assert sum_bounds(extreme)[1] <= 1 << 23
    assert np.abs(chip.update(extreme, int8_samples())).max() <= 127


def test_the_bounds_are_reached_by_no_state_and_hold_for_the_extremes() -> None:
    genome = Genome.quantise(random_rule(5), half1=True, half2=True)
    first_bound, accumulator_bound, _ = sum_bounds(genome)
    batch = chip.Batch(genome)
    inputs = np.ones((300, 145))
    inputs[:, :-1] = np.random.default_rng(0).choice([-128, 127], (300, 144))
    sums = np.abs(inputs @ batch.first.astype(float)).max() * (1 << genome.shift)
    assert sums <= first_bound
    corner = np.where(genome.w2[:, 0] > 0, 255, 0) @ genome.w2[:, 0].astype(int) + genome.b2[0] + 255 * 16
    assert corner <= accumulator_bound


def test_the_float_rule_of_the_bytes_is_close_to_the_rule_they_came_from(samples_float: Any) -> None:
    rule = random_rule(1, hidden=128)
    twin = replace(Genome.quantise(rule).dequantise(), limits=Limits())
    samples = samples_float[np.abs(samples_float).max(axis=(1, 2, 3)) < 2]
    error = np.abs(float_rule.delta(twin, samples) - float_rule.delta(rule, samples))
    assert np.median(error) < 0.02


def test_integer_updates_follow_their_float_twin_within_rounding(samples_int8: Any) -> None:
    genome = Genome.quantise(random_rule(1, hidden=128))
    samples = samples_int8[60:120]  # ordinary ones: hidden units inside 0..255
    ints = chip.update(genome, samples).astype(float)
    floats = float_rule.update(genome.dequantise(), samples / np.float32(32)) * 32
    assert np.abs(ints - floats).max() <= 2
    assert np.abs(ints - floats).mean() < 0.3


def test_a_cap_on_hidden_units_is_exactly_255_steps() -> None:
    """Rules are trained with that cap, so the bytes must not move it."""
    for peak in (0.3, 0.5, 0.9, 1.2):
        rule = random_rule(0, limits=Limits("round", hidden_max=2.0))
        rule = replace(rule, w1=rule.w1 * np.float32(peak / np.abs(rule.w1).max()))
        twin = Genome.quantise(rule).dequantise(2.0)
        step = np.unique(np.abs(twin.w1[twin.w1 != 0])).min()
        assert np.abs(twin.w1 - rule.w1).max() <= step * 0.51
        assert np.abs(twin.w1).max() >= 60 * step, "at most one bit is given up"


def test_the_meaning_does_not_depend_on_the_cap_chosen_for_the_float_twin(genome: Genome, samples_float: Any) -> None:
    small = float_rule.delta(genome.dequantise(0.5), samples_float)
    large = float_rule.delta(genome.dequantise(8.0), samples_float)
    assert small == pytest.approx(large, abs=1 / 32 + 1e-6)
    assert np.mean(np.abs(small - large) > 1e-5) < 0.01


def test_dequantising_and_quantising_again_gives_the_same_bytes() -> None:
    for half in (False, True):
        genome = Genome.quantise(random_rule(7, hidden=48), half1=half, half2=half)
        again = Genome.quantise(genome.dequantise(), half1=half, half2=half)
        assert again.to_bytes() == genome.to_bytes()


def test_quarter_turns_are_exact_and_four_make_a_whole() -> None:
    genome = Genome.quantise(random_rule(2), half1=True, half2=True)
    turned = genome.turned(90)
    assert turned.to_bytes() != genome.to_bytes()
    assert turned.turned(90).turned(180).to_bytes() == genome.to_bytes()


def test_a_turned_genome_acts_like_its_turned_twin(samples_float: Any) -> None:
    genome = Genome.quantise(random_rule(2, hidden=128))
    samples = samples_float[np.abs(samples_float).max(axis=(1, 2, 3)) < 2]
    open_limits = {"limits": Limits()}
    turned = replace(genome.turned(33).dequantise(), **open_limits)
    expected = float_rule.delta(replace(genome.dequantise(), **open_limits), samples, 33)
    assert np.median(np.abs(float_rule.delta(turned, samples) - expected)) < 0.02


def test_m_and_s_keep_eight_bits_and_obey_their_bounds() -> None:
    for ratio in (0.001, 0.0013, 0.01, 0.3):
        m, s = output_scale(ratio, 500_000, 128)
        assert m / 2**s == pytest.approx(ratio, rel=1 / 256)
        assert m <= 511
        assert s <= 22
    assert output_scale(0.00012, 1, 256)[0] <= 255
    m, _ = output_scale(0.001, (1 << 23) - 1, 128)
    assert m * ((1 << 23) - 1) < 1 << 31
    with pytest.raises(BadInput, match=r"fits no M / 2\*\*S"):
        output_scale(1e9, 1, 128)


def test_biases_that_do_not_fit_are_refused_and_large_ones_are_shifted() -> None:
    rule = random_rule()
    with pytest.raises(BadInput, match="output bias of 1000 does not fit"):
        Genome.quantise(replace(rule, b2=np.full(16, 1000, np.float32)))
    with pytest.raises(BadInput, match="first-layer bias does not fit"):
        Genome.quantise(replace(rule, b1=np.full(32, 1e9, np.float32)))
    shifted = Genome.quantise(replace(rule, b1=np.full(32, 20.0, np.float32)))
    assert shifted.b1_shift > 0
    assert Genome.from_bytes(shifted.to_bytes()).dequantise().b1 != pytest.approx(0)
    assert np.isfinite(shifted.dequantise().b1).all()


def test_rules_of_another_size_have_no_genome() -> None:
    with pytest.raises(BadInput, match="12 channels and 32 hidden units fits no chip"):
        quantise(random_rule(channels=12))
    with pytest.raises(BadInput, match="300 hidden"):
        quantise(random_rule(hidden=300))


def test_a_fresh_rule_with_an_empty_last_layer_has_a_genome_that_does_nothing(samples_int8: Any) -> None:
    fresh = random_rule()
    fresh = Rule(fresh.w1, fresh.b1, np.zeros((32, 16), np.float32), np.zeros(16, np.float32))
    genome = Genome.quantise(fresh)
    alive = samples_int8[(samples_int8[..., 3] > 3).any(axis=(1, 2)) & (samples_int8.min(axis=(1, 2, 3)) > -128)]
    assert np.array_equal(
        chip.Batch(genome).update(alive), np.where(chip.update(genome, alive) == 0, 0, alive[:, 1, 1])
    )


def test_samples_are_what_they_say() -> None:
    assert int8_samples().shape == (300, 3, 3, 16)
    assert int8_samples().min() == -128
