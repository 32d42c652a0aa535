"""A panel for eyes on another machine: what has changed since it was last shown, as bytes, and the way back.

The agent answers each question with pages that differ from what it has shown, from where it left off and no more than
fit a message: a large panel is seen in rounds of several sheets, and no page is left out. An asker with another base is
shown everything anew. It sends nothing unasked, so a slow line carries few looks and no old one. Times stay in the
agent's clock. May import numpy, zlib, `cellnode.panel` and messages.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.messages import Sheet
from cellnode.panel import PAGE, RING, SLOT_DTYPE
from firmware_sim.errors import BadInput

_FIELDS: dict[str, Any] = dict(SLOT_DTYPE.fields or {})
PART = int(_FIELDS["say_times"][1]) + 8 * RING  # bytes of a page that are in use
PART_DTYPE = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [field[0] for field in _FIELDS.values()],
        "offsets": [field[1] for field in _FIELDS.values()],
        "itemsize": PART,
    }
)
MOST = 4096  # pages of a sheet: 6 MiB of messages.REPORT_MAX even where nothing can be compressed
LEVEL = 1  # of zlib: most of a page is zeros, more effort gains little


class Sheets:
    """The agent's end, for one panel."""

    def __init__(self, agent: str, epoch: int, pages: NDArray[Any]) -> None:
        self._agent, self._epoch = agent, epoch
        self._words = pages.view(np.uint64).reshape(len(pages), PAGE // 8)[:, : PART // 8]
        # A page is told by one number, a sum with odd random weights: 8 bytes instead of a copy. One word that has
        # changed always changes it; several do not once in 2**32 times at worst, until that page changes again.
        self._weights = np.frombuffer(os.urandom(PART), np.uint64) | np.uint64(1)
        self._marks = np.zeros(len(pages), np.uint64)  # as last shown
        self._shown = np.zeros(len(pages), np.bool_)  # to whoever has the last sheet
        self._version = 0
        self._at = 0  # page to look at next
        self._left = 0  # pages that this round has not looked at

    def answer(self, asked_ns: int, base: int, now_ns: int) -> Sheet:
        """The sheet that leads on from `base`: the round's next, or the first of another one."""
        if base != self._version or not base:
            base, self._left = 0, 0
            self._shown[:] = False
        self._version += 1
        self._left = self._left or len(self._shown)
        indices, pages, room = list[NDArray[np.int64]](), list[NDArray[np.uint64]](), MOST
        while self._left and room:
            found, now = self._look(room)
            indices.append(found)
            pages.append(now)
            room -= len(found)
        data = zlib.compress(np.concatenate(pages).tobytes(), LEVEL)
        named = np.concatenate(indices).astype("<u4").tobytes()
        return Sheet(self._agent, self._epoch, self._version, asked_ns, now_ns, named, data, base, self._left)

    def _look(self, room: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Pages of the next stretch that are to be shown, and what is on them; at most `room` of them."""
        start, end = self._at, min(self._at + min(MOST, self._left), len(self._shown))
        now = self._words[start:end].copy()  # what is shown is what was looked at, whatever is written meanwhile
        marks = now @ self._weights
        changed = np.flatnonzero(~self._shown[start:end] | (marks != self._marks[start:end]))
        if len(changed) > room:
            end = start + int(changed[room])  # the first that has no room is looked at again
            changed = changed[:room]
        self._marks[start + changed] = marks[changed]
        self._shown[start + changed] = True
        self._at = end % len(self._shown)
        self._left -= end - start
        return start + changed, now[changed]


def read(sheet: Sheet, cells: int) -> tuple[NDArray[np.uint32], NDArray[Any]]:
    """Indices, and for each what is on its page, PART_DTYPE[n]. BadInput for what is no sheet of a panel of so many
    cells."""
    indices = np.frombuffer(sheet.indices[: len(sheet.indices) // 4 * 4], "<u4")
    if len(sheet.indices) % 4 or len(indices) > cells or (len(indices) and int(indices.max()) >= cells):
        raise BadInput(f"sheet of {sheet.agent} names pages that a panel of {cells} cells does not have")
    size = len(indices) * PART
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(sheet.pages, size + 1)
    except zlib.error as error:
        raise BadInput(f"sheet of {sheet.agent} cannot be read: {error}") from error
    if len(data) != size:
        raise BadInput(f"sheet of {sheet.agent} has not the size of {len(indices)} pages")
    return indices, np.frombuffer(bytearray(data), PART_DTYPE)
