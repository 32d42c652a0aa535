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
so the same seed chooses the same cells whatever else is drawn. This file changes nothing; it may import
cellnode.draws and numpy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import Purpose, chance, draw64_array
from firmware_sim.errors import BadInput

Mask = NDArray[np.bool_]
POINTS_MAX = 1000  # of a path, or cells by name
SOURCE_PLACE = 64  # where the terms left of an arrow count from, so that both sides draw for themselves
GRAMMAR = (
    "all, alive, dead, cell:R,C, n:50, 50%, random:0.5, circle:R,C,RADIUS, rect:R0,C0,R1,C1, "
    "half:left|right|upper|lower, row:R|R0-R1, column:C|C0-C1, part:NAME, "
    "path:RADIUS,R0,C0,R1,C1,..., side:R0,C0,R1,C1, A&B; for links also A->B"
)


@dataclass(frozen=True, slots=True)
class Field:
    """What a selector chooses from: the grid's shape and which cells are running (bool[cells], row-major)."""

    height: int
    width: int
    torus: bool
    on: Mask
    part: Callable[[str], Mask] | None = None  # the cells of a named part of the picture


@dataclass(frozen=True, slots=True)
class Term:
    """One term, parsed and checked: `choose(field, among, draws)` is a mask within `among`."""

    text: str
    choose: Callable[[Field, Mask, NDArray[np.uint64]], Mask]


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
        (share,) = _numbers(part[:-1], where, ("a share in percent",))
        if not 0 <= share <= 100:
            raise BadInput(f"{where}: a share must lie between 0% and 100%")
        return Term(part, lambda _field, among, draws: _first(among, draws, round(int(among.sum()) * share / 100)))
    name, colon, rest = part.partition(":")
    if name in _PLAIN and not colon:
        return Term(part, _PLAIN[name])
    if name in _MAKERS and colon:
        return Term(part, _MAKERS[name](rest, where))
    raise BadInput(f"{where}: unknown, expected one of: {GRAMMAR}")


def _numbers(text: str, where: str, names: tuple[str, ...]) -> tuple[float, ...]:
    fields = text.split(",")
    if len(fields) != len(names):
        raise BadInput(f"{where}: expected {','.join(names)}, got {text!r}")
    values = []
    for field, name in zip(fields, names, strict=True):
        try:
            value = float(field)
        except ValueError:
            raise BadInput(f"{where}: {name} is {field.strip()!r}, expected a number") from None
        if not np.isfinite(value):
            raise BadInput(f"{where}: {name} is {field.strip()!r}, expected a finite number")
        values.append(value)
    return tuple(values)


def _whole(text: str, where: str, names: tuple[str, ...]) -> tuple[int, ...]:
    values = _numbers(text, where, names)
    for value, name in zip(values, names, strict=True):
        if value != int(value):
            raise BadInput(f"{where}: {name} is {value:g}, expected a whole number")
    return tuple(int(value) for value in values)


def _first(among: Mask, draws: NDArray[np.uint64], count: int) -> Mask:
    candidates = np.flatnonzero(among)
    order = np.lexsort((candidates, draws[candidates]))  # ties by cell
    mask = np.zeros_like(among)
    mask[candidates[order[:count]]] = True
    return mask


def _inside(field: Field, row: int, column: int, where: str) -> None:
    if not (0 <= row < field.height and 0 <= column < field.width):
        raise BadInput(f"{where}: cell {row},{column} is not on the {field.height}x{field.width} grid")


def _rows_columns(field: Field) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    cells = np.arange(field.height * field.width)
    return cells // field.width, cells % field.width


def _cell(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    count = max(1, (rest.count(",") + 1) // 2)
    if count > POINTS_MAX:
        raise BadInput(f"{where}: names {count} cells, expected at most {POINTS_MAX}")
    places = _whole(rest, where, ("row", "column") * count)

    def choose(field: Field, among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        mask = np.zeros_like(among)
        for row, column in zip(places[::2], places[1::2], strict=True):
            _inside(field, row, column, where)
            mask[row * field.width + column] = True
        return mask

    return choose


def _count(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    (count,) = _whole(rest, where, ("a count",))
    if count < 0:
        raise BadInput(f"{where}: a count must not be negative")

    def choose(_field: Field, among: Mask, draws: NDArray[np.uint64]) -> Mask:
        if count > among.sum():
            raise BadInput(f"{where}: asks for {count} cells, only {int(among.sum())} are there to choose from")
        return _first(among, draws, count)

    return choose


def _random(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    (probability,) = _numbers(rest, where, ("a probability",))
    if not 0 <= probability <= 1:
        raise BadInput(f"{where}: a probability must lie between 0 and 1")
    return lambda _field, _among, draws: (draws >> np.uint64(11)) < np.uint64(chance(probability))


def _circle(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    row, column, radius = _numbers(rest, where, ("row", "column", "radius"))
    if radius < 0:
        raise BadInput(f"{where}: a radius must not be negative")

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        rows, columns = _rows_columns(field)
        dy, dx = np.abs(rows - row), np.abs(columns - column)
        if field.torus:
            dy, dx = np.minimum(dy, field.height - dy), np.minimum(dx, field.width - dx)
        mask: Mask = dy * dy + dx * dx <= radius * radius
        return mask

    return choose


def _path(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    count = rest.count(",") + 1
    if count < 3 or count % 2 == 0 or count > 1 + 2 * POINTS_MAX:
        raise BadInput(f"{where}: expected a radius and 1 to {POINTS_MAX} points, as RADIUS,R0,C0,R1,C1,...")
    radius, *line = _numbers(rest, where, tuple(f"number {place}" for place in range(1, count + 1)))
    if radius < 0:
        raise BadInput(f"{where}: a radius must not be negative")
    points = np.asarray(line).reshape(-1, 2)

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        cells = np.stack(_rows_columns(field), axis=1)
        mask = np.zeros(len(cells), np.bool_)
        for start, end in zip(points, points[1:] if len(points) > 1 else points, strict=False):
            along = end - start
            share = ((cells - start) @ along / max(float(along @ along), 1e-12)).clip(0, 1)
            nearest = start + share[:, None] * along
            mask |= ((cells - nearest) ** 2).sum(axis=1) <= radius * radius
        return mask

    return choose


def _side(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    row0, column0, row1, column1 = _numbers(rest, where, ("row0", "column0", "row1", "column1"))
    if (row0, column0) == (row1, column1):
        raise BadInput(f"{where}: the two points of a line must differ")

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        rows, columns = _rows_columns(field)
        mask: Mask = (column1 - column0) * (rows - row0) - (row1 - row0) * (columns - column0) < 0
        return mask

    return choose


def _rect(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    row0, column0, row1, column1 = _whole(rest, where, ("row0", "column0", "row1", "column1"))
    if row1 < row0 or column1 < column0:
        raise BadInput(f"{where}: the second corner must not lie above or left of the first")

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        rows, columns = _rows_columns(field)
        mask: Mask = (rows >= row0) & (rows <= row1) & (columns >= column0) & (columns <= column1)
        return mask

    return choose


def _part(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        if field.part is None:
            raise BadInput(f"{where}: this rule has no picture, and so no parts")
        try:
            return field.part(rest)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None

    return choose


def _half(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
    if rest not in ("left", "right", "upper", "lower"):
        raise BadInput(f"{where}: half is {rest!r}, expected left, right, upper or lower")

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        rows, columns = _rows_columns(field)
        first: Mask = columns < field.width // 2 if rest in ("left", "right") else rows < field.height // 2
        return first if rest in ("left", "upper") else ~first

    return choose


def _lines(axis: int, what: str) -> Callable[[str, str], Callable[[Field, Mask, NDArray[np.uint64]], Mask]]:
    def make(rest: str, where: str) -> Callable[[Field, Mask, NDArray[np.uint64]], Mask]:
        first, dash, last = rest.partition("-")
        (low,) = _whole(first, where, (f"a {what}",))
        (high,) = _whole(last, where, (f"a last {what}",)) if dash else (low,)
        if high < low:
            raise BadInput(f"{where}: the last {what} must not lie before the first")

        def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
            count = (field.height, field.width)[axis]
            if not 0 <= low <= high < count:
                raise BadInput(f"{where}: the grid has {what}s 0 to {count - 1}")
            at = _rows_columns(field)[axis]
            mask: Mask = (at >= low) & (at <= high)
            return mask

        return choose

    return make


_PLAIN: dict[str, Callable[[Field, Mask, NDArray[np.uint64]], Mask]] = {
    "all": lambda _field, among, _draws: np.ones_like(among),
    "alive": lambda field, _among, _draws: field.on,
    "dead": lambda field, _among, _draws: ~field.on,
}
_MAKERS: dict[str, Callable[[str, str], Callable[[Field, Mask, NDArray[np.uint64]], Mask]]] = {
    "cell": _cell,
    "n": _count,
    "random": _random,
    "circle": _circle,
    "path": _path,
    "side": _side,
    "rect": _rect,
    "half": _half,
    "part": _part,
    "row": _lines(0, "row"),
    "column": _lines(1, "column"),
}
