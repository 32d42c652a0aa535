"""What every fault is: who, what, how long, and a proof counted at the victim. Draws nothing and knows no sockets.

Fault = {id, kind, selector, parameters, start, duration, rng_seed}; `apply(target)`, `heal()`, `hits()`. A new kind
is one class in one file and one line in the registry. May import actions, cellnode.messages and numpy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode.messages import LinkFault
from cellnode.panel import Counter
from coordinator.actions import FaultReport
from firmware_sim.errors import BadInput

Cells = NDArray[np.int64]


class Target(Protocol):
    """What a fault may lay hands on: a swarm's cells and links."""

    def power(self, cells: Cells, on: bool) -> list[int]:
        """Kill or start; returns the cells that did not acknowledge."""

    def poke(self, kind: str, cells: Cells, state: bytes = b"") -> list[int]: ...

    def add_link_fault(self, fault: LinkFault) -> list[int]: ...

    def remove_link_fault(self, fault_id: int) -> list[int]: ...

    def totals(self) -> NDArray[np.uint64]:
        """Counters [cells, 32], fresh, summed over lives."""

    def lives(self) -> NDArray[np.uint64]:
        """Which life each cell's process is in, 0 where there is none, fresh."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as stored in state.json, so that a successor of the coordinator can heal it."""

    id: int
    kind: str
    selector: str
    parameters: dict[str, float]
    start: float
    duration: float | None
    rng_seed: int
    cells: list[int]
    hits: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a kind of fault takes, with its range."""

    help: str
    low: float
    high: float
    default: float | None = None  # None: must be given


class Fault(ABC):
    """One fault on some cells. Subclasses say what `_begin`, `_end` and `_count` mean for their kind."""

    kind: ClassVar[str]
    help: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]] = {}
    engines: ClassVar[frozenset[str] | None] = None  # only cells on these can suffer it; None: every cell
    instant: ClassVar[bool] = False  # over as soon as it has happened

    def __init__(self, record: Record) -> None:
        self.record = record
        self.cells = np.asarray(record.cells, np.int64)
        self.missing: list[int] = []
        self._target: Target | None = None
        self._base = record.hits
        self._final: int | None = record.hits if record.finished else None

    @classmethod  # noqa: B027 - most kinds have nothing to refuse
    def check_together(cls, parameters: dict[str, float]) -> None:
        """Raise BadInput for values that are each possible, but not together."""

    @property
    def finished(self) -> bool:
        return self._final is not None

    def ends_at(self) -> float | None:
        """In T; None: never by itself."""
        return None if self.record.duration is None else self.record.start + self.record.duration

    def apply(self, target: Target) -> None:
        """Let it begin."""
        self._target = target
        self._watch(target)
        self.missing = self._begin(target)

    def adopt(self, target: Target) -> None:
        """Go on with a fault that an earlier coordinator applied."""
        self._target = target
        self._watch(target)

    def heal(self) -> None:
        """End it; the proof stays. Healing twice is healing once."""
        if self._target is None or self.finished:
            return
        self._final = self.hits()
        self.missing = self._end(self._target)

    def hits(self) -> int:
        """Proof counted at the victims."""
        if self._final is not None or self._target is None:
            return self._final or self._base
        return self._base + self._count(self._target)

    def report(self) -> FaultReport:
        record = self.record
        return FaultReport(
            id=record.id,
            kind=record.kind,
            selector=record.selector,
            parameters=record.parameters,
            rng_seed=record.rng_seed,
            start=record.start,
            duration=record.duration,
            cells=len(record.cells),
            state="finished" if self.finished else "injecting",
            hits=self.hits(),
        )

    def stored(self) -> Record:
        return msgspec.structs.replace(self.record, hits=self.hits(), finished=self.finished)

    @abstractmethod
    def _watch(self, target: Target) -> None:
        """Remember what the victims' counters say now."""

    @abstractmethod
    def _begin(self, target: Target) -> list[int]: ...

    @abstractmethod
    def _end(self, target: Target) -> list[int]: ...

    @abstractmethod
    def _count(self, target: Target) -> int: ...


class Counted(Fault):
    """A fault whose proof is one of the victims' own counters."""

    counter: ClassVar[Counter]

    def _watch(self, target: Target) -> None:
        self._before = target.totals()[self.cells, self.counter].copy()

    def _count(self, target: Target) -> int:
        return int((target.totals()[self.cells, self.counter] - self._before).sum())


def checked_parameters(kind: type[Fault], given: dict[str, float]) -> dict[str, float]:
    """Fill in defaults; BadInput names an unknown, missing or impossible parameter."""
    for name in given:
        if name not in kind.parameters:
            expected = ", ".join(kind.parameters) or "no parameters"
            raise BadInput(f"fault {kind.kind}: unknown parameter {name!r}, expected {expected}")
    values = {}
    for name, parameter in kind.parameters.items():
        value = given.get(name, parameter.default)
        if value is None:
            raise BadInput(f"fault {kind.kind}: parameter {name} is missing ({parameter.help})")
        if not parameter.low <= value <= parameter.high:
            raise BadInput(f"fault {kind.kind}: {name} is {value:g}, expected {parameter.low:g} to {parameter.high:g}")
        values[name] = float(value)
    kind.check_together(values)
    return values
