"""One-shot commands on their way to patches: `pokes.py` for processes that carry many cells.

One command at a time for each patch, repeated until the pages of all its cells concerned show the id. May import numpy,
the patches' table and their control messages.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from cellnode.control import CellPoke
from cellnode.patchcontrol import POKES, PatchPoke, Post
from cellnode.patchtable import PatchTable
from cellnode.pokes import REPEAT_NS
from firmware_sim.errors import BadInput


class _Box:
    """What waits for one patch: commands with the indices of the cells they are for."""

    def __init__(self) -> None:
        self.pokes: deque[tuple[CellPoke, list[int]]] = deque()
        self.due_ns = 0


class PatchPokes:
    """All pokes of a host; `waiting[id]`: indices that have not acknowledged, `missed[id]`: those that never will."""

    def __init__(self, table: PatchTable, post: Post) -> None:
        self._table, self._post = table, post
        self._boxes: dict[int, _Box] = {}
        self.waiting: dict[int, set[int]] = {}
        self.missed: dict[int, set[int]] = {}

    def add(self, poke: CellPoke, indices: list[int]) -> None:
        """Cells that are off, or stand still, miss it at once."""
        if poke.kind not in POKES:
            raise BadInput(f"poke {poke.kind!r} is for processes of one cell, a patch knows {', '.join(POKES)}")
        table, all_of = self._table, np.array(indices, np.intp)
        gone = ~table.on[all_of] | table.still[all_of] | table.unit_dying[table.unit_of[all_of]]
        self.missed[poke.id] = set(all_of[gone].tolist())
        self.waiting[poke.id] = set(all_of[~gone].tolist())
        for unit in table.units(all_of[~gone]).tolist():
            mine = [index for index in all_of[~gone].tolist() if table.unit_of[index] == unit]
            self._boxes.setdefault(unit, _Box()).pokes.append((poke, mine))

    def close(self, id: int) -> set[int]:
        """Nobody waits for this command any more; returns who missed it."""
        late = self.waiting.pop(id)
        for unit in list(self._boxes):
            box = self._boxes[unit]
            box.pokes = deque(entry for entry in box.pokes if entry[0].id != id)
            box.due_ns = 0
            if not box.pokes:
                del self._boxes[unit]
        return late | self.missed.pop(id)

    def died(self, unit: int) -> None:
        """The patch is gone, and with it what it was to do."""
        for poke, indices in self._boxes.pop(unit, _Box()).pokes:
            left = self.waiting.get(poke.id, set()) & set(indices)
            if poke.id in self.waiting:
                self.waiting[poke.id] -= left
                self.missed[poke.id] |= left

    def deliver(self, now_ns: int) -> None:
        """Take acknowledgements, send what is due."""
        table = self._table
        shown = table.pages["command_id"] if self._boxes else None
        for unit, box in list(self._boxes.items()):
            assert shown is not None
            while box.pokes:
                poke, indices = box.pokes[0]
                waiting = self.waiting.get(poke.id, set())
                waiting.difference_update([index for index in indices if shown[index] >= poke.id])
                if waiting.intersection(indices):
                    break
                box.pokes.popleft()
                box.due_ns = 0
            if not box.pokes:
                del self._boxes[unit]
            elif box.due_ns <= now_ns and table.unit_up[unit] and table.unit_started[unit]:
                poke, indices = box.pokes[0]
                places = np.searchsorted(table.members[unit], indices).tolist()
                path = table.runtime.control_path(int(table.numbers_of_patches[unit]))
                if self._post.send(path, PatchPoke(poke.id, poke.kind, places, poke.state)):
                    box.due_ns = now_ns + REPEAT_NS
