"""What an experiment file may not say, as errors that name file, line and key.

Knows nothing of rules and machines (preflight does). May import msgspec, the document and places.
"""

from __future__ import annotations

import math
import re

import msgspec

from coordinator.experiment.document import Document
from coordinator.places import Places
from firmware_sim.engines import ENGINE_NAMES
from firmware_sim.errors import BadInput

SUBSTRATES = ("virtual", "processes", "patches")


def check_whole(document: Document, where: Places) -> None:
    """What holds for all points together."""
    _check_hypothesis(document, where)
    for name, values in document.sweep.items():
        if not values:
            raise BadInput(f"{where.table('sweep', name)}: {name} has no values")
        if len(set(values)) != len(values):
            raise BadInput(f"{where.table('sweep', name)}: {name} has a value twice")
    if document.stop is not None and not 0 < document.stop.width < math.inf:
        raise BadInput(f"{where.table('stop', 'width')}: key 'width' is {document.stop.width:g}, expected more than 0")
    search = document.search
    if search is None:
        return
    if document.sweep:
        raise BadInput(f"{where.table('search')}: a file has a [sweep] or a [search], not both")
    if not -math.inf < search.low < search.high < math.inf:
        raise BadInput(
            f"{where.table('search', 'high')}: high is {search.high:g}, expected more than low {search.low:g}"
        )
    for key, value, high in (("share", search.share, 1.0), ("precision", search.precision, search.high - search.low)):
        if not 0 < value < high:
            raise BadInput(f"{where.table('search', key)}: {key} is {value:g}, expected 0 to {high:g}, ends excluded")
    if not 40 <= search.most <= 1_000_000:
        raise BadInput(f"{where.table('search', 'most')}: key 'most' is {search.most}, expected 40 to 1000000 swarms")


def check_point(document: Document, where: Places) -> None:
    """What holds for each point, its values filled in."""
    for name, value, low, high in (
        ("replicates", document.replicates, 1, 1_000_000),
        ("processes_replicates", document.processes_replicates, 0, 10_000),
        ("watch", document.watch, 1, 1_000_000),
        ("seed", document.seed, 0, (1 << 62)),
    ):
        if not low <= value <= high:
            raise BadInput(f"{where.top(name)}: key {name!r} is {value:g}, expected {low:g} to {high:g}")
    if document.seeds and (document.grid is None or document.angle):
        raise BadInput(f"{where.top('seeds')}: key 'seeds' needs a grid, and angle 0")
    for key, word, known in (
        ("substrate", document.substrate, SUBSTRATES),
        ("engine", document.engine, ENGINE_NAMES),
    ):
        if word not in known:
            raise BadInput(f"{where.top(key)}: key {key!r} is {word!r}, expected {' or '.join(known)}")


def grid_of(document: Document, where: Places) -> tuple[int, int] | None:
    """Height and width; None: what the picture needs."""
    return None if document.grid is None else _sides("grid", document.grid, "40x40", where)


def patch_of(document: Document, where: Places) -> tuple[int, int]:
    """Rows and columns of cells that a process carries, on patches."""
    return _sides("patch", document.patch, "16x16", where)


def _sides(key: str, value: str, such: str, where: Places) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,5})\s*[x×]\s*(\d{1,5})\s*", value)
    if match is None:
        raise BadInput(f"{where.top(key)}: key {key!r} is {value!r}, expected HEIGHTxWIDTH such as {such}")
    return int(match[1]), int(match[2])


def located(error: msgspec.ValidationError, where: Places) -> BadInput:
    """The same complaint with file and line."""
    text = str(error)
    unknown = re.search(r"unknown field `(\w+)`", text)
    path = re.search(r"at `\$\.?([\w.]*)", text)
    parts = [part for part in (path[1].split(".") if path else []) if part and part != "..."]
    key = unknown[1] if unknown else (parts[-1] if parts else None)
    table = parts[0] if parts and (unknown or len(parts) > 1) else None
    place = where.table(table, key) if table else where.top(key or "name")
    missing = re.search(r"required field `(\w+)`", text)
    if missing:
        return BadInput(f"{place}: key {missing[1]!r} is missing")
    label = f"key {key!r}: " if key else ""
    return BadInput(f"{place}: {label}{'unknown key' if unknown else text.split(' - at')[0]}")


def _check_hypothesis(document: Document, where: Places) -> None:
    hypothesis = document.hypothesis
    bounds = [bound for bound in (hypothesis.at_least, hypothesis.at_most) if bound is not None]
    if len(bounds) != 1:
        raise BadInput(f"{where.table('hypothesis')}: expected one of at_least and at_most")
    if not 0.5 <= hypothesis.confidence <= 0.9999:
        raise BadInput(
            f"{where.table('hypothesis', 'confidence')}: key 'confidence' is {hypothesis.confidence:g}, "
            "expected 0.5 to 0.9999"
        )
