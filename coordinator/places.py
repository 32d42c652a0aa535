"""Reading a file that a person wrote, TOML or YAML by its name, and where things stand in it, for errors to say.

Knows nothing of what the keys mean. May import yamlfile and the error tree.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Protocol

from coordinator import yamlfile
from firmware_sim.errors import BadInput

MAX_BYTES = 1 << 20


def read(path: Path, what: str) -> tuple[dict[str, Any], str]:
    """The document and its text; BadInput, calling it a `what`, if it cannot be read or is not what its name says."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"{what} {path} has {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{what} {path} is no text file: {error}") from error
    if yamlfile.is_yaml(path):
        return yamlfile.loads(text, path, what), text
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{what} {path} is no TOML: {error}") from error
    except RecursionError as error:
        raise BadInput(f"{what} {path} is nested too deep") from error


class Places(Protocol):
    """Where things stand, as file:line."""

    def top(self, key: str) -> str:
        """A key or table outside all others."""

    def table(self, name: str, key: str | None = None) -> str:
        """A key of the table `name`, or the table's head."""

    def entry(self, name: str, number: int, key: str | None = None) -> str:
        """A key of the `number`-th entry of the list `name`, or its head."""


def places(path: Path, text: str) -> Places:
    """Of a text that has been read."""
    return _YamlPlaces(path, text) if yamlfile.is_yaml(path) else _TomlPlaces(path, text)


class _YamlPlaces:
    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, yamlfile.lines(text)

    def top(self, key: str) -> str:
        return self._at((key,))

    def table(self, name: str, key: str | None = None) -> str:
        return self._at((name,) if key is None else (name, key))

    def entry(self, name: str, number: int, key: str | None = None) -> str:
        return self._at((name, number) if key is None else (name, number, key))

    def _at(self, wanted: tuple[yamlfile.Key, ...]) -> str:
        """What is not there is looked for where it should be."""
        while wanted and wanted not in self._lines:
            wanted = wanted[:-1]
        return f"{self._path}:{self._lines.get(wanted, 0) + 1}"


class _TomlPlaces:
    """Found by their looks, since tomllib does not tell; good enough for files that people write."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, text.splitlines()

    def top(self, key: str) -> str:
        pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=\].]")
        return self._at(next((at for at, line in enumerate(self._lines) if pattern.match(line)), 0))

    def table(self, name: str, key: str | None = None) -> str:
        return self._within(self._heads(rf"\[\s*{re.escape(name)}\s*\]"), 0, key) or self.top(name)

    def entry(self, name: str, number: int, key: str | None = None) -> str:
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
