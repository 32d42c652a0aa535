"""What a faulty cell computes and says: a channel that is stuck, an update turned round, words that are not its state.

    random    16 values drawn anew for every frame            frozen    for ever what it said first under the fault
    stale     what it was `lag` frames ago                    inverted  its state with every sign turned
    gradient  it goes the other way: state minus the change that the rule asks for, and says that state
    adversary it computes by a rule of its own, which may have been taught to do harm, and says that state

A word is a pure function of (seed, fault, cell, incarnation, sequence) and of what the cell was. One object a cell, the
same for `Cell` and for cells of a `Patch`. Knows no clock. May import numpy, the draws, messages, counters, limits, and
the engines that a rule by value describes.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Purpose, chain, entity, share, stream_key
from cellnode.mailbox import Tally
from cellnode.messages import LinkFault, RulePayload
from cellnode.panel import Counter
from cellnode.payload import engine_from
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS, STATE_STEP

KINDS = ("stuck", "lie")
MODES = ("random", "frozen", "stale", "inverted", "gradient", "adversary")
LAG_MAX = 1000  # frames
LEVEL_MAX = 127  # in steps of an int8 state
MINDS = 8  # adversaries' engines that a process keeps


def check(fault: LinkFault) -> LinkFault:
    """The fault itself, or BadInput naming what is wrong with it."""
    name = f"fault {fault.id} of cells"
    if fault.kind == "stuck":
        if not 0 <= fault.channel < CHANNELS:
            raise BadInput(f"{name} is stuck at channel {fault.channel}, expected 0..{CHANNELS - 1}")
        if not abs(fault.level) <= LEVEL_MAX * STATE_STEP:
            raise BadInput(f"{name} is stuck at {fault.level}, expected -+{LEVEL_MAX * STATE_STEP:g}")
    elif fault.mode not in MODES:
        raise BadInput(f"{name} lies {fault.mode!r}, expected one of {', '.join(MODES)}")
    elif (fault.mode == "adversary") != (fault.rule is not None):
        raise BadInput(f"{name} lies {fault.mode!r} {'without' if fault.rule is None else 'with'} a rule of its own")
    elif not 1 <= fault.lag <= LAG_MAX:
        raise BadInput(f"{name} says what was {fault.lag} frames ago, expected 1..{LAG_MAX}")
    return fault


class CellFaults:
    """The faults of one cell in one life. `set` says which; what a mode remembers it keeps until that fault is gone."""

    __slots__ = ("_cell", "_counters", "_dtype", "_epoch", "_faults", "_life", "_past", "lying", "warping")

    def __init__(self, cell: int, epoch: int, life: int, dtype: np.dtype[Any], counters: Tally) -> None:
        self._cell, self._epoch, self._life, self._dtype, self._counters = cell, epoch, life, dtype, counters
        self._faults: tuple[LinkFault, ...] = ()
        self._past: dict[int, deque[bytes]] = {}
        self.warping = False  # some fault changes what is computed
        self.lying = False  # some fault changes what is said

    def set(self, faults: Iterable[LinkFault]) -> bool:
        """Those of the wanted list that are this cell's, and of these kinds; whether that is a change."""
        mine = tuple(faults)
        for fault in mine:
            if fault.rule is not None and (mind := _mind_of(fault.rule)).dtype != self._dtype:
                raise BadInput(
                    f"fault {fault.id}: an adversary on {mind.name} cannot live among cells of {self._dtype}"
                )
        same = [fault.id for fault in mine] == [fault.id for fault in self._faults]
        self._faults = mine
        self._past = {fault.id: self._past.get(fault.id, deque(maxlen=fault.lag + 1)) for fault in mine}
        self.warping = any(_warps(fault) for fault in mine)
        self.lying = any(not _warps(fault) for fault in mine)
        return not same

    def count_at(self, counters: Tally) -> None:
        """The cell's counters lie elsewhere from now on."""
        self._counters = counters

    def warp(self, block: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        """What becomes of an update: block [1, 3, 3, C] and what the core made of it [1, C]."""
        for fault in self._faults:
            if not _warps(fault):
                continue
            made = new.copy()
            if fault.kind == "stuck":
                made[:, fault.channel] = _level(fault.level, self._dtype)
            elif fault.rule is not None:
                made = np.array(_mind_of(fault.rule).update(block), self._dtype)
            elif new.any():  # a dead cell has nowhere to go
                made = _turned(block[:, 1, 1], new)
            if made.tobytes() != new.tobytes():
                self._counters[Counter.STUCK if fault.kind == "stuck" else Counter.LIES] += 1
            new = made
        return new

    def say(self, sequence: int, values: bytes) -> bytes:
        """What is said instead of these values."""
        said = values
        for fault in self._faults:
            if not _warps(fault):
                said = self._lie(fault, sequence, said)
        if said != values:
            self._counters[Counter.LIES] += 1
        return said

    def _lie(self, fault: LinkFault, sequence: int, values: bytes) -> bytes:
        if fault.mode == "random":
            who = entity(fault.id, self._cell, self._epoch, self._life)
            return _random(chain(stream_key(fault.rng_seed, who, Purpose.LIE), sequence), len(values), self._dtype)
        if fault.mode == "inverted":
            turned: bytes = (np.zeros(1, self._dtype) - np.frombuffer(values, self._dtype)).tobytes()  # no -0.0
            return turned
        past = self._past[fault.id]
        if fault.mode == "frozen":
            if not past:
                past.append(values)
            return past[0]
        past.append(values)
        return past[0]


def _warps(fault: LinkFault) -> bool:
    return fault.kind == "stuck" or fault.mode in ("gradient", "adversary")


def _mind_of(rule: RulePayload) -> Engine:
    """The engine that computes an adversary; kept, for one is shared by all its cells in this process."""
    limits = tuple(sorted(rule.limits.items()))
    return _made((rule.engine, rule.sha256, rule.blob, rule.channels, rule.hidden, limits, rule.degrees))


@functools.lru_cache(MINDS)
def _made(parts: tuple[Any, ...]) -> Engine:
    engine, sha256, blob, channels, hidden, limits, degrees = parts
    return engine_from(RulePayload(engine, sha256, blob, channels, hidden, dict(limits), degrees))


def _level(level: float, dtype: np.dtype[Any]) -> Any:
    """The value, on the grid of int8 states in both families."""
    steps = round(level / STATE_STEP)
    return steps if dtype == np.int8 else steps * STATE_STEP


def _turned(own: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
    """Twice the state minus what the core made of it, within the range of states."""
    top, wide = (LEVEL_MAX, np.int16) if new.dtype == np.int8 else (LEVEL_MAX * STATE_STEP, np.float32)
    turned: NDArray[Any] = np.clip(2 * own.astype(wide) - new, -top, top).astype(new.dtype)
    return turned


def _random(key: int, size: int, dtype: np.dtype[Any]) -> bytes:
    steps = [share(chain(key, k), 2 * LEVEL_MAX) - LEVEL_MAX for k in range(size // dtype.itemsize)]
    if dtype == np.int8:
        return np.array(steps, np.int8).tobytes()
    return (np.array(steps, np.float32) * np.float32(STATE_STEP)).tobytes()
