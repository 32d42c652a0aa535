"""`planaria bench patches --long`: which grids on how many hosts at which T, without measuring any."""

from __future__ import annotations

import pytest

from coordinator import capacity
from coordinator.bench import patches
from coordinator.bench.registry import Options, Row
from firmware_sim.errors import BadInput

Rungs = list[tuple[int, int, float]]  # side, hosts (0: no agents of hosts), T


@pytest.fixture
def rungs(monkeypatch: pytest.MonkeyPatch) -> Rungs:
    """What was asked for; on four hosts a cell costs half as much again."""
    asked: Rungs = []

    def row(_options: Options, side: int, _width: int, _patch: object, interval_s: float, hosts: int) -> Row:
        asked.append((side, hosts, interval_s))
        return {"cell_us_per_update": 6.0 if hosts else 4.0}

    monkeypatch.setattr(patches, "_row", row)
    return asked


def climbed(**wishes: object) -> list[Row]:
    return list(patches.measure(Options(long=True, interval_s=1.0, large=(512, 512), **wishes)))  # type: ignore[arg-type]


def test_the_ladder_is_climbed_on_one_host_and_then_on_four(rungs: Rungs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "check_patches", lambda *_: None)
    rows = climbed()
    assert rungs == [(side, hosts, t) for hosts in (0, 4) for side, t in ((64, 1.0), (256, 2.0), (512, 8.0))]
    assert [row.get("to_one_host") for row in rows] == [None] * 3 + [1.5] * 3


def test_a_rung_alone_is_measured_at_the_t_that_was_asked_for(rungs: Rungs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "check_patches", lambda *_: None)
    climbed(alone=True, hosts=(1, 2))
    assert rungs == [(512, 0, 1.0), (512, 2, 1.0)]


def test_what_this_machine_has_no_room_for_is_left_out_and_said(rungs: Rungs, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(cells: int, *_: object) -> None:
        if cells > 300_000:
            raise BadInput("no room")

    monkeypatch.setattr(capacity, "check_patches", check)
    lines: list[str] = []
    climbed(alone=True, say=lines.append)
    assert rungs == [(512, 0, 1.0)]
    assert lines == ["512x512 on 4 hosts is left out: no room"], "their coordinator has a second panel"


def test_machines_of_a_cluster_are_not_judged_by_this_one(rungs: Rungs, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(*_: object) -> None:
        raise BadInput("no room")

    monkeypatch.setattr(capacity, "check_patches", check)
    climbed(alone=True, hosts=(4,), launch="ray")
    assert rungs == [(512, 4, 1.0)]
