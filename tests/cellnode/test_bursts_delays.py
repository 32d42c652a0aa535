"""Bursts of loss, shapes of delay, and flipped bits: pure, the same in any order, and with the right statistics."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from cellnode import bitflips, bursts, delays
from cellnode.draws import chain, chain_array

LAW = bursts.chain_of(5.0, 15.0)


def states(law: bursts.Chain, sequences: range, key: int = 7) -> list[bool]:
    return [bursts.bad(law, key, key + 1, sequence) for sequence in sequences]


def test_the_state_of_a_chain_is_the_same_asked_alone_backwards_or_in_an_array() -> None:
    forward = states(LAW, range(1, 1500))
    backward = [bursts.bad(LAW, 7, 8, sequence) for sequence in range(1499, 0, -1)][::-1]
    keys = np.full(1499, 7, np.uint64)
    assert forward == backward == bursts.bad_array(LAW, keys, keys + np.uint64(1), np.arange(1, 1500)).tolist()


def test_bursts_and_gaps_have_their_lengths() -> None:
    key = np.full(40_000, 3, np.uint64)
    bad = bursts.bad_array(LAW, key, key, np.arange(1, 40_001)).astype(int)
    assert abs(bad.mean() - 5 / 20) < 0.02
    changes = np.flatnonzero(np.diff(bad))
    lengths = np.diff(changes)
    bursting = lengths[bad[changes[:-1] + 1] == 1]
    assert abs(bursting.mean() - 5) < 0.4
    assert abs(lengths[bad[changes[:-1] + 1] == 0].mean() - 15) < 1.2
    assert bursting.max() > 15, "geometric, not constant"


def test_a_chain_that_decides_late_still_has_one_state_a_frame() -> None:
    """1/1000 each: the walk often ends at the start of the block before, where the state is drawn."""
    law = bursts.chain_of(1000.0, 1000.0)
    bad = np.array(states(law, range(1, 6001, 7)))
    assert 0.05 < bad.mean() < 0.95
    assert np.count_nonzero(np.diff(bad.astype(int))) < 40


@pytest.mark.parametrize("shape", delays.SHAPES)
def test_delays_have_their_mean_and_are_the_same_in_an_array(shape: str) -> None:
    bits = chain_array(5, np.arange(20_000, dtype=np.uint64))
    late = delays.delay_ns_array(bits, shape, 1_000_000)
    assert late[:50].tolist() == [delays.delay_ns(int(word), shape, 1_000_000) for word in bits[:50]]
    mean = 500_000 if shape == "uniform" else 1_000_000
    assert abs(late.mean() / mean - 1) < 0.05
    assert late.min() >= 0
    median = {"uniform": 0.5, "constant": 1.0, "exponential": 0.69, "lognormal": 0.61, "pareto": 0.71}[shape]
    assert abs(np.median(late) / 1_000_000 - median) < 0.03


def test_the_tables_of_delays_are_the_same_on_every_machine() -> None:
    """Pinned: another digest means that old runs with such delays can no longer be repeated."""
    text = repr([delays.table(shape) for shape in delays.SHAPES[2:]])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "fddb9ef86d35e60e"


def test_no_delay_is_out_of_bounds() -> None:
    for shape in delays.SHAPES:
        for bits in (0, (1 << 64) - 1):
            word = np.array([bits], np.uint64)
            alone = delays.delay_ns(bits, shape, 1 << 50)
            assert alone == delays.delay_ns_array(word, shape, 1 << 50)[0] and 0 <= alone < 1 << 47


def test_flipped_positions_are_different_ones() -> None:
    for k in range(200):
        at = bitflips.positions(chain(9, k), 8, 12)
        assert len(set(at)) == 8 and all(0 <= position < 12 for position in at)


def test_flipped_values_are_values_that_a_frame_can_carry() -> None:
    for byte in range(256):
        if byte == 0x80:
            continue
        for bit in range(8):
            left = bitflips.flip_values(bytes([byte]) * 16, [bit], 1)
            assert left[0] != 0x80 and left[0] != byte and left[1:] == bytes([byte]) * 15
    values = np.array([0.0, 1.0, 3.0e38, -1.5] * 4, "<f4").tobytes()
    for position in range(512):
        left = bitflips.flip_values(values, [position], 4)
        assert left != values and np.isfinite(np.frombuffer(left, "<f4")).all()
