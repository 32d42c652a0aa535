"""What was done to a run and when, told from its events: marks, bands of time in which harm was on, and blows.

Reads no file and draws nothing. May import coordinator.curve for its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coordinator.actions import DISTURBING
from coordinator.curve import Band, Mark

Event = dict[str, Any]
MARKED = (
    "kill",
    "revive",
    "erase",
    "seed",
    "freeze",
    "thaw",
    "inject",
    "heal",
    "pause",
    "resume",
    "agent lost",
    "trouble",
)
TOGETHER_T = 4.0  # blows nearer than this are shown as one
MOST_BLOWS = 4


@dataclass(frozen=True, slots=True)
class Blow:
    """Something that harmed at `t`; `cells` were hit."""

    t: float
    text: str
    cells: frozenset[int]


def describe(event: Event) -> str:
    """One event in few words."""
    words = [str(event.get("event", ""))]
    if event.get("selector"):
        words.append(str(event["selector"]))
    proof = event.get("proof") or {}
    if isinstance(proof, dict) and "kind" in proof:
        words.insert(1, str(proof["kind"]))
    if event.get("cells") and isinstance(event["cells"], list):
        words.append(f"({len(event['cells'])} cells)")
    if event.get("line"):
        words.append(str(event["line"]))
    return " ".join(words)


def marks(events: Iterable[Event]) -> list[Mark]:
    """What a curve should show: what was done after the seed."""
    return [
        Mark(float(event["t"]), describe(event))
        for event in events
        if event.get("event") in MARKED and _time(event) is not None and event["t"] > 0
    ]


def bands(events: Sequence[Event], end: float) -> list[Band]:
    """When harm was on: faults that last, cells without power, cells that stand still."""
    found = [*_faults(events, end), *_held(events, end, "kill", "revive", "without power")]
    return sorted([*found, *_held(events, end, "freeze", "thaw", "standing still")], key=lambda band: band.start)


def blows(events: Iterable[Event]) -> list[Blow]:
    """The moments of harm, near ones as one, and no more than a page can show: the first ones and the last."""
    found: list[Blow] = []
    for event in events:
        t, cells = _time(event), event.get("cells")
        if event.get("event") not in DISTURBING or t is None or not isinstance(cells, list) or not cells:
            continue
        blow = Blow(t, describe(event), frozenset(cells))
        if found and t - found[-1].t < TOGETHER_T:
            last = found[-1]
            found[-1] = replace(last, text=f"{last.text}; {blow.text}", cells=last.cells | blow.cells)
        else:
            found.append(blow)
    return found


def chosen(found: Sequence[Blow]) -> list[Blow]:
    """Those that a page shows."""
    return list(found) if len(found) <= MOST_BLOWS else [*found[: MOST_BLOWS - 1], found[-1]]


def _faults(events: Iterable[Event], end: float) -> Iterable[Band]:
    begun: dict[int, Band] = {}
    for event in events:
        if event.get("event") != "fault":
            continue
        number, t = int(event.get("fault", 0)), _time(event)
        if t is None:
            continue
        if event.get("state") in ("healed", "finished"):
            band = begun.pop(number, None)
            if band is not None and t > band.start:
                yield replace(band, end=t)
        else:
            begun[number] = Band(t, end, f"{event.get('kind')} {event.get('selector')}")
    yield from begun.values()


def _held(events: Iterable[Event], end: float, takes: str, gives: str, text: str) -> Iterable[Band]:
    held: set[int] = set()
    since = 0.0
    for event in events:
        t, cells = _time(event), event.get("cells")
        if t is None or not isinstance(cells, list):
            continue
        if event.get("event") == takes:
            since = since if held else t
            held |= set(cells)
        elif event.get("event") == gives and held:
            held -= set(cells)
            if not held:
                yield Band(since, t, text)
    if held:
        yield Band(since, end, text)


def _time(event: Event) -> float | None:
    t = event.get("t")
    return float(t) if isinstance(t, int | float) else None
