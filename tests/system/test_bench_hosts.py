"""What must hold over four hosts holds for a small swarm, as `planaria bench hosts` measures it for a large one."""

from __future__ import annotations

from pathlib import Path

import pytest
from grown import GROWN
from labs import mine, needs_netns

from coordinator.bench.registry import Options, run
from coordinator.lab.tools import NAMESPACES

pytestmark = [pytest.mark.system, needs_netns]


def test_four_hosts_grow_and_heal_whatever_is_lost(runtime_root: Path) -> None:
    before = set(NAMESPACES.glob("planaria-*")) if NAMESPACES.is_dir() else set()
    options = Options(rule="dot", grid=(8, 8), engines=("chip",), interval_s=0.15, seeds=(1,), window_s=5.0)
    rows = {row["what"]: row for row in run("hosts", options)}
    assert list(rows) == [
        *("growth", "coordinator lost", "one host of four lost", "partition of two halves", "all hosts but one lost")
    ]
    parted = rows.pop("partition of two halves")
    assert [name for name, row in rows.items() if not row["held"]] == []
    assert parted["cells_reborn"] == 0 and min(parted["updates_of_each_half"]) > 0, "both halves have lived on"
    assert parted["loss_later"] < GROWN, "and the seam has healed"
    assert rows["coordinator lost"]["cells_reborn"] == 0
    assert rows["one host of four lost"]["cells_lost"] == 16 and rows["all hosts but one lost"]["cells_lost"] == 48
    assert parted["frames_dropped"] > 0
    left = set(NAMESPACES.glob("planaria-*")) - before if NAMESPACES.is_dir() else set()
    assert mine() == [] and not left
