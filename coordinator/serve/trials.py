"""Past experiments as data: the list under a folder of experiments, and one's report.

    NAME/TIME/    experiment.toml  plan.json  rows.jsonl  result.json (when it is over)  report.html

Reads files only; an experiment is known by the name and time that the list tells, never by a path that somebody sends.
Blocking, any thread. May import the standard library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware_sim.errors import BadInput

LISTED = 100  # newest first


class Trials:
    """The experiments below `home` (None: there are none); each call looks anew."""

    def __init__(self, home: Path | None = None) -> None:
        self._home = home

    def list(self) -> list[dict[str, Any]]:
        """One row an experiment, the newest first. One that is not over has no verdict yet."""
        found = sorted(self._folders(), key=lambda path: path.name, reverse=True)
        return [_row(path) for path in found[:LISTED]]

    def report(self, name: str, time: str) -> bytes:
        """report.html as it was written."""
        for path in self._folders():
            if (path.parent.name, path.name) == (name, time):
                page = path / "report.html"
                if not page.is_file():
                    raise BadInput(f"experiment {name}/{time} is not over, or was interrupted: it has no report yet")
                return page.read_bytes()
        raise BadInput(f"there is no experiment {name[:40]!r} of {time[:40]!r} here")

    def _folders(self) -> Iterator[Path]:
        for plan in () if self._home is None else self._home.glob("*/*/plan.json"):
            if not plan.parent.is_symlink():  # `latest`
                yield plan.parent


def _row(path: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": path.parent.name, "time": path.name, "folder": str(path), "verdict": None}
    try:
        plan = json.loads((path / "plan.json").read_text(encoding="utf-8"))
        row |= {"seed": plan.get("seed"), "rules": sorted(plan.get("rules", {}))}
        row["report"] = (path / "report.html").is_file()
        if (path / "result.json").is_file():
            result = json.loads((path / "result.json").read_text(encoding="utf-8"))
            row |= {key: result.get(key) for key in ("verdict", "hypothesis", "replicates", "failed", "threshold")}
            row["points"] = [str(point.get("verdict")) for point in result.get("points", ())]
        else:
            with (path / "rows.jsonl").open("rb") as rows:
                row["replicates"] = sum(1 for _ in rows)
    except FileNotFoundError:
        row["replicates"] = 0
    except (OSError, ValueError, AttributeError) as error:
        row["trouble"] = str(error)
    return row
