"""What a cell believes of what its links bring: incarnations, sequences, values, and silence."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import TAG, Constant, FakeLink, T, Toy, cell, state

from cellnode.cell import Cell
from cellnode.frame import Frame, encode
from cellnode.mailbox import JUMP_MAX
from cellnode.panel import Counter

ALIVE = state(60)
NORTH, NORTH_SLOT = 1, 1  # cell 1 lies in slot N of cell 4


def frame(**changes: Any) -> bytes:
    """A frame of the northern neighbour: alive, first life, sequence 1."""
    base = Frame(flags=0, tag=TAG, cell=NORTH, epoch=1, life=1, sequence=1, next_within=1, values=ALIVE)
    return encode(base._replace(**changes))


def remembered(it: Cell) -> tuple[Any, ...]:
    """All that a frame could change in a cell, counters left out."""
    box = it.mailbox
    return (
        box.block.tobytes(),
        box.sequences[:],
        box.epochs[:],
        box.lives[:],
        box.heard_at_ns[:],
        box.next_within[:],
        (box.alive, box.living, box.filled, box.greeted, box.changed),
        (it.state_bytes, it.next_wake_ns, it.next_within, it.sequence),
    )


def counted(it: Cell) -> dict[Counter, int]:
    return {counter: int(it.counters[counter]) for counter in Counter if it.counters[counter]}


def dropped(it: Cell, data: bytes, now_ns: int = 0) -> Counter:
    """The one reason counted for `data`; fails if the frame was accepted or changed anything."""
    before, counts = remembered(it), counted(it)
    it.receive(data, now_ns)
    assert remembered(it) == before, "a dropped frame leaves the cell as it was"
    more = {key: value - counts.get(key, 0) for key, value in counted(it).items() if value != counts.get(key, 0)}
    assert more.pop(Counter.RECEIVED) == 1
    ((reason, times),) = more.items()
    assert times == 1, "counted exactly once"
    return reason


def accepted(it: Cell, data: bytes, now_ns: int = 0) -> bool:
    before = counted(it)
    it.receive(data, now_ns)
    after = counted(it)
    return all(after.get(key, 0) == before.get(key, 0) for key in Counter if key.name.startswith("DROP_"))


# ---- where a frame ends up


@pytest.mark.parametrize("slot", range(8))
def test_a_state_stands_where_its_speaker_lies(slot: int) -> None:
    it = cell()
    speaker = it.mailbox.neighbours[slot]
    it.receive(frame(cell=speaker), 0)
    grid = it.mailbox.block.reshape(9, 16)
    expected = np.zeros((9, 16), np.int8)
    expected[speaker] = np.frombuffer(ALIVE, np.int8)  # in a 3x3 grid the cell's number is its place
    assert (grid == expected).all()


def test_a_float_cell_takes_little_endian_floats() -> None:
    it = cell(engine=Toy("float"))
    it.receive(frame(values=struct.pack("<16f", *range(16))), 0)
    assert it.mailbox.block[0, 0, 1].tolist() == list(range(16))


def test_every_wake_hears_all_that_is_held_whether_or_not_it_is_new() -> None:
    engine = Toy("int8")
    it = cell(engine=engine)
    it.receive(frame(), 0)
    it.wake(T)
    first = it.state.copy()
    it.wake(2 * T)
    assert it.state[3] > first[3] > 0, "the silent neighbour's last word still feeds the cell"
    assert it.counters[Counter.HEARD] == 1, "but it is counted as heard once"
    assert it.counters[Counter.LIVING_NEIGHBOURS] == 2


def test_the_last_word_counts() -> None:
    it = cell()
    it.receive(frame(sequence=1, values=state(60)), 0)
    it.receive(frame(sequence=2, values=state(40)), 1)
    it.wake(T)
    assert it.mailbox.block[0, 0, 1, 3] == 40
    assert it.counters[Counter.HEARD] == 1


def test_the_states_used_are_named_by_incarnation_and_sequence() -> None:
    it = cell()
    it.receive(frame(sequence=17, life=3), 0)
    it.wake(T)
    it.receive(frame(sequence=18, life=3), T + 1)
    assert it.used_sequences == [0, 17, 0, 0, 0, 0, 0, 0], "as they stood when the cell computed"
    assert (it.used_epochs[NORTH_SLOT], it.used_lives[NORTH_SLOT]) == (1, 3)


# ---- what is no word of a neighbour


def test_bytes_of_every_wrong_kind_are_counted_once_and_change_nothing() -> None:
    it = cell()
    good = frame()
    assert dropped(it, b"") is Counter.DROP_GARBLED
    assert dropped(it, bytes(500)) is Counter.DROP_SIZE
    assert dropped(it, good[:-1]) is Counter.DROP_GARBLED
    assert dropped(it, good[:-1] + bytes([good[-1] ^ 1])) is Counter.DROP_CRC
    assert dropped(it, frame(tag=TAG ^ 1)) is Counter.DROP_TAG
    assert dropped(it, frame(cell=99)) is Counter.DROP_CELL
    assert dropped(it, frame(cell=4)) is Counter.DROP_CELL, "not even in its own name"


@given(st.binary(max_size=200))
def test_no_bytes_whatsoever_raise_or_change_a_cell(data: bytes) -> None:
    assert dropped(cell(), data).name.startswith("DROP_")


@given(st.integers(0, 8 * len(frame()) - 1))
def test_no_flipped_bit_gets_through(bit: int) -> None:
    data = bytearray(frame())
    data[bit // 8] ^= 1 << bit % 8
    assert dropped(cell(), bytes(data)).name.startswith("DROP_")


def test_values_of_the_other_family_are_dropped() -> None:
    assert dropped(cell(engine=Toy("int8")), frame(values=bytes(64))) is Counter.DROP_VALUES
    assert dropped(cell(engine=Toy("float")), frame(values=bytes(16))) is Counter.DROP_VALUES


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("channel", [0, 3, 15])
def test_a_float_that_is_not_finite_is_dropped(bad: float, channel: int) -> None:
    values = [1.0] * 16
    values[channel] = bad
    assert dropped(cell(engine=Toy("float")), frame(values=struct.pack("<16f", *values))) is Counter.DROP_VALUES


def test_infinities_that_cancel_are_dropped_and_the_largest_finite_values_are_not() -> None:
    opposed = struct.pack("<16f", float("inf"), float("-inf"), *[0.0] * 14)
    largest = struct.pack("<16f", *[3.4028234e38] * 16)
    assert dropped(cell(engine=Toy("float")), frame(values=opposed)) is Counter.DROP_VALUES
    assert accepted(cell(engine=Toy("float")), frame(values=largest))


def test_the_one_int8_that_no_core_produces_is_dropped() -> None:
    assert dropped(cell(), frame(values=bytes(15) + b"\x80")) is Counter.DROP_VALUES
    assert accepted(cell(), frame(values=bytes(15) + b"\x81"))


# ---- incarnations


@pytest.mark.parametrize(("epoch", "life"), [(1, 2), (1, 1), (2, 1)])
def test_a_newer_incarnation_replaces_an_older_one_whatever_its_sequence(epoch: int, life: int) -> None:
    it = cell(epoch=3)
    it.receive(frame(sequence=1000), 0)
    if (epoch, life) == (1, 1):
        assert dropped(it, frame(sequence=1)) is Counter.DROP_SEQUENCE
    else:
        assert accepted(it, frame(epoch=epoch, life=life, sequence=1))


def test_epoch_counts_before_life() -> None:
    it = cell(epoch=3)
    assert accepted(it, frame(epoch=2, life=1))
    assert dropped(it, frame(epoch=1, life=4_000_000_000, sequence=2)) is Counter.DROP_OLD_INCARNATION


def test_an_older_life_is_dropped() -> None:
    it = cell()
    assert accepted(it, frame(life=2))
    assert dropped(it, frame(life=1, sequence=99)) is Counter.DROP_OLD_INCARNATION


def test_an_incarnation_above_the_announced_is_dropped() -> None:
    it = cell()
    it.announce(NORTH_SLOT, epoch=1, life=2)
    assert dropped(it, frame(life=3)) is Counter.DROP_FUTURE_INCARNATION
    assert dropped(it, frame(epoch=2)) is Counter.DROP_FUTURE_INCARNATION
    assert accepted(it, frame(life=2))
    it.announce(NORTH_SLOT, epoch=1, life=3)
    assert accepted(it, frame(life=3))


def test_wiring_announces_any_life_of_the_cells_own_epoch_and_nothing_beyond() -> None:
    assert accepted(cell(epoch=5), frame(epoch=5, life=1_000_000))
    assert dropped(cell(epoch=5), frame(epoch=6)) is Counter.DROP_FUTURE_INCARNATION


def test_forgetting_a_neighbour_forgets_its_sequence_but_never_its_incarnation() -> None:
    it = cell(engine=Constant("int8"))
    it.receive(frame(life=2, sequence=500), 0)
    it.wake(11 * T)
    it.mailbox.forget(22 * T)
    assert it.counters[Counter.FORGOTTEN] == 1
    assert dropped(it, frame(life=1, sequence=501), 22 * T) is Counter.DROP_OLD_INCARNATION
    assert accepted(it, frame(life=2, sequence=3), 22 * T), "a fresh slot begins at any sequence"


# ---- sequences


def test_a_repeated_or_earlier_sequence_is_dropped() -> None:
    it = cell()
    assert accepted(it, frame(sequence=5))
    assert dropped(it, frame(sequence=5)) is Counter.DROP_SEQUENCE
    assert dropped(it, frame(sequence=4, values=state(1))) is Counter.DROP_SEQUENCE
    assert accepted(it, frame(sequence=6))


def test_a_jump_of_more_than_two_to_the_sixteen_is_dropped() -> None:
    it = cell()
    assert accepted(it, frame(sequence=7))
    assert dropped(it, frame(sequence=7 + JUMP_MAX + 1)) is Counter.DROP_SEQUENCE
    assert accepted(it, frame(sequence=7 + JUMP_MAX))


def test_a_newcomer_may_begin_at_any_sequence() -> None:
    """Whoever was reborn beside an old cell hears it first at whatever sequence it has reached."""
    assert accepted(cell(), frame(sequence=10_000_000))


def test_a_sleeper_whose_link_was_cut_for_ages_is_not_deaf_for_ever() -> None:
    """It never wakes to forget, so an overdue slot must not hold its sequence against the neighbour."""
    it = asleep()
    now = it.mailbox.heard_at_ns[NORTH_SLOT]
    assert dropped(it, frame(sequence=4 + JUMP_MAX, values=ALIVE), now + 9 * T) is Counter.DROP_SEQUENCE
    assert accepted(it, frame(sequence=4 + JUMP_MAX, values=ALIVE), now + 11 * T)
    assert it.next_wake_ns is not None, "and it wakes"


def asleep() -> Cell:
    """A zero cell that has heard its zero neighbours and sleeps."""
    it = cell()
    for number, speaker in enumerate(it.mailbox.neighbours):
        it.receive(frame(cell=speaker, sequence=1, values=state(0)), number)
    for _ in range(3):
        assert it.next_wake_ns is not None
        it.receive(frame(sequence=1 + it.sequence, values=state(0)), it.next_wake_ns)
        it.wake(it.next_wake_ns)
    assert it.asleep
    return it


# ---- silence


@pytest.mark.parametrize(("next_within", "time_to_live"), [(1, 10), (2, 16), (4, 32)])
def test_a_silent_neighbour_reads_as_zero_after_its_time_to_live(next_within: int, time_to_live: int) -> None:
    it = cell(engine=Constant("int8"))
    it.receive(frame(next_within=next_within), T)
    it.next_wake_ns = T + time_to_live * T
    it.wake(T + time_to_live * T)
    assert it.mailbox.block[0, 0, 1, 3] == 60, "not a nanosecond earlier"
    it.next_wake_ns = T + time_to_live * T + 1
    it.wake(T + time_to_live * T + 1)
    assert not it.mailbox.block[0, 0, 1].any()
    assert it.counters[Counter.FORGOTTEN] == 1
    assert it.used_sequences[NORTH_SLOT] == 0


def test_crash_cut_link_and_empty_place_end_up_alike() -> None:
    """The same cell beside a crashed neighbour, behind a cut link, and at the border of the grid."""
    crashed, cut, border = (
        FakeLink(1, 3, Constant("int8")),
        FakeLink(1, 3, Constant("int8")),
        FakeLink(1, 2, Constant("int8")),
    )
    for world in (crashed, cut, border):
        for it in world.cells:
            it.seed(ALIVE, 0)
    for step in range(1, 40):
        for world in (crashed, cut, border):
            world.wake(0, step * T)
            world.wake(1, step * T + 1)
        if step <= 3:
            crashed.wake(2, step * T + 2)
        if step == 3:
            cut.cut.add((2, 1))
        cut.wake(2, step * T + 2)
    blocks = {world.cells[1].mailbox.block.tobytes() for world in (crashed, cut, border)}
    assert len(blocks) == 1, "the core cannot tell them apart"
    assert [world.cells[1].mailbox.sequences[4] for world in (crashed, cut, border)] == [0, 0, 0]


def test_silence_counts_only_while_the_listener_was_listening() -> None:
    it = cell(engine=Constant("int8"))
    it.seed(ALIVE, 0)
    it.receive(frame(), 1)
    assert it.next_wake_ns == T
    late = 50 * T  # stopped for 49 T
    it.wake(late)
    assert it.mailbox.block[0, 0, 1, 3] == 60, "forgets no one at once"
    assert it.counters[Counter.MISSED_WAKES] == 1
    assert it.counters[Counter.LATE_NS] == 49 * T
    while it.next_wake_ns is not None and it.next_wake_ns <= late + 10 * T:
        it.wake(it.next_wake_ns)
    assert it.mailbox.block[0, 0, 1, 3] == 60, "nor before a further time to live"
    assert it.next_wake_ns is not None
    it.wake(it.next_wake_ns)
    assert not it.mailbox.block[0, 0, 1].any(), "but then it does"


@pytest.mark.parametrize(
    ("late", "missed", "deaf"), [(1.0, 0, False), (1.01, 1, False), (2.0, 1, False), (2.01, 1, True)]
)
def test_a_wake_is_missed_beyond_one_interval_and_deaf_beyond_two(late: float, missed: int, deaf: bool) -> None:
    it = cell(engine=Constant("int8"))
    it.receive(frame(), 0)
    it.wake(T + int(late * T))
    assert it.counters[Counter.MISSED_WAKES] == missed
    assert (it.mailbox.heard_at_ns[NORTH_SLOT] == T + int(late * T)) is deaf


# ---- wiring


def test_other_neighbours_bring_empty_slots_and_lose_nothing_else() -> None:
    it = cell()
    it.receive(frame(sequence=9, life=4), 0)
    it.receive(frame(cell=0, sequence=9), 0)
    it.set_wiring((0, 55, 2, 3, 5, 6, 7, 8))
    assert dropped(it, frame(life=4, sequence=10)) is Counter.DROP_CELL
    assert not it.mailbox.block[0, 0, 1].any()
    assert accepted(it, frame(cell=55, life=1, sequence=1)), "the newcomer's incarnation is its own"
    assert dropped(it, frame(cell=0, sequence=9)) is Counter.DROP_SEQUENCE, "an unchanged slot remembers"


def test_a_cell_without_neighbours_lives_alone() -> None:
    it = cell(0, around=(-1,) * 8, engine=Constant("int8"))
    assert it.linked
    assert dropped(it, frame()) is Counter.DROP_CELL
    it.seed(ALIVE, 0)
    assert it.next_wake_ns is not None
    said = it.wake(it.next_wake_ns)
    assert said is not None


def test_linked_means_having_heard_everyone_who_has_power() -> None:
    it = cell()
    for slot in range(2, 8):
        it.announce(slot, 1, 1, on=False)
    assert not it.linked
    it.receive(frame(cell=0), 0)
    assert not it.linked
    it.receive(frame(cell=1), 0)
    assert it.linked
