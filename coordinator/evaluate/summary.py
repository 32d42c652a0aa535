"""The rows as a person reads them: a table with one column for each way to live, and what follows from it in few lines.

Pure text and arithmetic. May import the rest of this package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import Way

Line = tuple[str, str, dict[Way, Row]]  # experiment, when, by way


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
    """The table in fixed columns."""
    columns = ways(rows)
    cells = [[name, when, *(cell(by.get(way)) for way in columns)] for name, when, by in table(rows)]
    cells.insert(0, ["log10 loss", "at", *map(str, columns)])
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    for line in cells:
        yield "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip()


def notes(rows: Sequence[Row]) -> Iterator[str]:
    """What the expectations of the article's experiments ask about, for each way."""
    for way in ways(rows):
        mine = [row for row in rows if (row.step, row.engine) == (way.step, way.family)]
        cuts = [row for row in mine if row.experiment.startswith("damage ")]
        if cuts:
            last = max(row.at for row in cuts)
            worst = max((row for row in cuts if row.at == last), key=lambda row: row.loss_log10)
            yield f"{way}: after every cut at most {worst.loss_log10:.2f} at +{worst.when} ({worst.experiment})"
        angles = {row.experiment: row for row in mine if row.experiment.startswith("rotation ")}
        if angles:
            worst = max(angles.values(), key=lambda row: row.loss_log10_shift1)
            quarters = [angles[f"rotation {degrees}"].loss_log10_shift1 for degrees in (0, 90, 180, 270)]
            yield (
                f"{way}: turned by any angle at most {worst.loss_log10_shift1:.2f} at the best one-pixel shift "
                f"({worst.experiment}), quarter turns at most {max(quarters) - quarters[0]:.2f} above none"
            )
        for row in mine:
            single = [one for one in mine if one.experiment == "growth" and one.at == row.at]
            if row.experiment.startswith("seeds ") and single:
                more = row.loss_log10 - single[0].loss_log10
                yield f"{way}: {row.experiment} side by side, each picture {more:+.2f} from a single one"
