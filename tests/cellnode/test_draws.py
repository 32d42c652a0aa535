"""Draws are pure, equal for scalars and arrays, and the interval table is the same bytes on every machine."""

from __future__ import annotations

import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cellnode import draws
from cellnode.draws import Purpose

WORD = st.integers(0, 2**64 - 1)


@given(seed=WORD, who=WORD, counter=WORD, purpose=st.sampled_from(Purpose))
def test_a_draw_is_the_same_bits_alone_and_in_an_array(seed: int, who: int, counter: int, purpose: Purpose) -> None:
    whos = np.array([who, who ^ 1], np.uint64)
    counters = np.array([counter, 0], np.uint64)
    expected = [draws.draw64(seed, who, purpose, counter), draws.draw64(seed, who ^ 1, purpose, 0)]
    assert draws.draw64_array(seed, whos, purpose, counters).tolist() == expected


@given(words=st.lists(WORD, min_size=1, max_size=5))
def test_an_entity_of_several_numbers_is_the_same_alone_and_in_an_array(words: list[int]) -> None:
    columns = [np.array([word], np.uint64) for word in words]
    assert draws.entity_array(*columns).tolist() == [draws.entity(*words)]


@given(bits=WORD, mean=st.integers(1, draws.MEAN_MAX_NS))
def test_an_interval_is_the_same_integer_alone_and_in_an_array(bits: int, mean: int) -> None:
    interval = draws.interval_ns(bits, mean)
    assert draws.interval_ns_array(np.array([bits], np.uint64), mean).tolist() == [interval]
    assert 1 <= interval <= max(1, draws.INTERVAL_MAX * mean), "bounded, so that a healthy neighbour is never forgotten"


@given(bits=WORD, limit=st.integers(0, 2**43 - 1))
def test_a_share_lies_between_zero_and_its_limit_alone_and_in_an_array(bits: int, limit: int) -> None:
    share = draws.share(bits, limit)
    assert 0 <= share <= limit
    assert draws.share_array(np.array([bits], np.uint64), limit).tolist() == [share]


@given(bits=WORD)
def test_chance_is_exact_at_never_and_always(bits: int) -> None:
    assert not draws.below(bits, 0.0)
    assert draws.below(bits, 1.0)
    assert 0.0 <= draws.uniform(bits) < 1.0
    assert draws.below(bits, 0.25) == (draws.uniform(bits) < 0.25)


def test_intervals_are_exponential() -> None:
    bits = draws.draw64_array(1, np.arange(200_000, dtype=np.uint64), Purpose.WAKE, 0)
    intervals = draws.interval_ns_array(bits, 10**9) / 1e9
    assert abs(intervals.mean() - 1) < 0.01
    assert abs(intervals.std() - 1) < 0.01
    for t in (0.1, 0.5, 1, 2, 4):
        assert abs((intervals > t).mean() - np.exp(-t)) < 0.005, f"share of intervals longer than {t} T"


def test_the_interval_table_is_the_same_bytes_on_every_machine() -> None:
    table = np.array([draws.interval_ns(i << 52, 1 << 20) for i in range(4096)], "<u8")
    assert zlib.crc32(table.tobytes()) == 2929703429


def test_a_draw_is_pinned_so_that_old_runs_can_be_replayed() -> None:
    assert draws.draw64(1, 2, Purpose.WAKE, 3) == 7725364555548041738
    assert draws.entity(1, 2, 3) == 15020427595393229491


def test_every_part_of_the_key_changes_the_draw() -> None:
    base = draws.draw64(1, 2, Purpose.WAKE, 3)
    others = [
        draws.draw64(2, 2, Purpose.WAKE, 3),
        draws.draw64(1, 3, Purpose.WAKE, 3),
        draws.draw64(1, 2, Purpose.SELECT, 3),
        draws.draw64(1, 2, Purpose.WAKE, 4),
    ]
    assert len({base, *others}) == 5
    assert all(8 < (base ^ other).bit_count() < 56 for other in others), "each flips about half of the bits"


def test_a_reborn_cell_does_not_repeat_its_predecessors_clock() -> None:
    first, second = draws.clock(7, 5, 1, 1), draws.clock(7, 5, 1, 2)
    assert [first(k, 1000) for k in range(20)] != [second(k, 1000) for k in range(20)]
    assert [first(k, 1000) for k in range(20)] == [draws.clock(7, 5, 1, 1)(k, 1000) for k in range(20)]
