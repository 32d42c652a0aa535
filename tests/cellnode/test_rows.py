"""Rows packed and unpacked: the same rows, by cell, however they lie and wrap."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellnode.rows import GAP_DTYPE, Flag, Gaps, Rows, pack, row_dtype, unpack
from firmware_sim.errors import BadInput

VALUES = (16, 64)  # bytes of a state: int8, float32


def made(seed: int, count: int, values: int) -> tuple[Rows, Gaps]:
    """Rows of a few cells with any bytes in all fields."""
    draw = np.random.default_rng(seed)
    rows = np.frombuffer(draw.bytes(count * row_dtype(values).itemsize), row_dtype(values)).copy()
    rows["cell"] %= 5
    gaps = np.frombuffer(draw.bytes(3 * GAP_DTYPE.itemsize), GAP_DTYPE).copy()
    return rows, gaps


@example(1, 1, 16, 1, 5)
@example(2, 0, 64, 1, 5)
@given(st.integers(0, 2**32), st.integers(0, 60), st.sampled_from(VALUES), st.integers(0, 2**31), st.integers(0, 2**62))
def test_what_is_unpacked_is_what_was_packed_by_cell(
    seed: int, count: int, values: int, epoch: int, from_ns: int
) -> None:
    rows, gaps = made(seed, count, values)
    found, lost = unpack(pack(rows, gaps, epoch, from_ns), values, epoch, from_ns)
    assert found.tobytes() == rows[np.argsort(rows["cell"], kind="stable")].tobytes()
    assert lost.tobytes() == gaps.tobytes()


def test_the_first_row_after_a_gap_is_told_in_full() -> None:
    rows, gaps = made(1, 40, 16)
    rows["cell"], rows["flags"] = 3, 0
    plain = pack(rows, gaps, 1, 0)
    rows["flags"][20] = Flag.AFTER_GAP
    groups = np.frombuffer(zlib.decompress(pack(rows, gaps, 1, 0)), "<u4", 3)[1]
    assert np.frombuffer(zlib.decompress(plain), "<u4", 3)[1] == 1 and groups == 2


@pytest.mark.parametrize(
    "block",
    [b"", b"no block", zlib.compress(b""), zlib.compress(b"\xff" * 12), zlib.compress(np.ones(3, "<u4").tobytes())],
)
def test_what_is_no_block_is_refused_in_one_line(block: bytes) -> None:
    with pytest.raises(BadInput, match="no block"):
        unpack(block, 16, 1, 0)
