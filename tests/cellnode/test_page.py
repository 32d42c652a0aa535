"""A cell's page as a camera sees it, and the cell that has given it back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from toys import TAG, T, Toy

from cellnode import draws, panel
from cellnode.cell import Cell
from cellnode.page import Page
from cellnode.panel import RING, Counter, Phase

SEED = np.ones(16, np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    panel.create(tmp_path / "panel", 3, epoch=5, values=64)
    return tmp_path / "panel"


def seen(path: Path, index: int = 1) -> NDArray[Any]:
    """One page as the camera reads it, a record."""
    mapping, header, pages = panel.map_all(path, writable=False)
    record: NDArray[Any] = pages[index].copy()
    del header, pages
    mapping.close()
    return record


def living_cell(page: Page) -> Cell:
    cell = Cell(7, [6, 8] + [-1] * 6, TAG, 5, 2, T, Toy("float"), draws.clock(1, 7, 5, 2), 0, page.counters)
    cell.seed(SEED, 0)
    return cell


def wake(cell: Cell, page: Page, now_ns: int) -> None:
    assert cell.wake(now_ns) is not None
    page.show_state(cell, now_ns + 5, now_ns)


def test_a_newborn_says_who_it_is(path: Path) -> None:
    Page(path, 1, cell=7, epoch=5, life=2)
    page = seen(path)
    assert [int(page[name]) for name in ("cell", "pid", "epoch", "life")] == [7, os.getpid(), 5, 2]
    assert page["phase"] == Phase.BORN
    assert seen(path, 0)["pid"] == seen(path, 2)["pid"] == 0, "it writes to no other page"


def test_what_is_said_is_shown_with_its_times_and_counters(path: Path) -> None:
    page = Page(path, 1, 7, 5, 2)
    cell = living_cell(page)
    wake(cell, page, 1000)
    record = seen(path)
    copy = record["copies"][record["flip"]]
    assert copy["begin"] == copy["end"] == copy["sequence"] == 1
    assert (copy["said_at_ns"], copy["used_at_ns"]) == (1005, 1000)
    assert copy["state"].tobytes() == cell.state_bytes
    assert record["say_times"][1 % RING] == 1005
    assert record["counters"][Counter.SAID] == 1
    assert record["counters"][Counter.SEEDED] == 1


def test_a_reader_always_finds_the_last_whole_copy_while_the_other_is_written(path: Path) -> None:
    page = Page(path, 1, 7, 5, 2)
    cell = living_cell(page)
    wake(cell, page, 1000)
    first = seen(path)
    wake(cell, page, 2000)
    second = seen(path)
    assert first["flip"] != second["flip"]
    assert second["copies"][first["flip"]] == first["copies"][first["flip"]], "the last one is left alone"


def test_say_times_are_a_ring(path: Path) -> None:
    page = Page(path, 1, 7, 5, 2)
    cell = living_cell(page)
    for wakes in range(1, RING + 3):
        wake(cell, page, wakes * 1000)
    times = seen(path)["say_times"]
    assert times[(RING + 2) % RING] == (RING + 2) * 1000 + 5
    assert times[3 % RING] == 3005, "the last RING of them are kept"


def test_a_page_given_back_is_written_no_more_and_the_cell_cannot_tell(path: Path) -> None:
    page = Page(path, 1, 7, 5, 2)
    twin_page = Page(path, 2, 7, 5, 2)
    cell, twin = living_cell(page), living_cell(twin_page)
    page.unmap()
    page.unmap()
    before = seen(path)
    for wakes in range(1, 5):
        wake(cell, page, wakes * 1000)
        twin.wake(wakes * 1000)
        page.show_phase(Phase.LINKED)
        page.show_version(wakes)
    assert seen(path) == before
    assert not page.mapped
    assert page.paused is None
    assert cell.state_bytes == twin.state_bytes
    assert page.counters == twin_page.counters


def test_a_page_taken_again_shows_what_has_happened_meanwhile(path: Path) -> None:
    page = Page(path, 1, 7, 5, 2)
    cell = living_cell(page)
    page.unmap()
    wake(cell, page, 1000)
    page.show_version(9)
    page.show_phase(Phase.LINKED)
    page.map()
    record = seen(path)
    assert record["wanted_version"] == 9
    assert record["phase"] == Phase.LINKED
    assert record["copies"][record["flip"]]["sequence"] == 1


def test_the_word_that_pauses_all_clocks_is_read_from_the_header(path: Path) -> None:
    page = Page(path, 1, 7, 5, 2)
    assert page.paused is False
    mapping, header, pages = panel.map_all(path, writable=True)
    header["paused"] = 1
    assert page.paused is True
    del header, pages
    mapping.close()
