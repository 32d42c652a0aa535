"""Rows: what a recording keeps of each wake, and the columns into which a chunk packs them.

One row is one wake of one cell: who, which life and sequence, when, what it had heard in each slot, and the state that
came of it. Three kinds of rows are no wakes: a state given from outside (BEGUN), a word that was not the state (LIED),
and the end of a life (OFF). Packed,
rows lie by cell; within a cell each value is told as the difference to the row before, the first of a group in full.
Opens nothing. May import numpy and zlib.
"""

from __future__ import annotations

import zlib
from enum import IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput

Rows = NDArray[Any]  # of `row_dtype`
Gaps = NDArray[Any]  # of GAP_DTYPE
LEVEL = 6  # of zlib; 9 is 1 % smaller and three times slower
ROWS_MAX = 1 << 20  # in one chunk
WITHIN_SHIFT = 16


class Flag(IntFlag):
    """What a row says beside its numbers; `next_within` stands above, from bit 16."""

    SKIPPED = 1  # a proven fixed point: the arithmetic was skipped
    HELLO = 2  # said with the hello flag
    ERASED = 4  # since the last wake: memory lost on the agent's order ...
    SEEDED = 8  # ... a state set on the agent's order ...
    HARMED = 16  # ... a hardware fault counted ...
    FORGOT = 32  # ... a slot forgotten for silence
    BEGUN = 64  # no wake: the cell went on from this state, which it had not computed
    OFF = 128  # no wake: its process is gone
    AFTER_GAP = 256  # rows of this cell before this one are lost: it stands alone
    LIED = 1024  # no wake: what was said in place of the state of the row before
    CLIPPED = 512  # it had heard a sequence that does not fit a row: what it used is not known


NO_WAKE = int(Flag.BEGUN | Flag.OFF | Flag.LIED)
GAP_DTYPE = np.dtype([("cell", "<u4"), ("life", "<u4"), ("lost", "<u4"), ("at_ns", "<u8")])


def row_dtype(values: int) -> np.dtype[Any]:
    """A row whose state has this many bytes."""
    return np.dtype(
        [
            ("cell", "<u4"),
            ("life", "<u4"),
            ("sequence", "<u4"),  # of the frame said; BEGUN: of the last one said before
            ("flags", "<u4"),
            ("at_ns", "<u8"),  # CLOCK_MONOTONIC (virtual time on `virtual`) just before it was said
            ("used_sequence", "<u4", (8,)),  # of the frame that each slot held, 0: empty
            ("used_epoch", "<u4", (8,)),
            ("used_life", "<u4", (8,)),
            ("state", "u1", (values,)),
        ]
    )


def ends(cells: NDArray[Any], lives: NDArray[Any], at_ns: int, values: int) -> Rows:
    """The rows that say that these lives are over."""
    rows = np.zeros(len(cells), row_dtype(values))
    rows["cell"], rows["life"], rows["flags"], rows["at_ns"] = cells, lives, Flag.OFF, at_ns
    return rows


def pack(rows: Rows, gaps: Gaps, epoch: int, from_ns: int) -> bytes:
    """Rows of one placement epoch, those of a cell in order, as a compressed block."""
    rows = rows[np.argsort(rows["cell"], kind="stable")]
    first = _first(rows)
    starts = np.flatnonzero(first)
    lengths = np.diff(np.append(starts, len(rows)))
    table = np.stack([rows["cell"][starts], lengths.astype("<u4")])
    columns = [
        _change(rows["life"], first, np.uint32(0)),
        _change(rows["sequence"], first, np.uint32(0)),
        rows["flags"],
        _change(rows["at_ns"], first, np.uint64(from_ns)),
        _change(rows["used_sequence"], first, rows["sequence"][starts, None]),
        _change(rows["used_epoch"], first, np.uint32(epoch)),
        _change(rows["used_life"], first, rows["life"][starts, None]),
        _change(rows["state"], first, np.uint8(0)),
    ]
    sizes = np.array([len(rows), len(starts), len(gaps)], "<u4")
    parts = [sizes.tobytes(), np.ascontiguousarray(table, "<u4").tobytes(), gaps.tobytes()]
    return zlib.compress(b"".join(parts + [_planes(column) for column in columns]), LEVEL)


def unpack(block: bytes, values: int, epoch: int, from_ns: int) -> tuple[Rows, Gaps]:
    """What `pack` was given, by cell. BadInput when the block is none."""
    try:
        data = memoryview(zlib.decompress(block))
        count, groups, lost = (int(n) for n in np.frombuffer(data, "<u4", 3))
        at = 12
        table = np.frombuffer(data, "<u4", 2 * groups, at).reshape(2, groups)
        at += table.nbytes
        gaps = np.frombuffer(data, GAP_DTYPE, lost, at)
        at += gaps.nbytes
        rows = np.zeros(count, row_dtype(values))
        if int(table[1].sum()) != count or (groups and int(table[1].min()) < 1):
            raise ValueError("its groups do not add up")
        starts = np.cumsum(table[1]) - table[1]
        rows["cell"] = np.repeat(table[0], table[1])
        columns = {}
        for name in rows.dtype.names or ():
            if name != "cell":
                columns[name], at = _whole(data, rows.dtype[name], count, at)
        if at != len(data):
            raise ValueError("it is too long")
    except (zlib.error, ValueError) as error:
        raise BadInput(f"a block of a recording is no block: {error}") from error
    if not count:
        return rows, gaps
    rows["flags"] = columns["flags"]
    bases: dict[str, Any] = {"life": np.uint32(0), "sequence": np.uint32(0), "at_ns": np.uint64(from_ns)}
    for name, base in bases.items():
        rows[name] = _sum(columns[name], starts, table[1], base)
    bases = {"used_sequence": rows["sequence"][starts, None], "used_life": rows["life"][starts, None]}
    bases |= {"used_epoch": np.uint32(epoch), "state": np.uint8(0)}
    for name, base in bases.items():
        rows[name] = _sum(columns[name], starts, table[1], base)
    return rows, gaps


def _first(rows: Rows) -> NDArray[np.bool_]:
    """Rows that are told in full: the first of each cell, and the first after a gap."""
    first = np.ones(len(rows), np.bool_)
    first[1:] = (rows["cell"][1:] != rows["cell"][:-1]) | (rows["flags"][1:] & Flag.AFTER_GAP != 0)
    return first


def _change(column: NDArray[Any], first: NDArray[np.bool_], base: Any) -> NDArray[Any]:
    """Each value less the one before, in wrapping arithmetic; the first of a group less `base`."""
    result = column.copy()
    result[1:] -= column[:-1]
    result[first] = column[first] - base
    return result


def _sum(changes: NDArray[Any], starts: NDArray[Any], lengths: NDArray[Any], base: Any) -> NDArray[Any]:
    """The inverse of `_change`."""
    changes[starts] += base
    total = np.cumsum(changes, axis=0, dtype=changes.dtype)
    before = total[starts] - changes[starts]
    result: NDArray[Any] = total - np.repeat(before, lengths, axis=0)
    return result


def _planes(column: NDArray[Any]) -> bytes:
    """All first bytes, then all second bytes, ...: what is alike lies together."""
    size = column.dtype.itemsize * int(np.prod(column.shape[1:]))
    flat = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), size)
    return flat.T.tobytes()


def _whole(data: memoryview, dtype: np.dtype[Any], count: int, at: int) -> tuple[NDArray[Any], int]:
    """The column [count] of `dtype` whose planes begin at `at`, writable, and where they end."""
    size = dtype.itemsize
    planes = np.frombuffer(data, np.uint8, count * size, at).reshape(size, count)
    base, shape = dtype.subdtype or (dtype, ())
    column = planes.T.copy(order="C").reshape(-1).view(base).reshape(count, *shape)
    return column, at + count * size
