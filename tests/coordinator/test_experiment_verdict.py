"""From rows to verdicts: every measure of a hypothesis, and what outweighs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from coordinator.cli.experiment import _line
from coordinator.experiment import junit, page, spec, verdict
from coordinator.experiment.document import Document, Hypothesis, Measure
from coordinator.experiment.spec import Point

ROW: dict[str, Any] = {
    "substrate": "virtual", "fate": "self-healed", "recovered": True, "recovery_T": 10.0, "watched_T": 100.0,
    "availability": 0.9, "repair_T": 5.0, "failures": 2, "loss_others_log10": -4.0, "unproven": [], "broken": [],
    "extent": 1.1, "messages": 1000, "energy_mJ": 7.5,
}  # fmt: skip
MASKED = {**ROW, "fate": "masked", "recovery_T": 0.0, "availability": 1.0, "repair_T": None, "failures": 0}
LOST = {**ROW, "recovered": False, "recovery_T": None, "availability": 0.1, "repair_T": None, "failures": 1}
DEAD = {**LOST, "fate": "dead", "extent": 0.0, "messages": 400, "energy_mJ": 3.0}
WILD = {**LOST, "fate": "spread", "extent": 3.0, "messages": 4000, "energy_mJ": 30.0}


def judged(rows: list[dict[str, Any]], measure: str, **bounds: float) -> verdict.Judged:
    hypothesis = Hypothesis(measure, **bounds)  # type: ignore[arg-type]
    document = Document(name="n", rule="dot", hypothesis=hypothesis)
    return verdict.judge(Point(0, {}, document, (), None), rows)


@pytest.mark.parametrize(
    ("measure", "estimate"),
    [
        ("recovered", 0.6),
        ("masked", 0.2),
        ("dead", 0.2),
        ("spread", 0.2),
        ("degraded", 0.0),
        ("availability", 0.9),
        ("loss", -4.0),
        ("recovery_time", 10.0),  # 0, 10, 10, and two that never did
        ("repair_time", 5.0),  # 0, 5, 5, and two that never ended
        ("extent", 1.1),
        ("messages", 1000),
        ("energy", 7.5),
    ],
)
def test_each_measure_is_a_share_of_swarms_or_their_median(measure: str, estimate: float) -> None:
    assert judged([MASKED, ROW, ROW, DEAD, WILD], measure, at_least=0).estimate == pytest.approx(estimate)


def test_every_measure_has_its_words() -> None:
    assert set(page.MEASURES) == set(get_args(Measure))


def test_a_measure_of_time_that_most_never_reached_has_no_number_and_does_not_pass() -> None:
    found = judged([LOST] * 9 + [ROW], "recovery_time", at_most=50)
    assert found.estimate is None and found.verdict == verdict.FAIL


def test_the_whole_interval_on_one_side_decides_and_the_bound_inside_it_does_not() -> None:
    assert judged([ROW] * 40, "recovered", at_least=0.9).verdict == verdict.PASS
    assert judged([LOST] * 40, "recovered", at_least=0.9).verdict == verdict.FAIL
    assert judged([ROW] * 4, "recovered", at_least=0.9).verdict == verdict.UNKNOWN
    assert judged([DEAD] * 40, "dead", at_most=0.5).verdict == verdict.FAIL
    assert judged([], "loss", at_most=-3).verdict == verdict.UNKNOWN


def test_what_was_not_proven_is_unknown_and_what_must_never_be_fails() -> None:
    good = [ROW] * 40
    assert judged([*good, {**ROW, "unproven": ["link_loss all"]}], "recovered", at_least=0.5).verdict == verdict.UNKNOWN
    broken = judged([*good, {**ROW, "broken": ["a dead cell holds a state: cell 3"]}], "recovered", at_least=0.5)
    assert broken.verdict == verdict.FAIL and broken.broken == 1


def test_what_outweighs_the_numbers_is_told(tmp_path: Path) -> None:
    rows = [*[ROW] * 3, {**ROW, "substrate": "processes"}, {**ROW, "broken": ["cell 3"], "unproven": ["crash 1%"]}]
    found = judged(rows, "recovered", at_least=0.5)
    line = _line(found)
    assert "a fault hit nothing in 1" in line and "what must never be was in 1" in line
    assert "of 1 swarms of real processes 1 recovered" in line
    file = tmp_path / "e.toml"
    file.write_text('name = "n"\nrule = "dot"\n[hypothesis]\nmeasure = "recovered"\nat_least = 0.5\n')
    assert "in 1 something was that must never be" in junit.xml(spec.load(file), [found], 1.0)


def test_it_tells_how_each_substrate_fared() -> None:
    found = judged([ROW, ROW, {**LOST, "substrate": "processes"}, {"error": "no memory"}], "recovered", at_least=0.1)
    assert found.substrates == {"virtual": (2, 2), "processes": (0, 1)} and found.failed == 1
    assert found.to_dict()["substrates"]["processes"] == {"recovered": 0, "of": 1}
