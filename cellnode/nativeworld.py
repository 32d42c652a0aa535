"""Virtual time in C: the fastest world for int8 rules, equal to `oracle.CellWorld` event for event.

All that cells are lies in one NumPy array (`nativelib.CELL`); native/library.c runs the events one by one in the order
(time, cell) and computes the rule's integer core itself. Cells on other engines are asked of those engines; struck ones
are `nativestruck.py`'s. It knows the faults of `nativefaults.FIELDS` and nothing beyond; whoever owns it hands it over
to arrays (`handover.py`) for what it does not know. Knows no clock. May import numpy, firmware_sim, the library, draws
and faults.
"""

from __future__ import annotations

import copy
import ctypes
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import cellfault, clockfault, harm, linkfault, nativelib
from cellnode.cell import REACTION_NS
from cellnode.draws import TABLE, Purpose, chain
from cellnode.heard import Heard
from cellnode.linkfault import DELAY_MAX, check
from cellnode.mailbox import NEVER_NS
from cellnode.messages import LinkFault, RulePayload
from cellnode.nativefaults import edges_of, table_of
from cellnode.nativelib import ASK, CELL, EDGES, EVENT, HERE, SAID, World
from cellnode.nativepart import EngineFailed, Part
from cellnode.nativestruck import Struck, Victim
from cellnode.oracle import Said
from firmware_sim.engines import Engine, genome_of
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS

LOG_ROOM = 4096  # frames between two calls of the log


class NativeWorld:
    """Cells that are all on at time 0, each in its first life; the same surface as `CellWorld`, for int8 engines.

    `parts`: so many equal ranges of the table without a link between them; they run in threads, one for each core,
    which changes no byte. `numbers`: what the cells are called in the grid, in rising order, if they are not all of it.
    `elsewhere`: so many of the last of them live elsewhere: what they say comes by `hear`; then nobody has power at
    first. Raises NativeUnavailable where there is no compiled library.
    """

    def __init__(
        self,
        table: NDArray[np.int32],
        engine: Engine,
        rng_seed: int,
        interval_ns: int,
        epoch: int,
        log: Callable[[Said], None] | None = None,
        others: Sequence[tuple[Sequence[int], Engine]] = (),
        parts: int = 1,
        threads: int | None = None,
        numbers: NDArray[np.int64] | None = None,
        elsewhere: int = 0,
    ) -> None:
        if engine.family != "int8" or engine.channels != CHANNELS:
            raise BadInput(f"native virtual time computes int8 with {CHANNELS} channels, not engine {engine.name}")
        self._library = nativelib.load()
        self.engine, self.others, self.log = engine, others, log
        self.on_said: Callable[[NDArray[np.void]], None] | None = None  # gets all that was said, many rows at a time
        self.table, self.rng_seed, self.interval_ns, self.epoch = table, rng_seed, interval_ns, epoch
        self.faults: tuple[LinkFault, ...] = ()
        self.cells = nativelib.blank(len(table))
        self.cells["neighbours"] = table
        for number, (cells, _) in enumerate(others, 1):
            self.cells["engine"][np.asarray(cells, np.int64)] = number
        self.numbers = numbers
        if numbers is not None:
            self.cells["number"] = numbers
        engines = [engine, *(other for _, other in others)]
        self.struck = Struck(self._library, self.cells, engines, epoch)
        self.count = len(table) - elsewhere
        size = self.count // parts
        self.parts = [Part(self._library, k * size, (k + 1) * size, interval_ns) for k in range(parts)]
        self._threads = 1 if log is not None or parts == 1 else threads or os.cpu_count() or 1
        self._fault_table, self._edges = table_of((), interval_ns), np.zeros(0, EDGES)
        self._error: BaseException | None = None
        self._bind()
        if numbers is None:
            self.power(range(len(table)), True, 0)

    @property
    def on(self) -> NDArray[np.bool_]:
        return self.cells["on"].astype(np.bool_)

    @property
    def frozen(self) -> NDArray[np.bool_]:
        still: NDArray[np.bool_] = self.cells["not_before_ns"] == NEVER_NS
        return still

    def states(self) -> NDArray[Any]:
        """[cells, 16] int8; cells without power are zeros."""
        own: NDArray[Any] = self.cells["own"].copy()
        return own

    def counters(self) -> NDArray[np.uint64]:
        return nativelib.counters_of(self.cells)

    def heard(self) -> Heard:
        """What lies in the mailboxes."""
        on, slots = self.on, self.cells["slots"]
        return Heard(
            np.where(on, self.cells["sequence"], 0),
            np.where(on[:, None], slots["incarnation"], 0),
            np.where(on[:, None], slots["sequence"], 0),
        )

    @property
    def nbytes(self) -> int:
        """Memory of all cells and of what runs them."""
        return int(self.cells.nbytes + self._events.nbytes) + sum(part.nbytes for part in self.parts)

    def run(self, until_ns: int) -> None:
        """Everything that happens up to and including `until_ns`."""
        for part in self.parts:
            part.world.struck = self.struck.rows.ctypes.data
        try:
            if self._threads == 1:
                for part in self.parts:
                    part.run(until_ns, self._drain)
            else:
                with ThreadPoolExecutor(self._threads) as pool:
                    list(pool.map(lambda part: part.run(until_ns, self._drain), self.parts))
        except EngineFailed:
            error = self._error
            self._error = None
            if error is None:
                raise
            raise error from None

    def power(self, cells: Iterable[int], on: bool, now_ns: int) -> None:
        """Cells that get power begin a new life; those that lose it are gone with all that was on its way to them."""
        wanted = np.array(sorted(set(cells)), np.int64)
        changed = wanted[(self.cells["on"][wanted] == HERE) != on].tolist()
        self.struck.forget(changed)
        for world, some in self._by_part(changed):
            self._library.planaria_world_power(world, some.ctypes.data, len(some), on, now_ns)
        self._rouse(self.struck.tell(changed), now_ns)

    def freeze(self, cells: Iterable[int], frozen: bool, now_ns: int) -> None:
        """As in `CellWorld`."""
        wanted = np.array(sorted(set(cells)), np.int64)
        changed = wanted[(self.cells["on"][wanted] == HERE) & (self.frozen[wanted] != frozen)]
        self.cells["not_before_ns"][changed] = NEVER_NS if frozen else now_ns + REACTION_NS

    def hear(self, heard: NDArray[np.void], now_ns: int) -> None:
        """What cells elsewhere have said comes to cells here (`nativelib.HEARD`), in this order."""
        self.parts[0].hear(heard, now_ns)

    def set_interval(self, interval_ns: int, now_ns: int) -> None:
        """Change T; pending wakes are drawn anew."""
        self.interval_ns = interval_ns
        self._fault_table = table_of(self.faults, interval_ns)
        for part in self.parts:
            part.set_interval(interval_ns)
        self._bind()
        for part in self.parts:
            self._library.planaria_world_set_interval(part.world, part.first, part.end, now_ns)

    def erase(self, cells: Iterable[int], now_ns: int) -> None:
        for world, some in self._by_part(self._reachable(cells)):
            self._library.planaria_world_erase(world, some.ctypes.data, len(some), now_ns)

    def seed(self, cells: Iterable[int], state: bytes, now_ns: int) -> None:
        for world, some in self._by_part(self._reachable(cells)):
            self._library.planaria_world_seed(world, some.ctypes.data, len(some), bytes(state), now_ns)

    def harm(self, order: harm.Harm, cells: Iterable[int], rule: RulePayload, now_ns: int) -> None:
        """A hardware fault on those of these cells that are on."""
        wanted = [cell for cell in self._reachable(set(cells)) if self.cells["on"][cell] == HERE]
        for world, some in self._by_part(wanted):
            for cell in some.tolist():
                victim = Victim(self._library, world, self.struck, cell, self.interval_ns)
                harm.carry_out(order, victim, rule, now_ns, harm.spare_chip)

    def set_faults(self, faults: Sequence[LinkFault], now_ns: int) -> None:
        """Faults that it knows: on the incoming edges of cells, on their clocks, on what they compute and say."""
        self.faults = tuple(check(fault) for fault in faults)
        links = edges_of(self.faults, len(self.cells), linkfault.KINDS, 0)
        clocks = edges_of(self.faults, len(self.cells), clockfault.KINDS, len(links.edges))
        self.cells["fault_count"], self.cells["fault_first"] = links.counts, links.firsts
        self.cells["clock_count"], self.cells["clock_first"] = clocks.counts, clocks.firsts
        self._edges = np.concatenate([links.edges, clocks.edges])
        self._fault_table = table_of(self.faults, self.interval_ns)
        self._bind()
        self._rouse(self.struck.set_faults([fault for fault in self.faults if fault.kind in cellfault.KINDS]), now_ns)

    def twin(self, engine: Engine) -> NativeWorld:
        """A copy that lives on by itself, on `engine`, which is of the same family. Nobody may be struck."""
        assert not self.struck.ones, "what is wrong with one cell is not copied"
        it = copy.copy(self)
        it.engine = engine
        it.cells = nativelib.aligned(len(self.cells), CELL)
        it.cells[:] = self.cells
        it.struck = Struck(self._library, it.cells, [engine, *(other for _, other in self.others)], self.epoch)
        it.parts = [part.copy() for part in self.parts]
        it._bind()
        return it

    # ---- inside

    def _rouse(self, cells: Iterable[int], now_ns: int) -> None:
        """What was proven of these cells' fixed points is not any more."""
        for part in self.parts:
            for cell in cells:
                if part.first <= cell < part.end:
                    self._library.planaria_world_refit(part.world, cell, now_ns)

    def _reachable(self, cells: Iterable[int]) -> list[int]:
        """Who stands still misses what is done to him."""
        return [cell for cell in cells if self.cells["not_before_ns"][cell] != NEVER_NS]

    def _by_part(self, cells: Iterable[int]) -> Iterator[tuple[World, NDArray[np.int64]]]:
        wanted = np.array(sorted(set(cells)), np.int64)
        for part in self.parts:
            some = np.ascontiguousarray(wanted[(wanted >= part.first) & (wanted < part.end)])
            if len(some):
                yield part.world, some

    def _bind(self) -> None:
        """Tell C where everything lies; after any buffer has moved."""
        genome = genome_of(self.engine)
        self._rule = None if genome is None else nativelib.rule_of(self._library, genome)
        self._events = nativelib.aligned(len(self.cells), EVENT)
        told = self.log is not None or self.numbers is not None
        self._said = np.zeros(LOG_ROOM if told else 0, SAID)
        self._ask = ASK(self._answer)
        for part in self.parts:
            world = part.world
            world.cells, world.events = self.cells.ctypes.data, self._events.ctypes.data
            world.rule = None if self._rule is None else self._rule.ctypes.data
            world.simd = nativelib.simd(self._library)
            world.intervals = TABLE.ctypes.data
            world.faults = self._fault_table.rows.ctypes.data if self.faults else None
            world.edges = self._edges.ctypes.data
            world.log, world.log_room = (self._said.ctypes.data if told else None), len(self._said)
            world.ask = self._ask
            world.epoch = self.epoch
            world.delay_max_ns = round(DELAY_MAX * self.interval_ns)
            world.wake_key = chain(chain(0, self.rng_seed), int(Purpose.WAKE))

    def _answer(self, cell: int, block: int | None, state: int) -> int:
        """What C asks of an engine outside: the update of one cell, or what it says instead of its state."""
        try:
            if block is None:
                new = self.struck.say(cell, ctypes.string_at(state, CHANNELS))
            else:
                asked = np.frombuffer(ctypes.string_at(block, 9 * CHANNELS), np.int8).reshape(1, 3, 3, CHANNELS)
                number = int(self.cells["engine"][cell])
                engine = self.others[number - 1][1] if number > 0 else self.engine
                found = engine.update(asked) if number >= 0 else self.struck.update(cell, asked)
                new = np.ascontiguousarray(found, np.int8).tobytes()
            ctypes.memmove(state, new, CHANNELS)
            return 0
        except BaseException as error:  # it cannot pass through C: `run` raises it
            self._error = error
            return 1

    def _drain(self, world: World) -> None:
        rows = self._said[: world.log_count]
        if self.on_said is not None and len(rows):
            self.on_said(rows)
        if self.log is not None:
            for time_ns, cell, life, sequence, hello, within, state in rows.tolist():
                self.log((time_ns, cell, life, sequence, bool(hello), within, state))
        world.log_count = 0
