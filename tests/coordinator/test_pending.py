"""Commands that wait for an answer: numbered in order, due again after a while, answered once."""

from __future__ import annotations

import pytest

from cellnode.messages import Done, Superseded
from coordinator.pending import REPEAT_EVERY_S, Order, Pending
from firmware_sim.errors import RunFailed

NOW_S = 100.0


@pytest.fixture
def pending() -> Pending:
    return Pending()


def sent(pending: Pending, now_s: float = NOW_S) -> list[Order]:
    orders = pending.due(now_s)
    for order in orders:
        order.sent_at_s = now_s
    return orders


def test_a_number_is_the_coordinators_epoch_and_a_count(pending: Pending) -> None:
    numbers: list[int] = []
    for _ in range(3):
        pending.post("attic", 7, lambda number: numbers.append(number) or b"")  # type: ignore[func-returns-value]
    assert [number >> 32 for number in numbers] == [7, 7, 7]
    assert [number & 0xFFFFFFFF for number in numbers] == [1, 2, 3]


def test_a_command_is_due_at_once_and_again_after_a_while_until_it_is_done(pending: Pending) -> None:
    future = pending.post("attic", 0, lambda _number: b"do")
    assert [order.data for order in sent(pending)] == [b"do"]
    assert sent(pending, NOW_S + REPEAT_EVERY_S / 2) == []
    assert [order.to for order in sent(pending, NOW_S + REPEAT_EVERY_S)] == ["attic"]
    pending.done(Done(1, True, agent="attic"))
    assert future.result(0).agent == "attic" and pending.due(NOW_S + 10 * REPEAT_EVERY_S) == []
    pending.done(Done(1, True, agent="shed"))
    assert future.result(0).agent == "attic", "a second answer is nobody's"


def test_a_newer_coordinator_is_the_end_of_a_command(pending: Pending) -> None:
    future = pending.post("attic", 2, lambda _number: b"")
    pending.superseded(Superseded((2 << 32) + 1, 9))
    with pytest.raises(RunFailed, match="epoch 9"):
        future.result(0)


def test_what_one_was_told_is_taken_back_and_nothing_else(pending: Pending) -> None:
    mine, other = (pending.post(name, 0, lambda _number: b"") for name in ("attic", "shed"))
    assert (pending.whom(1), pending.whom(2), pending.whom(3)) == ("attic", "shed", None)
    pending.forget("attic")
    assert mine.cancelled() and not other.done()
    assert (pending.whom(1), pending.whom(2)) == (None, "shed")
    pending.give_up(other)
    assert pending.due(NOW_S) == [] and not other.done()
