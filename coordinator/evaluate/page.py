"""The evaluation as one HTML file with its pictures and film inside; it asks the network for nothing.

May import the rest of this package, coordinator.render and coordinator.report's style.
"""

from __future__ import annotations

import base64
import tempfile
from html import escape
from pathlib import Path

import numpy as np

from coordinator import render
from coordinator.evaluate import summary
from coordinator.evaluate.evaluation import Evaluation
from coordinator.evaluate.experiments import Still
from coordinator.evaluate.rows import Row
from coordinator.evaluate.subject import Way
from coordinator.report import STYLE
from firmware_sim.rule import Floats, rgb_on_white

OWN_STYLE = """
main { max-width: 1100px; } .scroll { overflow-x: auto; } td small { color: var(--quiet); }
td:first-child { min-width: 150px; } th { white-space: nowrap; }
figure img { background: #fff; width: clamp(72px, 20vw, 96px); } figcaption { max-width: 96px; }
.wide figure img { width: min(240px, 43vw); } .wide figcaption { max-width: 240px; }
.film figure img { width: min(480px, 100%); }
h3 { font-size: 15px; font-weight: 600; margin: 22px 0 0; }
h4 { font-size: 13px; font-weight: 500; color: var(--quiet); margin: 10px 0 6px; }
.ways { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(500px, 100%), 1fr)); column-gap: 28px; }
"""
TITLES = {
    "growth": "Growth from one seed, and what becomes of it (experiments 1 and 2)",
    "damage": "Damage and recovery (experiment 3)",
    "rotation": "Rotation (experiment 4)",
    "seeds": "Several seeds",
    "worm": "The worm, cut in three and turned",
}
STRIPS = {"damage": "cut "}  # strips of an experiment begin with its name, or with this


def html(found: Evaluation) -> str:
    """The page."""
    folder, options = found.subject.folder, found.options
    lead = (
        f"{folder.info.regime}, picture {found.subject.target.shape[0]}x{found.subject.target.shape[1]}, "
        f"{options.draws} draws from seed {options.rng_seed}, sha256 {folder.sha256[:16]}, "
        f"computed in {found.seconds:.0f} s"
    )
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(folder.name)} evaluated</title><style>{STYLE}{OWN_STYLE}</style></head><body><main>",
        f"<h1>{escape(folder.name)}</h1><p class='lead'>{escape(lead)}</p>",
        "<p class='lead'>log10 loss: median (best..worst) over the draws, and the median at the best one-pixel shift; "
        "smaller is better. <i>sync</i>: the article's synchronous step, every cell firing with probability 1/2; "
        "<i>async</i>: every cell on its own exponential clock, one T = 2 steps.</p>",
        *(f"<p>{escape(line)}</p>" for line in found.subject.missing),
        "<h2>In brief</h2>",
        _brief(found.rows),
    ]
    for name, title in TITLES.items():
        rows = [row for row in found.rows if row.experiment.split()[0] == name]
        if rows:
            parts += [f"<h2>{title}</h2>", _table(rows), *_strips(found, name)]
            if name == "seeds" and found.frames:
                parts.append(_film(found))
    return "\n".join([*parts, "</main></body></html>"])


def _brief(rows: list[Row]) -> str:
    columns = summary.ways(rows)
    lines = [[name, when, *(by.get(way, "") for way in columns)] for name, when, by in summary.brief(rows)]
    return _rows(columns, [[escape(value) for value in line] for line in lines])


def _table(rows: list[Row]) -> str:
    columns = summary.ways(rows)
    full = summary.table(rows)
    return _rows(
        columns, [[escape(name), escape(at), *(_cell(by.get(way)) for way in columns)] for name, at, by in full]
    )


def _rows(columns: list[Way], lines: list[list[str]]) -> str:
    """A table of HTML texts, wide ones in a box of their own that scrolls."""
    head = "".join(f"<th>{escape(str(way))}</th>" for way in columns)
    body = "".join(
        f"<tr><td>{name}</td>{''.join(f'<td class=n>{value}</td>' for value in rest)}</tr>" for name, *rest in lines
    )
    return f"<div class='scroll'><table><tr><th></th><th>at</th>{head}</tr>{body}</table></div>"


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{escape(summary.cell(row))}<br><small>shift {row.loss_log10_shift1:.2f}</small>"


def _strips(found: Evaluation, name: str) -> list[str]:
    begin = STRIPS.get(name, name)
    parts: dict[str, list[tuple[Way, list[Still]]]] = {}
    for (strip, way), stills in found.strips.items():
        if strip.startswith(begin):
            parts.setdefault(strip, []).append((way, stills))
    wide = " wide" if name == "seeds" else ""
    pictures = []
    for strip, ways in parts.items():
        rows = [
            f"<section><h4>{way}</h4><div class='strip{wide}'>{''.join(map(_figure, stills))}</div></section>"
            for way, stills in ways
        ]
        title = "" if strip == name else f"<h3>{escape(strip)}</h3>"
        pictures.append(f"{title}<div class='ways'>{''.join(rows)}</div>")
    return pictures


def _figure(still: Still) -> str:
    data = base64.b64encode(render.png(_colours(still.states), 1)).decode()
    caption = escape(still.caption)
    return (
        f"<figure><img alt='{caption}' src='data:image/png;base64,{data}'><figcaption>{caption}</figcaption></figure>"
    )


def _film(found: Evaluation) -> str:
    with tempfile.TemporaryDirectory() as home:
        path = render.film([_colours(states) for states in found.frames], Path(home) / "seeds.webp", scale=2)
        data = base64.b64encode(path.read_bytes()).decode()
    return (
        f"<h3>two seeds that touch, {found.filmed}</h3><div class='strip film'><figure>"
        f"<img alt='film of two pictures that touch' src='data:image/webp;base64,{data}'></figure></div>"
    )


def _colours(states: Floats) -> render.Colours:
    finite = np.nan_to_num(states, posinf=4, neginf=-4).astype(np.float32)
    return np.rint(rgb_on_white(finite) * 255).astype(np.uint8)
