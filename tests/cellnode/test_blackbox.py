"""The black box: what a cell writes of each wake before it speaks, and what an agent that comes late still finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toys import TAG, T, Toy, state, steady

from cellnode import panel
from cellnode.blackbox import RING_ROWS, RecordedPage
from cellnode.cell import Cell
from cellnode.frame import Frame, encode
from cellnode.messages import LinkFault
from cellnode.rings import Rings
from cellnode.rows import WITHIN_SHIFT, Flag

NEVER = (1 << 62) - 1


class Bench:
    """Cell 7 with its page and ring, and the agent's hand on both rings of the host."""

    def __init__(self, where: Path) -> None:
        panel.create(where / "panel", 2, epoch=5, values=16)
        self.rings = Rings(where / "rings", np.array([3, 7]), 16)
        self.page = RecordedPage(where / "panel", 1, 7, 5, 2, where / "rings", 16)
        around = [6, 8] + [-1] * 6
        self.cell = Cell(7, around, TAG, 5, 2, T, Toy("int8"), steady, 0, self.page.counters)

    def wake(self, at_ns: int) -> None:
        assert self.cell.wake(at_ns) is not None
        self.page.show_state(self.cell, at_ns + 5, at_ns)

    def hear(self, sequence: int, at_ns: int, epoch: int = 5) -> bytes:
        values = state(40 + sequence % 50)
        self.cell.receive(encode(Frame(0, TAG, 6, epoch, 1, sequence, 1, values)), at_ns)
        return values


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_wake_is_written_with_all_that_it_used_and_what_came_of_it(bench: Bench) -> None:
    bench.hear(9, 500)
    bench.wake(1000)
    (row,), gaps = bench.rings.fetch(NEVER, 0)
    assert (row["cell"], row["life"], row["sequence"], row["at_ns"]) == (7, 2, 1, 1005)
    assert row["used_sequence"].tolist() == [9] + 7 * [0]
    assert (row["used_epoch"][0], row["used_life"][0]) == (5, 1)
    assert row["state"].tobytes() == bench.cell.state_bytes
    assert row["flags"] == Flag.HELLO | 1 << WITHIN_SHIFT and not len(gaps)
    assert not len(bench.rings.fetch(NEVER, 0)[0]), "fetched once"


def test_a_state_given_from_outside_has_a_row_of_its_own_before_the_wake_that_used_it(bench: Bench) -> None:
    bench.wake(1000)
    bench.cell.seed(state(90), 1500)
    bench.wake(2000)
    bench.cell.erase(2500)
    bench.wake(3000)
    rows, _ = bench.rings.fetch(NEVER, 0)
    flags = [int(row["flags"]) & 0xFF & ~Flag.HELLO for row in rows]
    assert flags == [0, Flag.BEGUN, Flag.SEEDED, Flag.BEGUN, Flag.ERASED]
    assert rows["sequence"].tolist() == [1, 1, 2, 2, 3]
    assert rows["state"][1].tobytes() == state(90) and not rows["state"][3].any()


def test_skipped_arithmetic_and_forgotten_slots_are_marked(bench: Bench) -> None:
    bench.hear(1, 500)
    for wakes in range(1, 12):
        bench.wake(wakes * T)
    rows, _ = bench.rings.fetch(NEVER, 0)
    assert rows["flags"][10] & Flag.FORGOT and not rows["used_sequence"][10].any()
    assert any(row["flags"] & Flag.SKIPPED for row in rows)


def test_rows_that_come_after_the_cut_wait_for_the_next_time(bench: Bench) -> None:
    for at_ns in (1000, 2000, 3000):
        bench.wake(at_ns)
    first, _ = bench.rings.fetch(2005, 0)
    second, gaps = bench.rings.fetch(NEVER, 0)
    assert first["sequence"].tolist() == [1, 2] and second["sequence"].tolist() == [3] and not len(gaps)


def test_a_ring_that_nobody_empties_keeps_the_newest_and_leaves_a_gap_and_a_keyframe(bench: Bench) -> None:
    for wakes in range(1, RING_ROWS + 6):
        bench.wake(wakes * 1000)
    rows, gaps = bench.rings.fetch(NEVER, 99)
    # One more than what was overwritten: the place that the cell would write next is not trusted while it lives.
    assert (gaps["cell"].tolist(), gaps["lost"].tolist(), gaps["at_ns"].tolist()) == ([7], [6], [99])
    assert rows["sequence"].tolist() == list(range(7, RING_ROWS + 6))
    assert [bool(row["flags"] & Flag.AFTER_GAP) for row in rows] == [True] + (len(rows) - 1) * [False]
    bench.wake(10**6)
    (row,), gaps = bench.rings.fetch(NEVER, 0)
    assert not row["flags"] & Flag.AFTER_GAP and not len(gaps)


def test_a_sequence_that_fits_no_row_is_marked_and_the_cell_goes_on(bench: Bench) -> None:
    bench.hear(1 << 40, 500)
    bench.wake(1000)
    bench.hear(3, 1500, epoch=6)
    bench.wake(2000)
    rows, _ = bench.rings.fetch(NEVER, 0)
    assert rows["flags"][0] & Flag.CLIPPED and rows["sequence"].tolist() == [1, 2]


def test_a_page_given_back_does_not_end_the_recording(bench: Bench) -> None:
    bench.page.unmap()
    bench.wake(1000)
    assert len(bench.rings.fetch(NEVER, 0)[0]) == 1


def test_the_next_life_begins_with_an_empty_ring(bench: Bench, tmp_path: Path) -> None:
    bench.wake(1000)
    assert len(bench.rings.fetch(NEVER, 0, 1)[0]) == 1 and not len(bench.rings.fetch(NEVER, 0, 0)[0])
    bench.rings.clear(1)
    page = RecordedPage(tmp_path / "panel", 1, 7, 5, 3, tmp_path / "rings", 16)
    cell = Cell(7, [-1] * 8, TAG, 5, 3, T, Toy("int8"), steady, 0, page.counters)
    cell.wake(5000)
    page.show_state(cell, 5005, 5000)
    (row,), gaps = bench.rings.fetch(NEVER, 0)
    assert (row["life"], row["sequence"]) == (3, 1) and not len(gaps)


def test_a_lie_has_a_row_of_its_own_after_the_state_that_it_hides(bench: Bench) -> None:
    fault = LinkFault(id=1, kind="lie", cells=[7], rng_seed=3, mode="inverted")
    bench.cell.seed(state(90), 500)
    bench.cell.set_faults([fault], 600)
    bench.wake(1000)
    bench.cell.set_faults([], 1500)
    bench.wake(2000)
    rows, _ = bench.rings.fetch(NEVER, 0)
    kinds = [int(row["flags"]) & int(Flag.BEGUN | Flag.LIED) for row in rows]
    assert kinds == [Flag.BEGUN, 0, Flag.LIED, 0]
    assert rows["sequence"].tolist() == [0, 1, 1, 2]
    assert (rows["state"][2].view(np.int8) == -rows["state"][1].view(np.int8)).all() and rows["state"][1].any()
