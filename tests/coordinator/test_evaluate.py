"""Evaluation: rows, pictures and the page for a small rule, the same for the same seed, with every way it can live."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.cli.main import invoke
from coordinator.evaluate import page, summary
from coordinator.evaluate.bodies import Nursery
from coordinator.evaluate.evaluation import Evaluation, Options, evaluate
from coordinator.evaluate.experiments import ANGLES, EXPERIMENTS, Frame, apart, film, rotation, thirds
from coordinator.evaluate.rows import Row, fate, measured
from coordinator.evaluate.subject import Subject, Way
from coordinator.evaluate.times import Times
from firmware_sim import folder
from firmware_sim.cuts import CUTS
from firmware_sim.errors import BadInput
from firmware_sim.loss import loss_log10
from firmware_sim.rule import seed, step
from tools import evaluations

SHORT = Times(
    shown=(8,),
    grown=(30, 60),
    cut=30,
    healed=(30, 40),
    turned_sync=24,
    turned_async=40,
    seeds=50,
)
FILMED = replace(SHORT, seeds=24, film=40)
KEYS = {"experiment", "step", "engine", "at", "loss_log10", "loss_log10_shift1", "range", "draws", "fate"}


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return evaluate(folder.load("dot"), Options(draws=2, rng_seed=3, only=("growth",), times=SHORT))


def planaria(line: str) -> int:
    return invoke(shlex.split(line))


def test_growth_has_a_row_for_each_moment_in_all_four_ways(found: Evaluation) -> None:
    seen = [(row.step, row.engine, row.at) for row in found.rows]
    assert seen == [
        (way, family, at)
        for way, moments in (("sync", (30, 60)), ("async", (15, 30)))
        for family in ("float", "int8")
        for at in moments
    ]
    for row in found.rows:
        assert row.draws == 2 and row.range[0] <= row.loss_log10 <= row.range[1]
        assert row.loss_log10_shift1 <= row.loss_log10 < -3 and row.fate == {"holds": 2}


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    first, again, other = (
        evaluate(folder.load("dot"), Options(1, number, ("growth",), times=SHORT)).rows for number in (1, 1, 2)
    )
    assert first == again != other


def test_synchronous_float_is_the_reference_step_with_the_same_draws() -> None:
    rule = folder.load("dot")
    target = rule.target()
    assert target is not None
    body = Nursery(Subject(rule), 1, 5).seeded(Way("sync", "float"), (38, 38), [(19, 19)])
    body.run(60)
    rng, grid = np.random.default_rng(5), seed(38, 38)
    for _ in range(60):
        grid = step(rule.rule(), grid, rng.random((1, 38, 38), dtype=np.float32)[0] < 0.5)
    assert loss_log10(body.states()[0], target) == pytest.approx(loss_log10(grid, target), abs=1e-3)


def test_notes_and_table_put_the_ways_side_by_side(found: Evaluation) -> None:
    lines = list(summary.text(found.rows))
    assert lines[0].split() == [
        "log10",
        "loss",
        "at",
        *("sync", "float", "sync", "int8"),
        *("async", "float", "async", "int8"),
    ]
    assert len(lines) == 3 and lines[1].startswith("growth") and "30 steps / 15 T" in lines[1]


def test_the_page_holds_table_and_pictures_and_asks_the_network_for_nothing(found: Evaluation) -> None:
    text = page.html(found)
    assert text.count("data:image/png;base64,") == 4 * 4
    assert "http" not in text and "<script" not in text and "growth" in text


def test_two_and_four_seeds_stand_apart_and_each_is_compared_in_its_own_window() -> None:
    rows = evaluate(folder.load("dot"), Options(1, 1, ("seeds",), times=SHORT)).rows
    assert [(row.experiment, row.draws) for row in rows[:2]] == [("seeds 2", 2), ("seeds 4", 4)]
    assert all(row.loss_log10 < -3 for row in rows)
    beside = summary.brief([*rows, *(replace(row, experiment="growth") for row in rows[:1])])
    assert [line[0] for line in beside[:3]] == [summary.GROWTH, "seeds 2 side by side", "seeds 2, above one alone"]
    assert beside[2][2] == {Way("sync", "float"): "+0.00"} and len(beside) == 5
    assert apart(10, 20) == [[(10, 10), (10, 30)], [(5, 10), (5, 30), (15, 10), (15, 30)]]


def test_the_film_shows_two_seeds_that_touch() -> None:
    frames = list(film(Nursery(Subject(folder.load("dot")), 3, 1), Way("sync", "int8")))
    assert len(frames) == 51 and isinstance(frames[0], Frame) and frames[0].states.shape == (76, 76, 16)
    assert (frames[0].states[..., 3] > 0).sum() == 2


def test_a_worm_is_cut_across_into_three_parts_that_share_nothing() -> None:
    target = np.zeros((64, 96, 4), np.float32)
    target[20:44, 6:90] = 1
    masks = [mask for _, mask in thirds(target, (96, 128))]
    assert np.array_equal(np.sum(masks, axis=0), np.ones((96, 128)))
    assert [bool(mask[48, 22]) for mask in masks] == [True, False, False]  # its left end, six px from the edge
    assert all(mask[:, 22:106].sum() == 96 * 28 for mask in masks)


def test_what_becomes_of_a_grid_has_three_names() -> None:
    target = np.ones((4, 4, 4), np.float32)
    grid = np.zeros((12, 12, 16), np.float32)
    assert fate(grid, target) == "died"
    grid[4:8, 4:8] = 1
    assert fate(grid, target) == "holds"
    assert fate(np.ones_like(grid), target) == fate(grid + np.float32(np.inf), target) == "exploded"
    row = measured("growth", Way("sync", "float"), 96, np.stack([grid, grid * 0]), target)
    assert row.fate == {"holds": 1, "died": 1} and "1 died" in summary.cell(row)


def test_damage_and_rotation_have_rows_for_each_cut_and_angle_and_the_brief_table_names_the_worst() -> None:
    assert tuple(range(0, 360, 15)) == ANGLES and EXPERIMENTS["rotation"].pieces == len(ANGLES)
    found = evaluate(folder.load("dot"), Options(1, 4, ("damage",), times=SHORT))
    assert {row.experiment for row in found.rows} == {f"damage {name}" for name in CUTS}
    nursery = Nursery(found.subject, 1, 4, SHORT)
    for way in found.subject.ways:
        for angle in (0, 45, 90, 180, 270):
            rows = [row for row in rotation(nursery, way, ANGLES.index(angle)) if isinstance(row, Row)]
            assert [row.experiment for row in rows] == [f"rotation {angle}"]
            assert rows[0].loss_log10_shift1 < -2.4 or angle == 45
            found.rows += rows
    damage, later, rotated, quarters = summary.brief(found.rows)
    assert damage[:2] == (summary.DAMAGE, "+30 steps / 15 T") and later[1] == "+40 steps / 20 T"
    for way in found.subject.ways:
        assert damage[2][way].endswith(tuple(f"({name})" for name in CUTS))
        assert (
            rotated[2][way].split()[1] in ("(0°)", "(45°)", "(90°)", "(180°)", "(270°)") and quarters[2][way][0] in "+-"
        )
    text = page.html(found)
    assert "<h3>cut lower</h3>" in text and text.count("<h4>async int8</h4>") == len(CUTS)


def test_several_processes_find_the_same_rows_and_pictures_in_the_same_order() -> None:
    alone, together = (
        evaluate(folder.load("dot"), Options(1, 6, ("seeds",), filmed=True, cores=cores, times=FILMED))
        for cores in (1, 2)
    )
    assert alone.rows == together.rows and list(alone.strips) == list(together.strips)
    assert np.array_equal(alone.frames, together.frames) and len(alone.frames) == 6


def test_json_is_one_list_with_the_agreed_keys(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out_html = tmp_path / "dot.html"
    assert planaria(f"evaluate dot --only growth --family int8 --draws 1 --seed 4 --json --html {out_html}") == 0
    out, err = capfd.readouterr()
    rows = json.loads(out)
    assert len(rows) == 8 and all(set(row) == KEYS for row in rows) and "seed 4" in err
    assert out_html.read_text().endswith("</html>")


def test_one_step_and_one_family_can_be_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    assert planaria("evaluate dot --only 1 --draws 1 --seed 4 --step sync --family int8 --json") == 0
    rows = json.loads(capfd.readouterr().out)
    assert [(row["step"], row["engine"], row["at"]) for row in rows] == [
        ("sync", "int8", at) for at in (96, 200, 400, 1000)
    ]


def test_what_is_kept_in_the_results_is_the_table_in_brief(found: Evaluation) -> None:
    lines = evaluations.brief(json.loads(json.dumps([row.to_json() for row in found.rows])))
    assert [list(line) for line in lines] == [["log10 loss", "at", *map(str, found.subject.ways)]] * 2
    assert lines[0]["async int8"] == summary.cell(found.rows[-2])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("evaluate dot --only wings", "wings"),
        ("evaluate dot --only worm", "longer than 40 px"),
        ("evaluate nobody", "no such rule"),
        ("evaluate dot --html no/where/x.html", "does not exist"),
        ("evaluate dot --draws 0", "draws"),
    ],
)
def test_bad_input_is_one_clear_line(line: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert planaria(line) == 2
    assert says in capfd.readouterr().err


def test_a_rule_without_a_picture_or_a_genome(tmp_path: Path) -> None:
    dot = folder.load("dot")
    (tmp_path / "bare.onnx").write_bytes(dot.onnx_bytes())
    with pytest.raises(BadInput, match="target"):
        evaluate(folder.load(tmp_path / "bare.onnx"), Options())
    plain = folder.save(tmp_path / "plain", name="plain", rule=dot.rule(), target=dot.target())
    subject = Subject(plain)
    assert [str(way) for way in subject.ways] == ["sync float", "async float"] and "genome" in subject.missing[0]
    with pytest.raises(BadInput, match="cannot live as async int8: int8 is left out"):
        evaluate(plain, Options(1, ways=(Way("async", "int8"),)))
