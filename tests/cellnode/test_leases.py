"""A board's place is given back when whoever bridged it is gone, once, and never when nobody held it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cellnode.leases import LOOK_NS, Lease, Leases
from cellnode.runtime import Runtime, try_lock
from firmware_sim.errors import BadInput


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(tmp_path)


def test_a_lease_lapses_when_its_holder_dies_and_that_is_told_once(runtime: Runtime) -> None:
    leases = Leases(runtime)
    lease = Lease(runtime, 7)
    assert leases.lapsed([7], LOOK_NS) == []
    os.close(lease._file)  # as the kernel does, however a process ends
    assert leases.lapsed([7], LOOK_NS + 1) == [], "it looks twice a second"
    assert leases.lapsed([7], 2 * LOOK_NS) == [7]
    assert leases.lapsed([7], 3 * LOOK_NS) == []


def test_a_board_that_nobody_leased_and_one_that_was_given_back_stay_as_they_are(runtime: Runtime) -> None:
    with Lease(runtime, 7):
        pass
    assert Leases(runtime).lapsed([7, 8], LOOK_NS) == []
    assert not runtime.board_lock(8).exists(), "looking makes no file"


def test_one_cell_has_one_bridge(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellnode.leases.TAKE_S", 0.1)
    with Lease(runtime, 7):
        with pytest.raises(BadInput, match="cell 7 is bridged by another process already"):
            Lease(runtime, 7)
        assert try_lock(runtime.board_lock(7)) is None
    with Lease(runtime, 7):
        pass
