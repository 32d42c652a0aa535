"""What a run's own log declares: which differences of its recording somebody ordered, and when.

Read from events.jsonl alone: a fault that is not in the log is not declared, whatever else remembers it. May import the
fault catalogue's kinds of harm, the run folder and numpy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

NEVER_NS = 1 << 62
SLACK_NS = 1_000_000_000  # an order acknowledged late was carried out before; one that was not acknowledged, any time
# Kinds whose every trace stands in the recording itself, so that they excuse nothing: who was dead, what was not heard.
# Any other kind spoils what a cell computes, says or hears, and excuses the cells that it names.
PLAIN = frozenset(
    {
        *("crash", "churn", "erase", "pause", "slow", "agent_kill", "coordinator_kill"),
        *("host_off", "host_cut", "host_loss", "host_delay"),
        *("link_loss", "link_burst", "link_delay", "link_reorder", "link_duplicate", "link_rate", "hold", "partition"),
        *("clock_drift", "clock_jitter", "clock_jump"),
        "state_flip",
    }
)
AT_ONCE = frozenset({"bit_flip", "state_flip"})


@dataclass(frozen=True, slots=True)
class Order:
    """One entry of the log that touched cells' states or arithmetic, from its beginning to its end."""

    kind: str  # erase | seed | a kind of fault
    cells: frozenset[int]
    began_ns: int
    ended_ns: int
    fault: int | None
    t: float

    @property
    def name(self) -> str:
        return self.kind if self.fault is None else f"{self.kind} (fault {self.fault})"


class Declared:
    """All orders of a run, by cell."""

    def __init__(self, events: Iterable[dict[str, Any]]) -> None:
        self._orders: list[Order] = []
        self._read(events)
        self._of: dict[int, list[Order]] = {}
        for order in self._orders:
            for cell in order.cells:
                self._of.setdefault(cell, []).append(order)

    @property
    def cells(self) -> set[int]:
        """Those under some order that can excuse a wrong update or a wrong word."""
        return {cell for order in self._orders if _harms(order) for cell in order.cells}

    def given(self, cell: int, after_ns: int, before_ns: int, kinds: Collection[str]) -> Order | None:
        """The order of one of `kinds` that may have been carried out at this cell between these two times."""
        for order in self._of.get(cell, ()):
            if order.kind in kinds and order.began_ns <= before_ns and order.ended_ns >= after_ns:
                return order
        return None

    def harm(self, cell: int, at_ns: int) -> Order | None:
        """The fault that makes this cell's own updates doubtful at that time."""
        for order in self._of.get(cell, ()):
            if _harms(order) and order.began_ns <= at_ns <= order.ended_ns:
                return order
        return None

    def only(self, order: Order | None, cell: int, at_ns: int) -> bool:
        """Whether no other order makes this cell's updates doubtful at that time."""
        others = (it for it in self._of.get(cell, ()) if it is not order and _harms(it))
        return not any(it.began_ns <= at_ns <= it.ended_ns for it in others)

    def _read(self, events: Iterable[dict[str, Any]]) -> None:
        open_faults: dict[int, int] = {}  # fault -> its place in the list
        for event in events:
            name = event.get("event")
            if name not in ("erase", "seed", "inject", "heal"):
                continue
            cells = frozenset(event.get("cells", ()))
            began_ns, ns = int(event.get("began_ns", 0)), int(event.get("ns", NEVER_NS))
            t = float(event.get("t") or 0.0)
            if name in ("erase", "seed"):
                end_ns = NEVER_NS if event.get("missing") else ns + SLACK_NS
                self._orders.append(Order(str(name), cells, began_ns, end_ns, None, t))
            elif name == "inject":
                kind, fault = str(event.get("proof", {}).get("kind", "")), event.get("fault")
                instant = kind in AT_ONCE or kind == "erase"
                end_ns = ns + SLACK_NS if instant and not event.get("missing") else NEVER_NS
                self._orders.append(Order(kind, cells, began_ns, end_ns, fault, t))
                if fault is not None and not instant:
                    open_faults[int(fault)] = len(self._orders) - 1
            elif name == "heal":
                wanted = event.get("fault")
                for fault in list(open_faults) if wanted is None else [int(wanted)]:
                    place = open_faults.pop(fault, None)
                    if place is not None:
                        self._orders[place] = replace(self._orders[place], ended_ns=ns + SLACK_NS)


def _harms(order: Order) -> bool:
    return order.kind not in PLAIN and order.kind not in ("erase", "seed")
