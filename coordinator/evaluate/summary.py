"""The rows as a person reads them: a table with one column for each way to live, in full and in brief.

Pure text and arithmetic. May import the rest of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import Way

Line = tuple[str, str, dict[Way, Row]]  # experiment, when, by way
BriefLine = tuple[str, str, dict[Way, str]]

# The article's numbers: 1 learns to grow, 2 what persists, 3 regenerates, 4 is turned.
GROWTH = "growth (experiments 1, 2)"
DAMAGE = "damage, the worst of the five cuts (3)"
ROTATION = "rotation, the worst angle at the best shift (4)"
QUARTERS = "quarter turns, the worst above no turn (4)"


def table(rows: Sequence[Row]) -> list[Line]:
    """Rows that belong together side by side: the n-th look at an experiment in each way."""
    lines: dict[tuple[str, int], dict[Way, Row]] = {}
    looks: dict[tuple[str, Way], int] = {}
    for row in rows:
        way = Way(row.step, row.engine)
        look = looks[row.experiment, way] = looks.get((row.experiment, way), 0) + 1
        lines.setdefault((row.experiment, look), {})[way] = row
    return [(name, " / ".join(dict.fromkeys(row.when for row in by.values())), by) for (name, _), by in lines.items()]


def ways(rows: Sequence[Row]) -> list[Way]:
    """The columns."""
    return list(dict.fromkeys(Way(row.step, row.engine) for row in rows))


def cell(row: Row | None) -> str:
    """-3.09 (-3.41..-2.95), and whatever did not hold."""
    if row is None:
        return ""
    low, high = row.range
    text = f"{row.loss_log10:.2f} ({low:.2f}..{high:.2f})"
    text += "" if row.heads is None else f" {row.heads:g} heads"
    lost = [f"{count} {what}" for what, count in row.fate.items() if what != "holds"]
    return f"{text} {', '.join(lost)}" if lost else text


def text(rows: Sequence[Row]) -> Iterator[str]:
    """The full table in fixed columns."""
    columns = ways(rows)
    cells = [[name, when, *(cell(by.get(way)) for way in columns)] for name, when, by in table(rows)]
    return _columns([["log10 loss", "at", *map(str, columns)], *cells])


def brief(rows: Sequence[Row]) -> list[BriefLine]:
    """What the article's experiments ask about: of cuts and angles only the worst, in each way."""
    lines: list[BriefLine] = []
    full = table(rows)
    alone = {(way, row.at): row for name, _, by in full if name == "growth" for way, row in by.items()}
    cuts = [line for line in full if line[0].startswith("damage ")]
    angles = [line for line in full if line[0].startswith("rotation ")]
    for name, when, by in full:
        if name == "growth":
            lines.append((GROWTH, when, {way: cell(row) for way, row in by.items()}))
    for when in dict.fromkeys(when for _, when, _ in cuts):
        lines.append((DAMAGE, "+" + when, _worst([by for _, at, by in cuts if at == when], lambda row: row.loss_log10)))
    if angles:
        turned = [by for _, _, by in angles]
        lines.append((ROTATION, angles[0][1], _worst(turned, lambda row: row.loss_log10_shift1)))
        lines.append((QUARTERS, angles[0][1], _above_none({name: by for name, _, by in angles})))
    for name, when, by in full:
        if name.startswith("seeds "):
            lines.append((f"{name} side by side", when, {way: cell(row) for way, row in by.items()}))
            lines.append((f"{name}, above one alone", when, _above(by, alone)))
        elif name.startswith("worm"):
            lines.append((name, when, {way: cell(row) for way, row in by.items()}))
    return lines


def brief_text(rows: Sequence[Row]) -> Iterator[str]:
    """The brief table in fixed columns."""
    columns = ways(rows)
    cells = [[name, when, *(by.get(way, "") for way in columns)] for name, when, by in brief(rows)]
    return _columns([["in brief", "at", *map(str, columns)], *cells])


def _worst(lines: list[dict[Way, Row]], value: Callable[[Row], float]) -> dict[Way, str]:
    """In each way the largest value, and of which experiment it is."""
    found = {}
    for way in dict.fromkeys(way for by in lines for way in by):
        worst = max((by[way] for by in lines if way in by), key=value)
        lost = sum(row.draws - row.fate.get("holds", 0) for row in (by[way] for by in lines if way in by))
        name = worst.experiment.split()[-1] + "°" * worst.experiment.startswith("rotation")
        found[way] = f"{value(worst):.2f} ({name})" + (f", {lost} not holding" if lost else "")
    return found


def _above_none(angles: dict[str, dict[Way, Row]]) -> dict[Way, str]:
    none = angles.get("rotation 0", {})
    quarters = [angles[name] for name in ("rotation 90", "rotation 180", "rotation 270") if name in angles]
    return {
        way: f"{max(by[way].loss_log10_shift1 for by in quarters) - row.loss_log10_shift1:+.2f}"
        for way, row in none.items()
        if quarters and all(way in by for by in quarters)
    }


def _above(by: dict[Way, Row], alone: dict[tuple[Way, float], Row]) -> dict[Way, str]:
    """How much worse each picture is than a single one at the same time, where that was looked at."""
    single = {way: alone[way, row.at] for way, row in by.items() if (way, row.at) in alone}
    return {way: f"{by[way].loss_log10 - row.loss_log10:+.2f}" for way, row in single.items()}


def _columns(cells: list[list[str]]) -> Iterator[str]:
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    for line in cells:
        yield "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()
