"""The table of a host's cells: commands name cells by their numbers, pages of those that begin a life are empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cellnode.celltable import CellTable
from cellnode.messages import Placement, RulePayload
from cellnode.panel import Counter, Phase
from cellnode.runtime import Runtime
from firmware_sim.errors import BadInput

RULE = RulePayload("chip", "ab" * 32, b"", 16, 4, {}, 0.0)
MINE = [5, 2, 9]


@pytest.fixture
def table(tmp_path: Path) -> Iterator[CellTable]:
    runtime = Runtime(tmp_path)
    made = CellTable(Placement("7e57ab1e", 3, 3, 4, False, MINE, RULE, 1, 1, 1_000_000), runtime, 1)
    yield made
    made.close()


def test_cells_are_found_by_number_each_once_in_the_order_of_the_placement(table: CellTable) -> None:
    assert table.indices([9, 5, 9]).tolist() == [0, 2]
    assert table.indices([]).tolist() == []


@pytest.mark.parametrize("stranger", [-1, 0, 11, 12, 1 << 70, -(1 << 70)])
def test_a_cell_of_another_host_or_of_none_is_named(table: CellTable, stranger: int) -> None:
    with pytest.raises(BadInput, match=rf"cells {stranger} are not placed on this host"):
        table.indices([5, stranger, 2])


def test_pages_are_cleared_for_the_next_life_one_or_many(table: CellTable) -> None:
    table.pages["counters"][:, Counter.UPDATES] = 7
    table.pages["phase"] = Phase.LINKED
    table.clear(table.indices([5, 9]))
    assert table.pages["counters"][:, Counter.UPDATES].tolist() == [0, 7, 0]
    assert table.begin_life(1) == 1
    assert table.pages["counters"][:, Counter.UPDATES].tolist() == [0, 0, 0]
    assert table.pages["phase"].tolist() == [Phase.OFF] * 3
    assert table.pages["cell"].tolist() == MINE and table.pages["epoch"].tolist() == [3, 3, 3]
    assert table.pages["life"].tolist() == [0, 1, 0]
