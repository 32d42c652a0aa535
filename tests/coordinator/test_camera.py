"""The camera on a synthetic panel: states, power, broken copies, ages of what was used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from synthetic import FakePanel

from cellnode.panel import Phase
from coordinator.camera import Camera, running_pids
from firmware_sim.errors import RunFailed

EAST, WEST = 4, 3  # slots
T_NS = 1_000


def float_state(value: float) -> np.ndarray:
    return np.full(16, value, "<f4")


def test_float_states_are_seen_as_they_are(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(1, pid=77)
    fake.say(1, 1, float_state(0.75))
    sight = Camera(fake.path, 1, 2, False).look()
    assert sight.states.shape == (1, 2, 16)
    assert sight.states[0, 1, 0] == 0.75 and not sight.states[0, 0].any()
    assert sight.on.tolist() == [False, True] and sight.pids.tolist() == [0, 77] and sight.alive == 1


def test_int8_states_are_seen_in_units_of_value(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 1, values=16)
    fake.start(0, pid=5)
    fake.say(0, 1, np.full(16, -64, np.int8))
    assert Camera(fake.path, 1, 1, False).look().states[0, 0, 3] == -2.0


def test_the_newest_whole_copy_is_shown(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 1)
    fake.start(0, pid=5)
    fake.say(0, 1, float_state(0.25))
    fake.say(0, 2, float_state(0.5))
    assert Camera(fake.path, 1, 1, False).look().states[0, 0, 0] == 0.5


def test_a_copy_that_is_being_written_is_not_shown(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 1)
    fake.start(0, pid=5)
    fake.say(0, 1, float_state(0.25))
    camera = Camera(fake.path, 1, 1, False)
    camera.look()
    fake.say(0, 2, float_state(0.5))
    fake.pages["copies"]["end"][0, int(fake.pages["flip"][0])] = 99
    assert camera.look().states[0, 0, 0] == 0.25, "the other copy is whole"
    fake.pages["copies"]["end"][0] = 98
    assert camera.look().states[0, 0, 0] == 0.25, "no whole copy: the last good one is kept"


def test_a_reaped_cell_goes_dark_and_a_frozen_one_does_not(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    for cell in (0, 1):
        fake.start(cell, pid=5 + cell)
        fake.say(cell, 1, float_state(1.0))
    camera = Camera(fake.path, 1, 2, False)
    camera.look()
    fake.reap(0)
    sight = camera.look()
    assert not sight.states[0, 0].any() and sight.states[0, 1].all()
    assert sight.alive == 1


def test_a_state_that_was_the_newest_when_used_has_age_zero(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5), fake.start(1, pid=6)
    fake.say(0, 4, float_state(1.0), said_at=100)
    fake.say(1, 9, float_state(1.0), said_at=300, used_at=290, used={WEST: 4})
    ages = Camera(fake.path, 1, 2, False).look(T_NS).ages_intervals
    assert ages.tolist() == [0.0]


def test_the_age_of_a_used_state_is_how_long_it_had_been_superseded(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5), fake.start(1, pid=6)
    fake.say(0, 4, float_state(1.0), said_at=100)
    fake.say(0, 5, float_state(1.0), said_at=1100)
    fake.say(0, 6, float_state(1.0), said_at=1400)
    fake.say(1, 9, float_state(1.0), said_at=1700, used_at=1600, used={WEST: 4})
    ages = Camera(fake.path, 1, 2, False).look(T_NS).ages_intervals
    assert ages.tolist() == [0.5], "superseded at 1100, used at 1600, T = 1000"


def test_what_the_sender_said_after_the_use_does_not_age_it(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5), fake.start(1, pid=6)
    fake.say(0, 4, float_state(1.0), said_at=100)
    fake.say(1, 9, float_state(1.0), said_at=700, used_at=600, used={WEST: 4})
    fake.say(0, 5, float_state(1.0), said_at=650)
    assert Camera(fake.path, 1, 2, False).look(T_NS).ages_intervals.tolist() == [0.0]


def test_a_sender_reborn_meanwhile_says_nothing_about_its_former_life(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5, life=2), fake.start(1, pid=6)
    fake.say(0, 6, float_state(1.0), said_at=200)
    fake.say(1, 9, float_state(1.0), said_at=700, used_at=600, used={WEST: 4})
    assert Camera(fake.path, 1, 2, False).look(T_NS).ages_intervals.size == 0


def test_each_update_is_sampled_once(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5), fake.start(1, pid=6)
    fake.say(0, 4, float_state(1.0), said_at=100)
    fake.say(1, 9, float_state(1.0), said_at=700, used_at=600, used={WEST: 4})
    camera = Camera(fake.path, 1, 2, False)
    assert camera.look(T_NS).ages_intervals.size == 1
    assert camera.look(T_NS).ages_intervals.size == 0


def test_an_update_seen_in_a_look_without_ages_is_sampled_in_the_next_with_them(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5), fake.start(1, pid=6)
    fake.say(0, 4, float_state(1.0), said_at=100)
    fake.say(1, 9, float_state(1.0), said_at=700, used_at=600, used={WEST: 4})
    camera = Camera(fake.path, 1, 2, False)
    assert camera.look().ages_intervals.size == 0
    assert camera.look(T_NS).ages_intervals.size == 1


def test_a_cell_reborn_between_two_looks_shows_what_it_says_though_its_numbers_begin_anew(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 1)
    fake.start(0, pid=5)
    fake.say(0, 1, float_state(0.25))
    camera = Camera(fake.path, 1, 1, False)
    camera.look()
    fake.reap(0)
    fake.start(0, pid=6, life=2)
    fake.say(0, 1, float_state(0.5))
    assert camera.look().states[0, 0, 0] == 0.5


@pytest.mark.parametrize("rng_seed", range(8))
def test_a_camera_that_has_looked_all_along_sees_what_a_fresh_one_sees(tmp_path: Path, rng_seed: int) -> None:
    rng, said = np.random.default_rng(rng_seed), np.zeros(12, int)
    fake = FakePanel(tmp_path / "panel", 3, 4, values=16)
    camera = Camera(fake.path, 3, 4, False)
    lives = np.zeros(12, int)
    for _ in range(40):
        for cell in rng.choice(12, 4, replace=False).tolist():
            if not lives[cell] or rng.random() < 0.2:
                fake.reap(cell)
                said[cell], lives[cell] = 0, lives[cell] + 1
                fake.start(cell, pid=100 + cell, life=int(lives[cell]))
            for _ in range(rng.integers(1, 4)):
                said[cell] += 1
                used = {slot: int(rng.integers(0, 9)) for slot in range(8)}
                fake.say(cell, int(said[cell]), rng.integers(-100, 100, 16).astype(np.int8), 10, 10, used)
        if rng.random() < 0.5:
            fake.reap(gone := int(rng.integers(12)))
            lives[gone] += 1
            said[gone] = 0
        if rng.random() < 0.7:
            kept, fresh = camera.look(T_NS), Camera(fake.path, 3, 4, False).look(T_NS)
            shown = fresh.on & (said > 0)  # one that has said nothing yet shows what its place showed before
            for name in ("on", "pids", "phases", "lives", "counters"):
                assert (getattr(kept, name) == getattr(fresh, name)).all(), name
            assert (kept.states.reshape(12, 16)[shown] == fresh.states.reshape(12, 16)[shown]).all()
            assert kept.heard is not None and fresh.heard is not None
            for name in ("said", "incarnations", "sequences"):
                assert (getattr(kept.heard, name)[shown] == getattr(fresh.heard, name)[shown]).all(), name


def test_a_state_older_than_the_ring_counts_as_at_least_as_old_as_its_oldest_entry(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 2)
    fake.start(0, pid=5), fake.start(1, pid=6)
    for sequence in range(1, 101):
        fake.say(0, sequence, float_state(1.0), said_at=sequence * 10)
    fake.say(1, 9, float_state(1.0), said_at=2000, used_at=1500, used={WEST: 4})
    (age,) = Camera(fake.path, 1, 2, False).look(T_NS).ages_intervals
    assert age == pytest.approx((1500 - 370) / T_NS), "the ring holds 37..100"


def test_a_process_counts_when_it_has_bound_an_endpoint_of_its_own(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 4)
    endpoints = tmp_path / "c"
    endpoints.mkdir()
    fake.start(0, pid=5), fake.start(1, pid=6, phase=Phase.BORN), fake.start(2, pid=7), fake.start(3, pid=5)
    for cell in (0, 1, 3):
        (endpoints / str(cell)).touch()
    assert running_pids(Camera(fake.path, 1, 4, False).look(), endpoints) == [5]


def test_a_panel_replaced_by_a_new_agent_is_mapped_anew(tmp_path: Path) -> None:
    fake = FakePanel(tmp_path / "panel", 1, 1)
    camera = Camera(fake.path, 1, 1, False)
    fake.path.unlink()
    assert camera.look().alive == 0
    fresh = FakePanel(tmp_path / "panel", 1, 1, epoch=2)
    fresh.start(0, pid=9)
    assert camera.look().pids.tolist() == [9]


def test_threads_that_share_a_camera_see_a_panel_that_is_replaced_all_the_while(tmp_path: Path) -> None:
    def replace() -> None:
        FakePanel(tmp_path / "next", 8, 8).start(0, pid=5)
        (tmp_path / "next").rename(tmp_path / "panel")

    replace()
    camera = Camera(tmp_path / "panel", 8, 8, False)
    with ThreadPoolExecutor(4) as threads:
        looks = [threads.submit(lambda: [camera.look(T_NS).alive for _ in range(200)]) for _ in range(4)]
        while not all(look.done() for look in looks):
            replace()
    assert {alive for look in looks for alive in look.result()} == {1}


def test_a_file_that_is_no_panel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "panel").write_bytes(bytes(8192))
    with pytest.raises(RunFailed, match="is not a panel"):
        Camera(tmp_path / "panel", 1, 1, False)
