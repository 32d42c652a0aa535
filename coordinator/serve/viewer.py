"""One viewer's turn: how much it may have on the way, what it should get next. Newest wins; nothing queues up.

Frames are changes since the last one sent, so a viewer that lags skips frames and loses nothing. Knows no socket, no
clock: the owner asks `next_base` and `notes` and sends. Imports the standard library only.
"""

from __future__ import annotations

from collections import deque

WINDOW = 2  # frames on the way and not yet seen; a browser that draws slower than we look gets fewer frames
NOTES_KEPT = 512


class Viewer:
    """Says which frame base to encode for, and keeps the notes (text messages) that wait for it."""

    def __init__(self) -> None:
        self._sent, self._on_the_way = 0, deque[int]()
        self._notes: deque[str] = deque(maxlen=NOTES_KEPT)
        self._latest: dict[str, str] = {}

    def next_base(self, newest: int) -> int | None:
        """The frame to tell changes since, or None: it has the newest, or enough on the way."""
        if newest == self._sent or len(self._on_the_way) >= WINDOW:
            return None
        return self._sent

    def sent(self, number: int) -> None:
        """Frame `number` has been given to the socket."""
        self._sent = number
        self._on_the_way.append(number)

    def seen(self, number: int) -> None:
        """The page says that it has drawn up to frame `number`."""
        while self._on_the_way and self._on_the_way[0] <= number:
            self._on_the_way.popleft()

    def tell(self, text: str) -> None:
        """A note of which each counts (an event); the oldest goes when too many wait."""
        self._notes.append(text)

    def tell_latest(self, name: str, text: str) -> None:
        """A note of which only the newest counts (the numbers)."""
        self._latest[name] = text

    def notes(self) -> list[str]:
        """All that waits, and it waits no more."""
        found = [*self._notes, *self._latest.values()]
        self._notes.clear()
        self._latest.clear()
        return found
