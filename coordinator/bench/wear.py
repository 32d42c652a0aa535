"""What processes use now, and whether that has grown: resident memory, descriptors, threads. Reads /proc alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True, slots=True)
class Wear:
    """Of some processes together, at one moment."""

    second: float  # since the beginning
    processes: int
    mib: float  # resident, shared pages counted for each
    descriptors: int
    threads: int


def wear(pids: Iterable[int], second: float) -> Wear:
    """Of those that are still there."""
    processes = descriptors = threads = pages = 0
    for pid in pids:
        home = Path(f"/proc/{pid}")
        with contextlib.suppress(OSError, IndexError, ValueError):
            resident = int((home / "statm").read_text().split()[1])
            opened, running = len(os.listdir(home / "fd")), len(os.listdir(home / "task"))  # noqa: PTH208 - of thousands
            processes, pages = processes + 1, pages + resident
            descriptors, threads = descriptors + opened, threads + running
    return Wear(round(second, 1), processes, round(pages * PAGE_MIB, 2), descriptors, threads)


def growth(samples: Sequence[Wear], since_s: float, each: bool = True) -> dict[str, float] | None:
    """By how much the median of the last tenth of the samples after `since_s` lies above that of the first tenth, as a
    share; `each`: of a process, else of all together. None with too few samples."""
    late = [sample for sample in samples if sample.second >= since_s and sample.processes]
    some = max(2, len(late) // 10)
    if len(late) < 2 * some:
        return None
    found = {}
    for name in ("mib", "descriptors", "threads"):
        values = [getattr(sample, name) / (sample.processes if each else 1) for sample in late]
        found[name] = round(median(values[-some:]) / median(values[:some]) - 1, 4)
    return found
