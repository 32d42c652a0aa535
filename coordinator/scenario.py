"""The scenario file: a list of timed actions in TOML, checked whole before anything runs; errors name file, line, key.

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
    rate = 0.05            # the fault's own parameters

Runs nothing itself. May import msgspec, coordinator.actions, faults and selector.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from coordinator import faults, selector
from coordinator.actions import ACTIONS, Action, Chosen, Heal, Inject
from firmware_sim.errors import BadInput

MAX_BYTES = 1 << 20
MAX_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Step:
    """Do `action` at `t` T after the seed."""

    t: float
    action: Action


def load(path: Path) -> list[Step]:
    """All steps in order of time. BadInput names file, line and key of the first thing that is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"scenario {path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"scenario {path} has {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        text = data.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise BadInput(f"scenario {path} is no text file: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"scenario {path} is no TOML: {error}") from error
    lines = _Lines(path, text)
    for key in document:
        if key != "at":
            raise BadInput(f"{lines.of_top(key)}: unknown key {key!r}, expected only [[at]] tables")
    entries = document.get("at", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(f"{path}:1: expected one or more [[at]] tables, each with t and do")
    if len(entries) > MAX_STEPS:
        raise BadInput(f"{path}: {len(entries)} steps, at most {MAX_STEPS} are taken")
    steps = [_step(entry, number, lines) for number, entry in enumerate(entries)]
    return sorted(steps, key=lambda step: step.t)


def length(steps: list[Step]) -> float:
    """When the last thing that was asked for is over, in T."""
    ends = [step.t + (getattr(step.action, "duration", None) or 0.0) for step in steps]
    return max(ends, default=0.0)


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


class _Lines:
    """Where things stand in the text: tomllib does not tell."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, text.splitlines()
        self._headers = [at for at, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*at\s*\]\]", line)]

    def of_top(self, key: str) -> str:
        return f"{self._path}:{self._find(key, 0, len(self._lines)) + 1}"

    def of(self, number: int, key: str | None = None) -> str:
        """file:line of a key in the `number`-th table, or of the table's head."""
        if number >= len(self._headers):  # written inline
            return f"{self._path}, step {number + 1}"
        start = self._headers[number]
        end = self._headers[number + 1] if number + 1 < len(self._headers) else len(self._lines)
        return f"{self._path}:{(start if key is None else self._find(key, start, end)) + 1}"

    def _find(self, key: str, start: int, end: int) -> int:
        pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=\].]")
        return next((at for at in range(start, end) if pattern.match(self._lines[at])), start)


def _step(entry: dict[str, Any], number: int, lines: _Lines) -> Step:
    rest = dict(entry)
    t, do = rest.pop("t", None), rest.get("do")
    if isinstance(t, bool) or not isinstance(t, int | float):
        where = lines.of(number, "t" if t is not None else None)
        raise BadInput(f"{where}: key 't' is {t!r}, expected a time in T")
    if not 0 <= t <= 1e9:
        raise BadInput(f"{lines.of(number, 't')}: key 't' is {t}, expected 0 or more")
    if do not in ACTIONS:
        where = lines.of(number, "do" if do is not None else None)
        raise BadInput(f"{where}: key 'do' is {do!r}, expected one of {', '.join(ACTIONS)}")
    if do == "inject":
        own = {key for key in rest if key not in ("do", "select", "seed", "fault", "for")}
        rest["parameters"] = {key: rest.pop(key) for key in own}
    return Step(float(t), _action(rest, number, lines))


def _action(values: dict[str, Any], number: int, lines: _Lines) -> Action:
    kind = ACTIONS[values["do"]]
    expected = {field.encode_name for field in msgspec.structs.fields(kind)} | {"do", "t"}
    for name in values:
        if name not in expected:
            allowed = ", ".join(sorted(expected - {"parameters"}))
            raise BadInput(f"{lines.of(number, name)}: unknown key {name!r} for {values['do']}, expected: {allowed}")
    try:
        action: Action = msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        match = re.search(r"at `\$\.(?:parameters\[\.\.\.\]|(\w+))", str(error))
        key: str | None = str(match[1]) if match and match[1] else None
        if key is None and "parameters" in values:
            key = next((name for name, value in values["parameters"].items() if not _is_number(value)), None)
        label = f"key {key!r}: " if key else ""
        raise BadInput(f"{lines.of(number, key)}: {label}{str(error).split(' - at')[0]}") from error
    _check_meaning(action, number, lines)
    return action


def _check_meaning(action: Action, number: int, lines: _Lines) -> None:
    if isinstance(action, Heal):
        return
    if isinstance(action, Chosen):
        try:
            selector.parse(action.select)
        except BadInput as error:
            raise BadInput(f"{lines.of(number, 'select')}: key 'select': {error}") from error
        if action.seed is not None and action.seed < 0:
            raise BadInput(f"{lines.of(number, 'seed')}: key 'seed' is {action.seed}, expected 0 or more")
    if isinstance(action, Inject):
        try:
            faults.check(action.fault, action.parameters, action.duration)
        except BadInput as error:
            known = [key for key in (*action.parameters, "for") if key in str(error)]
            raise BadInput(f"{lines.of(number, known[0] if known else 'fault')}: {error}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
