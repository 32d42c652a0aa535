"""The smallest part of a failing schedule that still fails: delta debugging (Zeller and Hildebrandt, "Simplifying and
isolating failure-inducing input", IEEE TSE 2002, algorithm ddmin).

Knows nothing of swarms: it is given items and a question. Imports the standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from firmware_sim.errors import BadInput

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Shrunk:
    """`kept`: indices into the items; without any one of them it no longer fails, unless `exhausted`."""

    kept: tuple[int, ...]
    runs: int
    exhausted: bool


def shrink(items: Sequence[Item], fails: Callable[[list[Item]], bool], most: int = 200) -> Shrunk:
    """Ask `fails` at most `most` times, the same question never twice. BadInput if all items together do not fail."""
    seen: dict[tuple[int, ...], bool] = {}

    def asked(kept: tuple[int, ...]) -> bool:
        if kept not in seen:
            if len(seen) >= most:
                raise _EnoughError
            seen[kept] = fails([items[index] for index in kept])
        return seen[kept]

    kept = tuple(range(len(items)))
    if not asked(kept):
        raise BadInput("the whole schedule does not fail, so there is nothing to shrink")
    parts = 2
    try:
        while len(kept) > 1:
            smaller = _smaller(kept, parts, asked)
            if smaller is not None:
                kept, parts = smaller
            elif parts < len(kept):
                parts = min(len(kept), 2 * parts)
            else:
                break
    except _EnoughError:
        return Shrunk(kept, len(seen), True)
    return Shrunk(kept, len(seen), False)


class _EnoughError(Exception):
    """All questions have been asked."""


def _smaller(
    kept: tuple[int, ...], parts: int, fails: Callable[[tuple[int, ...]], bool]
) -> tuple[tuple[int, ...], int] | None:
    """One part that fails by itself, or all without one part; with the number of parts to go on with."""
    size, rest = divmod(len(kept), parts)
    pieces, at = [], 0
    for part in range(parts):
        length = size + (part < rest)
        pieces.append(kept[at : at + length])
        at += length
    for piece in pieces:
        if fails(piece):
            return piece, 2
    if parts > 2:
        for piece in pieces:
            others = tuple(index for index in kept if index not in piece)
            if fails(others):
                return others, max(parts - 1, 2)
    return None
