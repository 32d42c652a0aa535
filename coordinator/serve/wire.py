"""The bytes of a frame: what changed of the cells since an earlier frame, as arrays that a browser need not parse.

Little-endian; 32 bytes of head, then for `count` cells, in this order (each array after the other, no padding):

    head    u16 magic 0x4C50, u8 version, u8 bytes a value, u32 number, u32 base, u32 count, f64 t in T, u8 paused, pad
    u32     cell              row-major number
    u32     life              lives counted by the agent; with the epoch, the incarnation
    u16     epoch             placement epoch
    u16     updates           counter of updates, modulo 65536
    u16     age               largest stale age of a state it used last, in 1/100 T; 65535: not known
    u16     cost              CPU microseconds of an update, as of its last ones; 65535: not known
    u32     computed          updates of this life that computed something, modulo 2**32
    u32     line              bytes that a chip would have had on its line in this life (spent.py), modulo 2**32
    values  [16]              int8 (unit 1/32, exact) or int16 (unit 1/1024, clipped), by `bytes a value`
    u8      phase             cellnode.panel.Phase, 128 added while it sleeps

`base` is the frame that these changes are relative to, 0 for all cells. Knows no socket. May import numpy.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from firmware_sim.limits import CHANNELS

Number = TypeVar("Number", bound=np.generic)
MAGIC, VERSION = 0x4C50, 3
HEAD = struct.Struct("<HBBIIIdB7x")
SLEEPING = 128
AGE_UNKNOWN = COST_UNKNOWN = 65535
AGES_A_T = 100
UNITS = {1: 1 / 32, 2: 1 / 1024}  # bytes a value -> what one step of it is worth
VALUE_TYPES: dict[int, type[np.signedinteger[Any]]] = {1: np.int8, 2: np.int16}


@dataclass(frozen=True, slots=True)
class Cells:
    """The visible part of some cells, one row each, in the types of the wire."""

    lives: NDArray[np.uint32]
    epochs: NDArray[np.uint16]
    updates: NDArray[np.uint16]
    ages: NDArray[np.uint16]
    costs: NDArray[np.uint16]
    computed: NDArray[np.uint32]
    line: NDArray[np.uint32]
    values: NDArray[np.signedinteger[Any]]  # int8 or int16 [cells, 16]
    phases: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return len(self.phases) * size_of_cell(self.values.dtype.itemsize)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the cells."""

    number: int
    base: int
    count: int
    t: float
    paused: bool
    value_bytes: int


def encode(cells: Cells, chosen: NDArray[np.int64], number: int, base: int, t: float, paused: bool) -> bytes:
    """The frame `number`, of the chosen cells only."""
    value_bytes = cells.values.dtype.itemsize
    head = HEAD.pack(MAGIC, VERSION, value_bytes, number, base, len(chosen), t, paused)
    parts = [head, chosen.astype("<u4").tobytes()]
    counts = (cells.lives, cells.epochs, cells.updates, cells.ages, cells.costs, cells.computed, cells.line)
    for array in (*counts, cells.values, cells.phases):
        parts.append(array[chosen].tobytes())
    return b"".join(parts)


def decode(data: bytes) -> tuple[Head, NDArray[np.int64], Cells]:
    """The reader's side: head, cell numbers and their rows. Raises ValueError for what is no frame."""
    if len(data) < HEAD.size:
        raise ValueError(f"a frame has at least {HEAD.size} bytes, this has {len(data)}")
    magic, version, value_bytes, number, base, count, t, paused = HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION or value_bytes not in VALUE_TYPES:
        raise ValueError("this is no frame")
    if len(data) != HEAD.size + count * size_of_cell(value_bytes):
        raise ValueError(f"a frame of {count} cells does not have {len(data)} bytes")
    at = HEAD.size

    def take(kind: type[Number], width: int = 1) -> NDArray[Number]:
        nonlocal at
        array = np.frombuffer(data, kind, count * width, at)
        at += array.nbytes
        return array.reshape(count, width) if width > 1 else array

    chosen = take(np.uint32).astype(np.int64)
    cells = Cells(
        lives=take(np.uint32),
        epochs=take(np.uint16),
        updates=take(np.uint16),
        ages=take(np.uint16),
        costs=take(np.uint16),
        computed=take(np.uint32),
        line=take(np.uint32),
        values=take(np.int8, CHANNELS) if value_bytes == 1 else take(np.int16, CHANNELS),
        phases=take(np.uint8),
    )
    return Head(number, base, count, t, bool(paused), value_bytes), chosen, cells


def size_of_cell(value_bytes: int) -> int:
    """Bytes of one cell in a frame."""
    return 4 + 4 + 2 + 2 + 2 + 2 + 4 + 4 + CHANNELS * value_bytes + 1
