"""One-shot commands on their way to cells: one at a time for each cell, repeated until its page shows the id, then the
next.

A cell applies an id at most once and ids only rise, so the order of commands is the order of effects. What a cell has
not acknowledged when it dies is reported as missed, never given to its next life. May import numpy, control,
`cellnode.celltable`.
"""

from __future__ import annotations

from collections import deque

from cellnode.celltable import CellTable
from cellnode.control import CellPoke, Post, encode

REPEAT_NS = 200_000_000
BLIND_SENDS = 3  # to a cell without its page, which cannot answer
BLIND_REPEAT_NS = 50_000_000


class _Box:
    """What waits for one cell."""

    __slots__ = ("due_ns", "pokes", "sends")

    def __init__(self) -> None:
        self.pokes: deque[CellPoke] = deque()
        self.sends = 0
        self.due_ns = 0


class Pokes:
    """All pokes of a host; `waiting[id]`: indices that have not acknowledged, `missed[id]`: those that never will."""

    def __init__(self, table: CellTable, post: Post) -> None:
        self._table, self._post = table, post
        self._boxes: dict[int, _Box] = {}
        self.waiting: dict[int, set[int]] = {}
        self.missed: dict[int, set[int]] = {}

    def add(self, poke: CellPoke, indices: list[int]) -> None:
        """Cells that are off, or stopped, miss it at once."""
        table = self._table
        self.waiting[poke.id], self.missed[poke.id] = set(), set()
        for index in indices:
            if not table.on[index] or table.dying[index] or table.frozen[index]:
                self.missed[poke.id].add(index)
                continue
            self.waiting[poke.id].add(index)
            self._boxes.setdefault(index, _Box()).pokes.append(poke)

    def close(self, id: int) -> set[int]:
        """Nobody waits for this command any more; returns who missed it."""
        late = self.waiting.pop(id)
        for index in late:
            box = self._boxes[index]
            box.pokes = deque(poke for poke in box.pokes if poke.id != id)
            box.sends, box.due_ns = 0, 0
        return late | self.missed.pop(id)

    def died(self, index: int) -> None:
        """The cell is gone, and with it what it was to do."""
        for poke in self._boxes.pop(index, _Box()).pokes:
            if index in self.waiting.get(poke.id, ()):
                self.waiting[poke.id].discard(index)
                self.missed[poke.id].add(index)

    def deliver(self, now_ns: int) -> None:
        """Take acknowledgements, send what is due."""
        if not self._boxes:
            return
        shown = self._table.pages["command_id"]
        ready = self._table.up & self._table.started & ~self._table.frozen
        for index, box in list(self._boxes.items()):
            while box.pokes and self._known(index, box, int(shown[index]), now_ns):
                self._acknowledged(index, box)
            if not box.pokes:
                del self._boxes[index]
            elif ready[index] and box.due_ns <= now_ns:
                self._send(index, box, now_ns)

    def _known(self, index: int, box: _Box, shown: int, now_ns: int) -> bool:
        poke = box.pokes[0]
        if shown >= poke.id:
            return True
        blind = bool(self._table.unmapped[index]) and poke.kind != "map"
        return blind and box.sends >= BLIND_SENDS and box.due_ns <= now_ns

    def _acknowledged(self, index: int, box: _Box) -> None:
        poke = box.pokes.popleft()
        box.sends, box.due_ns = 0, 0
        self.waiting.get(poke.id, set()).discard(index)
        if poke.kind in ("map", "unmap"):
            self._table.unmapped[index] = poke.kind == "unmap"

    def _send(self, index: int, box: _Box, now_ns: int) -> None:
        table = self._table
        cell = int(table.cells[index])
        if self._post.send(cell, table.runtime.control_path(cell), encode(box.pokes[0])):
            box.sends += 1
            box.due_ns = now_ns + (BLIND_REPEAT_NS if table.unmapped[index] else REPEAT_NS)
