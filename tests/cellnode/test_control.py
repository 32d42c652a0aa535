"""The agent's word to a cell: one datagram, strict, and never a reason to stop."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellnode import control
from cellnode.control import CellPoke, Link, Post, Wanted
from cellnode.messages import LinkFault

WANTED = Wanted(
    version=3,
    interval_ns=500_000_000,
    running=True,
    paused=False,
    links=[Link(0, 7, "ipc:///r/c/7", True, 2, 5), Link(7, 9, "tcp://10.0.0.2:4000", False, 2, 0)],
    faults=[LinkFault(1, "loss", [8], rate=0.5)],
)


@pytest.mark.parametrize("message", [WANTED, CellPoke(1 << 40, "seed", bytes(64)), CellPoke(5, "erase")])
def test_what_is_sent_is_what_is_heard(message: Wanted | CellPoke) -> None:
    assert control.decode(control.encode(message)) == message


def test_eight_neighbours_fit_into_one_datagram_with_ease() -> None:
    links = [Link(slot, 16_777_215, "ipc://" + "x" * 99, True, 1 << 30, 1 << 30) for slot in range(8)]
    assert len(control.encode(msgspec.structs.replace(WANTED, links=links))) < 2048


@given(st.binary(max_size=300))
def test_random_bytes_are_no_message_and_never_an_error(data: bytes) -> None:
    assert control.decode(data) is None


@pytest.mark.parametrize(
    "change",
    [
        {"interval_ns": 0},
        {"interval_ns": 1 << 60},
        {"links": [Link(8, 1, "ipc://x", True, 1, 1)]},
        {"links": [Link(-1, 1, "ipc://x", True, 1, 1)]},
        {"links": [Link(0, -1, "ipc://x", True, 1, 1)]},
    ],
)
def test_a_message_with_a_value_out_of_range_is_no_message(change: dict[str, object]) -> None:
    assert control.decode(control.encode(msgspec.structs.replace(WANTED, **change))) is None


def test_a_letter_box_that_is_full_or_missing_is_a_not_now(tmp_path: Path) -> None:
    post, path = Post(), str(tmp_path / "k")
    assert not post.send(0, path, b"x"), "nobody there"
    box = control.bind(path)
    sent = 0
    while post.send(0, path, b"x"):
        sent += 1
        assert sent < 10_000
    assert sent > 0, "a full box refuses, it does not block"
    assert box.recv(10) == b"x"
    assert post.send(0, path, b"x")
    box.close()
    post.close()


def test_cells_that_do_not_read_take_no_room_from_the_others(tmp_path: Path) -> None:
    post = Post()
    boxes = {cell: control.bind(str(tmp_path / str(cell))) for cell in range(40)}
    deaf = [cell for cell in boxes if cell != 39]
    for cell in deaf:
        while post.send(cell, str(tmp_path / str(cell)), bytes(1500)):
            pass
    assert post.send(39, str(tmp_path / "39"), bytes(1500))
    for box in boxes.values():
        box.close()
    post.close()


def test_a_newborn_takes_the_place_of_its_predecessors_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "k")
    control.bind(path).close()
    successor, post = control.bind(path), Post()
    assert post.send(0, path, b"hello")
    assert successor.recv(10) == b"hello"
    successor.close()
    post.close()
