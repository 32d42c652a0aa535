"""The story of a run as it is written: its events for the viewers, and from events and losses what was lost and healed.

Follows events.jsonl and loss.csv; writes nothing. Knows no clock. May import serve's events and recovery.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

from coordinator.runfolder import LOSS_COLUMNS
from coordinator.serve.events import Events
from coordinator.serve.recovery import Recovery

TOLD_OF_A_CELL = 12  # newest lines of the log that name it
WOUNDS_TOLD = 20


class Story:
    """Not thread-safe; `more` reads what is new."""

    def __init__(self, folder: Path) -> None:
        self.events = Events(folder / "events.jsonl")
        self._losses = Events(folder / "loss.csv")
        self._recovery = Recovery()
        self._of_cells: defaultdict[int, deque[str]] = defaultdict(lambda: deque(maxlen=TOLD_OF_A_CELL))

    def more(self) -> list[tuple[int, str]]:
        """(number, JSON) of each event that was not there at the last call."""
        fresh = self.events.more()
        steps: list[tuple[float, int, dict[str, Any]]] = []
        for _, line in fresh:
            event = _object(line)
            if isinstance(event.get("t"), int | float):
                steps.append((float(event["t"]), 1, event))
            self._note(event)
        for row in csv.DictReader([line for _, line in self._losses.more()], LOSS_COLUMNS):
            if row["t"] != LOSS_COLUMNS[0]:  # the head
                numbers = {name: float(text) if text else None for name, text in row.items()}
                steps.append((numbers["t"] or 0.0, 0, numbers))
        for _, is_event, each in sorted(steps, key=lambda step: step[:2]):
            (self._recovery.event if is_event else self._recovery.row)(each)
        return fresh

    def wounds(self, interval_s: float) -> list[dict[str, Any]]:
        """The newest wounds, oldest first."""
        return [wound.told(interval_s) for wound in self._recovery.wounds[-WOUNDS_TOLD:]]

    def of_cell(self, cell: int) -> list[str]:
        """What the log says of this cell, newest first."""
        return list(reversed(self._of_cells[cell])) if cell in self._of_cells else []

    def _note(self, event: dict[str, Any]) -> None:
        kind = (event.get("proof") or {}).get("kind", "")
        t = event.get("t")
        text = (
            f"{'' if t is None else f'{t:.1f} T: '}{event.get('event', '')} {kind} {event.get('selector', '')}".strip()
        )
        cells = event.get("cells")
        for cell in cells if isinstance(cells, list) else ():
            self._of_cells[cell].append(text)


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}  # a line cut off by a crash
    return found if isinstance(found, dict) else {}
