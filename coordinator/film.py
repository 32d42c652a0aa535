"""The film of a run: stills in the run folder as they come, thinned so that a long run keeps a bounded number.

May import coordinator.frames and coordinator.render.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coordinator import render
from coordinator.frames import Frame

MOST = 256  # stills kept; beyond, every second one goes and half as many are taken
STILL_SCALE = 4
_NAME = re.compile(r"t(\d{6}\.\d\d)\.png")


@dataclass(frozen=True, slots=True)
class Still:
    """One picture on disk, at `t` T."""

    t: float
    path: Path


class Film:
    """Takes a still about every `stride` T, the first when asked first."""

    def __init__(self, folder: Path, stride: float = 1.0) -> None:
        self._folder, self.stride = folder, stride
        self._next_t = 0.0
        self._kept = [still.t for still in stills(folder)]

    def wants(self, t: float) -> bool:
        return t >= self._next_t

    def take(self, frame: Frame, *, keep: bool = False) -> None:
        """Write a still. `keep`: this moment matters (a kill, the end) and does not shift the rhythm."""
        render.save(frame.rgb(), self._folder / f"t{max(frame.t, 0):09.2f}.png", STILL_SCALE)
        if not keep:
            self._next_t = (np.floor(frame.t / self.stride) + 1) * self.stride
        self._kept.append(frame.t)
        if len(self._kept) > MOST:
            self._thin()

    def _thin(self) -> None:
        self.stride *= 2
        found = stills(self._folder)
        for still in found[1:-1:2]:
            still.path.unlink(missing_ok=True)
        self._kept = [still.t for still in stills(self._folder)]


def stills(folder: Path) -> list[Still]:
    """All stills of a run, in order of time."""
    found = []
    for path in folder.glob("t*.png"):
        match = _NAME.fullmatch(path.name)
        if match:
            found.append(Still(float(match[1]), path))
    return sorted(found, key=lambda still: still.t)


def pictures(folder: Path, height: int, width: int) -> list[tuple[float, NDArray[np.uint8]]]:
    """(t, colours [H, W, 3]) of all stills."""
    return [(still.t, render.read(still.path, (height, width))) for still in stills(folder)]
