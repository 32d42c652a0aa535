"""Parts of a picture by name, so that a selector can mean the lizard's head: `part:head`, `part:picture`.

Every picture has `picture` (its opaque cells), `rim` (those of them beside an empty square) and `ground` (all others);
pictures that we know have parts of their own, given as rectangles in fortieths of the picture. May import numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]  # rows from, to; columns from, to; the ends not included

UNIT = 40
GENERAL = ("picture", "rim", "ground")
_LIZARD: Mapping[str, tuple[Box, ...]] = MappingProxyType(
    {
        "head": ((0, 13, 4, 15),),
        "tail": ((28, 40, 22, 36),),
        "legs": ((6, 14, 16, 23), (12, 20, 23, 33), (15, 23, 4, 12), (24, 34, 12, 21)),
    }
)
_KNOWN: Mapping[str, Mapping[str, tuple[Box, ...]]] = MappingProxyType({"built-in lizard": _LIZARD})


def names(source: str) -> tuple[str, ...]:
    """The parts that a picture of this origin (rule.json's target.source) has."""
    known = _known(source)
    return (*GENERAL, *known, "body") if known else GENERAL


def boxes(source: str, name: str, height: int, width: int) -> Mask:
    """[height, width] of the picture: the squares of a part that is given by rectangles."""
    mask = np.zeros((height, width), np.bool_)
    rows, columns = np.arange(height) * UNIT // height, np.arange(width) * UNIT // width
    known = _known(source)
    for part, rectangles in known.items():
        if name in (part, "body"):
            for top, bottom, left, right in rectangles:
                inside = (rows >= top) & (rows < bottom)
                mask |= inside[:, None] & (columns >= left) & (columns < right)
    return ~mask if name == "body" else mask


def rim(picture: Mask) -> Mask:
    """Cells of the picture that lie beside a square which does not belong to it."""
    padded = np.pad(picture, 1)
    inner = padded[1:-1, 1:-1].copy()
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            inner &= padded[dy : dy + picture.shape[0], dx : dx + picture.shape[1]]
    return picture & ~inner


def _known(source: str) -> Mapping[str, tuple[Box, ...]]:
    return next((parts for origin, parts in _KNOWN.items() if source.startswith(origin)), {})
