"""Small engines and a fake link, so that the cell can be tested without a rule, a socket or a clock.

The toy engines compute element by element, so a batch gives the same bits as one cell, in float as well as in int8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cellnode.cell import Cell
from cellnode.topology import neighbours
from firmware_sim.limits import ALIVE_THRESHOLD, ALIVE_THRESHOLD_INT8, ALPHA, CHANNELS

TAG = 0xC0FFEE
T = 1_000_000  # the wake interval of most tests, in ns


class Toy:
    """A rule that spreads, saturates at different levels in each place, and thereby freezes; real masks."""

    name = "toy"
    channels = CHANNELS

    def __init__(self, family: Literal["float", "int8"]) -> None:
        self.family: Literal["float", "int8"] = family
        self.dtype: np.dtype[Any] = np.dtype(np.int8 if family == "int8" else np.float32)
        self.calls = 0

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        self.calls += 1
        n = neighbourhood.reshape(-1, 9, CHANNELS).astype(np.float32)
        total = n[:, 0]
        for position in range(1, 9):
            total = total + n[:, position]
        threshold = ALIVE_THRESHOLD_INT8 if self.family == "int8" else ALIVE_THRESHOLD
        top = 100.0 if self.family == "int8" else 3.0
        new = np.minimum(n[:, 4] + total * np.float32(0.25), np.float32(top))
        new[:, 4:8] -= n[:, 1, 4:8] * np.float32(0.5)
        new[:, 8] = n[:, 3, 9] - n[:, 5, 10]
        new[:, 9:12] = np.maximum(new[:, 9:12] - n[:, 6, 9:12], 0)
        if self.family == "int8":
            new = np.clip(np.floor(new), -127, 127)
        heard = np.delete(n[:, :, ALPHA], 4, axis=1).max(axis=1)
        before = np.maximum(heard, n[:, 4, ALPHA]) > threshold
        after = np.maximum(heard, new[:, ALPHA]) > threshold
        return np.where((before & after)[:, None], new, 0).astype(self.dtype)


class Fading(Toy):
    """Every cell that lives loses a little alpha at each step and dies of it; nothing spreads."""

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        self.calls += 1
        own = neighbourhood.reshape(-1, 9, CHANNELS)[:, 4].astype(np.float32)
        step, threshold = (4.0, ALIVE_THRESHOLD_INT8) if self.family == "int8" else (0.125, ALIVE_THRESHOLD)
        new = own.copy()
        new[:, ALPHA] -= np.float32(step)
        return np.where((new[:, ALPHA] > threshold)[:, None], new, 0).astype(self.dtype)


class Constant(Toy):
    """Gives back the state it was given: every living cell is at a fixed point."""

    def update(self, neighbourhood: NDArray[Any]) -> NDArray[Any]:
        self.calls += 1
        return neighbourhood.reshape(-1, 9, CHANNELS)[:, 4].copy()


def state(alpha: float, rest: float = 0.0, family: str = "int8") -> bytes:
    """16 values: alpha as given, all others `rest`."""
    values = np.full(CHANNELS, rest)
    values[ALPHA] = alpha
    return values.astype(np.int8 if family == "int8" else np.float32).tobytes()


def steady(counter: int, mean_ns: int) -> int:
    """Intervals without chance: always exactly the mean."""
    return mean_ns


def cell(
    number: int = 4,
    *,
    around: tuple[int, ...] = (0, 1, 2, 3, 5, 6, 7, 8),
    engine: Toy | None = None,
    life: int = 1,
    epoch: int = 1,
    intervals: Callable[[int, int], int] = steady,
    born_ns: int = 0,
) -> Cell:
    """A cell in the middle of a 3x3 grid, its neighbours all on."""
    return Cell(number, around, TAG, epoch, life, T, engine or Toy("int8"), intervals, born_ns)


class FakeLink:
    """A grid of cells that hear each other at the instant of speaking; wakes happen only when a test says so."""

    def __init__(self, height: int, width: int, engine: Toy, intervals: Callable[[int, int], int] = steady) -> None:
        self.table = neighbours(height, width).tolist()
        self.cells = [
            cell(number, around=tuple(around), engine=engine, intervals=intervals)
            for number, around in enumerate(self.table)
        ]
        self.cut: set[tuple[int, int]] = set()  # (speaker, listener)
        self.said: list[bytes] = []

    def wake(self, number: int, now_ns: int) -> bytes | None:
        data = self.cells[number].wake(now_ns)
        if data is not None:
            self.said.append(data)
            for neighbour in self.table[number]:
                if neighbour >= 0 and (number, neighbour) not in self.cut:
                    self.cells[neighbour].receive(data, now_ns)
        return data
