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

from cellnode.topology import tag
from coordinator.actions import Action, Outcome, Plant
from coordinator.clock import Clock
from coordinator.hands import Hands
from coordinator.observer import Observer, living
from coordinator.opening import SECOND, default_grid
from coordinator.performing import Performer
from coordinator.picture import Picture
from coordinator.runfolder import RunState
from coordinator.scenario import Step
from coordinator.store import Store
from coordinator.verbs import Verbs
from coordinator.virtual import VirtualSubstrate
from firmware_sim import folder as rules
from firmware_sim.engines import make_engine


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
    """All cells have power and one seed is planted in the centre: t = 0. Times in T."""

    def __init__(
        self,
        rule: str | Path,
        grid: tuple[int, int] | None = None,
        *,
        engine: str = "chip",
        seed: int = 1,
        degrees: float = 0.0,
        torus: bool = False,
    ) -> None:
        source = rules.load(rule)
        self.height, self.width = grid or default_grid(source)
        made, target = make_engine(engine, source, degrees), source.target()
        number = tag("virtual", source.sha256)
        self._substrate = VirtualSubstrate(self.height, self.width, torus, made, number, seed, SECOND)
        picture = None if target is None else Picture(target, self.height, self.width, torus, degrees)
        self._observer = Observer(self._substrate.look, self.height, self.width, picture, None)
        self._clock = Clock(SECOND)
        hands = Hands(self._substrate, self._observer, self.height, self.width, torus, made, seed)
        self._performer = Performer(self._substrate, hands, self._observer, self._clock, _Unwritten())
        self.perform(Plant(select=self.centre))

    @property
    def t(self) -> float:
        """T since the seed."""
        return self._clock.t(self._substrate.now_ns())

    @property
    def centre(self) -> str:
        return f"cell:{self.height // 2},{self.width // 2}"

    def perform(self, action: Action) -> Outcome:
        return self._performer.perform(action)

    def wait_until(self, t: float) -> None:
        """Let the swarm live until `t`, and end faults whose time is up on the way."""
        board = self._performer.board
        while (now := self.t) < t - 1e-9:
            ends = board.next_end()
            self._substrate.advance(self._clock.at(min(t, ends) if ends is not None and ends > now else t))
            for fault in board.due(self.t):
                board.heal(fault.record.id)

    def look(self) -> Moment:
        """The grid as it is now."""
        sight = self._substrate.look()
        losses = self._observer.losses(sight)
        return Moment(
            t=self.t,
            loss_log10=None if losses is None else losses.loss_log10,
            loss_log10_shift1=None if losses is None else losses.loss_log10_shift1,
            gain_log10=None if losses is None else losses.gain_log10,
            alive=sight.alive,
            living=living(sight),
            digest=hashlib.sha256(sight.states.tobytes()).hexdigest(),
        )


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
