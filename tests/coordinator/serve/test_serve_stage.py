"""Frames: exact bytes, only what changed, the same bytes for all viewers in step, and nothing lost by one who lags."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellnode.panel import COUNTERS, Counter, Phase
from coordinator.camera import Sight
from coordinator.serve import wire
from coordinator.serve.stage import Stage
from coordinator.serve.viewer import NOTES_KEPT, WINDOW, Viewer
from firmware_sim.energy import HEARD_BYTES, SAID_BYTES, WAKE_BYTES
from firmware_sim.limits import CHANNELS

CELLS = 12


def sight(states: np.ndarray | None = None, **changes: object) -> Sight:
    counters = np.zeros((CELLS, COUNTERS), np.uint64)
    values: dict[str, object] = {
        "at_ns": 0,
        "on": np.ones(CELLS, np.bool_),
        "pids": np.arange(1, CELLS + 1, dtype=np.uint32),
        "phases": np.full(CELLS, Phase.LINKED, np.uint32),
        "lives": np.full(CELLS, (1 << 32) | 1, np.uint64),
        "counters": counters,
        "states": np.zeros((3, 4, CHANNELS), np.float32) if states is None else states,
        "ages_intervals": np.zeros(0),
    }
    return Sight(**{**values, **changes})  # type: ignore[arg-type]


def lit(cell: int, value: float) -> np.ndarray:
    states = np.zeros((3, 4, CHANNELS), np.float32)
    states.reshape(CELLS, CHANNELS)[cell] = value
    return states


def test_the_first_frame_holds_every_cell() -> None:
    stage = Stage(CELLS, 1)
    assert stage.take(sight(), 0.0, False)
    head, chosen, _ = wire.decode(stage.since(0))
    assert (head.number, head.base, head.count) == (1, 0, CELLS)
    assert chosen.tolist() == list(range(CELLS))


def test_a_frame_holds_only_the_cells_that_changed() -> None:
    stage = Stage(CELLS, 1)
    stage.take(sight(), 0.0, False)
    stage.take(sight(lit(7, -1.25)), 0.5, False)
    head, chosen, cells = wire.decode(stage.since(1))
    assert (head.number, head.base, head.t) == (2, 1, 0.5)
    assert chosen.tolist() == [7]
    assert (cells.values[0] * wire.UNITS[1]).tolist() == [-1.25] * CHANNELS


def test_nothing_new_is_no_frame() -> None:
    stage = Stage(CELLS, 1)
    stage.take(sight(), 0.0, False)
    assert not stage.take(sight(), 1.0, False)
    assert stage.number == 1


def test_viewers_in_step_share_one_encoding() -> None:
    stage = Stage(CELLS, 1)
    stage.take(sight(), 0.0, False)
    stage.take(sight(lit(3, 1.0)), 0.0, False)
    frames = [stage.since(1) for _ in range(50)]
    assert all(frame is frames[0] for frame in frames)
    assert stage.encodings == 1


def test_one_who_lags_gets_all_that_changed_meanwhile_in_one_frame() -> None:
    stage = Stage(CELLS, 1)
    for number in range(1, 6):
        stage.take(sight(lit(number, 1.0)), float(number), False)
    _, chosen, _ = wire.decode(stage.since(2))
    assert chosen.tolist() == [2, 3, 4, 5], "cell 2 went dark again in frame 3"


def test_a_base_that_is_no_frame_of_ours_means_everything() -> None:
    stage = Stage(CELLS, 1)
    stage.take(sight(), 0.0, False)
    assert wire.decode(stage.since(99))[0].base == 0


def test_a_dead_cell_shows_no_state_and_its_next_life_another_incarnation() -> None:
    stage = Stage(CELLS, 1)
    on, phases = np.ones(CELLS, np.bool_), np.full(CELLS, Phase.LINKED, np.uint32)
    on[4], phases[4] = False, Phase.OFF
    stage.take(sight(lit(4, 1.0)), 0.0, False)
    stage.take(sight(lit(4, 1.0), on=on, phases=phases), 0.0, False)
    _, chosen, cells = wire.decode(stage.since(1))
    assert chosen.tolist() == [4]
    assert not cells.values.any()
    assert cells.phases.tolist() == [Phase.OFF]
    lives = np.full(CELLS, (1 << 32) | 1, np.uint64)
    lives[4] = (3 << 32) | 7
    stage.take(sight(lives=lives), 0.0, False)
    _, _, cells = wire.decode(stage.since(2))
    assert (cells.epochs.tolist(), cells.lives.tolist()) == ([3], [7])


def test_a_cell_shows_the_oldest_state_it_used_until_it_updates_again() -> None:
    stage = Stage(CELLS, 1)
    ages = {"ages_intervals": np.array([0.0, 0.25, 0.1]), "age_cells": np.array([2, 2, 5])}
    stage.take(sight(**ages), 0.0, False)
    assert wire.decode(stage.since(0))[2].ages[[2, 5, 0]].tolist() == [25, 10, wire.AGE_UNKNOWN]
    stage.take(sight(lit(1, 1.0)), 0.0, False)
    assert wire.decode(stage.since(0))[2].ages[[2, 5]].tolist() == [25, 10]


def test_what_energy_goes_with_is_counted_updates_that_computed_and_bytes_on_the_line() -> None:
    stage = Stage(CELLS, 1)
    counters = np.zeros((CELLS, COUNTERS), np.uint64)
    counters[6, [Counter.UPDATES, Counter.SKIPPED, Counter.SAID, Counter.HEARD]] = 10, 4, 3, 20
    stage.take(sight(counters=counters), 0.0, False)
    cells = wire.decode(stage.since(0))[2]
    assert cells.computed.tolist() == [0] * 6 + [6] + [0] * 5, "skipped ones computed nothing"
    assert cells.line[6] == 10 * WAKE_BYTES + 3 * SAID_BYTES + 20 * HEARD_BYTES
    assert cells.line[5] == 0


@pytest.mark.parametrize("rng_seed", range(5))
def test_a_stage_that_has_seen_much_shows_what_a_fresh_one_shows(rng_seed: int) -> None:
    rng, stage = np.random.default_rng(rng_seed), Stage(CELLS, 1)
    counters, states = np.zeros((CELLS, COUNTERS), np.uint64), np.zeros((3, 4, CHANNELS), np.float32)
    for moment in range(30):
        some = rng.choice(CELLS, 3, replace=False)
        counters, states = counters.copy(), states.copy()
        counters[some] += rng.integers(0, 1 << 33, (3, COUNTERS), dtype=np.uint64)
        counters[rng.integers(CELLS)] = 0  # a new life
        states.reshape(CELLS, CHANNELS)[some] = rng.integers(-128, 128, (3, CHANNELS)) / 32
        now = sight(states, counters=counters, on=rng.random(CELLS) < 0.9)
        stage.take(now, float(moment), False)
        fresh = Stage(CELLS, 1)
        fresh.take(now, float(moment), False)
        for name in ("lives", "epochs", "updates", "computed", "line", "values", "phases"):
            assert (getattr(stage.cells, name) == getattr(fresh.cells, name)).all(), name


def test_a_sleeping_cell_is_marked() -> None:
    stage = Stage(CELLS, 1)
    counters = np.zeros((CELLS, COUNTERS), np.uint64)
    counters[6, Counter.SLEEPING] = 1
    stage.take(sight(counters=counters), 0.0, False)
    phases = wire.decode(stage.since(0))[2].phases
    assert phases[6] == Phase.LINKED | wire.SLEEPING
    assert phases[5] == Phase.LINKED


@given(st.lists(st.floats(-40, 40, width=32), min_size=CHANNELS, max_size=CHANNELS))
def test_float_states_come_within_half_a_step_and_are_clipped(values: list[float]) -> None:
    stage = Stage(CELLS, 2)
    states = np.zeros((3, 4, CHANNELS), np.float32)
    states[0, 0] = values
    stage.take(sight(states), 0.0, False)
    shown = wire.decode(stage.since(0))[2].values[0] * wire.UNITS[2]
    assert np.abs(shown - np.clip(states[0, 0], -32, 32)).max() <= wire.UNITS[2]


def test_every_int8_state_is_shown_exactly() -> None:
    stage = Stage(256, 1)
    steps = np.repeat(np.arange(-128, 128, dtype=np.float32)[:, None], CHANNELS, axis=1)
    whole = sight(
        steps.reshape(16, 16, CHANNELS) / 32,
        on=np.ones(256, np.bool_),
        phases=np.full(256, Phase.LINKED, np.uint32),
        lives=np.ones(256, np.uint64),
        counters=np.zeros((256, COUNTERS), np.uint64),
    )
    stage.take(whole, 0.0, False)
    assert np.array_equal(wire.decode(stage.since(0))[2].values, steps.astype(np.int8))


@given(st.binary(max_size=200))
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"frame"):
        wire.decode(data)


def test_a_viewer_has_at_most_two_frames_on_the_way_and_then_gets_the_newest() -> None:
    viewer = Viewer()
    assert viewer.next_base(1) == 0
    viewer.sent(1)
    assert viewer.next_base(1) is None, "it has the newest"
    assert viewer.next_base(2) == 1
    viewer.sent(2)
    assert viewer.next_base(9) is None, f"{WINDOW} are on the way"
    viewer.seen(2)
    assert viewer.next_base(9) == 2, "what it missed since the last it was sent, in one"


def test_only_the_newest_numbers_wait_but_every_event_does() -> None:
    viewer = Viewer()
    for number in range(3):
        viewer.tell(f"event {number}")
        viewer.tell_latest("numbers", f"numbers {number}")
    assert viewer.notes() == ["event 0", "event 1", "event 2", "numbers 2"]
    assert viewer.notes() == []


def test_a_viewer_that_never_reads_holds_a_bounded_number_of_notes() -> None:
    viewer = Viewer()
    for number in range(NOTES_KEPT + 10):
        viewer.tell(str(number))
    assert viewer.notes() == [str(number) for number in range(10, NOTES_KEPT + 10)]
