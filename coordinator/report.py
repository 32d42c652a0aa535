"""The report of a run: one HTML file with pictures, curves, numbers and events in it; it asks the network for nothing.

Reads the run folder only, so it can be made again at any time, also of a run whose coordinator was killed. May import
coordinator.curve, film, render and runfolder.
"""

from __future__ import annotations

import base64
import json
import shlex
from html import escape
from pathlib import Path
from typing import Any

from coordinator import curve, film, render
from coordinator.runfolder import RunFolder, RunInfo
from firmware_sim.errors import BadInput

STRIP = 12  # stills shown
MARKED = (
    "kill",
    "revive",
    "erase",
    "seed",
    "freeze",
    "thaw",
    "inject",
    "heal",
    "pause",
    "resume",
    "agent lost",
    "trouble",
)

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --card: #ffffff; --ink: #191a1c; --quiet: #63676d; --rule: #e3e4e6;
  --first: #2563c9; --second: #8fb4ea; --third: #b4531c; --area: #2f9e7a; --mark: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --paper: #131416; --card: #1b1d20; --ink: #e9eaec; --quiet: #9aa0a8;
  --rule: #2d3035; --first: #6ea8ff; --second: #3f5f8f; --third: #f0955b; --area: #3fbf95; --mark: #ff7b6b; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 36px 0 10px; }
p.lead { color: var(--quiet); margin: 4px 0 0; }
.verdict { display: inline-block; padding: 2px 10px; border-radius: 999px; border: 1px solid; font-size: 14px; }
.pass { color: var(--area); } .fail { color: var(--mark); } .unknown { color: var(--third); }
.strip { display: flex; gap: 10px; flex-wrap: wrap; } figure { margin: 0; }
figure img { display: block; width: 142px; height: auto; image-rendering: pixelated; border-radius: 4px;
  background: #000; }
figcaption { font-size: 12px; color: var(--quiet); max-width: 142px; overflow-wrap: anywhere; }
.curve { width: 100%; height: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.curve text { font: 11px system-ui, sans-serif; fill: var(--quiet); } .curve .axis { font-size: 12px; }
.curve .event { fill: var(--mark); } .curve .grid { stroke: var(--rule); }
.curve .line { fill: none; stroke-width: 2; }
.curve .first { stroke: var(--first); } .curve .second { stroke: var(--second); stroke-width: 1.5; }
.curve .third { stroke: var(--third); } .curve .area { fill: var(--area); opacity: .35; }
.curve .mark { stroke: var(--mark); stroke-dasharray: 3 3; opacity: .7; } .curve .hover { fill: transparent; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
.numbers { columns: 2; column-gap: 40px; } .numbers div { display: flex; justify-content: space-between; gap: 12px;
  padding: 4px 0; border-bottom: 1px solid var(--rule); font-size: 14px; break-inside: avoid; }
.numbers span { color: var(--quiet); } .numbers b { font-weight: 400; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; } td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; overflow-x: auto;
  font-size: 13px; }
"""


def finish(folder: RunFolder) -> Path:
    """Film and report of a run that has ended; returns the report's path."""
    info = folder.info
    shown = film.pictures(folder.frames, info.height, info.width)
    if len(shown) > 1:
        render.film([colours for _, colours in shown], folder.path / "growth.webp")
    return write(folder)


def write(folder: RunFolder) -> Path:
    """Write report.html into the run folder."""
    path = folder.path / "report.html"
    path.write_text(html(folder), encoding="utf-8")
    return path


def html(folder: RunFolder) -> str:
    """The page."""
    info, events = folder.info, list(folder.events())
    measure = _measure(folder)
    marks = [curve.Mark(event["t"], describe(event)) for event in events if _is_mark(event)]
    verdict = measure.get("verdict")
    badge = f' <span class="verdict {escape(str(verdict))}">{escape(str(verdict))}</span>' if verdict else ""
    lead = (
        f"{info.height}x{info.width} cells{', torus' if info.torus else ''}, {info.substrate}, engine {info.engine}, "
        f"seed {info.rng_seed}, started {info.started}"
    )
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(info.rule)} {escape(info.run)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(info.rule)}{badge}</h1><p class='lead'>{escape(lead)}</p>",
        _strip(folder, marks),
        "<h2>Over time</h2>",
        curve.svg(folder.losses(), marks) or "<p class='lead'>Too short a run to draw.</p>",
        "<h2>Numbers</h2>",
        _numbers([(name, _number(value)) for name, value in measure.items()])
        if measure
        else "<p>The run was not measured.</p>",
        "<h2>Events</h2>",
        _events(events),
        "<h2>To repeat it</h2>",
        f"<pre>{escape(repeat(info, folder.path))}</pre>",
        f"<p class='lead'>It was started with <code>{escape(shlex.join(info.command))}</code>; versions: "
        f"{escape(', '.join(f'{name} {version}' for name, version in info.versions.items()))}; rule sha256 "
        f"<code>{escape(info.rule_sha256[:16])}</code>; the rule itself lies in <code>rule/</code>.</p>",
        "</main></body></html>",
    ]
    return "\n".join(parts)


def repeat(info: RunInfo, path: Path) -> str:
    """The command that runs the same again."""
    words = ["planaria", "run", str(path / "rule"), "--grid", f"{info.height}x{info.width}", "--engine", info.engine]
    words += ["--substrate", info.substrate, "--interval", f"{info.interval_s:g}", "--seed", str(info.rng_seed)]
    words += ["--torus"] if info.torus else []
    words += ["--angle", f"{info.degrees:g}"] if info.degrees else []
    words += ["--scenario", str(path / "scenario.toml")] if (path / "scenario.toml").exists() else []
    return shlex.join(words)


def describe(event: dict[str, Any]) -> str:
    """One event in few words."""
    words = [str(event.get("event", ""))]
    if event.get("selector"):
        words.append(str(event["selector"]))
    proof = event.get("proof") or {}
    if isinstance(proof, dict) and "kind" in proof:
        words.insert(1, str(proof["kind"]))
    if event.get("cells"):
        words.append(f"({len(event['cells'])} cells)")
    if event.get("line"):
        words.append(str(event["line"]))
    return " ".join(words)


def _is_mark(event: dict[str, Any]) -> bool:
    return event.get("event") in MARKED and isinstance(event.get("t"), int | float) and event["t"] > 0


def _strip(folder: RunFolder, marks: list[curve.Mark]) -> str:
    found = film.stills(folder.frames)
    if not found:
        return ""
    wanted = {0, len(found) - 1}
    for mark in marks[:4]:  # the moment of a mark has a still of its own, taken right after it
        wanted.add(next((at for at, still in enumerate(found) if still.t >= mark.t), len(found) - 1))
    free = max(STRIP - len(wanted), 2)
    wanted |= {round(place * (len(found) - 1) / (free + 1)) for place in range(1, free + 1)}
    parts = []
    for at in sorted(wanted):
        still = found[at]
        data = base64.b64encode(still.path.read_bytes()).decode()
        since = found[at - 1].t if at else -1.0
        note = next((mark.text for mark in marks if since < mark.t <= still.t), "")
        caption = f"t {still.t:.1f} T" + (f", {note}" if note else "")
        parts.append(
            f"<figure><img alt='the grid at {still.t:.1f} T' src='data:image/png;base64,{data}'>"
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    return f"<h2>Frames</h2><div class='strip'>{''.join(parts)}</div>"


def _events(events: list[dict[str, Any]]) -> str:
    rows = []
    for event in events:
        t = event.get("t")
        when = "" if t is None else f"{t:.2f} T"
        details = {
            name: value if not isinstance(value, list) else len(value)
            for name, value in event.items()
            if name not in ("time", "t", "event", "selector", "asked") and value not in (None, [], {}, "")
        }
        text = ", ".join(f"{name} {_plain(value)}" for name, value in details.items())
        what = f"{event.get('event', '')} {event.get('selector', '')}"
        rows.append(f"<tr><td class='n'>{when}</td><td>{escape(what)}</td><td>{escape(text)}</td></tr>")
    return f"<table><tr><th>t</th><th>event</th><th>details</th></tr>{''.join(rows)}</table>"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {inner}" for name, inner in value.items())
    return _number(value)


def _numbers(rows: list[tuple[str, str]]) -> str:
    inside = "".join(f"<div><span>{escape(name)}</span><b>{escape(value)}</b></div>" for name, value in rows)
    return f"<div class='numbers'>{inside}</div>"


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _measure(folder: RunFolder) -> dict[str, Any]:
    path = folder.path / "measure.json"
    if not path.exists():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    return found
