"""Tickets: a name by which a browser may fetch one thing once, where it cannot send the token (a link to a report).

Knows no clock: the time is passed in. Imports the standard library only.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

GOOD_FOR_S = 30.0
KEPT = 64


class Tickets:
    """Not thread-safe."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def issue(self, what: str, now_s: float) -> str:
        """A new ticket for `what`; the oldest goes when there are many."""
        name = secrets.token_urlsafe(24)
        self._open[name] = now_s + GOOD_FOR_S, what
        while len(self._open) > KEPT:
            self._open.popitem(last=False)
        return name

    def redeem(self, name: str, now_s: float) -> str | None:
        """What it is for, once, in time; else None."""
        ends, what = self._open.pop(name, (0.0, ""))
        return what if now_s < ends else None
