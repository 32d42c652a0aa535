"""Where things stand in a TOML text: tomllib does not tell, and an error should name the line. Pure text."""

from __future__ import annotations

import re
from pathlib import Path


class Places:
    """Lines of keys and tables, found by their looks; good enough for files that people write."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, text.splitlines()

    def top(self, key: str) -> str:
        """file:line of a key or table outside all others."""
        pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=\].]")
        return self._at(next((at for at, line in enumerate(self._lines) if pattern.match(line)), 0))

    def table(self, name: str, key: str | None = None) -> str:
        """file:line of a key in [name], or of the table's head."""
        return self._within(self._heads(rf"\[\s*{re.escape(name)}\s*\]"), 0, key) or self.top(name)

    def entry(self, name: str, number: int, key: str | None = None) -> str:
        """file:line of a key in the `number`-th [[name]], or of its head."""
        heads = self._heads(rf"\[\[\s*{re.escape(name)}\s*\]\]")
        return self._within(heads, number, key) or f"{self._path}, {name} {number + 1}"

    def _heads(self, pattern: str) -> list[int]:
        return [at for at, line in enumerate(self._lines) if re.match(rf"\s*{pattern}", line)]

    def _within(self, heads: list[int], number: int, key: str | None) -> str | None:
        if number >= len(heads):  # written inline
            return None
        start = heads[number]
        end = next((at for at in range(start + 1, len(self._lines)) if re.match(r"\s*\[", self._lines[at])), None)
        if key is None:
            return self._at(start)
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
        inside = range(start, len(self._lines) if end is None else end)
        return self._at(next((at for at in inside if pattern.match(self._lines[at])), start))

    def _at(self, line: int) -> str:
        return f"{self._path}:{line + 1}"
