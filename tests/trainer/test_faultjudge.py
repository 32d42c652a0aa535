"""What a rule is worth in trouble, in the swarm's own virtual time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firmware_sim import folder
from firmware_sim.errors import BadInput
from firmware_sim.native import native_engine
from trainer import faultjudge, hardscore
from trainer.fast import choose
from trainer.faultjudge import Judged, one
from trainer.hardscore import LINES

DOT = folder.load("dot")


def loss_of(index: int, **changes: float) -> float:
    genome, target = DOT.genome(), DOT.target()
    assert genome is not None and target is not None
    return one(native_engine(genome), DOT.sha256, target, replace(LINES[index], **changes), 10, 7)  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_loss_and_trouble_costs_something() -> None:
    calm = loss_of(0)
    assert calm == loss_of(0) and calm < -4
    assert loss_of(1, loss=0.97) > calm
    assert loss_of(3, dead=0.3) > calm


def test_a_crash_of_most_cells_heals() -> None:
    assert loss_of(4) < -4


def test_a_line_is_met_by_its_median() -> None:
    assert Judged(LINES[0], 40, (-9, -3.1, -1)).met and not Judged(LINES[0], 40, (-9, -2.9, -1)).met


def test_a_rule_without_bytes_is_refused() -> None:
    bare = folder.load(DOT.path / "rule.onnx")
    with pytest.raises(BadInput, match="int8"):
        faultjudge.judge(bare, 1, 1)


def test_the_quick_score_knows_the_same_trouble() -> None:
    target = DOT.target()
    assert target is not None
    medians = hardscore.score(choose(1, lambda line: None), DOT.rule(), target, np.random.default_rng(2), draws=2)
    assert medians[0] < -4 and medians[4] < -4 and hardscore.total(medians) < 0
