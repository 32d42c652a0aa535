"""The page of a run: verdict, frames, what the faults did, curves, maps, events with proof, and how to do it again.

Reads the run folder only. May import the rest of this package, and the coordinator's curve, film, render and folder.
"""

from __future__ import annotations

import base64
import json
import shlex
from html import escape
from pathlib import Path
from typing import Any

from coordinator import curve, film, history, render
from coordinator.picture import HEALED_GAIN, Picture, picture_for
from coordinator.report import maps, promises, recovery, spacetime, story, tables
from coordinator.report.events import table as event_table
from coordinator.report.repeat import keep_done, repeat
from coordinator.report.style import STYLE
from coordinator.runfolder import RunFolder, RunInfo
from firmware_sim import folder as rules
from firmware_sim.energy import Energy, estimate
from firmware_sim.errors import BadInput, PlanariaError
from firmware_sim.folder import RuleFolder

STRIP = 12  # stills shown
APART = ("safety", "liveness", "broken", "chips")  # of the numbers: they have a place of their own


def finish(folder: RunFolder) -> Path:
    """Film, tables and report of a run that has ended; returns the report's path."""
    info = folder.info
    shown = film.pictures(folder.frames, info.height, info.width)
    if len(shown) > 1:
        render.film([colours for _, colours in shown], folder.path / "growth.webp")
    keep_done(folder)
    rule = _rule(folder)
    tables.write(folder, _picture(info, rule), _energy(rule))
    return write(folder)


def write(folder: RunFolder) -> Path:
    """Write report.html into the run folder."""
    path = folder.path / "report.html"
    path.write_text(html(folder), encoding="utf-8")
    return path


def html(folder: RunFolder) -> str:
    """The page."""
    info, events = folder.info, list(folder.events())
    measure, rows, rule = _measure(folder), folder.losses(), _rule(folder)
    picture, moments = _picture(info, rule), history.every(folder.maps)
    marks, blows = story.marks(events), story.blows(events)
    end = curve.end_of(rows, marks) if rows else 1.0
    bands = story.bands(events, end)
    verdict = measure.get("verdict")
    badge = f' <span class="verdict {escape(str(verdict))}">{escape(str(verdict))}</span>' if verdict else ""
    lead = (
        f"{info.height}x{info.width} cells{', torus' if info.torus else ''}, {info.substrate}, engine {info.engine}, "
        f"seed {info.rng_seed}, started {info.started}"
    )
    target = None if picture is None else picture.on_grid()
    numbers = [(name.replace("_", " "), number(value)) for name, value in measure.items() if name not in APART]
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(info.rule)} {escape(info.run)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(info.rule)}{badge}</h1><p class='lead'>{escape(lead)}</p>",
        _strip(folder),
        promises.section(measure),
        "<h2>Over time</h2>",
        _scroll(curve.svg(rows, marks, bands, _there(rows))) or "<p class='lead'>Too short a run to draw.</p>",
        maps.at_faults(moments, story.chosen(blows), target, end) if moments else "",
        recovery.section(rows, blows),
        _section("Space and time", _scroll(spacetime.svg(moments, end, marks, bands))),
        maps.work(moments, _energy(rule), blows[0].t if blows else None, info.substrate == "processes"),
        "<h2>Numbers</h2>",
        _numbers(numbers) if measure else "<p>The run was not measured.</p>",
        "<h2>Events</h2>",
        event_table(events),
        *_again(folder, info),
        "</main></body></html>",
    ]
    return "\n".join(filter(None, parts))


def _section(title: str, inside: str) -> str:
    return f"<h2>{title}</h2>{inside}" if inside else ""


def _scroll(inside: str) -> str:
    return f"<div class='scroll'>{inside}</div>" if inside else ""


def _there(rows: list[curve.Row]) -> float | None:
    """The loss at which the picture counts as healed: loss and gain add up to the blank grid's."""
    for row in rows:
        loss, gain = row.get("loss_log10"), row.get("gain_log10")
        if loss is not None and gain is not None:
            return loss + gain - HEALED_GAIN
    return None


def _again(folder: RunFolder, info: RunInfo) -> list[str]:
    text = keep_done(folder)
    versions = ", ".join(f"{name} {version}" for name, version in info.versions.items())
    return [
        "<h2>To repeat it</h2>",
        f"<pre class='wrap'>{escape(repeat(info, folder.path))}</pre>",
        f"<p class='lead'>It was started with <code>{escape(shlex.join(info.command))}</code>; seed {info.rng_seed}; "
        f"versions: {escape(versions)}; rule sha256 <code>{escape(info.rule_sha256)}</code>; the rule itself lies in "
        "<code>rule/</code>. On virtual time the same command gives the same bytes; on real processes the same draws."
        "</p>",
        f"<details open><summary>What was done to it, as a scenario file</summary><pre>{escape(text)}</pre></details>"
        if text
        else "",
        "<p class='lead'>Beside this page: <code>cells.csv</code> (a row a cell), <code>loss.csv</code> (a row a T), "
        "<code>events.csv</code>, each also as Parquet where pyarrow is installed; <code>events.jsonl</code> with all "
        "details, <code>frames/</code>, <code>maps/</code>.</p>",
    ]


def _strip(folder: RunFolder) -> str:
    found = film.stills(folder.frames)
    if not found:
        return ""
    wanted = {round(place * (len(found) - 1) / (STRIP - 1)) for place in range(STRIP)}
    parts = []
    for at in sorted(wanted):
        data = base64.b64encode(found[at].path.read_bytes()).decode()
        parts.append(
            f"<figure><img alt='the grid at {found[at].t:.1f} T' src='data:image/png;base64,{data}'>"
            f"<figcaption>t {found[at].t:.1f} T</figcaption></figure>"
        )
    return f"<h2>Frames</h2><div class='strip'>{''.join(parts)}</div>"


def _numbers(rows: list[tuple[str, str]]) -> str:
    inside = "".join(f"<div><span>{escape(name)}</span><b>{escape(value)}</b></div>" for name, value in rows)
    return f"<div class='numbers'>{inside}</div>"


def number(value: Any) -> str:
    """A value in few digits."""
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _rule(folder: RunFolder) -> RuleFolder | None:
    home = folder.path / "rule"
    bare = sorted(home.glob("*.onnx"))
    try:
        return rules.load(home if (home / "rule.json").is_file() or not bare else bare[0])
    except PlanariaError:
        return None  # a report does without what cannot be read


def _picture(info: RunInfo, rule: RuleFolder | None) -> Picture | None:
    return None if rule is None else picture_for(rule, info.height, info.width, info.torus, info.degrees)


def _energy(rule: RuleFolder | None) -> Energy | None:
    genome = None if rule is None else rule.genome()
    return None if genome is None else estimate(genome)


def _measure(folder: RunFolder) -> dict[str, Any]:
    path = folder.path / "measure.json"
    if not path.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    return found
