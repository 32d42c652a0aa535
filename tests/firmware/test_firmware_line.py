"""The serial line: whatever happens to a byte, a chip says the right state, asks again or skips the wake; no more."""

from __future__ import annotations

import random
import shutil

import numpy as np
import pytest
from board_here import RULE, BoardHere
from firmware_inputs import States
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim import native_build
from firmware_sim.boards.line import Decoder, Kind, LineFrame, encode
from firmware_sim.boards.mailbox import Hello, Mailbox, Said
from firmware_sim.chip import update
from firmware_sim.errors import BadInput

pytestmark = pytest.mark.skipif(
    not any(shutil.which(name) for name in native_build.CANDIDATES["c"]), reason="no C compiler: apt-get install gcc"
)

OWN = np.arange(-3, 13, dtype=np.int8) * 9
OWN[3] = 100


def full_mailbox() -> Mailbox:
    """Eight neighbours whose bytes need every kind of care: flags, escapes, extremes."""
    rng = np.random.default_rng(4)
    slots: list[States | None] = [rng.choice([0x7E, 0x7D, -128, 0, 5, 127], 16).astype(np.int8) for _ in range(8)]
    return Mailbox(interval_ms=321, slots=slots)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=18), st.binary(max_size=40))
def test_a_frame_survives_the_line_whatever_came_before(kind: int, round_: int, payload: bytes, noise: bytes) -> None:
    frame = LineFrame(kind, round_, payload)
    assert Decoder().feed(noise + encode(frame))[-1:] == [frame]


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_mailbox_raise(noise: bytes) -> None:
    Mailbox().receive(noise)


def test_a_wake_hears_all_steps_and_says_its_state() -> None:
    chip = BoardHere(full_mailbox())
    (said,) = chip.wake(OWN)
    assert chip.asks == 1
    slots = [slot for slot in chip.mailbox.slots if slot is not None]
    neighbourhood = np.stack([*slots[:4], OWN, *slots[4:]]).reshape(1, 3, 3, 16)
    assert isinstance(said, Said) and np.array_equal(said.state, update(RULE, neighbourhood)[0])
    assert not np.array_equal(said.state, OWN)


def test_any_single_byte_lost_flipped_or_inserted_is_asked_for_again() -> None:
    chip = BoardHere(full_mailbox())
    want = chip.wake(OWN)[0]
    assert isinstance(want, Said)
    answer = len(chip.mailbox.answer(1))
    draw = random.Random(8)
    for position in range(answer):
        for harm in ("lose", "flip", "insert"):

            def damage(ask: int, data: bytes, position: int = position, harm: str = harm) -> bytes:
                if ask or position >= len(data):
                    return data
                head, rest = data[:position], data[position:]
                if harm == "lose":
                    return head + rest[1:]
                byte = draw.randrange(256)
                return head + (bytes([rest[0] ^ (byte or 1)]) + rest[1:] if harm == "flip" else bytes([byte]) + rest)

            chip.damage = damage
            (said,) = chip.wake(OWN)
            assert isinstance(said, Said) and np.array_equal(said.state, want.state), (position, harm)
            assert chip.asks <= 2


def test_after_four_asks_the_wake_is_skipped_and_nothing_said() -> None:
    chip = BoardHere(full_mailbox())
    chip.damage = lambda ask, data: data[:-1]
    assert chip.wake(OWN) == []
    assert chip.asks == 4
    assert np.array_equal(chip.own, OWN)
    chip.damage = lambda ask, data: data
    assert len(chip.wake()) == 1


def test_a_partial_answer_is_never_computed_with() -> None:
    chip = BoardHere(full_mailbox())
    end = encode(LineFrame(Kind.END, 1, bytes([8, 65, 1])))
    chip.damage = lambda ask, data: data[: data.index(0x7E, 1)] + data[data.rindex(0x7E) :]
    assert chip.wake(OWN) == []
    assert end  # the END that came was whole, its count was not


def test_an_answer_to_an_earlier_ask_is_not_believed() -> None:
    chip = BoardHere(full_mailbox())
    stale = chip.mailbox.answer(200)
    chip.damage = lambda ask, data: stale + data
    assert len(chip.wake(OWN)) == 1
    chip.damage = lambda ask, data: stale
    assert chip.wake(OWN) == []


def test_repeated_and_impossible_slots_are_refused() -> None:
    for slots in ((2, 2), (3, 1), (8,), (255,)):
        chip = BoardHere(Mailbox())

        def damage(ask: int, data: bytes, slots: tuple[int, ...] = slots, chip: BoardHere = chip) -> bytes:
            round_ = ask + 1
            heard = [LineFrame(Kind.HEARD, round_, bytes([slot]) + bytes(16)) for slot in slots]
            return b"".join(map(encode, [*heard, LineFrame(Kind.END, round_, bytes([len(slots), 1, 0]))]))

        chip.damage = damage
        assert chip.wake(OWN) == [], slots


def test_a_babbling_line_is_given_up() -> None:
    chip = BoardHere(Mailbox())
    chip.damage = lambda ask, data: bytes(range(128, 256)) * 40
    assert chip.wake(OWN) == []


def test_a_state_is_placed_said_once_and_no_step_made() -> None:
    chip = BoardHere(full_mailbox())
    chip.mailbox.place = OWN
    (said,) = chip.wake()
    assert isinstance(said, Said) and np.array_equal(said.state, OWN)
    assert chip.mailbox.place is None


def test_the_mailbox_tells_the_interval() -> None:
    chip = BoardHere(Mailbox(interval_ms=20))
    before = sum(chip.sleep_ms() for _ in range(400)) / 400
    chip.wake()
    after = sum(chip.sleep_ms() for _ in range(400)) / 400
    assert 400 < before < 600 and 16 < after < 24
    with pytest.raises(BadInput, match=r"1\.\.65535"):
        Mailbox(interval_ms=70_000).answer(0)


def test_the_lamp_shows_stored_colour_and_is_dark_when_dead() -> None:
    chip = BoardHere(Mailbox())
    for state, widths in (([16, 40, -5], [128, 255, 0]), ([0, 1, 31], [0, 8, 248])):
        own = np.zeros(16, np.int8)
        own[:3], own[3] = state, 32
        chip.mailbox.place = own
        chip.wake()
        assert chip.rgb == widths
    chip.mailbox.place = np.zeros(16, np.int8)
    chip.wake()
    assert chip.rgb == [0, 0, 0]


def test_hello_tells_who_the_chip_is() -> None:
    _, events = Mailbox().receive(encode(LineFrame(Kind.HELLO, 0, bytes([1, 0x34, 0x12, 0x78, 0x56]))))
    assert events == [Hello(1, 0x1234, 0x5678)]


def test_without_a_checksum_damage_reaches_the_state() -> None:
    """What the two bytes are worth: the same harm, with and without believing."""
    wrong = {}
    for believe in (False, True):
        mailbox = full_mailbox()
        chip = BoardHere(mailbox, defines=("-DPLANARIA_CRC=0",) if believe else ())
        want = chip.wake(OWN)[0]
        draw = random.Random(3)

        def damage(ask: int, data: bytes, draw: random.Random = draw) -> bytes:
            at = draw.randrange(len(data))
            return data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]

        chip.damage = damage
        heard = [chip.wake(OWN) for _ in range(200)]
        assert isinstance(want, Said)
        states = [event.state for events in heard for event in events if isinstance(event, Said)]
        wrong[believe] = sum(not np.array_equal(state, want.state) for state in states)
    assert wrong[False] == 0 and wrong[True] > 100


def neighbourhood_of(chip: BoardHere, own: States) -> States:
    slots = [np.zeros(16, np.int8) if slot is None else slot for slot in chip.mailbox.slots]
    return np.stack([*slots[:4], own, *slots[4:]]).reshape(1, 3, 3, 16)


def test_with_the_mailbox_on_the_chip_a_lost_answer_is_held_from_before() -> None:
    chip = BoardHere(full_mailbox(), defines=("-DPLANARIA_MAILBOX=1",))
    want = update(RULE, neighbourhood_of(chip, OWN))[0]
    (said,) = chip.wake(OWN)
    assert isinstance(said, Said) and np.array_equal(said.state, want)
    chip.damage = lambda ask, data: b""
    (said,) = chip.wake(OWN)
    assert chip.asks == 4
    assert isinstance(said, Said) and np.array_equal(said.state, want)


def test_with_the_mailbox_on_the_chip_a_silent_neighbour_is_forgotten_after_32_wakes() -> None:
    chip = BoardHere(full_mailbox(), defines=("-DPLANARIA_MAILBOX=1",))
    held = update(RULE, neighbourhood_of(chip, OWN))[0]
    chip.wake(OWN)
    chip.mailbox.slots = [None] * 8
    alone = update(RULE, neighbourhood_of(chip, OWN))[0]
    assert not np.array_equal(held, alone)
    states = []
    for _ in range(40):
        (said,) = chip.wake(OWN)
        assert isinstance(said, Said)
        states.append(said.state)
    forgotten = [bool(np.array_equal(state, alone)) for state in states]
    assert forgotten == [False] * 31 + [True] * 9
