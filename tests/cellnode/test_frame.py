"""Frames: a round trip for every legal one, a counted reason for everything else, never an exception."""

from __future__ import annotations

from zlib import crc32

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cellnode.frame import (
    EPOCH_MAX,
    FRAME_MAX,
    HELLO,
    LIFE_MAX,
    NEXT_WITHIN_MAX,
    SEQUENCE_MAX,
    VERSION,
    Frame,
    decode,
    encode,
)
from cellnode.panel import Counter
from cellnode.topology import CELLS_MAX

TAG = 0xDEADBEEF
FRAME = Frame(HELLO, TAG, 1200, 3, 7, 70_000, 2, bytes(range(16)))

frames = st.builds(
    Frame,
    flags=st.integers(0, HELLO),
    tag=st.integers(0, 2**32 - 1),
    cell=st.integers(0, CELLS_MAX - 1),
    epoch=st.integers(1, EPOCH_MAX),
    life=st.integers(1, LIFE_MAX),
    sequence=st.integers(1, SEQUENCE_MAX),
    next_within=st.integers(1, NEXT_WITHIN_MAX),
    values=st.sampled_from([16, 64]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
)


def packed(*fields: object) -> bytes:
    """Any array with a right CRC at its end, as somebody might forge it."""
    body: bytes = msgpack.packb([*fields, b"\0\0\0\0"])[:-4]
    return body + crc32(body).to_bytes(4, "big")


@given(frames)
def test_a_frame_comes_back_as_it_was_said(frame: Frame) -> None:
    data = encode(frame)
    assert len(data) <= FRAME_MAX
    assert decode(data, frame.tag) == frame


def test_the_layout_on_the_wire_is_the_documented_one() -> None:
    data = encode(FRAME)
    fields = msgpack.unpackb(data)
    assert fields[:9] == [VERSION, *FRAME]
    assert fields[9] == crc32(data[:-4]).to_bytes(4, "big")


@given(st.binary(max_size=300))
@example(b"")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x81\x91\x01\x02")
@example(b"\x91" * 1000)
def test_any_bytes_are_dropped_with_one_reason_and_never_raise(data: bytes) -> None:
    reason = decode(data, TAG)
    assert isinstance(reason, Counter)
    assert reason.name.startswith("DROP_")


@given(frames, st.data())
def test_any_flipped_bit_is_noticed(frame: Frame, data: st.DataObject) -> None:
    good = bytearray(encode(frame))
    bit = data.draw(st.integers(0, len(good) * 8 - 1))
    good[bit // 8] ^= 1 << bit % 8
    assert isinstance(decode(bytes(good), frame.tag), Counter)


@given(frames, st.data())
def test_any_truncation_or_appended_byte_is_noticed(frame: Frame, data: st.DataObject) -> None:
    good = encode(frame)
    assert isinstance(decode(good[: data.draw(st.integers(0, len(good) - 1))], frame.tag), Counter)
    assert isinstance(decode(good + b"\0", frame.tag), Counter)


def test_each_fault_has_its_own_reason() -> None:
    good = encode(FRAME)
    assert decode(good, TAG ^ 1) is Counter.DROP_TAG
    assert decode(good + bytes(FRAME_MAX), TAG) is Counter.DROP_SIZE
    assert decode(good[:-1], TAG) is Counter.DROP_GARBLED
    assert decode(good[:-1] + bytes([good[-1] ^ 1]), TAG) is Counter.DROP_CRC
    assert decode(packed(VERSION + 1, *FRAME), TAG) is Counter.DROP_VERSION
    assert decode(packed(VERSION + 1, "of another shape"), TAG) is Counter.DROP_VERSION
    assert decode(packed(VERSION, *FRAME[:-1]), TAG) is Counter.DROP_GARBLED
    assert decode(packed(VERSION, *FRAME[:-1], bytes(15)), TAG) is Counter.DROP_VALUES


@pytest.mark.parametrize(
    "wrong",
    [
        {"flags": 2},
        {"flags": True},
        {"cell": -1},
        {"cell": CELLS_MAX},
        {"epoch": 0},
        {"epoch": EPOCH_MAX + 1},
        {"life": 0},
        {"life": LIFE_MAX + 1},
        {"life": 1.0},
        {"sequence": 0},
        {"sequence": SEQUENCE_MAX + 1},
        {"next_within": 0},
        {"next_within": NEXT_WITHIN_MAX + 1},
        {"next_within": None},
        {"values": "sixteen letters!"},
        {"values": [0] * 16},
    ],
    ids=str,
)
def test_a_well_signed_frame_with_a_field_out_of_range_or_of_another_type_is_garbled(wrong: dict[str, object]) -> None:
    fields = FRAME._asdict() | wrong
    assert decode(packed(VERSION, *fields.values()), TAG) is Counter.DROP_GARBLED
