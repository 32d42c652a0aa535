"""Running a virtual swarm a second time: everything done to it is remembered, done again to another one from the same
seed, and the bytes are compared.

The second swarm may be computed by another world (arrays, or single cells), so that one check covers both: that a seed
gives one run, and that it does not matter who computes. Draws nothing, prints nothing. May import cellnode.virtual.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args
from zlib import crc32

from cellnode.virtual import VirtualSwarm, World
from firmware_sim.errors import BadInput

By = Literal["same", "native", "arrays", "cells"]  # "same": by what computed the first time
BY: tuple[By, ...] = get_args(By)
SEEN_EVERY_T = 0.5  # at least, between two moments that are remembered: who watches lets time pass in small steps
Make = Callable[[World], VirtualSwarm]
Act = Callable[[VirtualSwarm], None]


@dataclass(frozen=True, slots=True)
class Check:
    """What a second run showed."""

    first_by: str
    again_by: str
    digest: str  # SHA-256 of all states and counters at the end of the first run
    same: bool
    parted_by: float | None  # T since the cells got power; the first moment looked at when the states differed

    def to_dict(self) -> dict[str, Any]:
        """As it is printed by --json."""
        return asdict(self)

    @property
    def line(self) -> str:
        """One line for a person."""
        who = f"{self.first_by}, then {self.again_by}"
        if self.same:
            return f"the same bytes a second time ({who}): sha256 {self.digest[:16]}"
        when = "in counters alone" if self.parted_by is None else f"no later than {self.parted_by:g} T after power on"
        return f"two runs from one seed are not the same ({who}); they parted {when}"


class Rerun:
    """One swarm, and all that was done to it from outside and when."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self.swarm = make("fastest")
        self.first_by = self.swarm.world
        self._acts: list[tuple[int, Act]] = []
        self._seen: list[tuple[int, int]] = []  # time in ns, CRC-32 of all states

    def do(self, act: Act) -> None:
        """Do this to the swarm now, and remember it if it was possible."""
        act(self.swarm)
        self._acts.append((self.swarm.now_ns, act))

    def run_until(self, until_ns: int) -> None:
        """Let virtual time pass."""
        before_ns = self.swarm.now_ns
        _pass(self.swarm, until_ns)
        now_ns, last_ns = self.swarm.now_ns, self._seen[-1][0] if self._seen else 0
        if now_ns > before_ns and now_ns - last_ns >= self.swarm.interval_ns * SEEN_EVERY_T:
            self._seen.append((now_ns, _crc(self.swarm)))

    def again(self, by: By) -> Check:
        """Live it all once more and compare."""
        if by not in BY:
            raise BadInput(f"check by {by!r}: expected {', '.join(BY)}")
        other = self._make(self.first_by if by == "same" else by)
        second_by = other.world
        acts, parted_by = list(self._acts), None
        for seen_ns, crc in self._seen:
            while acts and acts[0][0] < seen_ns:
                at_ns, act = acts.pop(0)
                _pass(other, at_ns)
                act(other)
            _pass(other, seen_ns)
            if parted_by is None and _crc(other) != crc:
                parted_by = other.now_intervals
        for at_ns, act in acts:
            _pass(other, at_ns)
            act(other)
        _pass(other, self.swarm.now_ns)
        first, second = _digest(self.swarm), _digest(other)
        return Check(self.first_by, second_by, first, first == second, parted_by)


def _pass(swarm: VirtualSwarm, until_ns: int) -> None:
    swarm.run_until(until_ns / swarm.interval_ns)


def _crc(swarm: VirtualSwarm) -> int:
    return crc32(swarm.states().tobytes())


def _digest(swarm: VirtualSwarm) -> str:
    return hashlib.sha256(swarm.states().tobytes() + swarm.counters().tobytes()).hexdigest()
