"""The vocabulary as data: which actions, faults and selectors there are, so that the page has no list of its own.

A kind of fault entered in coordinator/faults appears here, and so on the page, by itself. May import the
coordinator's actions, faults and selector.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from coordinator import faults, selector
from coordinator.actions import ACTIONS, Chosen


def vocabulary() -> dict[str, Any]:
    """Actions by name, faults by kind, and the grammar of selectors."""
    return {
        "actions": {name: _action(kind) for name, kind in ACTIONS.items()},
        "faults": {kind: _fault(fault) for kind, fault in faults.KINDS.items()},
        "selectors": selector.GRAMMAR,
    }


def _action(kind: type[Any]) -> dict[str, Any]:
    return {
        "help": _line(kind),
        "chosen": issubclass(kind, Chosen),
        "fields": [field.encode_name for field in msgspec.structs.fields(kind)],
    }


def _fault(kind: type[faults.Fault]) -> dict[str, Any]:
    return {
        "help": kind.help,
        "instant": kind.instant,
        "engines": None if kind.engines is None else sorted(kind.engines),
        "parameters": {name: dataclasses.asdict(each) for name, each in kind.parameters.items()},
    }


def _line(kind: type[Any]) -> str:
    return " ".join((kind.__doc__ or "").split())
