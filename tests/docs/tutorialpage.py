"""The tutorial as a list of blocks: what a reader types, the files he writes, and what the page says comes of it.

A comment `<!-- test: ... -->` above a block tells the test what the text around it tells the reader: that a command has
a terminal of its own, that something is waited for first, which code a command ends with. Parses text, runs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BLOCK = re.compile(
    r"(?:^<!-- test: (?P<mark>[^>]*) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """`kind`: the language of the fence, empty for what a command prints; `marks`: what the comment above it says."""

    kind: str
    text: str
    marks: tuple[str, ...]

    def mark(self, name: str) -> str | None:
        """What follows `name` in its mark; None where it has none of that name."""
        found = [mark.removeprefix(name).strip() for mark in self.marks if mark.split(" ")[0] == name]
        return found[0] if found else None


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [
        Block(found["kind"], found["text"], tuple(mark.strip() for mark in (found["mark"] or "").split(",") if mark))
        for found in BLOCK.finditer(page)
    ]
