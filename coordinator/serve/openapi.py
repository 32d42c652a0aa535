"""The OpenAPI document of the HTTP API, made from the very types that are read and written. May import msgspec."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.actions import Action, FaultReport, Outcome
from coordinator.measure import Measure
from coordinator.serve.pace import Wished
from coordinator.succession import Begin

ERRORS = {
    "400": "Bad input: the line says what was given and what is expected.",
    "401": "The token is missing or wrong.",
    "403": "Another site asked.",
    "413": "More than 64 KiB were sent.",
    "429": "Too many are waiting.",
    "503": "The run could not: it is over, or nobody coordinates it.",
}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    types = [Action, Outcome, FaultReport, Measure, Wished, Begin]
    (action, outcome, fault, measure, pace, begin), components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    components["Error"] = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    numbers = {"type": "object", "properties": {"measure": measure, "now": {"type": "object"}}}
    event = {"type": "object", "properties": {"number": {"type": "integer"}, "event": {"type": "object"}}}
    paths = {
        "/api/run": _get("The run: grid, rule, engine, target (base64 RGBA, premultiplied).", {"type": "object"}),
        "/api/numbers": _get("The measure, and what holds just now.", numbers),
        "/api/faults": _get("All faults, with the proof counted at their victims.", _list(fault)),
        "/api/losses": _get("loss.csv so far, one row a T.", _list({"type": "object"})),
        "/api/events": _get("Events after a number.", _list(event), [_parameter("after", "query")]),
        "/api/cells/{number}": _get("One cell.", {"type": "object"}, [_parameter("number", "path")]),
        "/api/cells/{number}/values": _get(
            "One cell's values at every moment that is kept.", _list({"type": "array"}), [_parameter("number", "path")]
        ),
        "/api/frames/{t}": _frame(
            "What the grid showed at t, in T: a whole frame.", [_parameter("t", "path", "number")]
        ),
        "/api/recoveries": _get("What was lost, and how long recovery took.", _list({"type": "object"})),
        "/api/twins": _get("Which twins there are, with a line about each.", {"type": "object"}),
        "/api/twins/{kind}/frames/{t}": _frame(
            "What a twin, unharmed, shows at t; its loss in X-Loss-Log10.",
            [_parameter("kind", "path", "string"), _parameter("t", "path", "number")],
        ),
        "/api/scenario": {
            "get": {
                "summary": "All that was done so far, as a scenario file for `planaria run --scenario`.",
                "responses": {"200": {"description": "TOML.", "content": {"application/toml": {}}}},
            }
        },
        "/api/vocabulary": _get("Actions, faults with their parameters, selectors.", {"type": "object"}),
        "/api/openapi.json": _get("This document.", {"type": "object"}),
        "/metrics": {
            "get": {
                "summary": "The numbers for Prometheus.",
                "responses": {"200": {"description": "Prometheus text.", "content": {"text/plain": {}}}},
            }
        },
        "/api/patterns": _get(
            "The built-in patterns, with a line of what to expect of each.", _list({"type": "object"})
        ),
        "/api/patterns/{name}/picture": {
            "get": {
                "summary": "What a pattern grows, one pixel a cell.",
                "parameters": [_parameter("name", "path", "string")],
                "responses": {"200": {"description": "PNG.", "content": {"image/png": {}}}},
            }
        },
        "/api/begin": _post("End this run and begin another pattern in its place.", begin, {"type": "object"}),
        "/api/pace": _post("In virtual time: how many T pass in a second.", pace, {"type": "object"}),
        "/api/step": _post("In virtual time: one T, exactly, and then a pause.", None, {"type": "object"}),
        "/api/actions": _post("Carry out one action of the vocabulary.", action, outcome),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Planaria, one run", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _get(summary: str, schema: Any, parameters: list[Any] | None = None) -> dict[str, Any]:
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": _responses(schema)}}


def _post(summary: str, body: Any, schema: Any) -> dict[str, Any]:
    asked = {} if body is None else {"requestBody": {"required": True, "content": _json(body)}}
    return {"post": {"summary": summary, **asked, "responses": _responses(schema)}}


def _frame(summary: str, parameters: list[Any]) -> dict[str, Any]:
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    failed = {status: answer for status, answer in _responses({}).items() if status != "200"}
    answers = {"200": {"description": "Bytes as in coordinator/serve/wire.py.", "content": content}, **failed}
    return {"get": {"summary": summary, "parameters": parameters, "responses": answers}}


def _responses(schema: Any) -> dict[str, Any]:
    error = _json({"$ref": "#/components/schemas/Error"})
    failed = {status: {"description": line, "content": error} for status, line in ERRORS.items()}
    return {"200": {"description": "As asked.", "content": _json(schema)}, **failed}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _list(schema: Any) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _parameter(name: str, where: str, kind: str = "integer") -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": kind}}
