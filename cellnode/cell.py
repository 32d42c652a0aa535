"""One cell: mailbox, core and clock as a state machine. Everything that changes a cell's state lives here.

It knows no socket, clock or random source: bytes and times are passed in, and so are the engine that computes an
update and the source of wake intervals. The owner calls `receive` for every message that arrived, `wake` when
`next_wake_ns` has come, and sends what `wake` returns. Illegal input is counted, never raised, and leaves the cell as
it was.

    awake     wakes on its own exponential clock, mean T; its links need not be watched in between
    stretched at a proven fixed point: the same, with mean 2 or 4 T, and `listening` for any change
    asleep    zero, said so at three wakes, nothing alive around: `next_wake_ns` is None until something alive speaks

May import numpy, firmware_sim, the mailbox, the frame, its faults and the panel's counters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.cellfault import KINDS as CELL_FAULTS
from cellnode.cellfault import CellFaults
from cellnode.frame import HELLO as HELLO_FLAG
from cellnode.frame import LIFE_MAX, NEXT_WITHIN_MAX, Frame, encode
from cellnode.mailbox import ALIVE, CHANGED, HELLO, NEWER, SLOT_SHIFT, Mailbox, Tally, legal_values
from cellnode.messages import LinkFault
from cellnode.panel import COUNTERS, Counter
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS

QUIET_WAKES = 3  # wakes at which a zero state is said before sleeping
HELLO_MAX = 4  # in T: after this long a newborn gives up waiting to be answered
LATE_MISSED = 1  # in T: later than this, a wake counts as missed ...
LATE_DEAF = 2  # ... and later than this the cell was not listening: silence starts anew
REACTION_NS = 1  # "at once": an effect is never at the same instant as its cause, so (time, cell) orders all events


class Cell:
    """One cell in one life.

    `neighbours` names the cell in each of the 8 slots (-1: none); wiring also announces them, with any life of `epoch`,
    until `announce` is more exact. `intervals(k, mean_ns)` gives the k-th wake interval in ns (`draws.clock`).
    `counters` is indexed by `panel.Counter`. The first wake comes one interval after `born_ns`.
    """

    __slots__ = (
        "_answered",
        "_draws",
        "_engine",
        "_fixed",
        "_hello_until_ns",
        "_intervals",
        "_quiet",
        "_zero",
        "cell",
        "counters",
        "epoch",
        "faulty",
        "interval_ns",
        "life",
        "mailbox",
        "next_wake_ns",
        "next_within",
        "said_bytes",
        "sequence",
        "state_bytes",
        "tag",
        "used_epochs",
        "used_lives",
        "used_sequences",
        "used_state",
    )

    def __init__(
        self,
        cell: int,
        neighbours: Sequence[int],
        tag: int,
        epoch: int,
        life: int,
        interval_ns: int,
        engine: Engine,
        intervals: Callable[[int, int], int],
        born_ns: int,
        counters: Tally | None = None,
    ) -> None:
        if engine.channels != CHANNELS:
            raise BadInput(f"a cell has {CHANNELS} channels, this rule has {engine.channels}: use --substrate virtual")
        self.cell, self.tag, self.epoch, self.life = cell, tag, epoch, life
        self.interval_ns = interval_ns
        self.counters: Tally = [0] * COUNTERS if counters is None else counters
        self._engine = engine
        self._intervals = intervals
        self._draws = 0
        self._zero = bytes(CHANNELS * engine.dtype.itemsize)
        self.state_bytes = self._zero
        self.said_bytes = self._zero  # in the last frame: the state, unless the cell lies
        self.sequence = 0  # of the last frame said
        self.next_within = 1  # in T, what the last frame said
        self.faulty: CellFaults | None = None  # what is wrong with its core or its mouth; None: nothing
        self._fixed = False  # the last computed step gave back the state it began with
        self._quiet = 0  # wakes in a row at which zero was said
        self._answered = [0] * 8  # incarnation per slot whose hello was answered out of sleep
        self._hello_until_ns = born_ns + HELLO_MAX * interval_ns
        self.used_sequences, self.used_epochs, self.used_lives = [0] * 8, [0] * 8, [0] * 8
        self.used_state = self._zero  # the own state that the last update began from
        self.mailbox = Mailbox(neighbours, tag, engine.dtype, interval_ns, self.counters)
        for slot in range(8):
            self._trust(slot)
        self.next_wake_ns: int | None = born_ns
        self._schedule(born_ns)

    # ---- what the owner asks

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def asleep(self) -> bool:
        return self.next_wake_ns is None

    @property
    def listening(self) -> bool:
        """Whether a message may move the next wake, so that the owner must watch the links while waiting."""
        return self.next_wake_ns is None or self.next_within > 1

    @property
    def linked(self) -> bool:
        """Whether every neighbour that is on has been heard at least once in this life."""
        return self.mailbox.linked

    @property
    def state(self) -> NDArray[Any]:
        """The 16 values in the engine's dtype, read-only."""
        return np.frombuffer(self.state_bytes, self._engine.dtype)

    # ---- what happens to a cell

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take one message from a link. Cheap and silent for an awake cell; may rouse a sleeping or stretched one."""
        news = self.mailbox.receive(data, now_ns)
        if not news or not self.listening:
            return
        if self.next_wake_ns is None:
            if news & ALIVE:
                self.counters[Counter.WOKEN] += 1
                self._rouse(now_ns)
            elif news & (HELLO | NEWER):
                self._answer_once(news >> SLOT_SHIFT, now_ns)
        elif news & (HELLO | NEWER):
            self._react(now_ns)
        elif news & CHANGED:
            self._rouse(now_ns)

    def wake(self, now_ns: int) -> bytes | None:
        """Forget, hear, step, and return the frame to say; None for a sleeping cell. Sets the next wake."""
        due_ns = self.next_wake_ns
        if due_ns is None:
            return None
        box, counters = self.mailbox, self.counters
        if now_ns > due_ns:
            self._late(now_ns, now_ns - due_ns)
        box.forget(now_ns)
        counters[Counter.HEARD] += box.filled.bit_count()
        counters[Counter.LIVING_NEIGHBOURS] += box.living.bit_count()
        box.filled = 0
        self.used_sequences, self.used_epochs, self.used_lives = box.sequences[:], box.epochs[:], box.lives[:]
        self.used_state = self.state_bytes
        hello = now_ns < self._hello_until_ns and box.on & ~box.greeted != 0
        self._step(hello)
        self._quiet = 0 if self.state_bytes != self._zero else self._quiet + 1
        self.sequence += 1
        counters[Counter.SAID] += 1
        if hello:
            counters[Counter.HELLOS] += 1
        said, lying = self.state_bytes, self.faulty is not None and self.faulty.lying
        if self.faulty is not None and lying:
            said = self.faulty.say(self.sequence, said)
        self.said_bytes = said
        if self._quiet >= QUIET_WAKES and not hello and not box.alive and not lying:
            self.next_wake_ns = None
            counters[Counter.SLEEPING] = 1
        else:
            self._schedule(now_ns)
        flags = HELLO_FLAG if hello else 0
        return encode(Frame(flags, self.tag, self.cell, self.epoch, self.life, self.sequence, self.next_within, said))

    # ---- what the agent does to a cell

    def erase(self, now_ns: int) -> None:
        """RAM lost: state and slots are empty, hello begins again. The link keeps incarnations and the own sequence."""
        self.counters[Counter.ERASED] += 1
        self.mailbox.erase()
        self._hello_until_ns = now_ns + HELLO_MAX * self.interval_ns
        self._begin(self._zero, now_ns)

    def seed(self, state: NDArray[Any] | bytes, now_ns: int) -> None:
        """Set the state (16 values in the engine's dtype). Raises BadInput for values that no frame could carry."""
        values = state if isinstance(state, bytes) else np.ascontiguousarray(state, self._engine.dtype).tobytes()
        if not legal_values(values, len(self._zero)):
            raise BadInput(f"seed state is {len(values)} bytes, expected {len(self._zero)} with finite, legal values")
        self.counters[Counter.SEEDED] += 1
        self._begin(values, now_ns)

    def corrupt(self, values: bytes, now_ns: int) -> None:
        """Its memory holds other (legal) values now, through no act of anybody's."""
        self._begin(values, now_ns)

    def refit(self, engine: Engine, now_ns: int) -> None:
        """Another engine of the same values from now on: what was proven of a fixed point is not."""
        self._engine = engine
        self._fixed = False
        self._rouse(now_ns)

    def set_interval(self, interval_ns: int, now_ns: int) -> None:
        """Change T; a pending wake is drawn anew."""
        self.interval_ns = interval_ns
        self.mailbox.set_interval(interval_ns)
        if self.next_wake_ns is not None:
            self._schedule(now_ns)

    def set_clock(self, intervals: Callable[[int, int], int]) -> None:
        """Draw wake intervals from this source from now on. A pending wake stays where it is."""
        self._intervals = intervals

    def jump(self, ns: int, now_ns: int) -> None:
        """Its clock says `ns` more (or less) than a moment ago: wakes and silences are that much nearer (or farther).
        A wake that has been jumped over comes at once, as late as the clock makes it."""
        self.shift(-ns)
        due_ns = self.next_wake_ns
        if due_ns is not None and due_ns <= now_ns:
            self._late(now_ns, now_ns - due_ns)
            self.next_wake_ns = now_ns + REACTION_NS

    def set_faults(self, faults: Iterable[LinkFault], now_ns: int) -> None:
        """The whole wanted list of faults; those of this cell's core and mouth concern it."""
        mine = [fault for fault in faults if fault.kind in CELL_FAULTS and self.cell in fault.cells]
        if self.faulty is None and not mine:
            return
        if self.faulty is None:
            self.faulty = CellFaults(self.cell, self.epoch, self.life, self._engine.dtype, self.counters)
        if self.faulty.set(mine):
            self._fixed = False
            self._rouse(now_ns)
        if not mine:
            self.faulty = None

    def announce(self, slot: int, epoch: int, life: int, on: bool = True) -> None:
        """The newest incarnation that the agent gave to the neighbour in `slot`; `on=False`: it has no power, so hello
        does not wait for it. Frames above it are dropped."""
        self.mailbox.announce(slot, epoch, life, on)

    def set_wiring(self, neighbours: Sequence[int]) -> bool:
        """Other neighbours. Slots that change hands become empty and are announced anew, as on construction. True when
        there are some whom the cell has not met."""
        before = self.mailbox.neighbours
        strangers = False
        self.mailbox.wire(neighbours)
        for slot in range(8):
            if before[slot] != self.mailbox.neighbours[slot]:
                self._answered[slot] = 0
                self._trust(slot)
                strangers |= self.mailbox.neighbours[slot] >= 0
        return strangers

    def greet(self, now_ns: int) -> None:
        """There are neighbours now that may have said all they had to say: hello begins again."""
        self._hello_until_ns = now_ns + HELLO_MAX * self.interval_ns
        self._react(now_ns)

    def shift(self, ns: int) -> None:
        """The swarm was paused for `ns`: no time has passed for anyone."""
        self.mailbox.shift(ns)
        self._hello_until_ns += ns
        if self.next_wake_ns is not None:
            self.next_wake_ns += ns

    # ---- inside

    def _step(self, hello: bool) -> None:
        box, counters = self.mailbox, self.counters
        counters[Counter.UPDATES] += 1
        if self._fixed and not box.changed:
            counters[Counter.SKIPPED] += 1
            if not hello and self.next_within < NEXT_WITHIN_MAX:
                self.next_within *= 2
            return
        new = self._engine.update(box.block)
        if self.faulty is not None and self.faulty.warping:
            new = self.faulty.warp(box.block, new)
        values = new.tobytes()
        if not legal_values(values, len(self._zero)):
            values = self._zero  # a float state that overflowed is dead: no neighbour would accept it
        box.changed = False
        self._fixed = values == self.state_bytes
        self.next_within = 1
        if not self._fixed:
            self.state_bytes = values
            box.put_own(values)

    def _late(self, now_ns: int, late_ns: int) -> None:
        self.counters[Counter.LATE_NS] += late_ns
        if late_ns > LATE_MISSED * self.interval_ns:
            self.counters[Counter.MISSED_WAKES] += 1
        if late_ns > LATE_DEAF * self.interval_ns:
            self.mailbox.restart_ages(now_ns)

    def _begin(self, values: bytes, now_ns: int) -> None:
        """A state given from outside: nothing is proven about it."""
        self.state_bytes = values
        self.mailbox.put_own(values)
        self._fixed = False
        self._quiet = 0
        self._rouse(now_ns)

    def _rouse(self, now_ns: int) -> None:
        self.next_within = 1
        self._schedule(now_ns)

    def _react(self, now_ns: int) -> None:
        self.next_within = 1
        self.next_wake_ns = now_ns + REACTION_NS
        self.counters[Counter.SLEEPING] = 0

    def _answer_once(self, slot: int, now_ns: int) -> None:
        """A sleeper answers each incarnation around it once, so that a storm of hellos cannot keep it awake."""
        incarnation = self.mailbox.incarnation(slot)
        if self._answered[slot] != incarnation:
            self._answered[slot] = incarnation
            self._react(now_ns)

    def _schedule(self, now_ns: int) -> None:
        self.next_wake_ns = now_ns + self._intervals(self._draws, self.interval_ns) * self.next_within
        self._draws += 1
        self.counters[Counter.SLEEPING] = 0

    def _trust(self, slot: int) -> None:
        if self.mailbox.neighbours[slot] >= 0:
            self.mailbox.announce(slot, self.epoch, LIFE_MAX, True)
