"""The two worlds that a patch may live in, C and arrays, as a `Realm` needs to handle them: by the index of a cell.

Both hold the cells of one patch and stand-ins for the cells around it. Nothing here decides anything; what differs
between the worlds is written once for each. May import numpy and both worlds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.frame import LIFE_MAX
from cellnode.mailbox import incarnation_of
from cellnode.mailboxes import Frames, Indices, Mask, Times
from cellnode.nativelib import ELSEWHERE, HEARD, counters_of
from cellnode.nativeworld import NativeWorld
from cellnode.panel import Counter
from cellnode.patchworld import PatchWorld

# index here, life, sequence, hello, next_within, values: of a cell that others must hear
Word = tuple[int, int, int, bool, int, bytes]
# number of the sender, incarnation, sequence, index of the receiver, slot, hello, next_within, values
Heard = tuple[int, int, int, int, int, bool, int, bytes]


class InC:
    """A `NativeWorld` that is part of a grid."""

    def __init__(self, world: NativeWorld, on_words: Callable[[list[Word]], None], speaks: Mask) -> None:
        self.world, self._on_words, self._speaks = world, on_words, speaks
        world.on_said = self._said

    def _said(self, rows: NDArray[np.void]) -> None:
        edge = rows[self._speaks[rows["cell"]]].tolist()
        self._on_words([(cell, life, k, hello != 0, within, state) for _, cell, life, k, hello, within, state in edge])

    @property
    def next_wake_ns(self) -> Times:
        """[all]: when each cell is due, a view."""
        due: Times = self.world.cells["next_wake_ns"]
        return due

    @property
    def not_before_ns(self) -> Times:
        not_before: Times = self.world.cells["not_before_ns"]
        return not_before

    def stand_still(self, not_before_ns: Times) -> None:
        self.world.cells["not_before_ns"] = not_before_ns

    def next_event_ns(self) -> int:
        cells = self.world.cells
        return int(np.minimum(np.maximum(cells["next_wake_ns"], cells["not_before_ns"]), cells["due_ns"]).min())

    def begin_life(self, cells: Indices, lives: NDArray[np.int64]) -> None:
        """The next `power` begins these lives, with counters at zero."""
        self.world.cells["incarnation"][cells] = incarnation_of(self.world.epoch, 0) | (lives - 1)
        self.world.cells["counters"][cells] = 0
        self.world.cells["received"][cells] = 0

    def meet(self, cells: Indices, incarnations: NDArray[np.int64], on: Mask) -> None:
        self.world.cells["incarnation"][cells] = incarnations
        self.world.cells["on"][cells] = np.where(on, ELSEWHERE, 0)

    def hear(self, rows: list[Heard], now_ns: int) -> None:
        self.world.hear(np.array(rows, HEARD), now_ns)

    def linked(self) -> Mask:
        """[all]: who has met every neighbour that has power."""
        cells = self.world.cells
        powered = np.append(cells["on"] != 0, False)[cells["neighbours"]]
        met: Mask = (~powered | (cells["slots"]["incarnation"] != 0)).all(axis=1)
        return met

    def add(self, counter: Counter, cells: NDArray[np.integer[Any]], amount: int = 1) -> None:
        if counter is Counter.RECEIVED:
            np.add.at(self.world.cells["received"], cells, np.uint64(amount))
        else:
            np.add.at(self.world.cells["counters"][:, counter], cells, np.uint64(amount))

    def put(self, counter: Counter, cells: Indices, value: int) -> None:
        self.world.cells["counters"][cells, counter] = value

    def counters(self) -> NDArray[np.uint64]:
        return counters_of(self.world.cells)

    def show_on(self, pages: NDArray[np.uint64]) -> None:
        """Addresses of the pages of the first cells; C writes there at every wake."""
        self.world.cells["page"][: len(pages)] = pages

    def shown_later(self, ns: int) -> None:
        for part in self.world.parts:
            part.world.shown_later_ns = ns


class InArrays:
    """A `PatchWorld` that is part of a grid."""

    def __init__(
        self,
        world: PatchWorld,
        on_words: Callable[[list[Word]], None],
        speaks: Mask,
        show: Callable[[PatchWorld, Frames], None],
    ) -> None:
        self.world, self._on_words, self._speaks, self._show = world, on_words, speaks, show
        self._index = {number: index for index, number in enumerate(world.patch.numbers.tolist())}
        world.on_said = self._said

    def _said(self, said: Frames) -> None:
        self._show(self.world, said)
        edge = said.take(self._speaks[said.senders])
        lives = edge.incarnations & LIFE_MAX
        columns = (edge.senders, lives, edge.sequences, edge.hello, edge.next_within)
        rows = zip(*(column.tolist() for column in columns), edge.states, strict=True)
        self._on_words([(*row, state.tobytes()) for *row, state in rows])

    @property
    def next_wake_ns(self) -> Times:
        return self.world.patch.next_wake_ns[:-1]

    @property
    def not_before_ns(self) -> Times:
        return self.world._not_before_ns[:-1]

    def stand_still(self, not_before_ns: Times) -> None:
        self.world.stand_still(not_before_ns)

    def next_event_ns(self) -> int:
        wakes_ns = np.maximum(self.world.patch.next_wake_ns, self.world._not_before_ns)
        return int(np.minimum(wakes_ns, self.world.links.due_ns).min())

    def begin_life(self, cells: Indices, lives: NDArray[np.int64]) -> None:
        self.world.patch._lives[cells] = lives - 1
        self.world.patch.counters[:, cells] = 0

    def meet(self, cells: Indices, incarnations: NDArray[np.int64], on: Mask) -> None:
        self.world.patch.meet(cells, incarnations, on)

    def hear(self, rows: list[Heard], now_ns: int) -> None:
        senders, incarnations, sequences, receivers, slots, hello, within, values = zip(*rows, strict=True)
        dtype = self.world.engine.dtype
        frames = Frames(
            times=np.full(len(rows), now_ns),
            senders=np.array([self._index[number] for number in senders], np.int64),
            receivers=np.array(receivers, np.int64),
            slots=np.array(slots, np.int64),
            incarnations=np.array(incarnations, np.int64),
            sequences=np.array(sequences, np.int64),
            hello=np.array(hello, np.bool_),
            next_within=np.array(within, np.int64),
            states=np.frombuffer(b"".join(values), dtype).reshape(len(rows), -1),
        )
        self.world.hear(frames, now_ns)

    def linked(self) -> Mask:
        patch = self.world.patch
        met: Mask = (~patch.on[patch.mail.neighbours] | (patch.mail.incarnations != 0)).all(axis=1)
        return met

    def add(self, counter: Counter, cells: NDArray[np.integer[Any]], amount: int = 1) -> None:
        np.add.at(self.world.patch.counters[counter], cells, np.uint64(amount))

    def put(self, counter: Counter, cells: Indices, value: int) -> None:
        self.world.patch.counters[counter, cells] = value

    def counters(self) -> NDArray[np.uint64]:
        return self.world.counters()

    def show_on(self, pages: NDArray[np.uint64]) -> None:
        return  # `show` writes them

    def shown_later(self, ns: int) -> None:
        return
