"""The events of a run as they are written: follows events.jsonl by its growing length. May import the standard library.

Whoever writes the file is another process; a line that is not whole yet is left for the next look.
"""

from __future__ import annotations

from pathlib import Path

KEPT = 5000  # newest lines held for those who come later
READ_MAX = 4 << 20  # bytes at a time


class Events:
    """Not thread-safe. Lines are numbered from 0 in the order of the file."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._rest = path, 0, b""
        self.lines: list[str] = []
        self.first = 0  # number of lines[0]

    def more(self) -> list[tuple[int, str]]:
        """(number, JSON) of each line that was not there at the last call."""
        try:
            if self._path.stat().st_size <= self._at:
                return []
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read(READ_MAX)
        except FileNotFoundError:
            return []
        self._at += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        number = self.first + len(self.lines)
        fresh = [line.decode("utf-8", "replace") for line in whole]
        self.lines += fresh
        if (over := len(self.lines) - KEPT) > 0:
            del self.lines[:over]
            self.first += over
        return list(enumerate(fresh, number))

    def after(self, number: int) -> list[tuple[int, str]]:
        """Those held whose number is above `number`."""
        start = max(number + 1 - self.first, 0)
        return list(enumerate(self.lines[start:], self.first + start))
