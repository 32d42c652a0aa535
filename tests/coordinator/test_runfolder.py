"""The run folder: nothing overwritten, everything needed to repeat a run, state that survives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.runfolder import RunFolder, RunInfo, RunState
from coordinator.store import Store
from firmware_sim.errors import BadInput


def info(**changes: object) -> RunInfo:
    values: dict[str, object] = {
        "run": "00c0ffee",
        "rule": "dot",
        "rule_sha256": "ab" * 32,
        "substrate": "virtual",
        "engine": "chip",
        "height": 6,
        "width": 7,
        "torus": False,
        "degrees": 0.0,
        "interval_s": 0.5,
        "rng_seed": 3,
        "command": ["planaria", "run", "dot"],
        "started": "2026-01-01T00:00:00+0000",
        "runtime": "",
        "versions": {"python": "3.11"},
    }
    return RunInfo(**{**values, **changes})  # type: ignore[arg-type]


def rule_source(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "rule.json").write_text("{}")
    return source


def create(tmp_path: Path, out: Path | None = None) -> RunFolder:
    return RunFolder.create(out, info(), rule_source(tmp_path), tmp_path / "runs")


def test_a_run_has_a_folder_by_rule_and_time_and_latest_points_to_it(tmp_path: Path) -> None:
    folder = create(tmp_path)
    assert folder.path.parent == tmp_path / "runs" / "dot"
    assert (tmp_path / "runs" / "dot" / "latest").resolve() == folder.path.resolve()


def test_two_runs_in_the_same_second_have_two_folders(tmp_path: Path) -> None:
    source = rule_source(tmp_path)
    one = RunFolder.create(None, info(), source, tmp_path / "runs")
    two = RunFolder.create(None, info(), source, tmp_path / "runs")
    assert one.path != two.path
    assert (tmp_path / "runs" / "dot" / "latest").resolve() == two.path.resolve()


def test_what_is_needed_to_repeat_a_run_is_in_it(tmp_path: Path) -> None:
    folder = create(tmp_path)
    assert RunFolder.open(folder.path).info == info()
    assert (folder.path / "rule" / "rule.json").read_text() == "{}"


def test_an_existing_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "precious").write_text("x")
    with pytest.raises(BadInput, match="exists and is not empty"):
        create(tmp_path, out)
    assert [path.name for path in out.iterdir()] == ["precious"]


def test_an_empty_folder_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert create(tmp_path, tmp_path / "mine").info.run == "00c0ffee"


def test_a_folder_that_is_no_run_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run folder"):
        RunFolder.open(tmp_path)


def test_epochs_are_stored_before_they_are_used(tmp_path: Path) -> None:
    folder = create(tmp_path)
    store = Store(folder)
    assert store.next_placement_epoch() == 1
    assert folder.state().placement_epoch == 1
    assert Store(folder).next_placement_epoch() == 2, "a successor never gives an epoch twice"
    assert store.next_coordinator_epoch(above=41) == 42


def test_state_is_replaced_whole(tmp_path: Path) -> None:
    folder = create(tmp_path)
    folder.write_state(RunState(zero_ns=5, off=[1, 2]))
    assert folder.state().off == [1, 2]
    assert not [path for path in folder.path.iterdir() if path.name.startswith(".")]


def test_events_are_lines_and_a_line_cut_off_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    folder = create(tmp_path)
    folder.event("kill", 1.5, cells=[1, 2])
    with (folder.path / "events.jsonl").open("a") as file:
        file.write('{"event": "ki')
    (event,) = folder.events()
    assert event["event"] == "kill" and event["t"] == 1.5 and event["cells"] == [1, 2]


def test_losses_are_rows_and_a_missing_target_leaves_holes(tmp_path: Path) -> None:
    folder = create(tmp_path)
    folder.loss_row(t=0.0, loss_log10=-1.5, loss_log10_shift1=-1.6, gain_log10=0.0, alive=36, living=1)
    folder.loss_row(t=1.0, loss_log10=None, loss_log10_shift1=None, gain_log10=None, alive=36, living=9)
    assert [row["loss_log10"] for row in folder.losses()] == [-1.5, None]
    assert folder.losses()[1]["living"] == 9


def test_a_state_file_that_is_broken_is_one_line(tmp_path: Path) -> None:
    folder = create(tmp_path)
    (folder.path / "state.json").write_text(json.dumps({"coordinator_epoch": "high"}))
    with pytest.raises(BadInput, match=r"state\.json cannot be read: .*coordinator_epoch"):
        folder.state()
