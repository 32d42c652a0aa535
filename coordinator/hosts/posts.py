"""What a steward keeps in mind: what is wanted of all cells, and each block's post, with how far it is.

Records, and what is read off them; they do nothing. May import cellnode's messages and the roster.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

import msgspec

from cellnode.messages import Done, Door, LinkFault
from coordinator.hosts.roster import Tenure


@dataclass(slots=True)
class Wanted:
    """What every cell of the swarm is to be told, now and whenever its host comes (back)."""

    interval_ns: int
    paused: bool = False
    faults: list[LinkFault] = field(default_factory=list)
    off: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Post:
    """A tenure and how far it is."""

    tenure: Tenure
    cells: frozenset[int]
    beyond: frozenset[int]  # cells of other blocks that are neighbours of its own
    placing: Future[Done] | None = None
    live: bool = False  # its launch has come to its end
    silent: bool = False
    missing: list[int] = field(default_factory=list)  # that did not come up
    joins: int = 0  # of its agent, for which all was made good
    doors: list[Door] | None = None  # as last told
    wiring: Future[Done] | None = None
    error: str = ""


def faults_of(faults: list[LinkFault], cells: list[int]) -> list[LinkFault]:
    """The same faults, of these cells alone."""
    mine, found = set(cells), []
    for fault in faults:
        places = [place for place, cell in enumerate(fault.cells) if cell in mine]
        if places:
            slots = [fault.slots[place] for place in places] if fault.slots else []
            found.append(msgspec.structs.replace(fault, cells=[fault.cells[place] for place in places], slots=slots))
    return found
