"""Commands that wait for their Done: each with a number of its own, due again until it is answered or taken back.

Any thread may post and forget; it sends nothing itself. May import cellnode.messages and firmware_sim.errors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from cellnode.messages import Done, Superseded
from firmware_sim.errors import RunFailed

REPEAT_EVERY_S = 2.0


@dataclass(slots=True)
class Order:
    """One command on its way to an agent or a host."""

    data: bytes
    to: str
    future: Future[Done] = field(default_factory=Future)
    sent_at_s: float = 0.0


class Pending:
    """All commands that nobody has answered yet, by number."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._counter = 0
        self._lock = threading.Lock()

    def post(self, to: str, epoch: int, make: Callable[[int], bytes]) -> Future[Done]:
        """A command of a coordinator of this epoch, written by `make` from its number."""
        with self._lock:
            self._counter += 1
            number = (epoch << 32) + self._counter
            order = self._orders[number] = Order(make(number), to)
        return order.future

    def due(self, now_s: float) -> list[Order]:
        """Those to be sent now, for the first time or again."""
        with self._lock:
            return [order for order in self._orders.values() if now_s - order.sent_at_s >= REPEAT_EVERY_S]

    def repeat(self) -> None:
        """All of them are due: somebody may have missed them."""
        with self._lock:
            for order in self._orders.values():
                order.sent_at_s = 0.0

    def whom(self, number: int) -> str | None:
        """Who was asked this; None: nobody, or it is answered."""
        with self._lock:
            order = self._orders.get(number)
        return None if order is None else order.to

    def done(self, report: Done) -> None:
        future = self._take(report.id)
        if future is not None:
            future.set_result(report)

    def superseded(self, report: Superseded) -> None:
        future = self._take(report.id)
        if future is not None:
            future.set_exception(RunFailed(f"a newer coordinator (epoch {report.coordinator_epoch}) has taken over"))

    def _take(self, number: int) -> Future[Done] | None:
        with self._lock:
            order = self._orders.pop(number, None)
        return None if order is None or order.future.done() else order.future

    def give_up(self, future: Future[Done]) -> None:
        """Whoever waited for it waits no more."""
        with self._lock:
            self._orders = {number: order for number, order in self._orders.items() if order.future is not future}

    def forget(self, name: str) -> None:
        """Nobody waits for what this agent or host was told."""
        with self._lock:
            for number in [number for number, order in self._orders.items() if order.to == name]:
                self._orders.pop(number).future.cancel()

    def cancel(self) -> None:
        """Nobody waits for anything."""
        with self._lock:
            for order in self._orders.values():
                order.future.cancel()
