"""Reading a TOML file that a person wrote, and where things stand in it: tomllib does not tell, an error should.

Knows nothing of what the keys mean. Imports the error tree only.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from firmware_sim.errors import BadInput

MAX_BYTES = 1 << 20


def read(path: Path, what: str) -> tuple[dict[str, Any], str]:
    """The document and its text; BadInput, calling it a `what`, if it cannot be read or is no TOML."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"{what} {path} has {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        text = data.decode()
        return tomllib.loads(text), text
    except UnicodeDecodeError as error:
        raise BadInput(f"{what} {path} is no text file: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{what} {path} is no TOML: {error}") from error


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
        return self._within(heads, number, key) or f"{self._path}, step {number + 1}"

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
