"""What every fault is: who, what, how long, and a proof counted at the victim. Draws nothing and knows no sockets.

Fault = {id, kind, selector, parameters, start, duration, rng_seed}; `apply(target)`, `heal()`, `hits()`. A new kind
is one class in one file and one line in the registry. May import actions, cellnode.messages and numpy.

    injecting -> active (it has hit) -> finished (over by itself) or healed (before its time, or without an end)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode.messages import LinkFault, RulePayload
from cellnode.panel import Counter
from coordinator.actions import FaultReport
from coordinator.substrate import HostNetwork
from firmware_sim.errors import BadInput

Cells = NDArray[np.int64]


class Target(Protocol):
    """What a fault may lay hands on: a swarm's cells and links."""

    def power(self, cells: Cells, on: bool) -> list[int]:
        """Kill or start; returns the cells that did not acknowledge."""

    def poke(self, kind: str, cells: Cells, state: bytes = b"") -> list[int]: ...

    def freeze(self, cells: Cells, frozen: bool) -> list[int]: ...

    def stopped(self, cells: Cells) -> int:
        """How many of these cells stand still."""

    def kill_agent(self) -> int:
        """Returns how many agents are gone."""

    def network(self) -> HostNetwork:
        """BadInput where hosts have none of their own."""

    def die(self) -> None:
        """The coordinator kills itself, as soon as what was asked is answered."""

    def add_link_fault(self, fault: LinkFault) -> list[int]: ...

    def remove_link_fault(self, fault_id: int) -> list[int]: ...

    def totals(self) -> NDArray[np.uint64]:
        """Counters [cells, 32], fresh, summed over lives."""

    def lives(self) -> NDArray[np.uint64]:
        """Which life each cell's process is in, 0 where there is none, fresh."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The shape that a fault may need to find its edges; `table` as in cellnode.topology."""

    height: int
    width: int
    table: NDArray[np.int32]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as stored in state.json, so that a successor of the coordinator can heal it."""

    id: int
    kind: str
    selector: str
    parameters: dict[str, Any]  # numbers, and words where a kind names choices
    start: float
    duration: float | None
    rng_seed: int
    cells: list[int]
    rule: RulePayload | None = None  # for faults that bring one, by value: its folder may be gone when it is healed
    slots: list[int] = []  # for faults on links: a mask of incoming edges for each of `cells`; empty: all
    hits: int = 0
    finished: bool = False
    healed: bool = False  # by an order, not because its time was up


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a kind of fault takes, with its range; one of some words, the first of them by default; or any
    word, none by default (`Fault.checked_word` says which are good)."""

    help: str
    low: float = 0.0
    high: float = 0.0
    default: float | None = None  # None: must be given
    choices: tuple[str, ...] = ()
    word: str = ""  # what any word stands for: "a rule folder"

    @property
    def expected(self) -> str:
        """For messages and tables."""
        return " | ".join(self.choices) or self.word or f"{self.low:g} to {self.high:g}"


class Fault(ABC):
    """One fault on some cells. Subclasses say what `_begin`, `_end` and `_count` mean for their kind."""

    kind: ClassVar[str]
    help: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]] = {}
    engines: ClassVar[frozenset[str] | None] = None  # only cells on these can suffer it; None: every cell
    instant: ClassVar[bool] = False  # over as soon as it has happened
    links: ClassVar[bool] = False  # lies on edges, so that `A->B` may choose them
    alone: ClassVar[bool] = False  # two of this kind at once have no meaning
    host: ClassVar[bool] = False  # befalls a host, so that no cells need be chosen
    network: ClassVar[bool] = False  # ... or some, chosen by name, on a network of their own

    def __init__(self, record: Record) -> None:
        self.record = record
        self.cells = np.asarray(record.cells, np.int64)
        self.missing: list[int] = []
        self._target: Target | None = None
        self._base = record.hits
        self._final: int | None = record.hits if record.finished else None

    @property
    def finished(self) -> bool:
        return self._final is not None

    @classmethod
    def place(
        cls, cells: Cells, slots: list[int], grid: Grid, parameters: dict[str, Any], rng_seed: int
    ) -> tuple[Cells, list[int]]:
        """The cells and edges that a choice of cells means to this kind."""
        return cells, slots

    @classmethod  # noqa: B027 - most kinds need none
    def check_together(cls, parameters: dict[str, Any]) -> None:
        """BadInput for parameters that are good one by one, and impossible together."""

    @classmethod
    def checked_word(cls, name: str, word: str) -> str:
        """The word as it is kept; BadInput for one that cannot be meant."""
        return word

    @classmethod
    def hosts_of(cls, parameters: dict[str, Any], names: Sequence[str], rng_seed: int) -> list[str]:
        """The hosts that a fault of this kind befalls."""
        return []

    @classmethod
    def rule_of(cls, parameters: dict[str, Any], family: str, degrees: float) -> RulePayload | None:
        """The rule that a fault of this kind brings to cells of this family."""
        return None

    def holds_off(self) -> Cells:
        """Cells that have no power as long as this lasts."""
        return np.empty(0, np.int64)

    def next_change(self, t: float) -> float | None:
        """When after `t` it has something to do; in T."""
        return None

    def change(self, t: float) -> None:  # noqa: B027 - most kinds never change
        """Do what is due at `t`."""

    def ends_at(self) -> float | None:
        """In T; None: never by itself."""
        return None if self.record.duration is None else self.record.start + self.record.duration

    def apply(self, target: Target) -> None:
        """Let it begin. Another thread may ask for its hits at any time: it has none before it is watched."""
        self._watch(target)
        self._target = target
        self.missing = self._begin(target)

    def adopt(self, target: Target) -> None:
        """Go on with a fault that an earlier coordinator applied."""
        self._watch(target)
        self._target = target

    def heal(self, *, by_order: bool = False) -> None:
        """End it; the proof stays. Healing twice is healing once."""
        if self._target is None or self.finished:
            return
        self._final = self.hits()
        self.record = msgspec.structs.replace(self.record, healed=by_order)
        self.missing = self._end(self._target)

    def hits(self, seen: Target | None = None) -> int:
        """Proof counted at the victims; `seen`: the target, if it has been looked at already."""
        if self._final is not None or self._target is None:
            return self._final or self._base
        return self._base + self._count(seen or self._target)

    def report(self) -> FaultReport:
        record, hits = self.record, self.hits()
        going = "active" if hits else "injecting"
        return FaultReport(
            id=record.id,
            kind=record.kind,
            selector=record.selector,
            parameters=record.parameters,
            rng_seed=record.rng_seed,
            start=record.start,
            duration=record.duration,
            cells=len(record.cells),
            links=sum(mask.bit_count() for mask in record.slots),
            state=("healed" if record.healed else "finished") if self.finished else going,
            hits=hits,
        )

    def stored(self, seen: Target | None = None) -> Record:
        return msgspec.structs.replace(self.record, hits=self.hits(seen), finished=self.finished)

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
    """A fault whose proof is one of the victims' own counters, or the sum of some. Faults of one counter on the same
    victims at the same time share their proof."""

    counter: ClassVar[Counter | tuple[Counter, ...]]

    def _watch(self, target: Target) -> None:
        self._before = self._counted(target)

    def _count(self, target: Target) -> int:
        return self._counted(target) - self._before

    def _counted(self, target: Target) -> int:
        counters = self.counter if isinstance(self.counter, tuple) else (self.counter,)
        return int(target.totals()[self.cells][:, list(counters)].sum())


def checked_parameters(kind: type[Fault], given: dict[str, Any]) -> dict[str, Any]:
    """Fill in defaults; BadInput names an unknown, missing or impossible parameter."""
    for name in given:
        if name not in kind.parameters:
            expected = ", ".join(kind.parameters) or "no parameters"
            raise BadInput(f"fault {kind.kind}: unknown parameter {name!r}, expected {expected}")
    values = {
        name: _value(kind, name, parameter, given.get(name))
        for name, parameter in kind.parameters.items()
        if given.get(name) or not parameter.word  # a word that is not given is none
    }
    kind.check_together(values)
    return values


def _value(fault: type[Fault], name: str, parameter: Parameter, given: Any) -> float | str:
    kind = fault.kind
    if parameter.word:
        if isinstance(given, int | float):
            given = f"{given:g}"  # a word may be a number
        if not isinstance(given, str):
            raise BadInput(f"fault {kind}: {name} is {given!r}, expected {parameter.word}")
        return fault.checked_word(name, given)
    if parameter.choices:
        value = parameter.choices[0] if given is None else given
        if value not in parameter.choices:
            raise BadInput(f"fault {kind}: {name} is {value!r}, expected one of {', '.join(parameter.choices)}")
        return str(value)
    number = parameter.default if given is None else given
    if number is None:
        raise BadInput(f"fault {kind}: parameter {name} is missing ({parameter.help})")
    if isinstance(number, str):
        raise BadInput(f"fault {kind}: {name} is {number!r}, expected a number")
    if not parameter.low <= number <= parameter.high:
        raise BadInput(f"fault {kind}: {name} is {number:g}, expected {parameter.low:g} to {parameter.high:g}")
    return float(number)
