"""Past runs as data: the list under a runs folder, and one run's numbers, losses, events, stills and report.

Reads run folders only; a run is known by its id, never by a path that somebody sends. Blocking, any thread. May import
the coordinator's locate, film, recording, report and run folder.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cellnode.panel import COUNTERS, Phase
from coordinator import film, locate, opening, report
from coordinator.camera import Sight
from coordinator.recording import Recording
from coordinator.runfolder import RunFolder
from coordinator.serve import hello
from coordinator.serve.stage import Stage
from coordinator.serve.trials import Trials
from firmware_sim.errors import BadInput, PlanariaError

LISTED = 300  # newest first
KEPT = 2  # recordings: as many as are looked at side by side


class Past:
    """The runs that `every` finds, oldest first; each call looks anew."""

    def __init__(self, every: Callable[[], Sequence[locate.Seen]], trials: Trials | None = None) -> None:
        self._every = every
        self.trials = trials or Trials()
        self._reading = threading.Lock()
        self._kept: dict[str, tuple[int, Recording]] = {}  # folder -> size of its files, what was read; newest last

    def list(self) -> list[dict[str, Any]]:
        """One row a run, the newest first. A folder that cannot be read says so in its row."""
        rows = []
        for seen in reversed(self._every()[-LISTED:]):
            try:
                rows.append(_row(seen))
            except (PlanariaError, OSError, ValueError) as error:
                rows.append({"run": seen.folder.path.name, "folder": str(seen.folder.path), "trouble": str(error)})
        return rows

    def one(self, run: str) -> dict[str, Any]:
        """All that a page shows of one run."""
        seen = self._find(run)
        folder = seen.folder
        return {
            **_row(seen),
            "measure": _measure(folder),
            "losses": folder.losses(),
            "events": list(folder.events()),
            "stills": [still.t for still in film.stills(folder.frames)],
            "repeat": report.repeat(folder.info, folder.path),
            "recorded": self._span(folder),
            "interval_s": (folder.state().interval_ns or round(folder.info.interval_s * 1e9)) / 1e9,
        }

    def hello(self, run: str) -> dict[str, Any]:
        """What a page must know to show recorded frames."""
        folder = self._find(run).folder
        return hello.hello(folder.info, opening.picture_of(folder), folder.state().boards, [])

    def frame(self, run: str, t: float) -> bytes:
        """What the grid showed at `t` T, all 16 values of every cell, from the recording; a whole frame of wire.py."""
        folder = self._find(run).folder
        shown, info = self._recording(folder).frame(t), folder.info
        on = shown.on.reshape(-1)
        sight = Sight(
            at_ns=0,
            on=on,
            pids=on.astype(np.uint32),
            phases=np.where(on, np.uint32(Phase.LINKED), np.uint32(Phase.OFF)),
            lives=on.astype(np.uint64) << np.uint64(32) | on.astype(np.uint64),
            counters=np.zeros((on.size, COUNTERS), np.uint64),
            states=shown.states,
            ages_intervals=np.zeros(0),
        )
        stage = Stage(on.size, hello.value_bytes(info))
        stage.take(sight, t, False)
        return stage.since(0)

    def _span(self, folder: RunFolder) -> tuple[float, float] | None:
        """From when to when it was recorded, in T since the seed; None if it was not, or nothing whole is there."""
        try:
            first, last = self._recording(folder).span
            return max(first, 0.0), max(last, 0.0)
        except PlanariaError:
            return None

    def _recording(self, folder: RunFolder) -> Recording:
        """Reading one takes memory and seconds, so the last two are kept, as long as their files do not grow."""
        path, size = str(folder.path), sum(path.stat().st_size for path in folder.recording.glob("*.rec"))
        with self._reading:
            known = self._kept.pop(path, None)
            if known is None or known[0] != size:
                while len(self._kept) >= KEPT:
                    del self._kept[next(iter(self._kept))]
                known = size, Recording.open(folder)
            self._kept[path] = known
            return known[1]

    def still(self, run: str, place: int) -> bytes:
        """The PNG of one still; -1 is the last."""
        stills = film.stills(self._find(run).folder.frames)
        if not -1 <= place < len(stills) or not stills:
            raise BadInput(f"run {run} has {len(stills)} stills, there is no number {place}")
        return stills[place].path.read_bytes()

    def report(self, run: str) -> bytes:
        """report.html as it was written, else made now."""
        folder = self._find(run).folder
        path = folder.path / "report.html"
        return path.read_bytes() if path.exists() else report.html(folder).encode()

    def _find(self, run: str) -> locate.Seen:
        for seen in self._every():
            if seen.folder.info.run == run:
                return seen
        raise BadInput(f"there is no run {run[:40]!r} here")


def _row(seen: locate.Seen) -> dict[str, Any]:
    info, measure = seen.folder.info, _measure(seen.folder)
    return {
        "run": info.run,
        "rule": info.rule,
        "grid": f"{info.height}x{info.width}",
        "engine": info.engine,
        "substrate": info.substrate,
        "started": info.started,
        "seed": info.rng_seed,
        "folder": str(seen.folder.path),
        "alive": seen.alive,
        "verdict": measure.get("verdict"),
        "intervals": measure.get("intervals"),
        "loss_log10": measure.get("loss_log10"),
        "stills": len(film.stills(seen.folder.frames)),
    }


def _measure(folder: RunFolder) -> dict[str, Any]:
    path = folder.path / "measure.json"
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
