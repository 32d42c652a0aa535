"""The table of events of a run, each with the proof that it hit. Pure text; may import nothing of the coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

Event = dict[str, Any]
HIDDEN = {
    *("time", "t", "event", "selector", "ns", "cells", "proof", "kind", "fault", "hits", "state", "start", "duration"),
    *("parameters", "links", "rng_seed", "asked", "began_ns", "seals", "missing"),
}  # told in other columns, or for programs
MOST_ROWS = 400


def table(events: Sequence[Event]) -> str:
    """All of them, or the first and the last of a very long run."""
    head = "".join(f"<th>{name}</th>" for name in ("t", "event", "on whom", "details", "proof"))
    shown = [*events[: MOST_ROWS // 2], *events[-MOST_ROWS // 2 :]] if len(events) > MOST_ROWS else events
    rows = "".join(_row(event) for event in shown)
    note = f"<p class='lead'>{len(events) - len(shown)} more in the middle: events.csv</p>" if shown != events else ""
    return f"<div class='scroll'><table><tr>{head}</tr>{rows}</table></div>{note}"


def columns(events: Sequence[Event]) -> dict[str, list[Any]]:
    """The same as columns of a table file."""
    cells = [tuple(_cells(event)) for event in events]
    return {
        "t": [_number(event.get("t")) for event in events],
        "time": [str(event.get("time", "")) for event in events],
        "event": [str(event.get("event", "")) for event in events],
        "kind": [_kind(event) for event in events],
        "fault": [event.get("fault") if isinstance(event.get("fault"), int) else None for event in events],
        "selector": [str(event.get("selector") or "") for event in events],
        "cells": [count for count, _ in cells],
        "seed": [event.get("rng_seed") if isinstance(event.get("rng_seed"), int) else None for event in events],
        "details": [_details(event) for event in events],
        "proof": [proof(event) for event in events],
    }


def proof(event: Event) -> str:
    """What was counted at the victims."""
    found = event.get("proof")
    words = _words({name: value for name, value in found.items() if name != "kind"}) if isinstance(found, dict) else []
    if event.get("event") == "fault":
        words += [f"hits {event.get('hits')}", str(event.get("state"))]
    if event.get("missing"):
        words.append(f"not acknowledged by {len(event['missing'])}")
    return ", ".join(words)


def _row(event: Event) -> str:
    t, (count, links) = _number(event.get("t")), _cells(event)
    whom = " ".join(filter(None, (str(event.get("selector") or ""), f"({count:,} cells{links})" if count else "")))
    what = " ".join(filter(None, (str(event.get("event", "")), _kind(event))))
    number = f" {event['fault']}" if isinstance(event.get("fault"), int) else ""
    inside = "".join(f"<td>{escape(text)}</td>" for text in (what + number, whom, _details(event), proof(event)))
    return f"<tr><td class='n'>{'' if t is None else f'{t:.2f} T'}</td>{inside}</tr>"


def _details(event: Event) -> str:
    rest = {name: value for name, value in event.items() if name not in HIDDEN}
    given = event.get("parameters")
    words = _words(given) if isinstance(given, dict) else []
    if isinstance(event.get("duration"), int | float):
        words.append(f"for {event['duration']:g} T")
    if isinstance(event.get("rng_seed"), int):
        words.append(f"seed {event['rng_seed']}")
    if isinstance(event.get("seals"), dict):
        words += [f"{name} {str(seal)[:16]}" for name, seal in event["seals"].items()]
    return ", ".join(words + _words(rest))


def _words(values: dict[str, Any]) -> list[str]:
    return [
        f"{name.replace('_', ' ')} {_plain(value)}" for name, value in values.items() if value not in (None, [], {}, "")
    ]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(_words(value))
    if isinstance(value, list):
        return f"{len(value)}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _kind(event: Event) -> str:
    found = event.get("proof")
    kind = event.get("kind") or (found.get("kind") if isinstance(found, dict) else "")
    return str(kind or "")


def _cells(event: Event) -> tuple[int, str]:
    cells = event.get("cells")
    count = len(cells) if isinstance(cells, list) else cells if isinstance(cells, int) else 0
    links = event.get("links")
    return count, f", {links:,} links" if isinstance(links, int) and links else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
