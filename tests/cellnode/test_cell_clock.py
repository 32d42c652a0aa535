"""When a cell wakes, what it says, and when it rests: sleep, fixed points, hello, pokes. Time is injected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toys import TAG, Constant, Fading, FakeLink, T, Toy, cell, state, steady

from cellnode.cell import Cell
from cellnode.draws import clock
from cellnode.frame import Frame, decode, encode
from cellnode.panel import Counter
from firmware_sim.errors import BadInput

ALIVE, ZERO = state(60), state(0)


def frame(**changes: Any) -> bytes:
    base = Frame(flags=0, tag=TAG, cell=1, epoch=1, life=1, sequence=1, next_within=1, values=ALIVE)
    return encode(base._replace(**changes))


def said(data: bytes | None) -> Frame:
    assert data is not None
    decoded = decode(data, TAG)
    assert isinstance(decoded, Frame)
    return decoded


def run(it: Cell, wakes: int = 1) -> list[Frame]:
    """Let the cell wake so often, each time when it is due."""
    frames = []
    for _ in range(wakes):
        assert it.next_wake_ns is not None, "it sleeps"
        frames.append(said(it.wake(it.next_wake_ns)))
    return frames


def greeted(engine: Toy, values: bytes = ZERO, **settings: Any) -> Cell:
    """A cell that has heard all eight neighbours, so that its hello is over."""
    it = cell(engine=engine, **settings)
    for speaker in it.mailbox.neighbours:
        it.receive(frame(cell=speaker, values=values), 0)
    return it


def stretched() -> Cell:
    """A living cell at its fixed point that says it will speak again within 4 T."""
    it = greeted(Constant("int8"))
    it.seed(ALIVE, 0)
    run(it, 3)
    assert it.next_within == 4
    return it


def sleeping() -> Cell:
    it = greeted(Toy("int8"))
    run(it, 3)
    assert it.asleep
    return it


# ---- waking and saying


def test_a_wake_says_the_whole_state_once_and_sets_the_next_wake() -> None:
    it = cell(engine=Toy("int8"), epoch=3, life=9)
    it.seed(ALIVE, 0)
    (word,) = run(it)
    assert word == Frame(1, TAG, 4, 3, 9, 1, 1, it.state_bytes)
    assert it.next_wake_ns == 2 * T
    assert run(it)[0].sequence == 2
    assert it.counters[Counter.SAID] == it.counters[Counter.UPDATES] == 2


def test_wakes_follow_the_interval_source_draw_by_draw() -> None:
    intervals = clock(1, 4, 1, 1)
    it = cell(intervals=intervals, born_ns=500, engine=Constant("int8"))
    expected = 500 + intervals(0, T)
    assert it.next_wake_ns == expected
    run(it)
    assert it.next_wake_ns == expected + intervals(1, T)


def test_the_core_is_asked_once_a_wake_with_the_block_as_it_was_heard() -> None:
    engine = Toy("int8")
    it = cell(engine=engine)
    it.receive(frame(), 0)
    run(it)
    assert engine.calls == 1
    expected = Toy("int8").update(np.where(np.arange(9)[:, None] == 1, np.frombuffer(ALIVE, np.int8), 0)[None])
    assert it.state.tolist() == expected[0].tolist()


def test_a_float_state_that_overflowed_is_dead() -> None:
    class Exploding(Toy):
        def update(self, neighbourhood: Any) -> Any:
            return np.full((1, 16), np.inf, np.float32)

    it = cell(engine=Exploding("float"))
    it.seed(state(1.0, family="float"), 0)
    assert run(it)[0].values == bytes(64)


# ---- silence means zero


def test_a_cell_that_became_zero_says_so_at_three_wakes_and_sleeps() -> None:
    it = greeted(Fading("int8"))
    it.seed(state(11), 0)
    words = run(it, 4)  # 7, dies, zero, zero
    assert [any(word.values) for word in words] == [True, False, False, False]
    assert it.asleep
    assert it.counters[Counter.SLEEPING] == 1
    assert it.wake(100 * T) is None, "asleep it says nothing, whoever asks"


def test_a_sleeper_listens_and_wakes_only_for_something_alive() -> None:
    it = sleeping()
    assert it.listening
    it.receive(frame(sequence=2, values=state(3)), 50 * T)
    assert it.asleep, "alpha 3/32 is below the threshold"
    it.receive(frame(sequence=3, values=state(4)), 51 * T)
    assert it.next_wake_ns == 52 * T, "its clock runs again from the moment of hearing"
    assert it.counters[Counter.WOKEN] == 1
    assert it.counters[Counter.SLEEPING] == 0
    assert not it.listening


def test_a_float_sleeper_has_the_articles_threshold() -> None:
    it = greeted(Toy("float"), values=bytes(64))
    run(it, 3)
    assert it.asleep
    it.receive(frame(sequence=2, values=state(float(np.float32(0.1)), family="float")), 50 * T)
    assert it.asleep
    above = float(np.nextafter(np.float32(0.1), np.float32(1)))
    it.receive(frame(sequence=3, values=state(above, family="float")), 50 * T)
    assert not it.asleep


def test_a_zero_cell_beside_something_alive_does_not_sleep() -> None:
    it = greeted(Fading("int8"))
    it.receive(frame(sequence=2), 1)
    run(it, 4)
    assert not it.asleep, "it may have to grow"


def test_a_seed_wakes_a_sleeper() -> None:
    it = sleeping()
    it.seed(ALIVE, 70 * T)
    assert it.next_wake_ns == 71 * T
    assert it.state.tolist() == list(np.frombuffer(ALIVE, np.int8))
    assert it.counters[Counter.SEEDED] == 1


def test_speech_of_something_dead_does_not_keep_a_cell_awake() -> None:
    it = greeted(Toy("int8"))
    for sequence in range(2, 5):
        it.receive(frame(sequence=sequence, values=state(0, 9)), it.next_wake_ns or 0)
        run(it)
    assert it.asleep


# ---- fixed points


def test_a_proven_fixed_point_skips_the_arithmetic_and_doubles_up_to_four() -> None:
    engine = Constant("int8")
    it = greeted(engine)
    it.seed(ALIVE, 0)
    words = run(it, 5)
    assert [word.next_within for word in words] == [1, 2, 4, 4, 4]
    assert engine.calls == 1
    assert it.counters[Counter.SKIPPED] == 4
    assert it.counters[Counter.UPDATES] == 5
    assert {word.values for word in words} == {ALIVE}, "it still says its full state"
    assert it.next_wake_ns == T + (1 + 2 + 4 + 4 + 4) * T


def test_an_unchanged_repetition_keeps_the_fixed_point() -> None:
    it = stretched()
    due = it.next_wake_ns
    it.receive(frame(sequence=2, values=ZERO), 5 * T)
    assert it.next_wake_ns == due
    assert run(it)[0].next_within == 4


def test_any_changed_state_brings_a_stretched_cell_back_to_one() -> None:
    it = stretched()
    assert it.listening
    it.receive(frame(sequence=2, values=state(0, 1)), 5 * T)
    assert it.next_within == 1
    assert it.next_wake_ns == 6 * T, "drawn anew from the moment of hearing"
    calls = it.counters[Counter.SKIPPED]
    assert run(it)[0].next_within == 1
    assert it.counters[Counter.SKIPPED] == calls, "and it computes"


def test_a_forgotten_neighbour_is_a_change() -> None:
    engine = Constant("int8")
    it = greeted(engine, values=state(0, 1))
    it.seed(ALIVE, 0)
    words = run(it)
    while engine.calls == 1:
        words = run(it)
    assert it.counters[Counter.FORGOTTEN] == 8
    assert words[0].next_within == 1


def test_a_moving_state_never_skips() -> None:
    engine = Fading("int8")
    it = greeted(engine)
    it.seed(state(100), 0)
    words = run(it, 10)
    assert {word.next_within for word in words} == {1}
    assert engine.calls == 10


# ---- hello


def test_a_newborn_says_hello_until_it_has_heard_each_neighbour_with_power() -> None:
    it = cell()
    for slot in (0, 2, 3, 4, 5, 6):
        it.announce(slot, 1, 1, on=False)
    assert run(it)[0].hello
    it.receive(frame(cell=1, values=ZERO), T)
    assert run(it)[0].hello
    it.receive(frame(cell=8, values=ZERO), 2 * T)
    assert not run(it)[0].hello
    assert it.counters[Counter.HELLOS] == 2


def test_nobody_says_hello_for_longer_than_four_intervals() -> None:
    it = cell()
    words = run(it, 4)
    assert [word.hello for word in words] == [True, True, True, False]
    assert [word.next_within for word in words[:3]] == [1, 1, 1], "and meanwhile speaks at every interval"


def test_a_newborn_does_not_sleep_before_its_hello_is_over() -> None:
    it = cell()
    run(it, 3)
    assert not it.asleep
    run(it)
    assert it.asleep


@pytest.mark.parametrize("news", [{"flags": 1}, {"life": 2}])
def test_a_sleeper_answers_a_hello_or_a_newer_incarnation_at_once_and_sleeps_on(news: dict[str, int]) -> None:
    it = sleeping()
    it.announce(1, 1, 2)
    it.receive(frame(sequence=2, values=ZERO, **news), 50 * T)
    assert it.next_wake_ns == 50 * T + 1
    (word,) = run(it)
    assert word.values == ZERO
    assert it.asleep


def test_a_storm_of_hellos_cannot_keep_a_sleeper_awake() -> None:
    it = sleeping()
    answers = 0
    for sequence in range(2, 50):
        it.receive(frame(flags=1, sequence=sequence, values=ZERO), (50 + sequence) * T)
        if it.next_wake_ns is not None:
            run(it)
            answers += 1
    assert answers == 1, "one answer for each incarnation of each neighbour"
    it.receive(frame(flags=1, life=2, values=ZERO), 200 * T)
    assert not it.asleep


@pytest.mark.parametrize("news", [{"flags": 1}, {"life": 2}])
def test_a_stretched_cell_answers_at_once(news: dict[str, int]) -> None:
    it = stretched()
    it.receive(frame(sequence=2, values=ZERO, **news), 6 * T)
    assert it.next_wake_ns == 6 * T + 1
    assert it.next_within == 1


def test_an_awake_cell_answers_at_its_next_wake() -> None:
    it = greeted(Toy("int8"))
    due = it.next_wake_ns
    it.receive(frame(flags=1, sequence=2), 1)
    assert it.next_wake_ns == due


def test_neighbours_born_together_get_to_know_each_other_and_fall_silent() -> None:
    link = FakeLink(3, 3, Toy("int8"))
    for step in range(1, 5):
        for number in range(9):
            link.wake(number, step * T + number)
    assert all(it.linked for it in link.cells)
    assert all(it.asleep for it in link.cells)
    words = [said(data) for data in link.said]
    assert sum(word.hello for word in words) == 8, "all but the last to wake had someone left to hear"


def test_a_reborn_cell_learns_of_a_living_neighbour_within_a_moment() -> None:
    link = FakeLink(1, 2, Constant("int8"))
    link.cells[1].seed(ALIVE, 0)
    for step in range(1, 9):
        link.wake(0, step * T)
        link.wake(1, step * T + 1)
    assert link.cells[1].next_within == 4
    link.cells[0] = cell(0, around=tuple(link.table[0]), engine=Constant("int8"), life=2, born_ns=9 * T)
    link.wake(0, 10 * T)
    due = link.cells[1].next_wake_ns
    assert due == 10 * T + 1
    link.wake(1, due)
    assert link.cells[0].mailbox.block[0, 1, 2, 3] == 60


# ---- what an agent does


def test_erasing_loses_state_and_slots_and_says_hello_again() -> None:
    it = greeted(Constant("int8"), values=ALIVE)
    it.seed(ALIVE, 0)
    run(it, 3)
    it.erase(20 * T)
    assert not it.mailbox.block.any()
    assert it.counters[Counter.ERASED] == 1
    (word,) = run(it)
    assert word.hello
    assert word.values == ZERO
    assert word.sequence == 4, "the link lives on, and with it sequence and incarnation"
    it.receive(frame(sequence=1, life=1), 22 * T)
    assert it.mailbox.block[0, 0, 1, 3] == 60, "slots begin anew"


def test_an_erased_sleeper_speaks_again() -> None:
    it = sleeping()
    it.erase(60 * T)
    assert it.next_wake_ns == 61 * T


@pytest.mark.parametrize("bad", [b"", bytes(15), bytes(64), bytes(15) + b"\x80"])
def test_an_impossible_seed_is_refused_and_changes_nothing(bad: bytes) -> None:
    it = sleeping()
    with pytest.raises(BadInput, match="seed state"):
        it.seed(bad, 0)
    assert it.asleep
    assert it.counters[Counter.SEEDED] == 0


def test_a_seed_may_be_an_array() -> None:
    it = cell(engine=Constant("float"))
    it.seed(np.arange(16, dtype=np.float64), 0)
    assert it.state.tolist() == list(range(16))


def test_a_changed_interval_is_drawn_anew_and_ages_follow_it() -> None:
    it = cell(engine=Constant("int8"), intervals=steady)
    it.receive(frame(), 0)
    it.set_interval(3 * T, T // 2)
    assert it.next_wake_ns == T // 2 + 3 * T
    it.next_wake_ns = 30 * T
    it.wake(30 * T)
    assert it.counters[Counter.FORGOTTEN] == 0
    it.next_wake_ns = 30 * T + 1
    it.wake(30 * T + 1)
    assert it.counters[Counter.FORGOTTEN] == 1


def test_a_pause_passes_for_nobody() -> None:
    paused, free = (greeted(Constant("int8"), values=ALIVE) for _ in range(2))
    paused.shift(1000 * T)
    for wake in range(1, 14):
        assert paused.wake(1000 * T + wake * T) == free.wake(wake * T)
        paused.next_wake_ns, free.next_wake_ns = 1000 * T + (wake + 1) * T, (wake + 1) * T
    assert list(paused.counters) == list(free.counters)
    assert free.counters[Counter.FORGOTTEN] == 8


def test_a_cell_refuses_a_rule_with_other_channels() -> None:
    class Narrow(Toy):
        channels = 12

    with pytest.raises(BadInput, match="virtual"):
        cell(engine=Narrow("float"))
