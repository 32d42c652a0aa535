"""What each term of a selector chooses: its arguments are read and checked here, and become a mask over the grid.

The grammar stands in selector.py. Draws are passed in, one a cell; this file changes nothing. May import cellnode.draws
and numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellnode.draws import chance
from firmware_sim.errors import BadInput

Mask = NDArray[np.bool_]
POINTS_MAX = 1000  # of a path, or cells by name


@dataclass(frozen=True, slots=True)
class Field:
    """What a selector chooses from: the grid's shape and which cells are running (bool[cells], row-major)."""

    height: int
    width: int
    torus: bool
    on: Mask
    part: Callable[[str], Mask] | None = None  # the cells of a named part of the picture


Choose = Callable[[Field, Mask, NDArray[np.uint64]], Mask]  # (grid, among these, draws)


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


def share(rest: str, where: str) -> Choose:
    """An exact share in percent of those that are left."""
    (percent,) = _numbers(rest, where, ("a share in percent",))
    if not 0 <= percent <= 100:
        raise BadInput(f"{where}: a share must lie between 0% and 100%")
    return lambda _field, among, draws: _first(among, draws, round(int(among.sum()) * percent / 100))


def _cell(rest: str, where: str) -> Choose:
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


def _count(rest: str, where: str) -> Choose:
    (count,) = _whole(rest, where, ("a count",))
    if count < 0:
        raise BadInput(f"{where}: a count must not be negative")

    def choose(_field: Field, among: Mask, draws: NDArray[np.uint64]) -> Mask:
        if count > among.sum():
            raise BadInput(f"{where}: asks for {count} cells, only {int(among.sum())} are there to choose from")
        return _first(among, draws, count)

    return choose


def _random(rest: str, where: str) -> Choose:
    (probability,) = _numbers(rest, where, ("a probability",))
    if not 0 <= probability <= 1:
        raise BadInput(f"{where}: a probability must lie between 0 and 1")
    return lambda _field, _among, draws: (draws >> np.uint64(11)) < np.uint64(chance(probability))


def _circle(rest: str, where: str) -> Choose:
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


def _path(rest: str, where: str) -> Choose:
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


def _side(rest: str, where: str) -> Choose:
    row0, column0, row1, column1 = _numbers(rest, where, ("row0", "column0", "row1", "column1"))
    if (row0, column0) == (row1, column1):
        raise BadInput(f"{where}: the two points of a line must differ")

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        rows, columns = _rows_columns(field)
        mask: Mask = (column1 - column0) * (rows - row0) - (row1 - row0) * (columns - column0) < 0
        return mask

    return choose


def _rect(rest: str, where: str) -> Choose:
    row0, column0, row1, column1 = _whole(rest, where, ("row0", "column0", "row1", "column1"))
    if row1 < row0 or column1 < column0:
        raise BadInput(f"{where}: the second corner must not lie above or left of the first")

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        rows, columns = _rows_columns(field)
        mask: Mask = (rows >= row0) & (rows <= row1) & (columns >= column0) & (columns <= column1)
        return mask

    return choose


def _part(rest: str, where: str) -> Choose:
    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        if field.part is None:
            raise BadInput(f"{where}: this rule has no picture, and so no parts")
        try:
            return field.part(rest)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None

    return choose


def _half(rest: str, where: str) -> Choose:
    if rest not in ("left", "right", "upper", "lower"):
        raise BadInput(f"{where}: half is {rest!r}, expected left, right, upper or lower")

    def choose(field: Field, _among: Mask, _draws: NDArray[np.uint64]) -> Mask:
        rows, columns = _rows_columns(field)
        first: Mask = columns < field.width // 2 if rest in ("left", "right") else rows < field.height // 2
        return first if rest in ("left", "upper") else ~first

    return choose


def _lines(axis: int, what: str) -> Callable[[str, str], Choose]:
    def make(rest: str, where: str) -> Choose:
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


PLAIN: dict[str, Choose] = {
    "all": lambda _field, among, _draws: np.ones_like(among),
    "alive": lambda field, _among, _draws: field.on,
    "dead": lambda field, _among, _draws: ~field.on,
}
MAKERS: dict[str, Callable[[str, str], Choose]] = {
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
