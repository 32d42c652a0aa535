"""The folder of an experiment: its file, one row a replicate as they come, and what was made of them.

    runs/experiments/NAME/TIME/   experiment.toml (or .yaml)  plan.json  rows.jsonl  rows.csv  result.json  report.html
                                  junit.xml  rows.parquet (where pyarrow is)
                                  films/ (the run of the first replicate of each point)

A row is durable before the next replicate counts as begun, so after kill -9 the same command goes on where it stood.
Computes nothing. May import msgspec's kin of the standard library and coordinator.runfolder's habits.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coordinator import tables
from coordinator.experiment.replicate import Row
from coordinator.experiment.spec import Experiment
from coordinator.runfolder import EXPERIMENTS
from firmware_sim import folder as rules
from firmware_sim.errors import BadInput

NOT_IN_COLUMNS = ("curve", "error_map")
CURVE = "curve"


class Folder:
    """Opened for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = path / "rows.jsonl"

    @staticmethod
    def create(experiment: Experiment, out: Path | None, seed: int) -> Folder:
        """A new folder, or the one of the same experiment that was interrupted. BadInput if it is another's."""
        path = out or _fresh(EXPERIMENTS / experiment.document.name)
        plan = {
            "seed": seed,
            "rules": _rules(experiment),
            "versions": {"python": platform.python_version(), **_versions()},
            "machine": platform.platform(),
        }
        copy = path / experiment.file
        if copy.exists():
            before = json.loads((path / "plan.json").read_text())
            if copy.read_text() != experiment.text or before["seed"] != seed or before["rules"] != plan["rules"]:
                raise BadInput(f"{path} holds another experiment (its file, seed or rule differ): choose another --out")
            return Folder(path)
        if path.exists() and any(path.iterdir()):
            raise BadInput(f"{path} exists and is no experiment: choose another --out")
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "plan.json").write_text(json.dumps(plan, indent=2) + "\n")
            copy.write_text(experiment.text)
        except OSError as error:
            raise BadInput(f"{path} cannot be made: {error.strerror}") from error
        if out is None:
            _point_latest(path)
        return Folder(path)

    def rows(self) -> list[Row]:
        """All whole rows; one that a crash cut off is left out, and its replicate is run again."""
        if not self._rows.exists():
            return []
        found = []
        text = self._rows.read_text(encoding="utf-8")
        for line in text.splitlines(keepends=True):
            if line.endswith("\n"):
                found.append(json.loads(line))
        if text and not text.endswith("\n"):
            self._rows.write_text("".join(line for line in text.splitlines(keepends=True) if line.endswith("\n")))
        return found

    def append(self, row: Row) -> None:
        with self._rows.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, separators=(",", ":"), default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def save(self, name: str, text: str) -> Path:
        path = self.path / name
        partial = path.with_name(f".{name}.{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
        return path

    def save_table(self, rows: Sequence[Row]) -> list[Path]:
        """rows.csv; and rows.parquet, with the curves, where pyarrow is installed. Returns both or one."""
        names = list(dict.fromkeys(name for row in rows for name in row if name not in NOT_IN_COLUMNS))
        plain = {name: [_cell(row.get(name)) for row in rows] for name in names}
        curves = list(dict.fromkeys(name for row in rows for name in row.get(CURVE, ())))
        typed = {name: _of_one_type(values) for name, values in plain.items()}
        typed |= {f"{CURVE}_{name}": [row.get(CURVE, {}).get(name) for row in rows] for name in curves}
        return [tables.comma_separated(self.path / "rows", plain), *tables.parquet(self.path / "rows", typed)]


def _cell(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _of_one_type(values: list[Any]) -> list[Any]:
    """A column of Parquet has one: what a sweep mixes is told as text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 or kinds == {int, float}:
        return values
    return [None if value is None else str(value) for value in values]


def _rules(experiment: Experiment) -> dict[str, str]:
    return {name: rules.load(name).sha256 for name in experiment.rules()}


def _versions() -> dict[str, str]:
    found = {}
    for name in ("planaria", "numpy", "scipy"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _fresh(parent: Path) -> Path:
    stamp, number = time.strftime("%Y%m%d-%H%M%S"), 1
    path = parent / stamp
    while path.exists():
        number += 1
        path = parent / f"{stamp}-{number}"
    return path


def _point_latest(path: Path) -> None:
    link, partial = path.parent / "latest", path.parent / f".latest-{os.getpid()}"
    partial.unlink(missing_ok=True)
    partial.symlink_to(path.name)
    partial.replace(link)
