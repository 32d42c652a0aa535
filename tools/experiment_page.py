"""docs/standard-experiments.md: figures and tables of what is kept in docs/results/experiments, put between its marks.

What is seen in them is written by hand, beside the marks. Runs nothing. Used by tools/standard_experiments.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from coordinator.experiment.verdict import Judged
from firmware_sim import folder
from tools import experiment_figures as figures

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "results" / "experiments"
PICTURES = DOCS / "pictures" / "experiments"
PAGE = DOCS / "standard-experiments.md"
MARKS = re.compile(r"(<!-- results: ([\w-]+) -->\n).*?(<!-- end of results -->)", re.DOTALL)
NAMES = {"published": "the article's lizard"}
UNITS = {  # what a value of a sweep means, under the figure; of one experiment alone where its name stands before
    "part": "what is hit",
    "share": "share of the cells",
    "rate": "share of the messages lost",
    "delay": "delay of each message, T",
    "accumulator-upsets.rate": "probability that an update is hit",
    "between": "T from one flipped bit to the next, in the whole swarm",
    "dark": "dark for so many T",
    "spread": "largest drift of a clock, share of its interval",
    "cells": "cells hit, twice, of 1,600",
    "bits": "bits flipped in each such genome, of 65,536",
    "liars": "liars, of 1,600",
    "mode": "kind of lie",
    "name": "kind of partition",
}

Kept = dict[str, Any]


def brief(one: Judged) -> Kept:
    """What is kept of a point."""
    found = one.to_dict()
    for name in ("confidence_interval", "recovered_interval"):
        found[name] = [None if bound is None else round(bound, 4) for bound in found[name]]
    return {name: value for name, value in found.items() if name not in ("point", "censored", "repair_T")}


def written(kept: Kept) -> str:
    """The file: a line a point, so that what changes is seen."""
    lines: dict[str, str] = {}
    bare = json.loads(json.dumps(kept))
    for rule, found in bare["rules"].items():
        for number, point in enumerate(found["points"]):
            token = f"@{rule}/{number}@"
            lines[json.dumps(token)] = json.dumps(point, ensure_ascii=False)
            found["points"][number] = token
    text = json.dumps(bare, indent=1, ensure_ascii=False)
    for token, line in lines.items():
        text = text.replace(token, line, 1)
    return text + "\n"


def write() -> None:
    """All figures, and the page with them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page = PAGE.read_text()

    def filled(found: re.Match[str]) -> str:
        path = RESULTS / f"{found[2]}.json"
        return found[0] if not path.is_file() else f"{found[1]}{_block(json.loads(path.read_text()))}{found[3]}"

    PAGE.write_text(MARKS.sub(filled, page))


def _block(kept: Kept) -> str:
    name = kept["name"]
    is_map = name == "weak-spots"
    svg = _map(kept) if is_map else _chart(kept)
    (PICTURES / f"{name}.svg").write_text(svg)
    table = "" if is_map else _table(kept)
    return f"![{kept['about']}](pictures/experiments/{name}.svg)\n\n{table}{_repeat(kept)}\n"


def _chart(kept: Kept) -> str:
    variable, values = _values(kept)
    series = []
    for rule, found in kept["rules"].items():
        by = {_value(point): point for point in found["points"]}
        points = [by.get(value) for value in values]
        shares = [None if p is None or not p["replicates"] else p["recovered"] / p["replicates"] for p in points]
        bounds = [None if p is None else tuple(p["recovered_interval"]) for p in points]
        series.append(figures.Series(NAMES.get(rule, rule), shares, bounds))
    bound = kept["hypothesis"].get("at_least")
    ordered = variable not in ("part", "mode", "name")
    return figures.shares([_label(value) for value in values], series, _unit(kept, variable), bound, ordered=ordered)


def _map(kept: Kept) -> str:
    maps = []
    target = folder.load("lizard").target()
    assert target is not None
    for rule, found in kept["rules"].items():
        places = {(point["$row"], point["$column"]): point["loss_log10"] for point in found["points"]}
        maps.append(figures.Map(NAMES.get(rule, rule), places, target[..., 3] > 0.1 if rule != "published" else None))
    return figures.maps(maps, block=3)


def _table(kept: Kept) -> str:
    variable, values = _values(kept)
    rules = kept["rules"]
    head = [_unit(kept, variable), *(f"{NAMES.get(rule, rule)}" for rule in rules)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for value in values:
        cells = [_cell(next((p for p in found["points"] if _value(p) == value), None)) for found in rules.values()]
        lines.append(f"| {_label(value)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n"


def _cell(point: Kept | None) -> str:
    """17 of 20 (64 to 95 %): 15 masked, 2 self-healed, 3 spread; 2 failed"""
    if point is None or not point["replicates"]:
        return ""
    low, high = (round(100 * bound) for bound in point["recovered_interval"])
    fates = ", ".join(f"{count} {fate}" for fate, count in point["fates"].items())
    late = f"; median {point['recovery_T_median']:g} T" if point["recovery_T_median"] else ""
    failed = f"; {point['failed']} failed" if point["failed"] else ""
    return f"{point['recovered']} of {point['replicates']} ({low} to {high} %): {fates}{late}{failed}"


def _repeat(kept: Kept) -> str:
    lines = []
    for rule, found in kept["rules"].items():
        counts = [point["replicates"] + point["failed"] for point in found["points"]]
        most = max(counts)
        named = "runs/standard/published-lizard" if rule == "published" else rule
        option = "" if rule == "lizard" else f" --rule {named}"
        lines.append(f"planaria experiment {kept['name']}{option} --replicates {most} --yes")
    seed = f"Seed {kept['seed']}, watched for {kept['watch_T']} T after the last step."
    return "```sh\n" + "\n".join(lines) + f"\n```\n\n{seed}\n"


def _values(kept: Kept) -> tuple[str, list[Any]]:
    """The one variable of a sweep, and its values in the file's order."""
    points = max((found["points"] for found in kept["rules"].values()), key=len)
    variable = next(name for name in points[0] if name.startswith("$"))[1:]
    return variable, [_value(point) for point in points]


def _unit(kept: Kept, variable: str) -> str:
    return UNITS.get(f"{kept['name']}.{variable}") or UNITS[variable]


def _value(point: Kept) -> Any:
    return next(value for name, value in point.items() if name.startswith("$"))


def _label(value: Any) -> str:
    text = np.format_float_positional(value, trim="-") if isinstance(value, int | float) else str(value)
    named = {
        "rect:12,12,27,27": "middle square",
        "cell:20,20": "seed cell",
        "circle:20,20,3": "small disc",
        "part:rim": "rim",
        "column:38-57": "middle 1/3",
        "column:0-47": "left half",
        "column:48-95": "right half",
        "column:0-57": "left 2/3",
        "column:38-95": "right 2/3",
    }
    return named.get(text, text.removeprefix("half:").removeprefix("n:"))
