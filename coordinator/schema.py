"""JSON schemas of the files that people write, made from types and catalogue themselves: for completion in editors.

    python -m coordinator.schema docs/schema        writes both

They are looser than the readers in one way only: what depends on other keys (two bounds, a partition's parts) is left
to them. Reads and runs nothing. May import msgspec, the actions, the catalogue of faults and the experiment's document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from coordinator.actions import ACTIONS, Inject
from coordinator.experiment.document import PLAIN, Document
from coordinator.faults import KINDS, PLANNED
from coordinator.faults.base import Fault, Parameter

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
VARIABLE: Schema = {"type": "string", "pattern": r"\$\w+", "description": "a value of [sweep] or [search]"}
TIME: Schema = {"type": "number", "minimum": 0, "maximum": 1e9, "description": "when, in T after the seed"}
COMMON = ("seed", "for", *PLANNED)  # words that every fault takes
SELECT = "which cells, such as all, 50%, n:5, cell:20,20, circle:20,20,8, half:left, part:head, alive&10%"


def scenario() -> Schema:
    """Of a scenario file."""
    return {
        "$schema": DRAFT,
        "title": "Planaria scenario",
        "description": "Timed actions on a swarm, for `planaria run --scenario`.",
        "type": "object",
        "properties": {"at": {"type": "array", "minItems": 1, "items": {"oneOf": _steps()}}},
        "required": ["at"],
        "additionalProperties": False,
        "$defs": _common(),
    }


def experiment() -> Schema:
    """Of an experiment file: everywhere but in its plain parts a `$name` may stand for a value."""
    found: Schema = msgspec.json.schema(Document)
    definitions = found.pop("$defs")
    whole = definitions.pop("Document")
    properties = whole["properties"]
    for key in properties:
        if key not in PLAIN:
            properties[key] = _open(properties[key])
    properties["at"] = {"type": "array", "items": {"oneOf": [_open_step(step) for step in _steps()]}, "default": []}
    return {"$schema": DRAFT, "title": "Planaria experiment", **whole, "$defs": definitions | _opened(_common())}


SCHEMAS = {"scenario": scenario, "experiment": experiment}


def text(name: str) -> str:
    """As it is printed and published."""
    return json.dumps(SCHEMAS[name](), indent=1, ensure_ascii=False) + "\n"


def _steps() -> list[Schema]:
    """One for each action, and one for each kind of fault."""
    plain = [_action(name) for name in ACTIONS if name != "inject"]
    return [*plain, *(_inject(kind) for kind in KINDS.values())]


def _action(name: str) -> Schema:
    kind = ACTIONS[name]
    own = _struct(kind)
    properties = {"t": TIME, **own["properties"], "do": {"const": name, "description": _said(kind)}}
    return _object(properties, ["t", "do", *(key for key in own.get("required", ()) if key != "do")])


def _inject(kind: type[Fault]) -> Schema:
    """A fault's own parameters stand beside the words of its schedule, as in the file."""
    properties = {
        "t": TIME,
        "do": {"const": "inject", "description": "begin a fault, or plan it"},
        "fault": {"const": kind.kind, "description": kind.help},
        "select": {"type": "string", "description": SELECT + ("; for links also A->B" if kind.links else "")},
        **{key: {"$ref": f"#/$defs/{key}"} for key in COMMON},
        **{name: _parameter(parameter) for name, parameter in kind.parameters.items()},
    }
    needed = [name for name, one in kind.parameters.items() if one.default is None and not (one.choices or one.word)]
    return _object(properties, ["t", "do", "fault", *([] if kind.host else ["select"]), *needed])


def _common() -> Schema:
    words = _struct(Inject)["properties"]
    return {key: words[key] for key in COMMON}


def _parameter(parameter: Parameter) -> Schema:
    if parameter.choices:
        return {"enum": list(parameter.choices), "default": parameter.choices[0], "description": parameter.help}
    if parameter.word:
        return {"type": "string", "description": f"{parameter.help}: {parameter.word}"}
    found: Schema = {"type": "number", "minimum": parameter.low, "maximum": parameter.high}
    if parameter.default is not None:
        found["default"] = parameter.default
    return {**found, "description": parameter.help}


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _struct(kind: type[Any]) -> Schema:
    found: Schema = msgspec.json.schema(kind)
    own: Schema = found["$defs"][kind.__name__]
    if "select" in own["properties"]:
        own["properties"]["select"] = {"type": "string", "description": SELECT}
    return own


def _said(kind: type[Any]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _open(schema: Schema) -> Schema:
    """The same, or a variable; what takes every string does already."""
    if schema.get("type") == "string" and "enum" not in schema:
        return schema
    kept: Schema = {key: schema[key] for key in ("description", "default") if key in schema}
    return {"anyOf": [{key: value for key, value in schema.items() if key not in kept}, VARIABLE], **kept}


def _open_step(step: Schema) -> Schema:
    return {**step, "properties": _opened(step["properties"])}


def _opened(properties: Schema) -> Schema:
    return {key: value if "const" in value or "$ref" in value else _open(value) for key, value in properties.items()}


def main(folder: Path) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        (folder / f"{name}.schema.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schema"))
