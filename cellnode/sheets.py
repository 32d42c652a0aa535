"""A panel for eyes on another machine: what has changed since the last look, as bytes, and the way back.

The agent answers each question with the pages that differ from its last answer, or with all if the asker has another
one; it sends nothing unasked, so a slow line carries few looks and no old one. Times stay in the agent's clock. May
import numpy, zlib and `cellnode.panel`.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.messages import Sheet
from cellnode.panel import PAGE, RING, SLOT_DTYPE
from firmware_sim.errors import BadInput

_FIELDS: dict[str, Any] = dict(SLOT_DTYPE.fields or {})
PART = int(_FIELDS["say_times"][1]) + 8 * RING  # bytes of a page that are in use
LEVEL = 1  # of zlib: most of a page is zeros, more effort gains little


class Sheets:
    """The agent's end, for one panel."""

    def __init__(self, agent: str, epoch: int, pages: NDArray[Any]) -> None:
        self._agent, self._epoch = agent, epoch
        self._raw = pages.view(np.uint8).reshape(len(pages), PAGE)[:, :PART]
        self._shown = np.zeros(self._raw.shape, np.uint8)  # as in the last sheet
        self._version = 0

    def answer(self, asked_ns: int, base: int, now_ns: int) -> Sheet:
        """The sheet that leads from `base` to now."""
        now = self._raw.copy()
        changed = (now != self._shown).any(axis=1) if base and base == self._version else np.ones(len(now), np.bool_)
        self._shown = now
        self._version += 1
        indices = np.flatnonzero(changed).astype("<u4")
        pages = zlib.compress(now[changed].tobytes(), LEVEL)
        return Sheet(self._agent, self._epoch, self._version, asked_ns, now_ns, indices.tobytes(), pages)


def read(sheet: Sheet, cells: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Indices, and for each the first `PART` bytes of its page, uint8[n, PART]. BadInput for what is no sheet of a
    panel of so many cells."""
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
    return indices, np.frombuffer(data, np.uint8).reshape(len(indices), PART)
