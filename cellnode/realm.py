"""What lives in one patch: its cells, each with its own clock and mailbox, and what comes from other patches.

A realm is told the time and runs all that is due by then, each wake at its own moment; frames between its cells come
at the instant they are said, frames from outside when they are brought. C computes int8 rules, arrays what C does not
know, as in virtual time; both are held to `Cell`. Knows no socket, clock or process; cells are told by their index in
the layout. May import numpy, firmware_sim, the worlds, the frame and the layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode import draws, handover, harm, nativefaults
from cellnode.frame import HELLO, LIFE_MAX, Frame, decode, encode
from cellnode.mailbox import NEVER_NS, incarnation_of, legal_values
from cellnode.mailboxes import Frames, Indices, Mask
from cellnode.messages import LinkFault, RulePayload
from cellnode.nativeworld import NativeWorld
from cellnode.panel import Counter
from cellnode.patchlayout import Layout
from cellnode.patchworld import PatchWorld
from cellnode.realmworlds import Heard, InArrays, InC, Word
from firmware_sim.engines import Engine, genome_of
from firmware_sim.limits import CHANNELS
from firmware_sim.native_build import NativeUnavailable

LATE = 1.0  # in T: a realm that was not told the time for longer was not awake; what was due meanwhile is late
CATCH_UP = 0.05  # in T: over this long the late wakes are spread, in their order

Show = Callable[[PatchWorld, Frames], None]


def state_size(engine: Engine) -> int:
    """Bytes of a state in a frame, for `frame.decode`: 0 for the 16 channels that it knows."""
    return 0 if engine.channels == CHANNELS else engine.channels * engine.dtype.itemsize


class Realm:
    """The cells of one patch, nobody with power at first. `show` is told of every wake that arrays compute."""

    def __init__(
        self,
        layout: Layout,
        engine: Engine,
        tag: int,
        epoch: int,
        rng_seed: int,
        interval_ns: int,
        now_ns: int,
        show: Show = lambda _world, _said: None,
    ) -> None:
        self.layout, self.engine, self.interval_ns, self.now_ns = layout, engine, interval_ns, now_ns
        self._tag, self._epoch, self._rng_seed, self._show = tag, epoch, rng_seed, show
        self.count = n = len(layout.cells)
        self.lives = np.zeros(n, np.int64)  # 0: without power
        self._known = np.zeros(len(layout.around), np.int64)  # of each cell around: the newest incarnation
        self._place = {int(cell): k for k, cell in enumerate(layout.around)}
        beside = list(zip(layout.listeners.tolist(), layout.slots.tolist(), strict=True))
        cuts = layout.first.tolist()
        self._listeners = [beside[cuts[k] : cuts[k + 1]] for k in range(len(layout.around))]
        self._size = state_size(engine)
        self._words: list[Word] = []
        self._speaks = np.zeros(len(layout.numbers), np.bool_)
        for cells in layout.speaks.values():
            self._speaks[cells] = True
        self._side = self._make()

    def _make(self) -> InC | InArrays:
        layout = self.layout
        part = (layout.numbers, len(layout.around))
        swarm = (layout.table, self.engine, self._rng_seed, self.interval_ns, self._epoch)
        if genome_of(self.engine) is not None and self.engine.channels == CHANNELS:
            try:
                world = NativeWorld(*swarm, numbers=part[0], elsewhere=part[1])
                return InC(world, self._words.extend, self._speaks)
            except NativeUnavailable:  # arrays give the same bytes, slower
                pass
        return self._in_arrays(PatchWorld(*swarm, None, (), self._tag, None, *part))

    def _in_arrays(self, world: PatchWorld) -> InArrays:
        return InArrays(world, self._words.extend, self._speaks, self._show)

    @property
    def side(self) -> InC | InArrays:
        return self._side

    @property
    def next_event_ns(self) -> int | None:
        """When something happens next by itself; None if nothing does."""
        at_ns = self._side.next_event_ns()
        return None if at_ns == NEVER_NS else at_ns

    @property
    def linked(self) -> Mask:
        """[cells]: who has power and has met every neighbour that has."""
        met: Mask = self._side.linked()[: self.count] & (self.lives > 0)
        return met

    @property
    def frozen(self) -> Mask:
        return self._side.world.frozen[: self.count]

    def counters(self) -> NDArray[np.uint64]:
        """[cells, COUNTERS], of the present lives."""
        return self._side.counters()[: self.count]

    def states(self) -> NDArray[np.float32] | NDArray[np.int8]:
        """[cells, C] in the engine's dtype."""
        return self._side.world.states()[: self.count]

    # ---- time and words

    def run(self, now_ns: int) -> list[tuple[int, bytes]]:
        """All that happens up to `now_ns`; the frames that other patches are to hear, each with its speaker's index,
        in the order in which each cell said them."""
        if now_ns - self.now_ns > LATE * self.interval_ns:
            self._sleep_over(now_ns)
        self._side.world.run(now_ns)
        self.now_ns = now_ns
        words, frames = self._words[:], list[tuple[int, bytes]]()
        self._words.clear()
        cells = self.layout.cells
        for index, life, sequence, hello, within, values in words:
            number, flags = int(cells[index]), HELLO if hello else 0
            frame = Frame(flags, self._tag, number, self._epoch, life, sequence, within, values)
            frames.append((index, encode(frame)))
        return frames

    def hear(self, messages: Iterable[bytes]) -> None:
        """Messages of other patches, now. What is no good frame is counted: at those it was for, or at the first."""
        rows: list[Heard] = []
        for data in messages:
            place, frame = self._read(data)
            if frame is not None:
                incarnation = incarnation_of(frame.epoch, frame.life)
                head, hello = (frame.cell, incarnation, frame.sequence), frame.hello
                for receiver, slot in self._listeners[place]:
                    rows.append((*head, receiver, slot, hello, frame.next_within, frame.values))
        if rows:
            self._side.hear(rows, self.now_ns)

    def _read(self, data: bytes) -> tuple[int, Frame | None]:
        frame = decode(data, self._tag, self._size)
        reason, place = None, -1
        if isinstance(frame, Counter):
            reason = frame
        else:
            place = self._place.get(frame.cell, -1)
            if place < 0:
                reason = Counter.DROP_CELL
            else:
                if incarnation_of(frame.epoch, frame.life) > int(self._known[place]):
                    reason = Counter.DROP_FUTURE_INCARNATION
                elif not legal_values(frame.values, self.engine.channels * self.engine.dtype.itemsize):
                    reason = Counter.DROP_VALUES
        if reason is None and isinstance(frame, Frame):
            return place, frame
        assert reason is not None
        self.drop(reason, [receiver for receiver, _ in self._listeners[place]] if place >= 0 else [0])
        return -1, None

    def drop(self, reason: Counter, at_whom: Sequence[int] = (0,)) -> None:
        """A message came, and is counted at these cells as what it was instead of a good frame."""
        listeners = np.array(at_whom, np.int64)
        self._side.add(Counter.RECEIVED, listeners)
        self._side.add(reason, listeners)

    def _sleep_over(self, now_ns: int) -> None:
        """Nobody was awake since: what was due is late, as it is for a process that was stopped."""
        over_ns = round(CATCH_UP * self.interval_ns)
        due_ns, before_ns = self._side.next_wake_ns.copy(), self._side.not_before_ns.copy()
        late = (due_ns <= now_ns) & (before_ns != NEVER_NS)
        order = np.argsort(np.argsort(due_ns[late], kind="stable"))
        before_ns[late] = now_ns - over_ns + order * over_ns // max(len(order), 1)
        self._side.stand_still(before_ns)

    # ---- what the agent does

    def power(self, lives: NDArray[np.int64]) -> tuple[Indices, Indices]:
        """Let each cell be in this life, 0: without power; who has gone dark, and who has begun a life, empty."""
        dark = np.flatnonzero((self.lives > 0) & (lives != self.lives))
        born = np.flatnonzero((lives > 0) & (lives != self.lives))
        world, now_ns = self._side.world, self.now_ns
        if len(dark):
            world.power(dark.tolist(), False, now_ns)
        if len(born):
            self._side.begin_life(born, lives[born])
            world.power(born.tolist(), True, now_ns)
            self._speak_soon(born, lives)
        self.lives = lives.copy()
        return dark, born

    def _speak_soon(self, born: Indices, lives: NDArray[np.int64]) -> None:
        """A newborn's first word comes within one T, as in a process of its own (cellnode/heart.py)."""
        next_wake_ns = self._side.next_wake_ns
        for index in born.tolist():
            who = draws.wake_entity(int(self.layout.cells[index]), self._epoch, int(lives[index]))
            bits = draws.draw64(self._rng_seed, who, draws.Purpose.BIRTH, 0)
            next_wake_ns[index] = min(int(next_wake_ns[index]), self.now_ns + draws.share(bits, self.interval_ns))

    def meet(
        self,
        lives: NDArray[np.int64],
        on: Mask,
        epochs: NDArray[np.int64] | None = None,
        ahead: NDArray[np.int64] | None = None,
    ) -> None:
        """Of the cells around: the newest life that was given to each, and whether it has power; the placement epoch
        of that life (None: ours), and in how many later ones it may be by now, because it is another host's."""
        epochs = np.full(len(lives), self._epoch) if epochs is None else epochs
        incarnations = epochs << 32 | lives
        self._known = incarnations if ahead is None else epochs << 32 | np.minimum(lives + ahead, LIFE_MAX)
        self._side.meet(self.count + np.arange(len(lives)), incarnations, on)

    def freeze(self, still: Mask) -> None:
        """Let these cells stand still, and the others go on."""
        changed = (self.lives > 0) & (still != self.frozen)
        for frozen in (True, False):
            cells = np.flatnonzero(changed & (still == frozen))
            self._side.world.freeze(cells.tolist(), frozen, self.now_ns)
            self._side.put(Counter.STILL, cells, int(frozen))

    def erase(self, cells: Iterable[int]) -> None:
        self._side.world.erase(cells, self.now_ns)

    def seed(self, cells: Iterable[int], state: bytes) -> None:
        self._side.world.seed(cells, state, self.now_ns)

    def harm(self, order: harm.Harm, cells: Iterable[int], rule: RulePayload) -> None:
        """A hardware fault on these cells."""
        self._side.world.harm(order, cells, rule, self.now_ns)

    def set_faults(self, faults: Sequence[LinkFault]) -> None:
        """The whole wanted list; what lies on other patches' cells is passed over."""
        mine = [self._local(fault) for fault in faults]
        mine = [fault for fault in mine if fault.cells]
        side = self._side if nativefaults.knows(mine) else self.to_arrays()
        side.world.set_faults(mine, self.now_ns)

    def _local(self, fault: LinkFault) -> LinkFault:
        numbers = np.array(fault.cells, np.int64)
        index = np.minimum(np.searchsorted(self.layout.cells, numbers), self.count - 1)
        here = self.layout.cells[index] == numbers
        slots = np.array(fault.slots, np.int64)[here].tolist() if fault.slots else []
        return msgspec.structs.replace(fault, cells=index[here].tolist(), slots=slots)

    def set_interval(self, interval_ns: int) -> None:
        if interval_ns != self.interval_ns:
            self.interval_ns = interval_ns
            self._side.world.set_interval(interval_ns, self.now_ns)

    def to_arrays(self) -> InArrays:
        """From now on arrays compute; no byte changes."""
        if isinstance(self._side, InC):
            self._side = self._in_arrays(handover.to_arrays(self._side.world, self._tag, self.now_ns))
        return self._side
