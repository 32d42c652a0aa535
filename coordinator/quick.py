"""A swarm in virtual time that nobody films and nobody writes down: for experiments of many draws.

    swarm = QuickSwarm("lizard", seed=1)
    for moment in curve(swarm, at=range(0, 200, 10), steps=load(Path("halves.toml"))):
        print(moment.t, moment.loss_log10, moment.digest)

It takes the same actions, selectors and faults as `Swarm` and lives to the same bytes, but it leaves no run folder, and
between the moments that somebody asks about nothing but the cells is computed. May import the rest of the coordinator,
except API and command line.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode.payload import rule_payload
from cellnode.topology import tag
from coordinator.actions import Action, FaultReport, Outcome, Plant
from coordinator.clock import Clock
from coordinator.hands import Hands
from coordinator.observer import Observer, living
from coordinator.performing import ROUNDING, Performer
from coordinator.picture import picture_for
from coordinator.runfolder import RunState
from coordinator.scenario import Step
from coordinator.store import Store
from coordinator.verbs import Verbs
from coordinator.virtual import Glance, VirtualSubstrate
from coordinator.wish import SECOND, default_grid
from firmware_sim import folder as rules
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import CHANNELS


@dataclass(frozen=True, slots=True)
class Moment:
    """What there is to see at `t` T; losses None without a target."""

    t: float
    loss_log10: float | None
    loss_log10_shift1: float | None
    gain_log10: float | None
    alive: int  # cells with power
    living: int  # cells whose alpha is above the threshold
    digest: str  # SHA-256 of all states


class _Unwritten(Store):
    """What a store holds, in memory only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = RunState()

    def update(self, **changes: Any) -> None:
        with self._lock:
            self._state = msgspec.structs.replace(self._state, **changes)


class QuickSwarm(Verbs):
    """All cells have power and one seed is planted in the centre: t = 0. Times in T.

    `interval_s` only decides how finely moments are rounded, to a nanosecond; `undone` collects what was planned and
    could not be done when its time had come."""

    def __init__(
        self,
        rule: str | Path | RuleFolder,
        grid: tuple[int, int] | None = None,
        *,
        engine: str = "chip",
        seed: int = 1,
        degrees: float = 0.0,
        torus: bool = False,
        interval_s: float = 1.0,
    ) -> None:
        source = rule if isinstance(rule, RuleFolder) else rules.load(rule)
        self.height, self.width = grid or default_grid(source)
        made = make_engine(engine, source, degrees)
        number, interval_ns = tag("virtual", source.sha256), round(interval_s * SECOND)
        payload = rule_payload(source, engine, degrees) if made.channels == CHANNELS else None
        self._substrate = VirtualSubstrate(
            self.height, self.width, torus, made, number, seed, interval_ns, say=_unheard, rule=payload
        )
        picture = picture_for(source, self.height, self.width, torus, degrees)
        self.observer = Observer(
            lambda: self._substrate.look(ages=True), self.height, self.width, picture, None, family=made.family
        )
        self._clock = Clock(interval_ns)
        part = None if picture is None else picture.part
        hands = Hands(self._substrate, self.observer, self.height, self.width, torus, made, seed, None, part, degrees)
        self._performer = Performer(self._substrate, hands, self.observer, self._clock, _Unwritten())
        self.undone: list[str] = []
        self.perform(Plant(select=self.centre))

    @property
    def t(self) -> float:
        """T since the seed."""
        return self._clock.t(self._substrate.now_ns())

    @property
    def centre(self) -> str:
        return f"cell:{self.height // 2},{self.width // 2}"

    def perform(self, action: Action) -> Outcome:
        self._count()
        return self._performer.perform(action)

    def faults(self) -> list[FaultReport]:
        """All faults, with the proof counted at their victims."""
        return self._performer.reports()

    def wait_until(self, t: float) -> None:
        """Let the swarm live until `t`; on the way, end faults whose time is up and begin those that were planned."""
        if self._clock.paused:
            raise BadInput("the swarm is paused, its time stands still: resume it before waiting")
        while not self._clock.reached(t, now_ns := self._substrate.now_ns()):
            now = self.t
            change = self._performer.next_change(now)
            until_ns = self._clock.at(min(t, now + 1.0, t if change is None else change))
            self._substrate.advance(max(until_ns, now_ns + 1))  # a change less than a nanosecond away is one away
            if change is not None and self.t > change - ROUNDING:
                self._count()
            for action in self._performer.due(self.t):
                try:
                    self.perform(action)
                except BadInput as error:
                    self.undone.append(f"t {self.t:.1f} T: {error}")

    def broken(self) -> list[str]:
        """What must never be, and is: a line each (coordinator/safety.py)."""
        for _ in range(2):  # some of it takes two looks
            self.observer.see(self.t, keep=True)
        return self.observer.safety.broken()

    def glance(self) -> Glance:
        """Who has power, and the states."""
        return self._substrate.glance()

    def states(self) -> NDArray[np.float32]:
        """All values now, [H, W, 16]."""
        return self._substrate.look().states

    def look(self) -> Moment:
        """The grid as it is now."""
        seen = self.glance()
        losses = self.observer.losses(seen)
        return Moment(
            t=self.t,
            loss_log10=None if losses is None else losses.loss_log10,
            loss_log10_shift1=None if losses is None else losses.loss_log10_shift1,
            gain_log10=None if losses is None else losses.gain_log10,
            alive=seen.alive,
            living=living(seen),
            digest=hashlib.sha256(seen.states.tobytes()).hexdigest(),
        )

    def _count(self) -> None:
        """What cells have counted so far: those that are about to lose power lose their counters with it."""
        self.observer.see(self.t if self._clock.started else 0.0)


def curve(swarm: QuickSwarm, at: Iterable[float], steps: Sequence[Step] = ()) -> Iterator[Moment]:
    """Let it live through `steps` and look at the times `at`; what is done at such a time is done before the look."""
    ahead = sorted(steps, key=lambda step: step.t)
    for t in sorted(at):
        while ahead and ahead[0].t <= t:
            step = ahead.pop(0)
            swarm.wait_until(step.t)
            swarm.perform(step.action)
        swarm.wait_until(t)
        yield swarm.look()


def _unheard(_line: str) -> None:
    return
