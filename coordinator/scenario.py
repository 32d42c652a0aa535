"""The scenario file: timed actions in TOML or YAML, checked whole before anything runs; errors name file, line and key.

    [[at]]
    t = 60                 # T after the seed
    do = "kill"            # kill revive erase seed freeze thaw unmap inject heal pause resume
    select = "50%"
    seed = 7               # optional

    [[at]]
    t = 64
    do = "inject"
    fault = "link_loss"
    select = "all"
    for = 20               # optional, in T
    rate = 0.05            # the fault's own parameters (docs/faults.md)
    every = 30             # optional: again every 30 T ...
    times = 4              # ... four times in all; see coordinator/faults/plans.py for more

Runs nothing itself. May import msgspec, coordinator.actions, faults and selector.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from coordinator import faults, selector
from coordinator.actions import ACTIONS, Action, Chosen, Heal, Inject
from coordinator.faults import plans
from coordinator.places import Places, places, read
from coordinator.selectorterms import Field
from firmware_sim.errors import BadInput

MAX_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Step:
    """Do `action` at `t` T after the seed; `places` says where its keys stand in the file."""

    t: float
    action: Action
    places: Mapping[str, str] = field(default_factory=dict, compare=False)


def load(path: Path) -> list[Step]:
    """All steps in order of time. BadInput names file, line and key of the first thing that is wrong."""
    document, text = read(path, "scenario")
    lines = places(path, text)
    for key in document:
        if key != "at":
            raise BadInput(f"{lines.top(key)}: unknown key {key!r}, expected only [[at]] tables")
    entries = document.get("at", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(f"{path}:1: expected one or more [[at]] tables, each with t and do")
    if len(entries) > MAX_STEPS:
        raise BadInput(f"{path}: {len(entries)} steps, at most {MAX_STEPS} are taken")
    return _steps(entries, lines)


def parse(entries: list[dict[str, Any]], lines: Places) -> list[Step]:
    """The [[at]] tables of another kind of file."""
    if len(entries) > MAX_STEPS:
        raise BadInput(f"{lines.top('at')}: {len(entries)} steps, at most {MAX_STEPS} are taken")
    return _steps(entries, lines)


def _steps(entries: list[dict[str, Any]], lines: Places) -> list[Step]:
    steps = [_step(entry, number, lines) for number, entry in enumerate(entries)]
    return sorted(steps, key=lambda step: step.t)


def length(steps: list[Step]) -> float:
    """When the last thing that was asked for is over, in T."""
    return max((_end(step) or step.t for step in steps), default=0.0)


def check_run(steps: Sequence[Step], until: float, grid: Field) -> None:
    """BadInput with file, line and key for what this run cannot do: steps after its end, cells that it has not, two
    partitions at once."""
    for step in steps:
        action = step.action
        begin = max(step.t, getattr(action, "begin", None) or 0.0)
        key = "t" if begin == step.t else "begin"
        last = max(begin, (_end(step) or 0.0) - (getattr(action, "duration", None) or 0.0))
        if begin > until or last > until:
            key, what = (key, "this comes at") if begin > until else ("every", "the last of these comes at")
            at = begin if begin > until else last
            raise BadInput(f"{_place(step, key)}: key {key!r}: {what} {at:g} T, the run ends at {until:g} T")
        if isinstance(action, Chosen) and not re.search(r"\b(dead|alive)\b", action.select):  # known only then
            try:
                link = selector.parse_links(action.select)
                for cells in (link.source, link.target):
                    if cells is not None:
                        cells.cells(grid, 0)
            except BadInput as error:
                raise BadInput(f"{_place(step, 'select')}: key 'select': {error}") from error
    _check_alone(steps)


def _check_alone(steps: Sequence[Step]) -> None:
    on: dict[str, tuple[Step, float]] = {}  # kind -> what is on, and until when
    for step in steps:
        action = step.action
        if isinstance(action, Heal):
            on = {}  # of the one it means, or of all: who can say what ids there will be
        if not isinstance(action, Inject) or not faults.KINDS[action.fault].alone:
            continue
        before = on.get(action.fault)
        if before is not None and before[1] > step.t:
            earlier = _place(before[0], "fault")
            raise BadInput(
                f"{_place(step, 'fault')}: key 'fault': a second {action.fault} at {step.t:g} T, while that of "
                f"{earlier} lasts until {before[1]:g} T; one at a time"
            )
        on[action.fault] = (step, np.inf if action.duration is None and action.up is None else _end(step) or np.inf)


def _place(step: Step, key: str) -> str:
    return step.places.get(key) or step.places.get("do", "scenario")


def _end(step: Step) -> float | None:
    """When it is over at the latest; None: nobody knows."""
    return plans.last_end(step.action, step.t) if isinstance(step.action, Inject) else step.t


def acted(events: Iterable[dict[str, Any]]) -> list[Step]:
    """What was done in a run, from its events: all that a person asked for, without the planting at its start.

    Pauses are left out: time in T stands still in them.
    """
    steps: list[Step] = []
    for event in events:
        asked, t = event.get("asked"), event.get("t")
        if not isinstance(asked, dict) or not isinstance(t, int | float) or asked.get("do") in ("pause", "resume"):
            continue
        if t > 0 or steps:
            steps.append(Step(float(t), msgspec.convert(asked, ACTIONS[asked["do"]])))
    return steps


def dump(steps: Iterable[Step]) -> str:
    """The scenario file that does the same."""
    return "\n".join(_table(step) for step in steps)


def _table(step: Step) -> str:
    values: dict[str, Any] = {"t": round(step.t, 3), **msgspec.to_builtins(step.action)}
    values.update(values.pop("parameters", {}))
    lines = [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]
    return "\n".join(["[[at]]", *lines, ""])


def _toml(value: str | float) -> str:
    return json.dumps(value)  # for strings of ours and for finite numbers, JSON and TOML write the same


def _step(entry: dict[str, Any], number: int, lines: Places) -> Step:
    rest = dict(entry)
    t, do = rest.pop("t", None), rest.get("do")
    if isinstance(t, bool) or not isinstance(t, int | float):
        where = lines.entry("at", number, "t" if t is not None else None)
        raise BadInput(f"{where}: key 't' is {t!r}, expected a time in T")
    if not 0 <= t <= 1e9:
        raise BadInput(f"{lines.entry('at', number, 't')}: key 't' is {t}, expected 0 or more")
    if do not in ACTIONS:
        where = lines.entry("at", number, "do" if do is not None else None)
        raise BadInput(f"{where}: key 'do' is {do!r}, expected one of {', '.join(ACTIONS)}")
    if do == "inject":
        kind = faults.KINDS.get(str(rest.get("fault")))
        named = set() if kind is None else set(kind.parameters)
        own = {
            key for key in rest if key in named or key not in ("do", "select", "seed", "fault", "for", *faults.PLANNED)
        }
        rest["parameters"] = {key: rest.pop(key) for key in own}
        if kind is not None and kind.host:
            rest.setdefault("select", "all")
    return Step(float(t), _action(rest, number, lines), {key: lines.entry("at", number, key) for key in entry})


def _action(values: dict[str, Any], number: int, lines: Places) -> Action:
    kind = ACTIONS[values["do"]]
    expected = {field.encode_name for field in msgspec.structs.fields(kind)} | {"do", "t"}
    for name in values:
        if name not in expected:
            allowed = ", ".join(sorted(expected - {"parameters"}))
            raise BadInput(
                f"{lines.entry('at', number, name)}: unknown key {name!r} for {values['do']}, expected: {allowed}"
            )
    try:
        action: Action = msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        if missing := re.search(r"required field `(\w+)`", str(error)):
            raise BadInput(f"{lines.entry('at', number)}: key {missing[1]!r} is missing") from error
        match = re.search(r"at `\$\.(?:parameters\[\.\.\.\]|(\w+))", str(error))
        key: str | None = str(match[1]) if match and match[1] else None
        if key is None and "parameters" in values:
            key = next((name for name, value in values["parameters"].items() if not _fits(value)), None)
        label = f"key {key!r}: " if key else ""
        raise BadInput(f"{lines.entry('at', number, key)}: {label}{str(error).split(' - at')[0]}") from error
    _check_meaning(action, number, lines)
    return action


def _check_meaning(action: Action, number: int, lines: Places) -> None:
    if isinstance(action, Heal):
        return
    if isinstance(action, Chosen):
        try:
            on_links = isinstance(action, Inject) and action.fault in faults.KINDS and faults.KINDS[action.fault].links
            (selector.parse_links if on_links else selector.parse)(action.select)
        except BadInput as error:
            raise BadInput(f"{lines.entry('at', number, 'select')}: key 'select': {error}") from error
        if action.seed is not None and action.seed < 0:
            raise BadInput(f"{lines.entry('at', number, 'seed')}: key 'seed' is {action.seed}, expected 0 or more")
    if isinstance(action, Inject):
        try:
            faults.check(action.fault, action.parameters, action.duration)
            plans.check(action)
        except BadInput as error:
            known = [
                key
                for key in (*action.parameters, "for", *faults.PLANNED)
                if re.search(rf"\b{re.escape(key)}\b", str(error))
            ]
            key = known[0] if known else "fault"
            raise BadInput(f"{lines.entry('at', number, key)}: key {key!r}: {error}") from error


def _fits(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)
