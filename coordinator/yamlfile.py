"""YAML files that people write: YAML 1.2 by ruamel.yaml, and the line of every key, which a reader's error should name.

Knows nothing of what the keys mean. May import ruamel.yaml and the error tree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmware_sim.errors import BadInput

SUFFIXES = (".yaml", ".yml")
MOST_NODES = 200_000  # values, those of an anchor counted wherever it is used
Key = str | int  # of a mapping, or the place in a list
Lines = dict[tuple[Key, ...], int]


def is_yaml(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() in SUFFIXES


def loads(text: str, path: Path, what: str) -> dict[str, Any]:
    """The document; BadInput with the line, calling it a `what`, if it is no YAML or no mapping."""
    yaml = _yaml()
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        lines(text)
        found = yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise BadInput(f"{path}:{line}: {what} is no YAML: {' '.join(str(error.problem).split())}") from error
    except YAMLError as error:
        raise BadInput(f"{what} {path} is no YAML: {' '.join(str(error).split())}") from error
    except (RecursionError, _TooMuchError) as error:
        raise BadInput(f"{what} {path} is nested too deep, or repeats its anchors too often") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise BadInput(f"{path}:1: {what}: expected keys and values, such as `name: half-lost`")
    return found


def lines(text: str) -> Lines:
    """The line, from 0, on which each key or entry of a list begins: {("sweep", "share"): 12, ("at", 0): 15, ...}."""
    found: Lines = {}
    ahead: list[tuple[tuple[Key, ...], Any]] = [((), _yaml().compose(text))]
    seen = 0
    while ahead:
        at, node = ahead.pop()
        seen += 1
        if seen > MOST_NODES or len(at) > MOST_DEEP:
            raise _TooMuchError
        for key, line, value in _inside(node):
            found[(*at, key)] = line
            ahead.append(((*at, key), value))
    return found


MOST_DEEP = 50


class _TooMuchError(Exception):
    """More than a person writes."""


def _inside(node: Any) -> list[tuple[Key, int, Any]]:
    kind = type(node).__name__
    if kind == "MappingNode":
        return [(str(key.value), key.start_mark.line, value) for key, value in node.value]
    if kind == "SequenceNode":
        return [(place, value.start_mark.line, value) for place, value in enumerate(node.value)]
    return []


def _yaml() -> Any:
    try:
        from ruamel.yaml import YAML
    except ImportError as error:
        raise BadInput("YAML files need ruamel.yaml: pip install ruamel.yaml, or write the same as TOML") from error
    return YAML(typ="safe", pure=True)
