"""Invariants of one look: a run as it should be breaks none, and each kind of harm is found and its cells named."""

from __future__ import annotations

import numpy as np
import pytest

from cellnode.panel import COUNTERS, Counter
from coordinator import invariants
from coordinator.camera import Sight


def sight(states: np.ndarray | None = None, dead: tuple[int, ...] = ()) -> Sight:
    on = np.ones(9, np.bool_)
    on[list(dead)] = False
    none = np.zeros(9, np.uint32)
    shown = np.full((3, 3, 16), 1.0, np.float32) if states is None else states
    shown.reshape(9, 16)[~on] = 0
    return Sight(
        at_ns=1,
        on=on,
        pids=none,
        phases=none,
        lives=np.ones(9, np.uint64),
        counters=np.zeros((9, COUNTERS), np.uint64),
        states=shown,
        ages_intervals=np.zeros(0),
    )


def totals() -> np.ndarray:
    """Nine healthy cells after 100 wakes."""
    counted = np.zeros((9, COUNTERS), np.uint64)
    for counter, value in {
        Counter.UPDATES: 100,
        Counter.SAID: 100,
        Counter.SKIPPED: 40,
        Counter.HEARD: 300,
        Counter.LIVING_NEIGHBOURS: 700,
        Counter.RECEIVED: 400,
        Counter.DROP_SEQUENCE: 10,
        Counter.HELLOS: 3,
    }.items():
        counted[:, counter] = value
    return counted


def broken(it: Sight, counted: np.ndarray, family: str) -> list[str]:
    found = [*invariants.shown(it, family), *invariants.counted(counted)]
    return [f"{what}: {invariants.named(cells)}" for _, cells, what in found if cells.any()]


def test_a_run_as_it_should_be_breaks_nothing() -> None:
    assert broken(sight(dead=(4,)), totals(), "int8") == []


def test_a_page_read_in_the_middle_of_a_wake_is_no_harm() -> None:
    counted = totals()
    counted[3, Counter.UPDATES] += np.uint64(1)
    assert broken(sight(), counted, "int8") == []


@pytest.mark.parametrize(
    ("counter", "value", "says"),
    [
        (Counter.SAID, 90, "updates and frames said are not as many: cell 7"),
        (Counter.SKIPPED, 200, "more updates were skipped than there were: cell 7"),
        (Counter.HEARD, 5000, "more than eight neighbours were heard in a wake: cell 7"),
        (Counter.DROP_CRC, 500, "more frames were heard and dropped than came: cell 7"),
        (Counter.MISSED_WAKES, 500, "more wakes were missed than there were: cell 7"),
    ],
)
def test_counters_that_do_not_add_up_are_named(counter: Counter, value: int, says: str) -> None:
    counted = totals()
    counted[7, counter] = value
    assert says in broken(sight(), counted, "int8")


@pytest.mark.parametrize(
    ("value", "family", "says"),
    [
        (np.nan, "float", "a state is no number: cell 2"),
        (5.0, "int8", "a state is out of its range: cell 2"),
    ],
)
def test_states_that_no_cell_may_have_are_named(value: float, family: str, says: str) -> None:
    it = sight()
    it.states.reshape(9, 16)[2, 5] = value
    assert says in broken(it, totals(), family)


def test_many_cells_are_counted_not_listed() -> None:
    counted = totals()
    counted[:, Counter.SAID] = 0
    assert broken(sight(), counted, "int8") == [
        "updates and frames said are not as many: cell 0, 1, 2, 3, 4 and 4 more",
        "more hellos were said than frames: cell 0, 1, 2, 3, 4 and 4 more",
    ]
