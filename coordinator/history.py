"""The history of a run: now and then what every cell showed and had counted, small enough to keep for every run.

    maps/t000012.50.npz     rgba float16 [H, W, 4], on bool [H, W], counted uint32 [columns, cells] summed over lives

Reports draw their maps of it, also of a run whose coordinator was killed: each moment is a whole file. Kept like the
film's stills: when there are too many, every second one goes. At most 256 moments (fewer of a large grid): 2 to 3 MB
for 1,600 cells. May import numpy and the camera's Sight.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator.camera import Sight
from firmware_sim.errors import BadInput

MOST = 256
MOST_CELLS = 6_000_000  # of all moments together: a moment of 65,536 cells takes 0.3 MB
LEAST = 32
COUNTED = (
    Counter.UPDATES,
    Counter.SKIPPED,
    Counter.RECEIVED,
    Counter.MISSED_WAKES,
    Counter.FORGOTTEN,
    Counter.CPU_NS,
)
PER_US = 1000  # CPU time is kept in microseconds
_NAME = re.compile(r"t(\d{6,}\.\d\d)\.npz")


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at `t` T: `rgba` float32 [H, W, 4] in units of value, `on` bool [H, W]."""

    t: float
    rgba: NDArray[np.float32]
    on: NDArray[np.bool_]
    counted: NDArray[np.int64]  # [len(COUNTED), H, W]

    def of(self, counter: Counter) -> NDArray[np.int64]:
        """[H, W]; CPU time in microseconds."""
        found: NDArray[np.int64] = self.counted[COUNTED.index(counter)]
        return found


class History:
    """Takes a moment about every `stride` T."""

    def __init__(self, folder: Path, cells: int, stride: float = 1.0) -> None:
        self._folder, self.stride = folder, stride
        self._most = max(LEAST, min(MOST, MOST_CELLS // max(cells, 1)))
        self._next_t = 0.0
        self._kept = len(times(folder))

    def wants(self, t: float) -> bool:
        return t >= self._next_t

    def take(self, sight: Sight, totals: NDArray[np.uint64], t: float, *, keep: bool = False) -> None:
        """`totals` [cells, counters] as the meter has them. `keep`: it does not shift the rhythm."""
        self._folder.mkdir(exist_ok=True)
        counted = totals[:, [int(counter) for counter in COUNTED]].T.copy()
        counted[COUNTED.index(Counter.CPU_NS)] //= np.uint64(PER_US)
        shape = sight.states.shape[:2]
        path = self._folder / f"t{max(t, 0):09.2f}.npz"
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        with partial.open("wb") as file:
            np.savez_compressed(
                file,
                rgba=sight.states[..., :4].astype(np.float16),
                on=sight.on.reshape(shape),
                counted=np.minimum(counted, np.uint64(0xFFFFFFFF)).astype(np.uint32),
            )
        partial.replace(path)
        if not keep:
            self._next_t = (np.floor(t / self.stride) + 1) * self.stride
        self._kept += 1
        if self._kept > self._most:
            self._thin()

    def _thin(self) -> None:
        self.stride *= 2
        for _, path in _files(self._folder)[1:-1:2]:
            path.unlink(missing_ok=True)
        self._kept = len(times(self._folder))


def times(folder: Path) -> list[float]:
    """When there are moments, in T, ascending."""
    return [t for t, _ in _files(folder)]


def moment(folder: Path, t: float) -> Moment:
    """The last moment up to `t`, else the first. BadInput if there is none, or it cannot be read."""
    files = _files(folder)
    if not files:
        raise BadInput(f"{folder} holds no maps")
    before = [one for one in files if one[0] <= t + 1e-9]
    when, path = before[-1] if before else files[0]
    try:
        with np.load(path, allow_pickle=False) as data:
            rgba, on, counted = data["rgba"], data["on"], data["counted"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    return Moment(when, rgba.astype(np.float32), on, counted.astype(np.int64).reshape(len(COUNTED), *on.shape))


def every(folder: Path) -> list[Moment]:
    """All moments, in order of time."""
    return [moment(folder, t) for t in times(folder)]


def _files(folder: Path) -> list[tuple[float, Path]]:
    found = [(float(match[1]), path) for path in folder.glob("t*.npz") if (match := _NAME.fullmatch(path.name))]
    return sorted(found)
