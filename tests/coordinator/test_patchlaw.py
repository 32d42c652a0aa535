"""The benchmark that holds patches to the law of single cells grows a picture, and can tell two laws apart."""

from __future__ import annotations

import pytest

from coordinator.bench import patchlaw
from coordinator.bench.registry import Options

pytest.importorskip("scipy")
OPTIONS = Options(rule="dot", grid=(20, 20), engines=("chip",), seeds=(1, 2, 3, 4))


def test_ticking_patches_and_single_cells_grow_the_same_picture_and_wake_as_often() -> None:
    rows = list(patchlaw.measure(OPTIONS))
    assert [(row["at_T"], row["runs"]) for row in rows] == [(50.0, 4), (100.0, 4), (200.0, 4)]
    assert all(row["median_single"] < -3 and row["median_patches"] < -3 for row in rows)
    assert all(0.8 < row["wakes_ratio"] < 1.25 for row in rows)


def test_patches_that_do_not_hear_each_other_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patchlaw, "PATCH", (3, 3))
    monkeypatch.setattr(patchlaw.Realm, "hear", lambda _realm, _messages: None)
    assert all(row["ks_p"] < 0.05 and row["median_patches"] > -3 for row in patchlaw.measure(OPTIONS))
