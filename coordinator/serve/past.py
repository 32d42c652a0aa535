"""Past runs as data: the list under a runs folder, and one run's numbers, losses, events, stills and report.

Reads run folders only; a run is known by its id, never by a path that somebody sends. Blocking. May import the
coordinator's locate, film, report and run folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from coordinator import film, locate, report
from coordinator.runfolder import RunFolder
from firmware_sim.errors import BadInput, PlanariaError

LISTED = 300  # newest first


class Past:
    """The runs that `every` finds, oldest first; each call looks anew."""

    def __init__(self, every: Callable[[], Sequence[locate.Seen]]) -> None:
        self._every = every

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
        }

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
