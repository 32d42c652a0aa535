"""An experiment file, read and checked whole, and the points that it spans; what it may say stands in document.py.

Runs nothing. May import msgspec, coordinator.actions, places, scenario and the checks.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from coordinator import scenario
from coordinator.actions import DISTURBING
from coordinator.experiment.checks import check_point, check_whole, grid_of, located, patch_of
from coordinator.experiment.document import PLAIN, Document, Value
from coordinator.places import Places, places, read
from coordinator.scenario import Step
from coordinator.yamlfile import is_yaml
from firmware_sim.errors import BadInput

CHECKED = 2000  # points looked at before anything runs


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of all that is swept, its steps checked."""

    number: int
    values: dict[str, Value]
    document: Document
    steps: tuple[Step, ...]
    grid: tuple[int, int] | None
    patch: tuple[int, int] = (16, 16)

    @property
    def first_t(self) -> float:
        """When the first blow falls; steps that plant or revive are none."""
        blows = [step.t for step in self.steps if type(step.action).__struct_config__.tag in DISTURBING]
        return min(blows, default=0.0)

    @property
    def end_t(self) -> float:
        return scenario.length(list(self.steps)) + float(self.document.watch)

    def substrate(self, replicate: int) -> str:
        """What this replicate lives on: where both are wanted, the first are processes."""
        return "processes" if replicate < self.document.processes_replicates else self.document.substrate

    @property
    def label(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.values.items()) or self.document.name


class Experiment:
    """A file that is good: its document, in which the first point's values stand for their names, and all points."""

    def __init__(self, path: Path, text: str, raw: dict[str, Any], where: Places) -> None:
        self.path, self.text, self._raw, self._where = path, text, raw, where
        self.document = self._convert(self._fill(_first_values(raw), set()))
        check_whole(self.document, where)

    @property
    def file(self) -> str:
        """The name of its copy beside the results."""
        return "experiment.yaml" if is_yaml(self.path) else "experiment.toml"

    def place(self, key: str) -> str:
        """file:line of one of its keys."""
        return self._where.top(key)

    @property
    def count(self) -> int:
        """How many points the sweep has."""
        number = 1
        for values in self.document.sweep.values():
            number *= len(values)
        return number

    def points(self) -> list[Point]:
        """All of them, in the file's order, the last name turning fastest."""
        names = list(self.document.sweep)
        combinations = itertools.product(*self.document.sweep.values())
        return [self.point(dict(zip(names, chosen, strict=True)), number) for number, chosen in enumerate(combinations)]

    def first(self) -> Point:
        """The first of them."""
        return self.point(_first_values(self._raw))

    def rules(self) -> list[str]:
        """Every rule that some point runs."""
        rule = str(self._raw["rule"])
        swept = self.document.sweep.get(rule.removeprefix("$"), []) if rule.startswith("$") else [rule]
        return sorted({str(value) for value in swept})

    def with_rule(self, rule: str) -> Experiment:
        """The same experiment on another rule."""
        text = re.sub(r"(?m)^(rule\s*[=:]).*$", lambda found: f"{found[1]} {json.dumps(rule)}", self.text, count=1)
        return Experiment(self.path, text, self._raw | {"rule": rule}, self._where)

    def point(self, values: dict[str, Value], number: int = 0) -> Point:
        """The setting with these values in the place of their names; BadInput names file, line and key."""
        used: set[str] = set()
        filled = self._fill(values, used)
        for name in values:
            if name not in used:
                key = ("sweep", name) if name in self.document.sweep else ("search", None)
                raise BadInput(
                    f"{self._where.table(*key)}: ${name} stands nowhere in the file, so its values would change nothing"
                )
        document = self._convert(filled)
        check_point(document, self._where)
        steps = tuple(scenario.parse(document.at, self._where)) if document.at else ()
        return Point(number, values, document, steps, grid_of(document, self._where), patch_of(document, self._where))

    def _fill(self, values: dict[str, Value], used: set[str]) -> dict[str, Any]:
        return {
            key: value if key in PLAIN else self._filled(value, values, used, key) for key, value in self._raw.items()
        }

    def _convert(self, filled: dict[str, Any]) -> Document:
        try:
            return msgspec.convert(filled, Document)
        except msgspec.ValidationError as error:
            raise located(error, self._where) from error

    def _filled(self, value: Any, values: dict[str, Value], used: set[str], key: str) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(part, values, used, name) for name, part in value.items()}
        if isinstance(value, list):
            return [self._filled(part, values, used, key) for part in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        whole = re.fullmatch(r"\$(\w+)", value)
        for name in re.findall(r"\$(\w+)", value):
            if name not in values:
                known = ", ".join(f"${name}" for name in values) or "none is declared in [sweep] or [search]"
                raise BadInput(f"{self._where.top(key)}: key {key!r}: ${name} is unknown, known: {known}")
            used.add(name)
        return values[whole[1]] if whole else re.sub(r"\$(\w+)", lambda found: str(values[found[1]]), value)


def _first_values(raw: dict[str, Any]) -> dict[str, Value]:
    """Of a file not yet checked: what cannot be read is left for those who check."""
    sweep, search = raw.get("sweep"), raw.get("search")
    found: dict[str, Value] = {}
    if isinstance(sweep, dict):
        found |= {name: values[0] for name, values in sweep.items() if isinstance(values, list) and values}
    if isinstance(search, dict) and isinstance(search.get("variable"), str):
        found[search["variable"]] = search.get("low", 0.0)
    return found


def load(path: Path) -> Experiment:
    """Read and check a file; every point of a small sweep is checked, too (the first of a large one)."""
    raw, text = read(path, "experiment")
    experiment = Experiment(path, text, raw, places(path, text))
    search = experiment.document.search
    if search is not None:
        for value in (search.low, search.high):
            experiment.point({search.variable: value})
    elif experiment.count <= CHECKED:
        experiment.points()
    else:
        experiment.first()
    return experiment
