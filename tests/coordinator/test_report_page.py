"""The report of a real run in virtual time: all in one file, its tables beside it, to be repeated."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from coordinator import report
from coordinator.cli.main import invoke
from coordinator.report import promises
from coordinator.runfolder import RunFolder
from coordinator.swarm import Swarm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    out = tmp_path_factory.mktemp("report") / "run"
    with Swarm.start("dot", (14, 14), substrate="virtual", engine="native", seed=3, out=out) as swarm:
        swarm.wait_until(50)
        swarm.kill("30%", seed=4)
        swarm.wait(3)
        swarm.revive("dead")
        swarm.wait(47)
    return RunFolder.open(out)


def test_the_page_has_all_its_parts_and_asks_nobody_for_anything(folder: RunFolder) -> None:
    page = (folder.path / "report.html").read_text()
    for title in (
        *("Frames", "Safety and liveness", "Over time", "At the faults", "Lost and back", "Space and time", "Activity"),
        *("Energy", "Numbers", "Events", "To repeat it"),
    ):
        assert f"<h2>{title}</h2>" in page
    assert 'class="band"' in page and "without power" in page
    assert "dead process ids 59" in page
    assert folder.info.rule_sha256 in page and "seed 3" in page
    assert not re.search(r"<(script|link|iframe|object)\b|https?://|src=['\"](?!data:)|href=['\"](?!data:)|url\(", page)


def test_what_must_hold_and_what_must_come_back_is_told_with_what_was_seen(folder: RunFolder) -> None:
    page = (folder.path / "report.html").read_text()
    assert page.count("<td class='pass'>held</td>") == 6
    assert "after the last harm the picture is back within 100 T" in page and "100 T were allowed" in page
    measure = _measured(folder)
    measure["safety"][3] |= {"holds": False, "broken": ["a state is no number: cell <17> (at 4.0 T)"]}
    measure["liveness"]["verdict"] = "unknown"
    found = promises.section(measure)
    assert "<td class='fail'>broken</td><td>a state is no number: cell &lt;17&gt; (at 4.0 T)</td>" in found
    assert "<td class='unknown'>unknown</td>" in found


def test_there_is_a_row_for_each_cell_each_moment_and_each_event(folder: RunFolder) -> None:
    def rows(name: str) -> list[dict[str, str]]:
        with (folder.path / name).open(newline="") as file:
            return list(csv.DictReader(file))

    cells = rows("cells.csv")
    assert len(cells) == 14 * 14
    assert {(int(row["row"]), int(row["column"])) for row in cells} == {(r, c) for r in range(14) for c in range(14)}
    assert sum(int(row["updates"]) for row in cells) == pytest.approx(_measured(folder)["updates"], rel=0.01)
    assert all(float(row["energy_mj"]) == pytest.approx(int(row["computed"]) * 0.3863, rel=0.01) for row in cells)
    assert len(rows("loss.csv")) >= 100
    assert [row["event"] for row in rows("events.csv")][:2] == ["launched", "seed"]


def test_parquet_tables_hold_the_same_where_pyarrow_is_installed(folder: RunFolder) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(folder.path / "cells.parquet")
    assert table.num_rows == 14 * 14 and "squared_error" in table.column_names
    assert parquet.read_table(folder.path / "loss.parquet").num_rows == len(folder.losses())


def test_the_command_of_the_page_does_the_same_again_to_the_byte(folder: RunFolder, tmp_path: Path) -> None:
    words = shlex.split(report.repeat(folder.info, folder.path))
    assert words[:2] == ["planaria", "run"] and str(folder.path / "done.toml") in words
    again = tmp_path / "again"
    assert invoke([*words[1:], "--out", str(again), "--json"]) == 0
    for name in ("cells.csv", "loss.csv"):
        assert _without_cpu(again / name) == _without_cpu(folder.path / name)


def test_a_report_is_made_again_of_a_run_without_maps_or_rule(folder: RunFolder, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("run.json", "state.json", "events.jsonl", "loss.csv"):
        (bare / name).write_bytes((folder.path / name).read_bytes())
    page = report.html(RunFolder.open(bare))
    assert "<h2>Over time</h2>" in page and "<h2>Activity</h2>" not in page


def _measured(folder: RunFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder.path / "measure.json").read_text())
    return found


def _without_cpu(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{key: value for key, value in row.items() if key != "cpu_us"} for row in csv.DictReader(file)]
