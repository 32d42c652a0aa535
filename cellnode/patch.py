"""Many cells as arrays: the batch twin of `Cell`, bit for bit where the engine gives the same bits for any batch size.

Each array holds for all cells what one field of `Cell` holds for one; the two files are read side by side. `wake` takes
cells that may wake in any order (who they are is `schedule.py`'s business), `spread` finds who hears what they said,
and `deliver` hands it to them. Knows no clock and no random source; intervals are drawn by key and counter. May import
numpy, firmware_sim, the mailboxes, draws, clock faults, and constants of the cell, the frame and the panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.cell import HELLO_MAX, LATE_DEAF, LATE_MISSED, QUIET_WAKES, REACTION_NS
from cellnode.cellfault import CellFaults
from cellnode.clockfault import bend
from cellnode.draws import Purpose, chain_array, interval_ns_array, stream_key, wake_entity
from cellnode.frame import LIFE_MAX, NEXT_WITHIN_MAX
from cellnode.harm import HarmedEngine
from cellnode.mailbox import NEVER_NS, OWN, incarnation_of
from cellnode.mailboxes import Frames, Heard, Indices, Mailboxes, Mask, Times, any_slot, count_slots
from cellnode.messages import LinkFault
from cellnode.panel import COUNTERS, Counter
from firmware_sim.engines import Engine

_ONE = np.uint64(1)


class Patch:
    """Cells 0 .. n-1 of a grid given by its table of neighbours; nobody has power until `born`.

    Index n, "no neighbour", never wakes and has no power. `numbers`: what the cells are called in the grid, in rising
    order, if they are not all of it; `elsewhere`: so many of the last of them live elsewhere. They never wake here.
    """

    def __init__(
        self,
        table: NDArray[np.int32],
        engine: Engine,
        rng_seed: int,
        interval_ns: int,
        epoch: int,
        others: Sequence[tuple[Sequence[int], Engine]] = (),
        numbers: NDArray[np.int64] | None = None,
        elsewhere: int = 0,
    ) -> None:
        n = len(table)
        self.numbers = np.arange(n) if numbers is None else numbers
        self.here: Mask = np.arange(n + 1) < n - elsewhere
        self._others = [engine for _, engine in others]
        self._engine_of = np.zeros(n, np.int64)  # 0: `engine`, else one more than the place in `others`
        for number, (cells, _) in enumerate(others, 1):
            self._engine_of[np.asarray(cells, np.int64)] = number
        self._own_engine: dict[int, int] = {}  # of a cell that was refitted: its place in `others`, plus one
        self._engine_at_birth = self._engine_of.copy()
        self.count, self.engine, self.interval_ns = n, engine, interval_ns
        self._rng_seed, self._epoch = rng_seed, epoch
        self.counters = np.zeros((COUNTERS, n), np.uint64)
        self.mail = Mailboxes(table, engine.dtype, engine.channels, interval_ns, self.counters)
        self.on: Mask = np.zeros(n + 1, np.bool_)
        self.next_wake_ns: Times = np.full(n + 1, NEVER_NS)
        self.next_draw_ns: Times = np.ones(n, np.int64)  # the interval that the next draw will give
        self.next_within = np.ones(n, np.int64)
        self.hello_until_ns: Times = np.zeros(n, np.int64)
        self.unmet: Mask = np.zeros((n, 8), np.bool_)  # the neighbour is on in an incarnation not yet heard here
        self._lives = np.zeros(n, np.int64)
        self._incarnation = np.zeros(n + 1, np.int64)
        self._sequence = np.zeros(n, np.int64)
        self._clock_key = np.zeros(n, np.uint64)
        self._draws = np.zeros(n, np.uint64)
        self._fixed: Mask = np.zeros(n, np.bool_)
        self._quiet = np.zeros(n, np.int64)
        self._answered = np.zeros((n, 8), np.int64)
        self._cell_faults: list[tuple[LinkFault, frozenset[int]]] = []
        self._faulty: dict[int, CellFaults] = {}
        self._warping: Mask = np.zeros(n, np.bool_)
        self._lying: Mask = np.zeros(n, np.bool_)
        self._clock_faults: tuple[tuple[LinkFault, Mask], ...] = ()
        self._bent: Mask = np.zeros(n, np.bool_)  # on some clock fault's list

    @property
    def states(self) -> NDArray[Any]:
        """[n, C] in the engine's dtype, a view; cells without power are zeros."""
        return self.mail.block[:, OWN]

    @property
    def said(self) -> NDArray[np.int64]:
        """[n]: the sequence of the last frame each has said in this life."""
        return self._sequence

    def listening(self) -> Mask:
        """[n]: cells whose next wake a message may move, asleep or stretched."""
        may_move: Mask = (self.next_wake_ns[:-1] == NEVER_NS) | (self.next_within > 1)
        return self.on[:-1] & self.here[:-1] & may_move

    def hello_pending(self, now_ns: Times | np.int64, cells: Indices | slice = slice(None)) -> Mask:
        """Whether these cells still wait to be answered at `now_ns`."""
        on: Mask = self.on[self.mail.neighbours[cells]]
        pending: Mask = any_slot(on & ~self.mail.greeted[cells]) & (now_ns < self.hello_until_ns[cells])
        return pending

    # ---- power and pokes, at one instant

    def born(self, cells: Indices, now_ns: int) -> None:
        """These cells, now off, begin a new life, empty."""
        self.mail.clear(cells)
        self.mail.incarnations[cells] = 0
        self._answered[cells] = 0
        self._lives[cells] += 1
        self._sequence[cells] = 0
        self._incarnation[cells] = incarnation_of(self._epoch, 0) | self._lives[cells]
        for cell in cells.tolist():
            who = wake_entity(int(self.numbers[cell]), self._epoch, int(self._lives[cell]))
            self._clock_key[cell] = stream_key(self._rng_seed, who, Purpose.WAKE)
        self._draws[cells] = 0
        self._engine_of[cells] = self._engine_at_birth[cells]
        self._peek(cells)
        self.on[cells] = True
        self._meet_anew(cells)
        self._begin(cells, now_ns)
        self.hello_until_ns[cells] = now_ns + HELLO_MAX * self.interval_ns
        if self._cell_faults:
            self._tell_faults(cells.tolist(), now_ns)

    def off(self, cells: Indices) -> None:
        """These cells lose power and all they held."""
        self._forget_faults(cells)
        self.mail.clear(cells)
        self.on[cells] = False
        self.next_wake_ns[cells] = NEVER_NS
        self.hello_until_ns[cells] = 0
        self.counters[Counter.SLEEPING, cells] = 0
        self._meet_anew(cells)

    def erase(self, cells: Indices, now_ns: int) -> None:
        """`Cell.erase` for these cells, which are on."""
        self.counters[Counter.ERASED, cells] += _ONE
        self.mail.clear(cells)
        self._begin(cells, now_ns)
        self.hello_until_ns[cells] = now_ns + HELLO_MAX * self.interval_ns

    def seed(self, cells: Indices, state: NDArray[Any], now_ns: int) -> None:
        """`Cell.seed` for these cells, which are on."""
        self.counters[Counter.SEEDED, cells] += _ONE
        self.mail.block[cells, OWN] = state
        self._begin(cells, now_ns)

    def corrupt(self, cells: Indices, state: NDArray[Any], now_ns: int) -> None:
        """`Cell.corrupt` for these cells, which are on."""
        self.mail.block[cells, OWN] = state
        self._begin(cells, now_ns)

    def engine_of(self, cell: int) -> Engine:
        """The engine that computes this cell now."""
        number = int(self._engine_of[cell])
        return self._others[number - 1] if number else self.engine

    def refit(self, cell: int, engine: Engine, now_ns: int) -> None:
        """`Cell.refit`: this cell, which is on, is computed by an engine of its own until its life ends."""
        self._give(cell, engine)
        one = np.array([cell])
        self._fixed[one] = False
        self.next_within[one] = 1
        self._schedule(one, np.array([now_ns]))

    def take_over(self, cell: int, engine: HarmedEngine | None, faulty: CellFaults | None) -> None:
        """What is wrong with this cell, of a swarm that lives on here."""
        if engine is not None:
            engine.count_at(self.counters[:, cell])
            self._give(cell, engine)
        if faulty is not None:
            faulty.count_at(self.counters[:, cell])
            self._faulty[cell] = faulty
            self._warping[cell], self._lying[cell] = faulty.warping, faulty.lying

    def _give(self, cell: int, engine: Engine) -> None:
        if cell not in self._own_engine:
            self._others.append(engine)
            self._own_engine[cell] = len(self._others)
        self._engine_of[cell] = number = self._own_engine[cell]
        self._others[number - 1] = engine

    def set_clock_faults(self, faults: Sequence[tuple[LinkFault, Mask]]) -> None:
        """`Cell.set_clock` for all: faults on clocks, each with its victims [n]. Pending wakes stay where they are."""
        self._clock_faults = tuple(faults)
        self._bent[:] = False
        for _, victims in faults:
            self._bent |= victims
        self._peek(np.arange(self.count))

    def set_cell_faults(self, faults: Sequence[LinkFault], now_ns: int) -> None:
        """`Cell.set_faults` for all cells that have power."""
        self._cell_faults = [(fault, frozenset(fault.cells)) for fault in faults]
        victims = set(self._faulty).union(*(cells for _, cells in self._cell_faults))
        self._tell_faults(sorted(cell for cell in victims if self.on[cell]), now_ns)

    def _tell_faults(self, cells: Sequence[int], now_ns: int) -> None:
        changed = []
        for cell in cells:
            mine = [fault for fault, victims in self._cell_faults if cell in victims]
            faulty = self._faulty.get(cell)
            if faulty is None and not mine:
                continue
            if faulty is None:
                life, dtype = int(self._lives[cell]), self.engine.dtype
                number = int(self.numbers[cell])
                faulty = CellFaults(number, self._epoch, life, dtype, self.counters[:, cell])
            if faulty.set(mine):
                changed.append(cell)
            self._faulty[cell] = faulty
            self._warping[cell], self._lying[cell] = faulty.warping, faulty.lying
            if not mine:
                del self._faulty[cell]
        roused = np.array(changed, np.int64)
        self._fixed[roused] = False
        self.next_within[roused] = 1
        self._schedule(roused, np.full(len(roused), now_ns))

    def _forget_faults(self, cells: Indices) -> None:
        if self._faulty:
            for cell in cells.tolist():
                self._faulty.pop(cell, None)
            self._warping[cells] = self._lying[cells] = False

    def set_interval(self, interval_ns: int, now_ns: int) -> None:
        """`Cell.set_interval` for all."""
        self.interval_ns = interval_ns
        self.mail.set_interval(interval_ns)
        self._peek(np.arange(self.count))
        pending = np.flatnonzero(self.next_wake_ns[:-1] != NEVER_NS)
        self._schedule(pending, np.full(len(pending), now_ns))

    def meet(self, cells: Indices, incarnations: NDArray[np.int64], on: Mask) -> None:
        """What is known of these cells, which live elsewhere: the incarnation of each, and whether it has power."""
        self._lives[cells] = incarnations & LIFE_MAX
        self._incarnation[cells] = incarnations
        self.on[cells] = on
        self._meet_anew(np.flatnonzero(self.here[:-1]))

    def jump(self, cells: Indices, ns: int, now_ns: int) -> None:
        """`Cell.jump` for these cells, which are on."""
        self.mail.shift(cells, -ns)
        self.hello_until_ns[cells] -= ns
        cells = cells[self.next_wake_ns[cells] != NEVER_NS]
        self.next_wake_ns[cells] -= ns
        over = cells[self.next_wake_ns[cells] <= now_ns]
        self._count_late(over, np.full(len(over), now_ns))
        self.next_wake_ns[over] = now_ns + REACTION_NS

    # ---- wake, spread, deliver

    def wake(self, cells: Indices, now_ns: Times) -> Frames:
        """`Cell.wake` for cells [k] that are awake, none twice, each at its own time; what they say, to nobody yet."""
        counters, mail = self.counters, self.mail
        self._count_late(cells, now_ns)
        mail.forget(cells, now_ns)
        counters[Counter.HEARD, cells] += count_slots(mail.filled[cells])
        counters[Counter.LIVING_NEIGHBOURS, cells] += count_slots(mail.living[cells])
        mail.filled[cells] = False
        hello = now_ns < self.hello_until_ns[cells]
        if hello.any():
            hello = self.hello_pending(now_ns, cells)
            counters[Counter.HELLOS, cells[hello]] += _ONE
        self._step(cells, hello)
        states = mail.block[cells, OWN]
        zero = ~states.view(mail.bits).any(axis=1)
        quiet = np.where(zero, self._quiet[cells] + 1, 0)
        self._quiet[cells] = quiet
        self._sequence[cells] += 1
        counters[Counter.SAID, cells] += _ONE
        asleep = (quiet >= QUIET_WAKES) & ~hello & ~any_slot(mail.alive[cells])
        if self._faulty:
            asleep &= ~self._lying[cells]
            for k in np.flatnonzero(self._lying[cells]).tolist():
                cell = int(cells[k])
                said = self._faulty[cell].say(int(self._sequence[cell]), states[k].tobytes())
                states[k] = np.frombuffer(said, states.dtype)
        self.next_wake_ns[cells] = NEVER_NS
        counters[Counter.SLEEPING, cells[asleep]] = 1
        awake = ~asleep
        self._schedule(cells[awake], now_ns[awake])
        nobody = np.full(len(cells), self.count)
        incarnations, sequences = self._incarnation[cells], self._sequence[cells]
        return Frames(now_ns, cells, nobody, nobody, incarnations, sequences, hello, self.next_within[cells], states)

    def spread(self, said: Frames) -> Frames:
        """What was said, once for each neighbour that has power, as it will stand in that neighbour's slot."""
        receivers = self.mail.neighbours[said.senders]  # [k, 8]
        which, slots = np.nonzero(self.on[receivers] & self.here[receivers])
        copies = said.take(which)
        return Frames(
            copies.times,
            copies.senders,
            receivers[which, slots],
            7 - slots,
            copies.incarnations,
            copies.sequences,
            copies.hello,
            copies.next_within,
            copies.states,
        )

    def deliver(self, frames: Frames) -> None:
        """`Cell.receive` for frames to cells with power. No slot twice, and no listening cell twice."""
        heard = self.mail.receive(frames)
        self.unmet.reshape(-1)[heard.slots] = False
        receivers = heard.frames.receivers
        asleep = self.next_wake_ns[receivers] == NEVER_NS
        stretched = (self.next_within[receivers] > 1) & ~asleep
        if asleep.any() or stretched.any():
            self._rouse(heard, asleep, stretched)

    # ---- inside

    def _rouse(self, heard: Heard, asleep: Mask, stretched: Mask) -> None:
        frames = heard.frames
        calls = frames.hello | heard.newer
        alive = self.mail.alive.reshape(-1)[heard.slots]
        woken = asleep & alive
        answering = asleep & ~alive & calls & (self._answered.reshape(-1)[heard.slots] != frames.incarnations)
        reacting = answering | (stretched & calls)
        roused = woken | (stretched & heard.changed & ~calls)
        self._answered.reshape(-1)[heard.slots[answering]] = frames.incarnations[answering]
        self.counters[Counter.WOKEN, frames.receivers[woken]] += _ONE
        self.next_within[frames.receivers[reacting | roused]] = 1
        self._schedule(frames.receivers[roused], frames.times[roused])
        self.next_wake_ns[frames.receivers[reacting]] = frames.times[reacting] + REACTION_NS
        self.counters[Counter.SLEEPING, frames.receivers[reacting]] = 0

    def _step(self, cells: Indices, hello: Mask) -> None:
        self.counters[Counter.UPDATES, cells] += _ONE
        skip = self._fixed[cells] & ~self.mail.changed[cells]
        if skip.any():
            self.counters[Counter.SKIPPED, cells[skip]] += _ONE
            longer = cells[skip & ~hello]
            self.next_within[longer] = np.minimum(self.next_within[longer] * 2, NEXT_WITHIN_MAX)
            cells = cells[~skip]
            if not len(cells):
                return
        block = self.mail.block[cells]
        new = np.ascontiguousarray(self._compute(cells, block.reshape(len(cells), 3, 3, -1)), self.engine.dtype)
        if self._faulty:
            new = new.copy()
            for k in np.flatnonzero(self._warping[cells]).tolist():
                shaped = block[k].reshape(1, 3, 3, -1)
                new[k] = self._faulty[int(cells[k])].warp(shaped, new[k : k + 1])[0]
        legal = new.min(axis=1) > -128 if new.dtype == np.int8 else np.isfinite(new).all(axis=1)
        if not legal.all():
            new = np.where(legal[:, None], new, 0).astype(new.dtype)
        bits = self.mail.bits
        self._fixed[cells] = (new.view(bits) == block[:, OWN].view(bits)).all(axis=1)
        self.mail.changed[cells] = False
        self.next_within[cells] = 1
        self.mail.block[cells, OWN] = new

    def _compute(self, cells: Indices, blocks: NDArray[Any]) -> NDArray[Any]:
        if not self._others:
            return self.engine.update(blocks)
        which = self._engine_of[cells]
        new = np.empty((len(cells), self.engine.channels), self.engine.dtype)
        for number in np.unique(which).tolist():
            engine = self._others[number - 1] if number else self.engine
            new[which == number] = engine.update(blocks[which == number])
        return new

    def _count_late(self, cells: Indices, now_ns: Times) -> None:
        late = now_ns - self.next_wake_ns[cells]
        if (late <= 0).all():
            return
        self.counters[Counter.LATE_NS, cells] += np.maximum(late, 0).astype(np.uint64)
        self.counters[Counter.MISSED_WAKES, cells[late > LATE_MISSED * self.interval_ns]] += _ONE
        deaf = late > LATE_DEAF * self.interval_ns
        self.mail.restart_ages(cells[deaf], now_ns[deaf])

    def _begin(self, cells: Indices, now_ns: int) -> None:
        """A state given from outside: nothing is proven about it."""
        self._fixed[cells] = False
        self.mail.changed[cells] = True
        self._quiet[cells] = 0
        self.next_within[cells] = 1
        self._schedule(cells, np.full(len(cells), now_ns))

    def _schedule(self, cells: Indices, now_ns: Times) -> None:
        self.next_wake_ns[cells] = now_ns + self.next_draw_ns[cells] * self.next_within[cells]
        self.counters[Counter.SLEEPING, cells] = 0
        if self._clock_faults:
            self.counters[Counter.FAULT_CLOCK, cells[self._bent[cells]]] += _ONE
        self._draws[cells] += _ONE
        self._peek(cells)

    def _peek(self, cells: Indices) -> None:
        bits = chain_array(self._clock_key[cells], self._draws[cells])
        intervals = interval_ns_array(bits, self.interval_ns)
        if self._clock_faults:
            faults = [(fault, victims[cells]) for fault, victims in self._clock_faults]
            lives, draws, mean_ns = self._lives[cells], self._draws[cells], self.interval_ns
            intervals = bend(intervals, faults, self.numbers[cells], self._epoch, lives, draws, mean_ns)
        self.next_draw_ns[cells] = intervals

    def _meet_anew(self, cells: Indices) -> None:
        """After a change of power: note who has an incarnation that these cells or their neighbours have not heard."""
        around = np.unique(np.append(self.mail.neighbours[cells].reshape(-1), cells))
        around = around[around < self.count]
        neighbours = self.mail.neighbours[around]
        newer = self._incarnation[neighbours] > self.mail.incarnations[around]
        self.unmet[around] = self.on[neighbours] & self.on[around, None] & newer
