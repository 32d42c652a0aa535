"""Agent and zygote on their socketpair: whole messages in order, whatever the stream does, and never a block."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from cellnode.messages import RulePayload
from cellnode.zygote_wire import (
    Birth,
    Born,
    Fork,
    Framed,
    Plan,
    Prepare,
    Ready,
    Reaped,
    Signal,
    decode_news,
    decode_order,
)

Pair = tuple[Framed, Framed]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, two = socket.socketpair()
    ends = Framed(one), Framed(two)
    yield ends
    for end in ends:
        end.close()


def test_messages_arrive_whole_and_in_order(pair: Pair) -> None:
    agent, zygote = pair
    orders: list[Fork | Signal] = [Fork([Birth(9, 2, 1), Birth(3, 0, 4)]), Signal(7, [0, 2], 9)]
    for order in orders:
        agent.send(order)
    messages, alive = zygote.receive()
    assert alive
    assert [decode_order(message) for message in messages] == orders
    zygote.send(Born([(2, 4711)]))
    zygote.send(Reaped([(2, 9)]))
    zygote.send(Ready("no such engine"))
    assert [decode_news(message) for message in agent.receive()[0]] == [
        Born([(2, 4711)]),
        Reaped([(2, 9)]),
        Ready("no such engine"),
    ]


def test_a_rule_of_a_megabyte_passes_though_the_stream_takes_it_in_pieces(pair: Pair) -> None:
    agent, zygote = pair
    rule = RulePayload("onnx", "00" * 32, bytes(1 << 20), 16, 128, {}, 0.0)
    order = Prepare(Plan("/r", "/r/panel", 1, 2, 3, rule))
    agent.send(order)
    assert agent.wants_write, "what the zygote has not read waits here, and blocks nobody"
    received: list[bytes] = []
    while not received:
        received, _ = zygote.receive()
        agent.flush()
    assert decode_order(received[0]) == order
    assert not agent.wants_write


def test_the_end_of_the_other_side_is_noticed_after_its_last_words(pair: Pair) -> None:
    agent, zygote = pair
    zygote.send(Ready())
    zygote.close()
    messages, alive = agent.receive()
    assert [decode_news(message) for message in messages] == [Ready()]
    assert not alive


def test_a_length_that_no_message_has_ends_the_line() -> None:
    one, two = socket.socketpair()
    end = Framed(one)
    two.sendall(b"\xff\xff\xff\xff")
    assert end.receive() == ([], False)
    two.close()
    end.close()
