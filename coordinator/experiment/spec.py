"""An experiment file, read and checked whole, and the points that it spans; what it may say stands in document.py.

Runs nothing. May import msgspec, coordinator.actions, places and scenario.
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
from coordinator.experiment.document import Document, Value
from coordinator.places import Places, read
from coordinator.scenario import Step
from firmware_sim.engines import ENGINE_NAMES
from firmware_sim.errors import BadInput

SUBSTRATES = ("virtual", "processes")


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of all that is swept, its steps checked."""

    number: int
    values: dict[str, Value]
    document: Document
    steps: tuple[Step, ...]
    grid: tuple[int, int] | None

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
    """A file that is good: its document and the points it spans."""

    def __init__(self, path: Path, text: str, document: Document) -> None:
        self.path, self.text, self.document = path, text, document
        self._places = Places(path, text)

    def place(self, key: str) -> str:
        """file:line of one of its keys."""
        return self._places.top(key)

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
        return self.point({name: values[0] for name, values in self.document.sweep.items()})

    def with_rule(self, rule: str) -> Experiment:
        """The same experiment on another rule."""
        text = re.sub(r"(?m)^rule\s*=.*$", lambda _: f"rule = {json.dumps(rule)}", self.text, count=1)
        return Experiment(self.path, text, msgspec.structs.replace(self.document, rule=rule))

    def point(self, values: dict[str, Value], number: int = 0) -> Point:
        """The setting with these values in the place of their names; BadInput names file, line and key."""
        used: set[str] = set()
        plain = {
            key: self._filled(value, values, used, key)
            for key, value in msgspec.to_builtins(self.document).items()
            if key not in ("hypothesis", "sweep", "search", "stop", "name", "about")
        }
        for name in values:
            if name not in used:
                where = (
                    self._places.table("sweep", name) if name in self.document.sweep else self._places.table("search")
                )
                raise BadInput(f"{where}: ${name} stands nowhere in the file, so its values would change nothing")
        kept = msgspec.to_builtins(self.document)
        try:
            document = msgspec.convert(kept | plain, Document)
        except msgspec.ValidationError as error:
            raise self._wrong(error) from error
        self._check_words(document)
        steps = tuple(scenario.parse(document.at, self.path, self.text)) if document.at else ()
        return Point(number, values, document, steps, self._grid(document.grid))

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
                raise BadInput(f"{self._places.top(key)}: key {key!r}: ${name} is unknown, known: {known}")
            used.add(name)
        return values[whole[1]] if whole else re.sub(r"\$(\w+)", lambda found: str(values[found[1]]), value)

    def _check_words(self, document: Document) -> None:
        for key, value, known in (
            ("substrate", document.substrate, SUBSTRATES),
            ("engine", document.engine, ENGINE_NAMES),
        ):
            if value not in known:
                raise BadInput(f"{self._places.top(key)}: key {key!r} is {value!r}, expected {' or '.join(known)}")

    def _grid(self, text: str | None) -> tuple[int, int] | None:
        if text is None:
            return None
        match = re.fullmatch(r"\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*", text)
        if match is None:
            raise BadInput(f"{self._places.top('grid')}: key 'grid' is {text!r}, expected HEIGHTxWIDTH such as 40x40")
        return int(match[1]), int(match[2])

    def _wrong(self, error: msgspec.ValidationError) -> BadInput:
        return _located(error, self._places)


def load(path: Path) -> Experiment:
    """Read and check a file; every point of a small sweep is checked, too (the first of a large one)."""
    raw, text = read(path, "experiment")
    places = Places(path, text)
    try:
        document = msgspec.convert(raw, Document)
    except msgspec.ValidationError as error:
        raise _located(error, places) from error
    _check(document, places)
    experiment = Experiment(path, text, document)
    if document.search is not None:
        for value in (document.search.low, document.search.high):
            experiment.point({document.search.variable: value})
    elif experiment.count <= CHECKED:
        experiment.points()
    return experiment


CHECKED = 2000  # points looked at before anything runs


def _check(document: Document, places: Places) -> None:
    bounds = [bound for bound in (document.hypothesis.at_least, document.hypothesis.at_most) if bound is not None]
    if len(bounds) != 1:
        raise BadInput(f"{places.table('hypothesis')}: expected one of at_least and at_most")
    for where, name, value, low, high in (
        (places.table("hypothesis", "confidence"), "confidence", document.hypothesis.confidence, 0.5, 0.9999),
        (places.top("replicates"), "replicates", document.replicates, 1, 1_000_000),
        (places.top("processes_replicates"), "processes_replicates", document.processes_replicates, 0, 10_000),
        (places.top("watch"), "watch", document.watch, 1, 1_000_000),
        (places.top("seed"), "seed", document.seed, 0, (1 << 62)),
    ):
        if not low <= value <= high:
            raise BadInput(f"{where}: key {name!r} is {value:g}, expected {low:g} to {high:g}")
    for name, values in document.sweep.items():
        if not values:
            raise BadInput(f"{places.table('sweep', name)}: {name} has no values")
        if len(set(values)) != len(values):
            raise BadInput(f"{places.table('sweep', name)}: {name} has a value twice")
    if document.seeds and (document.grid is None or document.angle):
        raise BadInput(f"{places.top('seeds')}: key 'seeds' needs a grid, and angle 0")
    search = document.search
    if search is None:
        return
    if document.sweep:
        raise BadInput(f"{places.table('search')}: a file has a [sweep] or a [search], not both")
    if not search.low < search.high:
        raise BadInput(
            f"{places.table('search', 'high')}: high is {search.high:g}, expected more than low {search.low:g}"
        )
    if not 0 < search.share < 1:
        raise BadInput(f"{places.table('search', 'share')}: share is {search.share:g}, expected 0 to 1, ends excluded")


def _located(error: msgspec.ValidationError, places: Places) -> BadInput:
    """The same complaint with file and line."""
    text = str(error)
    unknown = re.search(r"unknown field `(\w+)`", text)
    path = re.search(r"at `\$\.?([\w.]*)", text)
    parts = [part for part in (path[1].split(".") if path else []) if part and part != "..."]
    key = unknown[1] if unknown else (parts[-1] if parts else None)
    table = parts[0] if parts and (unknown or len(parts) > 1) else None
    where = places.table(table, key) if table else places.top(key or "name")
    missing = re.search(r"required field `(\w+)`", text)
    if missing:
        return BadInput(f"{where}: key {missing[1]!r} is missing")
    label = f"key {key!r}: " if key else ""
    return BadInput(f"{where}: {label}{'unknown key' if unknown else text.split(' - at')[0]}")
