"""The standard experiments: each file is good, and what it does to a swarm happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coordinator.cli.experiment import STANDARD
from coordinator.experiment import replicate, spec
from coordinator.experiment.replicate import Job
from coordinator.experiment.spec import Experiment

FILES = sorted(STANDARD.glob("*.toml"))


def small(path: Path, tmp_path: Path) -> Experiment:
    """The same steps on the smallest rule, watched for a moment; the whole grid where a file names places on it."""
    text = path.read_text()
    grid = "40x40" if re.search(r"(rect|cell|circle):", text) else "14x14"
    own = "" if "grid = " in text else f'\ngrid = "{grid}"'
    text = re.sub(r"(?m)^rule = .*$", f'rule = "dot"{own}', text)
    copy = tmp_path / path.name
    copy.write_text(re.sub(r"(?m)^watch = .*$", "watch = 5", text))
    return spec.load(copy)


def test_the_catalogue_of_standard_experiments() -> None:
    assert {path.stem for path in FILES} >= {
        "damage", "crash", "message-loss", "loss-threshold", "delay", "dead-for-ever", "clock-drift", "state-flips",
        "genome-flips", "byzantine", "byzantine-modes", "partition", "isolation", "side-by-side", "weak-spots",
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_file_asks_for_can_be_done_and_is_proven(path: Path, tmp_path: Path) -> None:
    experiment = small(path, tmp_path)
    search = experiment.document.search
    point = experiment.point({search.variable: 0.5}) if search else experiment.points()[-1]
    row = replicate.run(Job(point, 0, 1))
    assert "error" not in row, row
    assert row["unproven"] == [], "the last value of each sweep is one that hits"
    assert row["watched_T"] >= 5
