"""The catalogue of faults: one class a kind, found here by name, and its text form `crash select=50% for=4 seed=7`.

To add a kind: write one class against `base.Fault` and enter it in KINDS. Applies nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cellnode.messages import LinkFault
from coordinator.actions import Inject
from coordinator.faults import plans
from coordinator.faults.base import Fault, Record, Target, checked_parameters
from coordinator.faults.churn import Churn
from coordinator.faults.clocks import CLOCKS
from coordinator.faults.crash import Crash
from coordinator.faults.erase import Erase
from coordinator.faults.hardware import HARDWARE
from coordinator.faults.hosts import AgentKill, CoordinatorKill
from coordinator.faults.liars import Byzantine, StuckChannel
from coordinator.faults.links import LINKS, Held
from coordinator.faults.network import NETWORK
from coordinator.faults.partition import Partition
from coordinator.faults.pause import Pause
from coordinator.faults.slow import Slow
from firmware_sim.errors import BadInput

__all__ = ["KINDS", "Fault", "Record", "Target", "check", "held", "parse", "restore"]

_ALL: tuple[type[Fault], ...] = (
    Crash,
    Churn,
    Pause,
    Slow,
    StuckChannel,
    Byzantine,
    Erase,
    *LINKS,
    Partition,
    *CLOCKS,
    *HARDWARE,
    AgentKill,
    CoordinatorKill,
    *NETWORK,
)
PLANNED = ("keep", "begin", "every", "times", "swing", "up", "down", "min_up", "min_down")
KINDS: Mapping[str, type[Fault]] = MappingProxyType({kind.kind: kind for kind in _ALL})


def check(kind: str, parameters: dict[str, Any], duration: float | None) -> dict[str, Any]:
    """The kind's full parameters. BadInput for an unknown kind, a wrong parameter or a duration that is none."""
    if kind not in KINDS:
        raise BadInput(f"fault {kind!r} is unknown, expected one of: {', '.join(KINDS)}")
    if duration is not None and not 0 < duration < 1e9:
        raise BadInput(f"fault {kind}: it cannot last {duration:g} T; leave `for` out for a fault without an end")
    return checked_parameters(KINDS[kind], parameters)


def restore(record: Record) -> Fault:
    """The fault that a record describes."""
    return KINDS[record.kind](record)


def held(records: Iterable[Record]) -> list[LinkFault]:
    """What the agent must hold for those of `records` that are faults of links or clocks and not over."""
    found = []
    for record in records:
        kind = KINDS[record.kind]
        if issubclass(kind, Held) and record.cells and not record.finished:
            found.append(kind.wire(record))
    return found


def sort_words(kind: str, words: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the kind's own parameters, the words of a schedule and a floor) among these words."""
    named = KINDS[kind].parameters if kind in KINDS else {}
    planned = {name: value for name, value in words.items() if name in PLANNED and name not in named}
    return {name: value for name, value in words.items() if name not in planned}, planned


def parse(words: Sequence[str]) -> Inject:
    """Read `KIND select=SELECTOR [for=T] [seed=N] [keep=N] [parameter=value ...] [schedule ...]`; BadInput names the
    word that is wrong. The words of a schedule stand in coordinator/faults/plans.py."""
    if not words:
        raise BadInput(f"which fault? expected one of: {', '.join(KINDS)}")
    kind, select, duration, seed = words[0], "", None, None
    parameters: dict[str, float | str] = {}
    planned: dict[str, Any] = {}
    named = KINDS[kind].parameters if kind in KINDS else {}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            raise BadInput(f"fault {kind}: {word!r} is no name=value")
        if name == "select":
            select = value
        elif name == "for":
            duration = _number(kind, name, value)
        elif name == "seed":
            if not value.isdigit():
                raise BadInput(f"fault {kind}: seed is {value!r}, expected a whole number of 0 or more")
            seed = int(value)
        elif name in named and (named[name].choices or named[name].word):
            parameters[name] = value
        elif name in PLANNED and name not in named:
            planned[name] = _number(kind, name, value)
            if name in ("times", "keep"):
                planned[name] = _whole(kind, name, planned[name])
        else:
            parameters[name] = _number(kind, name, value)
    if not select and kind in KINDS and KINDS[kind].host:
        select = "all"
    if not select:
        raise BadInput(f"fault {kind}: which cells? add select=SELECTOR, e.g. select=50%")
    given = check(kind, parameters, duration)
    action = Inject(fault=kind, select=select, duration=duration, seed=seed, parameters=given, **planned)
    plans.check(action)
    return action


def _whole(kind: str, name: str, value: float) -> int:
    if value != int(value):
        raise BadInput(f"fault {kind}: {name} is {value:g}, expected a whole number")
    return int(value)


def _number(kind: str, name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadInput(f"fault {kind}: {name} is {value!r}, expected a number") from None
