"""The page of the standard experiments: tables and figures say what the kept results say."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coordinator.cli.experiment import STANDARD
from coordinator.experiment import spec
from tools import experiment_page
from tools.experiment_figures import Map, Series, maps, shares

SVG = "{http://www.w3.org/2000/svg}"


def point(value: Any, recovered: int, of: int) -> dict[str, Any]:
    return {
        "$share": value,
        "replicates": of,
        "failed": 1,
        "recovered": recovered,
        "recovered_interval": [0.6, 0.95],
        "fates": {"self-healed": recovered, "dead": of - recovered},
        "loss_log10": -3.0,
        "recovery_T_median": 12.0,
    }


def kept() -> dict[str, Any]:
    return {
        "name": "crash",
        "about": "How many may fall?",
        "seed": 1,
        "watch_T": 100,
        "hypothesis": {"measure": "recovered", "at_least": 0.8},
        "rules": {
            "lizard": {"points": [point("10%", 17, 20), point("50%", 3, 20)]},
            "lizard-hardened": {"points": [point("10%", 5, 5)]},
        },
    }


def test_a_chart_has_a_dot_and_an_interval_for_each_share_that_is_known() -> None:
    text = shares(["a", "b"], [Series("one", [0.5, None], [(0.2, 0.8), None])], "what", 0.8, ordered=True)
    root = ET.fromstring(text)
    *dots, _legend = root.findall(f"{SVG}circle")
    assert len(dots) == 1
    (low,) = [line for line in root.findall(f"{SVG}line") if line.get("stroke-width") == "2"]
    assert float(low.get("y1", "0")) > float(dots[0].get("cy", "0")) > float(low.get("y2", "0"))


def test_a_map_has_a_square_for_each_place_and_the_worst_is_the_brightest() -> None:
    text = maps([Map("one", {(1, 1): -4.0, (1, 4): -1.0, (4, 1): None}, np.ones((6, 6), np.bool_))], block=3)
    squares = {
        square[0].text: square.get("fill", "") for square in ET.fromstring(text).iter(f"{SVG}rect") if len(square)
    }
    assert set(squares) == {"1,1: -4.00", "1,4: -1.00"}
    assert int(squares["1,4: -1.00"][1:3], 16) > int(squares["1,1: -4.00"][1:3], 16)


def test_the_page_is_filled_between_its_marks_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in (("RESULTS", "results"), ("PICTURES", "pictures"), ("PAGE", "page.md")):
        monkeypatch.setattr(experiment_page, name, tmp_path / place)
    (tmp_path / "results").mkdir()
    text = experiment_page.written(kept())
    assert json.loads(text) == kept() and text.count('{"$share"') == 3, "a point a line"
    (tmp_path / "results" / "crash.json").write_text(text)
    page = "before\n<!-- results: crash -->\nold\n<!-- end of results -->\nafter\n"
    (tmp_path / "page.md").write_text(page)
    for _ in range(2):
        experiment_page.write()
        filled = (tmp_path / "page.md").read_text()
        assert filled.startswith("before\n") and filled.endswith("after\n") and "old" not in filled
    assert "17 of 20 (60 to 95 %): 17 self-healed, 3 dead; median 12 T; 1 failed" in filled
    assert "planaria experiment crash --rule lizard-hardened --replicates 6" in filled, "the failed were run, too"
    assert (tmp_path / "pictures" / "crash.svg").is_file()


def test_every_result_that_the_page_shows_is_of_a_standard_experiment_as_it_is_today() -> None:
    for name in re.findall(r"<!-- results: ([\w-]+) -->", experiment_page.PAGE.read_text()):
        found = json.loads((experiment_page.RESULTS / f"{name}.json").read_text())
        experiment = spec.load(STANDARD / f"{name}.toml")
        wanted = [{f"${key}": value for key, value in each.values.items()} for each in experiment.points()]
        for rule in found["rules"].values():
            shown = [{key: value for key, value in row.items() if key.startswith("$")} for row in rule["points"]]
            assert [row for row in wanted if row in shown] == shown
        assert found["about"] == experiment.document.about
