"""Which cells are meant: a short text such as `50%`, `circle:20,20,8` or `alive&n:50`, turned into cell numbers.

Grammar. A selector is one term, or several joined by `&`: each term chooses among what the terms left of it have left
over, so `alive&50%` is half of the living cells, while a lone `50%` is half of the whole grid.

    all                     every cell                      alive | dead    process running | not running
    cell:R,C or more pairs  these cells                     circle:R,C,RADIUS   centres within RADIUS (wraps on a torus)
    n:50                    exactly 50, at random           rect:R0,C0,R1,C1    both corners included
    50%                     an exact share, at random       half:left | right | upper | lower
    random:0.5              each with this probability      path:RADIUS,R0,C0,R1,C1,...   centres near this line
    side:R0,C0,R1,C1        left of the line from the first point to the second, as one walks along it

    part:NAME               of the picture: picture, rim, ground; head, body, legs, tail of a lizard
    row:R | row:R0-R1       whole rows                      column:C | column:C0-C1      whole columns

For faults on links `A->B` (or `A to B`, which needs no quotes in a shell) means the edges from a cell of A to a cell of
B; a selector without an arrow means all incoming edges of its cells.

Rows count downward from 0, columns to the right. Every draw is keyed by (rng_seed, cell, SELECT, place of the term),
so the same seed chooses the same cells whatever else is drawn. What each term chooses stands in selectorterms.py. This
file changes nothing; it may import that one, cellnode.draws and numpy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Purpose, draw64_array
from coordinator.selectorterms import MAKERS, PLAIN, Choose, Field, share
from firmware_sim.errors import BadInput

SOURCE_PLACE = 64  # where the terms left of an arrow count from, so that both sides draw for themselves
GRAMMAR = (
    "all, alive, dead, cell:R,C, n:50, 50%, random:0.5, circle:R,C,RADIUS, rect:R0,C0,R1,C1, "
    "half:left|right|upper|lower, row:R|R0-R1, column:C|C0-C1, part:NAME, "
    "path:RADIUS,R0,C0,R1,C1,..., side:R0,C0,R1,C1, A&B; for links also A->B"
)


@dataclass(frozen=True, slots=True)
class Term:
    """One term, parsed and checked: `choose(field, among, draws)` is a mask within `among`."""

    text: str
    choose: Choose


@dataclass(frozen=True, slots=True)
class Selector:
    """A parsed selector. `text` is as given, for logs."""

    text: str
    terms: tuple[Term, ...]

    def cells(self, field: Field, rng_seed: int, first: int = 0) -> NDArray[np.int64]:
        """The chosen cells, ascending. Raises BadInput where a term asks for what the grid does not have."""
        among = np.ones(field.height * field.width, np.bool_)
        entities = np.arange(among.size, dtype=np.uint64)
        for place, term in enumerate(self.terms, first):
            draws = draw64_array(rng_seed, entities, Purpose.SELECT, place)
            among = among & term.choose(field, among, draws)
        return np.flatnonzero(among)


@dataclass(frozen=True, slots=True)
class LinkSelector:
    """`source` None: every neighbour."""

    source: Selector | None
    target: Selector

    def edges(self, field: Field, table: NDArray[np.int32], rng_seed: int) -> tuple[NDArray[np.int64], list[int]]:
        """(cells with such an incoming edge, a mask of slots for each; no masks: all their edges)."""
        cells = self.target.cells(field, rng_seed)
        if self.source is None:
            return cells, []
        speaking = np.zeros(field.height * field.width + 1, np.bool_)
        speaking[self.source.cells(field, rng_seed, SOURCE_PLACE)] = True
        masks = (speaking[table[cells]] << np.arange(8)).sum(axis=1)  # no neighbour: -1, the last, speaks never
        return cells[masks > 0], masks[masks > 0].tolist()


def parse_links(text: str) -> LinkSelector:
    """Read a selector of links; BadInput names the part that is wrong."""
    parts = re.split(r"->|\bto\b", text)
    if len(parts) > 2:
        raise BadInput(f"selector {text!r}: more than one arrow, expected A->B")
    source, target = (parse(part.strip()) for part in parts) if len(parts) == 2 else (None, parse(text))
    return LinkSelector(source, target)


def parse(text: str) -> Selector:
    """Read a selector of cells; BadInput names the part that is wrong."""
    if "->" in text:
        raise BadInput(f"selector {text!r}: an arrow chooses links, and only faults on links can be given some")
    parts = [part.strip() for part in text.split("&")]
    if not text.strip():
        raise BadInput(f"selector is empty, expected one of: {GRAMMAR}")
    return Selector(text, tuple(_term(part, text) for part in parts))


def is_random(text: str) -> bool:
    """Whether this selector draws, so that a seed matters."""
    parts = [part.strip() for part in re.split(r"&|->|\bto\b", text)]
    return any(part.endswith("%") or part.split(":")[0] in ("n", "random") for part in parts)


def _term(part: str, whole: str) -> Term:
    where = f"selector {whole!r}" if part == whole else f"selector {whole!r}, part {part!r}"
    if part.endswith("%"):
        return Term(part, share(part[:-1], where))
    name, colon, rest = part.partition(":")
    if name in PLAIN and not colon:
        return Term(part, PLAIN[name])
    if name in MAKERS and colon:
        return Term(part, MAKERS[name](rest, where))
    raise BadInput(f"{where}: unknown, expected one of: {GRAMMAR}")
