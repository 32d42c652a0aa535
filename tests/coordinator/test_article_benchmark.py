"""The published models beside the figures others measured: what counts as agreement, and what is asked for in vain."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from coordinator.bench.article import HEALED, MEASURED, compare
from coordinator.cli.main import invoke
from coordinator.evaluate.evaluation import Evaluation, Options
from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import Subject
from firmware_sim import folder


def found(*rows: tuple[str, float, float, str]) -> Evaluation:
    """An evaluation of these: experiment, steps, loss, what became of all draws."""
    evaluation = Evaluation(Subject(folder.load("dot")), Options())
    for experiment, at, loss, fate in rows:
        evaluation.rows.append(
            Row(experiment, "sync", "float", at, loss, loss, (loss, loss), 5, {fate: 5}),
        )
    return evaluation


def agreement(model: str, *rows: tuple[str, float, float, str]) -> list[str]:
    return [str(line["agrees"]) for line in compare(model, found(*rows))]


def test_stable_models_agree_within_half_a_power_of_ten_until_200_steps() -> None:
    assert MEASURED["ex3_lizard"] == (-3.09, -3.66, -3.94)
    rows = [("growth", at, loss, "holds") for at, loss in ((96, -3.5), (200, -4.2), (1000, -2.0))]
    assert agreement("ex3_lizard", *rows) == ["yes", "NO", "not compared"]


def test_a_growing_model_is_compared_later_by_what_becomes_of_it() -> None:
    rows = [("growth", 96, -3.9, "holds"), ("growth", 200, -1.0, "holds"), ("growth", 1000, -1.3, "died")]
    assert agreement("ex1_butterfly", *rows) == ["yes", "not compared", "yes, died"]
    assert agreement("ex1_smiley", *rows) == ["yes", "not compared", "NO, died, not exploded"]
    assert agreement("ex1_fish", *rows) == ["no figure"] * 3


def test_a_cut_lizard_heals_at_least_as_far_as_the_figures_say() -> None:
    assert sorted(HEALED["ex3_lizard"]) == [100, 200, 400]
    rows = [
        ("damage left", 100, -2.4, "holds"),
        ("damage upper", 400, -2.9, "holds"),
        ("damage square", 100, -1, "holds"),
    ]
    lines = list(compare("ex3_lizard", found(*rows)))
    assert [(line["experiment"], line["agrees"]) for line in lines] == [("damage left", "yes"), ("damage upper", "NO")]


def test_without_models_it_says_what_to_download(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(shlex.split("bench article")) == 2
    assert "--models DIR" in capfd.readouterr().err
    assert invoke(shlex.split(f"bench article --models {tmp_path}")) == 2
    assert "webgl_models8" in capfd.readouterr().err
