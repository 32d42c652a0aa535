"""An experiment as one HTML file: verdict, table, curves, fates, how to repeat it; it asks the network for nothing.

May import the rest of this package, and the coordinator's report, film and render.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coordinator import film, render
from coordinator.experiment import charts, errormap
from coordinator.experiment.carry import kept_films
from coordinator.experiment.charts import Series
from coordinator.experiment.document import Hypothesis
from coordinator.experiment.outcome import Fate
from coordinator.experiment.replicate import Row
from coordinator.experiment.spec import Experiment
from coordinator.experiment.threshold import Threshold
from coordinator.experiment.verdict import Judged
from coordinator.report import STYLE
from coordinator.runfolder import RunFolder
from firmware_sim.errors import BadInput

Still = tuple[float, NDArray[np.uint8]]  # t, colours [H, W, 3]

OWN_STYLE = """
main { max-width: 1080px; } .scroll { overflow-x: auto; } td .bar { margin-top: 4px; } figure img { width: 118px; }
figcaption { max-width: 118px; }
"""
MEASURES = {
    "recovered": "the share of swarms whose picture is there again to the end",
    "masked": "the share of swarms whose picture was never lost",
    "degraded": "the share of swarms that live on without the picture",
    "spread": "the share of swarms that overrun the picture",
    "dead": "the share of swarms of which nothing lives",
    "availability": "the median share of the time with the picture there",
    "loss": "the median loss at the end (log10, over the cells that are not dead)",
    "recovery_time": "the median time until the picture is there again for good, in T",
    "repair_time": "the median of a swarm's mean time without the picture, in T",
    "extent": "the median of the most living cells at a time, over those of the picture",
    "messages": "the median number of frames said in a life",
    "energy": "the median energy of a swarm's updates, in mJ (estimate for a chip)",
}
AFTER_T = (0.0, 2.0, 8.0, 20.0, 50.0)  # from the first blow on: what is shown of a film, beside its end


def html(
    experiment: Experiment,
    folder: Path,
    judged: Sequence[Judged],
    rows: Sequence[Row],
    verdict: str,
    threshold: Threshold | None = None,
) -> str:
    """The page."""
    document = experiment.document
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(document.name)}</title><style>{STYLE}{charts.STYLE}{OWN_STYLE}</style></head><body><main>",
        f"<h1>{escape(document.name)} <span class='verdict {verdict}'>{verdict}</span></h1>",
        f"<p class='lead'>{escape(document.about)}</p>" if document.about else "",
        f"<p>{escape(sentence(document.hypothesis))}</p>",
    ]
    if threshold is not None:
        parts.append(f"<p><b>{escape(threshold_line(experiment, threshold))}</b></p>")
    parts += [_table(judged), "<h2>What was measured</h2>", "<div class='charts'>", *_charts(experiment, judged, rows)]
    parts += [
        "</div>",
        *errormap.section(judged, rows),
        *_films(folder, judged),
        *_failures(rows),
        *_repeat(experiment, folder),
    ]
    return "\n".join([*filter(None, parts), "</main></body></html>"])


def sentence(hypothesis: Hypothesis) -> str:
    """The hypothesis in words."""
    side = "at least" if hypothesis.at_least is not None else "at most"
    bound = hypothesis.at_least if hypothesis.at_least is not None else hypothesis.at_most
    what = MEASURES[hypothesis.measure]
    return f"Hypothesis: {what} is {side} {bound:g}, with {hypothesis.confidence:.0%} confidence."


def threshold_line(experiment: Experiment, found: Threshold) -> str:
    """What the search found, in one line."""
    wanted = experiment.document.search
    assert wanted is not None
    if found.value is None:
        return f"no threshold of {wanted.variable}: {found.why} ({found.runs} swarms)"
    low, high = found.interval
    return (
        f"{wanted.share:.0%} of the swarms recover at {wanted.variable} = {found.value:.3f} "
        f"({low:.3f} to {high:.3f}, {found.runs} swarms)"
    )


def _table(judged: Sequence[Judged]) -> str:
    head = ("", "verdict", "swarms", "estimate", "recovered", "loss", "availability", "recovery", "repair", "fates")
    lines = []
    for found in judged:
        low, high = found.interval
        recovered = f"{found.recovered} of {found.replicates}"
        swarms = str(found.replicates) + (f" + {found.failed} failed" if found.failed else "")
        notes = f"<br><small>in {found.unproven} a fault hit nothing</small>" if found.unproven else ""
        median = found.curve.median
        censored = f" <small>({found.curve.censored} not while watched)</small>" if found.curve.censored else ""
        lines.append(
            f"<tr><td>{escape(found.point.label)}</td><td class='{found.verdict}'>{found.verdict}{notes}</td>"
            f"<td class='n'>{swarms}</td><td class='n'>{_number(found.estimate)}<br><small>{_number(low)} to "
            f"{_number(high)}</small></td><td class='n'>{recovered}</td><td class='n'>{_number(found.loss)}</td>"
            f"<td class='n'>{_number(found.availability)}</td><td class='n'>{_number(median)} T{censored}</td>"
            f"<td class='n'>{_number(found.repair_t)} T</td><td>{charts.bar(found.fates)}</td></tr>"
        )
    titles = "".join(f"<th>{title}</th>" for title in head)
    key = charts.legend({str(fate): f"var(--{fate})" for fate in Fate})
    return f"<div class='scroll'><table><tr>{titles}</tr>{''.join(lines)}</table></div>{key}"


def _charts(experiment: Experiment, judged: Sequence[Judged], rows: Sequence[Row]) -> list[str]:
    found = []
    swept = _swept(judged)
    if swept is not None:
        name, groups = swept
        series = [
            Series(
                label,
                [(x, one.recovered / max(one.replicates, 1)) for x, one in members],
                [one.recovered_interval[0] for _, one in members],
                [one.recovered_interval[1] for _, one in members],
                marks=True,
            )
            for label, members in groups.items()
        ]
        hypothesis = experiment.document.hypothesis
        bound = hypothesis.at_least if hypothesis.measure == "recovered" else None
        found.append(charts.lines(series, name, "share that recovered, with its interval", (0.0, 1.0), bound))
    shown = _spread(judged)
    found.append(
        charts.lines(
            [
                Series(
                    f"{one.point.label}" + (f" ({one.curve.censored} censored)" if one.curve.censored else ""),
                    [(0.0, 1.0), *zip(one.curve.times, one.curve.shares, strict=True)],
                    steps=True,
                )
                for one in shown
            ],
            "T since the first blow",
            "share not yet recovered (Kaplan-Meier)",
            (0.0, 1.0),
        )
    )
    for key, label in (("loss", "log10 loss: median and middle half"), ("living", "living cells: median, middle half")):
        found.append(charts.lines([_fan(one, rows, key) for one in shown], "T since the seed", label))
    return found


def _swept(judged: Sequence[Judged]) -> tuple[str, dict[str, list[tuple[float, Judged]]]] | None:
    """The numeric variable with the most values, and a line of points for each setting of the others."""
    names = list(judged[0].point.values) if judged else []
    numbers = {name: {_as_number(one.point.values[name]) for one in judged} for name in names}
    usable = [name for name in names if None not in numbers[name] and len(numbers[name]) > 1]
    if not usable:
        return None
    name = max(usable, key=lambda one: len(numbers[one]))
    groups: dict[str, list[tuple[float, Judged]]] = {}
    for one in judged:
        others = ", ".join(f"{k} {v}" for k, v in one.point.values.items() if k != name)
        groups.setdefault(others, []).append((_as_number(one.point.values[name]) or 0.0, one))
    return name, {label: sorted(members, key=lambda member: member[0]) for label, members in groups.items()}


def _as_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        text = str(value).strip()
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None


def _spread(judged: Sequence[Judged]) -> list[Judged]:
    """At most six points, evenly picked, so that curves can be told apart."""
    if len(judged) <= charts.COLOURS:
        return list(judged)
    return [judged[round(at)] for at in np.linspace(0, len(judged) - 1, charts.COLOURS)]


def _fan(one: Judged, rows: Sequence[Row], key: str) -> Series:
    curves = [row["curve"] for row in rows if row["point"] == one.point.number and "curve" in row]
    if not curves:
        return Series(one.point.label, [])
    times = np.arange(1.0, min(curve["t"][-1] for curve in curves) + 1e-9)
    values = np.array([np.interp(times, curve["t"], curve[key]) for curve in curves])
    low, middle, high = np.percentile(values, (25, 50, 75), axis=0)
    return Series(one.point.label, list(zip(times.tolist(), middle.tolist(), strict=True)), low.tolist(), high.tolist())


def _films(folder: Path, judged: Sequence[Judged]) -> list[str]:
    points = {one.point.number: one.point for one in judged}
    parts = []
    for path in kept_films(folder):
        try:
            run = RunFolder.open(path)
            info = run.info
        except BadInput:
            continue
        point = points.get(int(path.name.removeprefix("point")))
        found = film.pictures(run.frames, info.height, info.width)
        if not found or point is None:
            continue
        chosen = _moments(found, [point.first_t + after for after in AFTER_T])
        figures = "".join(
            f"<figure><img alt='{t:.0f} T' src='data:image/png;base64,{_png(colours)}'>"
            f"<figcaption>{t:.0f} T</figcaption></figure>"
            for t, colours in chosen
        )
        parts.append(f"<p>{escape(point.label)}</p><div class='strip'>{figures}</div>")
    return ["<h2>The first swarm of each point</h2>", *parts] if parts else []


def _moments(found: list[Still], wanted: Sequence[float]) -> list[Still]:
    """The last still up to each moment, the one before the first of them (unharmed), and the end; each once."""
    times = [t for t, _ in found]
    picked = {max(bisect_right(times, moment) - 1, 0) for moment in wanted}
    return [found[index] for index in sorted(picked | {max(min(picked) - 1, 0), len(found) - 1})]


def _png(colours: NDArray[np.uint8]) -> str:
    return base64.b64encode(render.png(colours, 3)).decode()


def _failures(rows: Sequence[Row]) -> list[str]:
    failed = [row for row in rows if "error" in row]
    if not failed:
        return []
    lines = "".join(
        f"<li>point {r['point']}, replicate {r['replicate']}: {escape(r['error'])}</li>" for r in failed[:20]
    )
    return [f"<h2>{len(failed)} replicates failed</h2><ul>{lines}</ul>"]


def _repeat(experiment: Experiment, folder: Path) -> list[str]:
    plan = json.loads((folder / "plan.json").read_text())
    facts = "".join(f"<div><span>{escape(k)}</span><b>{escape(str(v))}</b></div>" for k, v in plan["versions"].items())
    rules = "".join(f"<div><span>{escape(k)}</span><b>{v[:16]}</b></div>" for k, v in plan["rules"].items())
    return [
        "<h2>To repeat it</h2>",
        f"<pre>planaria experiment {experiment.file} --seed {plan['seed']}</pre>",
        f"<div class='numbers'>{facts}{rules}</div>",
        f"<pre>{escape(experiment.text)}</pre>",
    ]


def _number(value: float | None) -> str:
    if value is None or abs(value) == float("inf"):
        return "–"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
