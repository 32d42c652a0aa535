"""The report of a training: one HTML file with curve, pictures and numbers in it; it asks the network for nothing.

Written when a training has ended, from the learner as it then stands. Grids live in asynchrony (T is the mean wake
interval) in the arithmetic that was trained, unless a caption says otherwise. Imports numpy, firmware_sim, trainer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np

from firmware_sim.cuts import CUTS, cut_masks
from firmware_sim.limits import Limits
from firmware_sim.loss import loss_log10, loss_log10_shift1
from firmware_sim.rule import Rule, seed
from firmware_sim.targets import turned
from trainer import rollout
from trainer.checkpoint import LOG
from trainer.draws import SMALLEST_GRID
from trainer.episode import Floats, Kernel
from trainer.learner import Learner
from trainer.pictures import as_uri, sheet
from trainer.quantise import as_on_chip

GROWTH_T = (0, 4, 8, 16, 24, 32, 48, 96)
HEALING_T = (0, 4, 8, 16, 32, 100)
ANGLES = (0, 45, 90, 135, 180, 225, 270, 315)
LONG_STEPS = (100, 200, 500, 1000, 2000, 4000, 7000, 10_000)
POOL_SHOWN = 48
WIDTH_PX = 900
CELL_PX = 120  # a picture of a strip is shown at most this wide
REPORT_STREAM = 3

STYLE = """:root { color-scheme: light dark; --ink: #191a1c; --paper: #fcfcfb; --quiet: #63676d; --line: #2563c9;
--mark: #b4531c; --rule: #e3e4e6; } @media (prefers-color-scheme: dark) { :root { --ink: #e9eaec; --paper: #131416;
--quiet: #9aa0a8; --line: #6ea8ff; --mark: #f0955b; --rule: #2d3035; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 32px 20px 64px; } h1 { font-size: 26px; margin: 0; }
h2 { font-size: 17px; margin: 36px 0 6px; } p { color: var(--quiet); margin: 2px 0 8px; }
img { max-width: 100%; image-rendering: pixelated; display: block; } svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--quiet); } .loss { fill: none; stroke: var(--line);
stroke-width: 1.5; } .score { fill: var(--mark); } .grid { stroke: var(--rule); }
table { border-collapse: collapse; font-size: 14px; } th, td { text-align: left; padding: 4px 16px 4px 0;
border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums; } th { color: var(--quiet); }
figure { margin: 0; } figure img { width: 100%; } figure p { margin: 8px 0 2px; color: var(--ink); font-size: 14px;
font-variant-numeric: tabular-nums; } .columns { display: grid; color: var(--quiet); font-size: 12px;
text-align: center; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { svg text { font-size: 26px; } .loss { stroke-width: 3.5; } .score { r: 7px; }
main { padding: 20px 14px 48px; } .columns { font-size: 10px; } }"""


def write(path: Path, title: str, learner: Learner, kernel: Kernel, judged: Mapping[str, float]) -> None:
    """Make the report of `learner`'s best rule at `path`; `judged` are the losses that go into the rule folder."""
    s, rule, target = learner.settings, learner.best_rule(), learner.picture
    rng = np.random.default_rng([s.rng_seed, REPORT_STREAM])
    side = max(len(target), SMALLEST_GRID)
    text = f"Mean log10 loss of 50 training steps; dots: the score of a checkpoint. Every number is in {LOG}."
    parts = [_section("Loss", text, curve(learner))]
    shown = learner.pool.read(np.arange(0, s.pool, max(1, s.pool // POOL_SHOWN))[:POOL_SHOWN])[0]
    parts.append(_section(f"{len(shown)} samples of the pool", "As the training left it.", _image(list(shown), 16)))
    parts.append(_growth(learner, kernel, side, rng))
    grown = rollout.live(kernel, rule, _seeds(1, side, rule), 100, rng)
    if s.regime != "growing":
        parts.append(_healing(kernel, rule, target, grown[0], rng))
    parts.append(_rotation(kernel, rule, target, rng))
    parts.append(_long(kernel, rule, target, side, rng))
    parts.append(_families(kernel, rule, target, side, judged, rng))
    path.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f"<p>{learner.step:,} training steps, seed {s.rng_seed}; log10 loss grown from one seed "
        f"{judged['grown']:.2f}</p>{''.join(parts)}</main></body></html>\n",
        encoding="utf-8",
    )


def curve(learner: Learner) -> str:
    """The training log as SVG."""
    points = [(step, loss) for step, loss, _ in learner.history if np.isfinite(loss)]
    scores = [(step, value) for step, value in learner.scores if np.isfinite(value) and value < 1]
    if not points:
        return "<p>No log yet.</p>"
    values = [value for _, value in points + scores]
    low, high, last = np.floor(min(values)), np.ceil(max(values) + 1e-6), max(learner.step, 1)

    def x(step: float) -> float:
        return 40 + 900 * step / last

    def y(value: float) -> float:
        return float(10 + 220 * (high - value) / (high - low))

    lines = "".join(
        f'<line class="grid" x1="40" x2="940" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        f'<text x="4" y="{y(v) + 4:.1f}">{v:.0f}</text>'
        for v in np.arange(low, high + 1)
    )
    ticks = "".join(f'<text x="{x(n):.0f}" y="248">{n:,.0f}</text>' for n in np.linspace(0, last, 6)[:-1])
    path = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
    dots = "".join(f'<circle class="score" cx="{x(n):.1f}" cy="{y(v):.1f}" r="3"/>' for n, v in scores)
    line = f'<polyline class="loss" points="{path}"/>'
    return f'<svg viewBox="0 -16 960 272" role="img" aria-label="loss curve">{lines}{ticks}{line}{dots}</svg>'


def _growth(learner: Learner, kernel: Kernel, side: int, rng: np.random.Generator) -> str:
    """A row for each remembered moment of the training."""
    rules = {f"after training step {step:,}": learner.rule_of(w) for step, w in sorted(learner.snapshots.items())}
    rules["the rule that is kept"] = learner.best_rule()
    rows = {}
    for name, rule in rules.items():
        film = [grids[0] for grids in _film(kernel, rule, _seeds(1, side, rule), GROWTH_T, rng)]
        rows[f"{name}: {loss_log10(film[-1], learner.picture):.2f} at the end"] = film
    return _section("Growth", "From one seed.", _strip(rows, _times(GROWTH_T)))


def _healing(kernel: Kernel, rule: Rule, target: Floats, grown: Floats, rng: np.random.Generator) -> str:
    lost = cut_masks(grown.shape[0], grown.shape[1], len(target))
    hurt = np.repeat(grown[None], len(CUTS), axis=0)
    hurt[lost] = 0
    film = _film(kernel, rule, hurt, HEALING_T, rng)
    rows = {
        f"{name} cut away: {loss_log10(film[-1][i], target):.2f} at the end": [grids[i] for grids in film]
        for i, name in enumerate(CUTS)
    }
    return _section("Damage and recovery", "T after the cut.", _strip(rows, _times(HEALING_T)))


def _rotation(kernel: Kernel, rule: Rule, target: Floats, rng: np.random.Generator) -> str:
    """The rule turned, each grown from one seed on a grid that holds the turned picture."""
    frames, notes = [], []
    for degrees in ANGLES:
        spun = as_on_chip(rule.turned(degrees)) if rule.limits.limit == "round" else rule.turned(degrees)
        picture = turned(target, degrees)
        side = max(2 * len(target) - len(target) // 2, SMALLEST_GRID)
        grid = rollout.live(kernel, spun, _seeds(1, side, spun), 100, rng)[0]
        frames.append(grid)
        notes.append(f"{degrees}°<br>{loss_log10_shift1(grid, picture):.2f}")
    text = "The rule turned, after 100 T; log10 loss at the best shift of one pixel."
    return _section("Rotation", text, _strip({"": frames}, notes))


def _long(kernel: Kernel, rule: Rule, target: Floats, side: int, rng: np.random.Generator) -> str:
    grids, before, frames, notes = _seeds(1, side, rule), 0, [], []
    for at in LONG_STEPS:
        grids = rollout.steps(kernel, rule, grids, at - before, rng)
        before = at
        frames.append(grids[0])
        notes.append(f"{at:,}<br>{loss_log10(grids[0], target):.2f}")
    text = "After so many of the article's synchronous steps, and the log10 loss there."
    return _section("Long-run stability", text, _strip({"": frames}, notes))


def _families(
    kernel: Kernel, rule: Rule, target: Floats, side: int, judged: Mapping[str, float], rng: np.random.Generator
) -> str:
    """The rule as trained, and without rounding: its float twin."""
    twins = {"trained arithmetic": rule}
    if rule.limits.limit == "round":
        twins = {"int8 (states rounded)": rule, "float twin (not rounded)": replace(rule, limits=_unrounded(rule))}
    frames, rows = [], []
    for name, one in twins.items():
        grids = rollout.live(kernel, one, _seeds(5, side, one), 100, rng)
        losses = [loss_log10(grid, target) for grid in grids]
        frames.append(grids[0])
        rows.append(f"<tr><td>{name}</td><td>{np.median(losses):.2f}</td><td>{max(losses):.2f}</td></tr>")
    kept = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{value:.2f}</td></tr>" for name, value in judged.items()
    )
    content = (
        f"<table><tr><th>grown for 100 T</th><th>median of 5</th><th>worst</th></tr>{''.join(rows)}</table>"
        f"{_strip({'': frames}, list(twins))}<h2>As judged for the rule folder</h2>"
        "<p>In the chip's own arithmetic where the rule fits a chip.</p>"
        f"<table><tr><th>what</th><th>log10 loss</th></tr>{kept}</table>"
    )
    return _section(
        "int8 against float",
        "The same weights with and without the rounding of states, in the training's kernel.",
        content,
    )


def _unrounded(rule: Rule) -> Limits:
    return replace(rule.limits, limit="clamp")


def _film(kernel: Kernel, rule: Rule, grids: Floats, times: tuple[int, ...], rng: np.random.Generator) -> list[Floats]:
    film, before = [], 0
    for at in times:
        grids = rollout.live(kernel, rule, grids, at - before, rng)
        film.append(grids)
        before = at
    return film


def _seeds(count: int, side: int, rule: Rule) -> Floats:
    return np.repeat(seed(side, side, rule.channels)[None], count, axis=0)


def _times(times: Sequence[int]) -> list[str]:
    return [f"{at} T" for at in times]


def _strip(rows: Mapping[str, list[Floats]], columns: Sequence[str]) -> str:
    """Rows of pictures under the captions of their columns, as wide as the page allows; captions are HTML."""
    heads = "".join(f"<span>{text}</span>" for text in columns)
    shown = [f'<div class="columns" style="grid-template-columns: repeat({len(columns)}, 1fr)">{heads}</div>']
    for caption, grids in rows.items():
        shown.append(f"<p>{escape(caption)}</p>" if caption else "")
        shown.append(_image(grids, len(columns)))
    return f'<figure style="max-width: {len(columns) * CELL_PX}px">{"".join(shown)}</figure>'


def _image(grids: list[Floats], columns: int) -> str:
    scale = max(1, WIDTH_PX // (columns * grids[0].shape[1]))
    return f'<img src="{as_uri(sheet(grids, columns, min(scale, CELL_PX // grids[0].shape[1] + 1)))}" alt="">'


def _section(title: str, text: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>{content}</section>"
