"""Cells of a native world whose chip is not as it was made, or that lie: what C is told of each, and what it asks.

C goes on computing such a cell as long as a genome says what becomes of its inputs. It asks here when a fault is to
hit, for what no genome says, and for words that are lies. What faults do stands in harm.py and cellfault.py, once for
all worlds. May import numpy, firmware_sim, these two and the library's layouts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import nativelib
from cellnode.cellfault import CellFaults
from cellnode.frame import LIFE_MAX
from cellnode.harm import HarmedEngine
from cellnode.messages import LinkFault
from cellnode.nativelib import HERE, STRUCK, World
from cellnode.upset import FOR_EVER
from firmware_sim.engines import Engine, genome_of
from firmware_sim.genome import Genome


@dataclass(slots=True)
class One:
    """One struck cell."""

    row: int
    born_with: int  # what stood in its cell as `engine`
    engine: Engine  # what computes it: the engine it was born with, or a harmed one
    faulty: CellFaults | None = None
    promised: int = 0  # updates that C was free to compute when it was last told


class Struck:
    """All of them; `rows` is what C reads of each, `cells` is the world's (`nativelib.CELL`)."""

    def __init__(
        self,
        library: ctypes.CDLL,
        cells: NDArray[np.void],
        engines: Sequence[Engine],
        epoch: int,
    ) -> None:
        self._library, self.cells, self._engines, self._epoch = library, cells, engines, epoch
        self.rows = np.zeros(0, STRUCK)
        self.ones: dict[int, One] = {}
        self._free: list[int] = []
        self._rules: dict[Genome, NDArray[np.uint8]] = {}
        self._faults: list[tuple[LinkFault, frozenset[int]]] = []

    # ---- what is done to cells, between runs

    def engine_of(self, cell: int) -> Engine:
        """What computes this cell now, told of all updates that C computed in its place."""
        one = self.ones.get(cell)
        if one is None:
            return self._engines[int(self.cells["engine"][cell])]
        self._settle(one)
        return one.engine

    def refit(self, cell: int, engine: Engine) -> None:
        """This cell is computed by an engine of its own until its life ends."""
        one = self._one(cell)
        one.engine = engine
        self._plan(one)

    def set_faults(self, faults: Sequence[LinkFault]) -> list[int]:
        """The whole wanted list of faults of cores and mouths; who has power and is to be roused by the change."""
        self._faults = [(fault, frozenset(fault.cells)) for fault in faults]
        victims = {cell for cell, one in self.ones.items() if one.faulty is not None}
        return self.tell(sorted(victims.union(*(cells for _, cells in self._faults))))

    def tell(self, cells: Iterable[int]) -> list[int]:
        """These cells get their share of the wanted list; for whom it is another one now."""
        if not (self._faults or self.ones):
            return []
        return [cell for cell in cells if self.cells["on"][cell] == HERE and self._tell(cell)]

    def forget(self, cells: Iterable[int]) -> None:
        """Their lives are over, and with them what was wrong with them."""
        for cell in cells if self.ones else ():
            one = self.ones.pop(cell, None)
            if one is not None:
                self.cells["engine"][cell] = one.born_with
                self._free.append(one.row)

    def settle(self) -> dict[int, One]:
        """All of them, told of what C computed in their place."""
        for one in self.ones.values():
            self._settle(one)
        return self.ones

    # ---- what C asks, in a run

    def update(self, cell: int, block: NDArray[np.int8]) -> NDArray[Any]:
        """int8[1, 3, 3, 16] -> int8[1, 16]: an update that C does not compute by itself."""
        one = self.ones[cell]
        self._settle(one)
        new: NDArray[Any] = one.engine.update(block)
        if one.faulty is not None and one.faulty.warping:
            new = one.faulty.warp(block, new)
        self._plan(one)
        return new

    def say(self, cell: int, values: bytes) -> bytes:
        """What it says instead of these values."""
        faulty = self.ones[cell].faulty
        return values if faulty is None else faulty.say(int(self.cells["sequence"][cell]), values)

    # ---- inside

    def _tell(self, cell: int) -> bool:
        mine = [fault for fault, victims in self._faults if cell in victims]
        one = self.ones.get(cell)
        if not mine and (one is None or one.faulty is None):
            return False
        one = self._one(cell)
        self._settle(one)
        if one.faulty is None:
            at = self.cells[cell]
            life = int(at["incarnation"]) & LIFE_MAX
            one.faulty = CellFaults(int(at["number"]), self._epoch, life, np.dtype(np.int8), at["counters"])
        changed = one.faulty.set(mine)
        if not mine:
            one.faulty = None
        self._plan(one)
        return changed

    def _one(self, cell: int) -> One:
        one = self.ones.get(cell)
        if one is None:
            if not self._free:
                before = len(self.rows)
                self.rows = np.concatenate([self.rows, np.zeros(max(before, 16), STRUCK)])
                self._free = list(range(before, len(self.rows)))[::-1]
            number = int(self.cells["engine"][cell])
            one = self.ones[cell] = One(self._free.pop(), number, self._engines[number])
            self.cells["engine"][cell] = -1 - one.row
        return one

    def _settle(self, one: One) -> None:
        left = int(self.rows["spared"][one.row])
        if isinstance(one.engine, HarmedEngine):
            one.engine.passed(one.promised - left)
        one.promised = left

    def _plan(self, one: One) -> None:
        """Tell C by which genome, and for how long, it may compute this cell by itself."""
        rule, spared = 0, FOR_EVER
        if one.faulty is not None and one.faulty.warping:
            spared = 0
        elif isinstance(one.engine, HarmedEngine):
            genome, spared = one.engine.foretold()
            rule = 0 if genome is None else self._rule(genome)
        elif one.born_with != 0 or genome_of(one.engine) is None:
            spared = 0
        lying = one.faulty is not None and one.faulty.lying
        row = self.rows[one.row]
        row["rule"], row["spared"], row["lying"] = rule, spared, lying
        one.promised = spared

    def _rule(self, genome: Genome) -> int:
        """Where C finds this genome."""
        if genome not in self._rules:
            if len(self._rules) > 2 * len(self.ones) + 16:  # most of them are of the past
                used = set(self.rows["rule"].tolist())
                self._rules = {key: rule for key, rule in self._rules.items() if rule.ctypes.data in used}
            self._rules[genome] = nativelib.rule_of(self._library, genome)
        return int(self._rules[genome].ctypes.data)


class Victim:
    """One cell with power, as a harm sees it (`harm.Victim`)."""

    def __init__(self, library: ctypes.CDLL, world: World, struck: Struck, index: int, interval_ns: int) -> None:
        self._library, self._world, self._struck, self._index = library, world, struck, index
        self._at = struck.cells[index]
        self.cell, self.interval_ns = int(self._at["number"]), interval_ns
        self.counters: Any = self._at["counters"]

    @property
    def state_bytes(self) -> bytes:
        return bytes(self._at["own"].tobytes())

    @property
    def engine(self) -> Engine:
        return self._struck.engine_of(self._index)

    def corrupt(self, values: bytes, now_ns: int) -> None:
        self._library.planaria_world_corrupt(self._world, self._index, values, now_ns)

    def refit(self, engine: Engine, now_ns: int) -> None:
        self._struck.refit(self._index, engine)
        self._library.planaria_world_refit(self._world, self._index, now_ns)

    def jump(self, ns: int, now_ns: int) -> None:
        self._library.planaria_world_jump(self._world, self._index, ns, now_ns)
