"""Error maps of experiments: kept in a byte a cell, averaged over swarms, drawn for each point."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from coordinator.experiment import errormap
from coordinator.experiment.verdict import Judged

ON = np.ones((3, 4), np.bool_)


@dataclass(frozen=True)
class APoint:
    number: int
    label: str


@dataclass(frozen=True)
class Found:
    point: APoint


def judged(*labels: str) -> list[Judged]:
    return cast(list[Judged], [Found(APoint(number, label)) for number, label in enumerate(labels)])


def row(point: int, value: float, on: np.ndarray = ON) -> dict[str, Any]:
    return {"point": point, "error_map": errormap.pack(np.full((3, 4), value), on)}


def test_a_map_comes_back_within_its_step_also_through_json() -> None:
    error = 10.0 ** np.random.default_rng(1).uniform(-3.9, 0.4, (40, 40))
    kept = json.loads(json.dumps(errormap.pack(error, np.ones((40, 40), np.bool_))))
    assert np.abs(np.log10(errormap.unpack(kept) / error)).max() <= 4.5 / 254 / 2 + 1e-9
    assert len(json.dumps(kept)) < 2500


def test_no_error_stays_none_and_a_cell_without_power_is_known() -> None:
    on = ON.copy()
    on[1, 2] = False
    found = errormap.unpack(errormap.pack(np.zeros((3, 4)), on))
    assert np.isnan(found[1, 2]) and np.nansum(found) == 0


def test_the_mean_leaves_out_cells_without_power() -> None:
    off = ON.copy()
    off[0, 0] = False
    found = errormap.mean([row(0, 1.0), row(0, 0.01, off), {"point": 0, "error": "failed"}])
    assert found is not None
    field, dead = found
    assert abs(field[0, 0] - 1.0) < 0.03 and abs(field[2, 2] - 0.505) < 0.02
    assert not dead.any()


def test_each_point_has_its_map_and_of_many_points_a_few_have() -> None:
    page = "".join(errormap.section(judged("10%", "<90%>"), [row(0, 0.0), row(0, 0.0), row(1, 1.0)]))
    assert "10%: mean of 2 swarms, 0 cells off" in page
    assert "&lt;90%&gt;: mean of 1 swarms, 12 cells off" in page
    many = [row(number, 0.1) for number in range(40)]
    assert "".join(errormap.section(judged(*map(str, range(40))), many)).count("<figure>") == errormap.SHOWN


def test_rows_without_maps_have_no_section() -> None:
    assert errormap.section(judged("one"), [{"point": 0}]) == []
    assert errormap.section([], []) == []
