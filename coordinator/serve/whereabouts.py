"""Where each cell is now: its host, its process, the kind of chip or engine that computes it. All of it can change
while one looks, so it is told anew when it has.

Row-major runs of equal values, [[value, length], ...], since neighbours mostly share a host and, in patches, a process.
May import numpy, the camera, chips and the run folder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coordinator import chips
from coordinator.camera import Sight
from coordinator.runfolder import RunInfo, RunState

HERE = "this machine"
NOWHERE = -1  # a cell that no host has room for


def whereabouts(info: RunInfo, state: RunState, sight: Sight | None) -> dict[str, Any]:
    """As the page is told. `hosts` and `engines` number the names; `pids`: 0 without a process, or one of another
    machine's kernel where the host is another machine."""
    cells = info.height * info.width
    names = sorted({tenure.host for tenure in state.tenures}, key=_by_number) or [HERE]
    hosts = np.full(cells, NOWHERE if state.tenures else 0)
    for tenure in state.tenures:
        hosts[tenure.cells] = names.index(tenure.host)
    engines = chips.engines(info.chips, state.boards, cells, info.engine)
    kinds = list(dict.fromkeys([info.engine, *engines]))
    ports = {kind: number for number, kind in enumerate(kinds)}
    pids = np.zeros(cells, np.int64) if sight is None else np.where(sight.on, sight.pids, 0)
    return {
        "hosts": runs(hosts),
        "host_names": names,
        "pids": runs(pids),
        "engines": runs(np.array([ports[kind] for kind in engines])),
        "engine_names": kinds,
    }


def runs(values: NDArray[Any]) -> list[list[int]]:
    """[[value, length], ...] of equal values side by side."""
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    lengths = np.diff(np.r_[starts, len(values)])
    return [[int(value), int(length)] for value, length in zip(values[starts], lengths, strict=True)]


def _by_number(name: str) -> tuple[str, int, str]:
    """host2 before host10."""
    word = name.rstrip("0123456789")
    return word, int(name[len(word) :] or 0), name
