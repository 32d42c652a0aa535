"""The keeper of a host's recording: fetches what the black boxes hold, and has it written down in time.

It waits for no cell. Time is passed in. May import numpy, the rings, the book, the rows, messages and runtime.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellnode.book import CHUNK_ROWS, SIZE_MAX, Book
from cellnode.messages import Placement
from cellnode.rings import Rings
from cellnode.rows import ends
from cellnode.runtime import Runtime
from firmware_sim.errors import BadInput

FETCH_NS = 250_000_000  # between two looks at the rings, or ...
FETCH_INTERVALS = 4  # ... so many T, if that is less: a ring holds 21 rows
CHUNK_NS = 4_000_000_000  # what a kill -9 of the agent can cost
NEVER_NS = (1 << 63) - 1


class Keeper:
    """The recording of one placement on one host."""

    def __init__(
        self, placement: Placement, runtime: Runtime, cells: NDArray[np.int64], size_max: int = SIZE_MAX
    ) -> None:
        self._fetch_ns = min(FETCH_NS, FETCH_INTERVALS * placement.interval_ns)
        self._cells = cells.astype(np.uint32)
        self._book = Book(placement, size_max)
        try:
            self._rings = Rings(runtime.rings, cells, self._book.values)
        except OSError as error:
            raise BadInput(f"black boxes {runtime.rings} cannot be made: {error.strerror}") from error
        self._next_ns = 0
        self._from_ns = 0  # of the chunk that is being gathered
        self._until_ns = 0

    @property
    def ended(self) -> str:
        """Why nothing more is recorded; "" while all is well."""
        return self._book.ended

    def tick(self, now_ns: int) -> None:
        """Fetch, and write a chunk, if it is time."""
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + self._fetch_ns
        self._from_ns = self._from_ns or now_ns
        self._until_ns = max(now_ns, self._until_ns)  # a cell that has died since may have said something later
        self._book.take(*self._rings.fetch(self._until_ns, now_ns))
        if now_ns - self._from_ns >= CHUNK_NS or self._book.waiting >= CHUNK_ROWS:
            self._write(now_ns)

    def next_ms(self, now_ns: int) -> int:
        """How long the agent may sleep before the next `tick`."""
        return max(1, (self._next_ns - now_ns) // 1_000_000)

    def died(self, index: int, life: int, now_ns: int) -> None:
        """The process of this page is reaped: take the last it wrote, and note its end."""
        rows, gaps = self._rings.fetch(NEVER_NS, now_ns, index)
        self._until_ns = max([self._until_ns, *rows["at_ns"].tolist()])
        self._book.take(rows, gaps)
        self._book.take(ends(self._cells[index : index + 1], np.array([life]), now_ns, self._book.values))
        self._rings.clear(index)

    def close(self, now_ns: int) -> None:
        """The last chunk; all cells are gone."""
        self._book.take(*self._rings.fetch(NEVER_NS, now_ns))
        self._write(now_ns)
        self._book.end("stopped", now_ns)
        self._rings.close()

    def _write(self, now_ns: int) -> None:
        self._book.write(self._from_ns, max(now_ns, self._until_ns))
        self._from_ns = now_ns
