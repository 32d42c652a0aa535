"""Maps of a run: what the grid showed around each fault and how far off each cell was, and what cells did and cost.

Drawn from the run's history (coordinator/history.py). May import the coordinator's heat and history, and firmware_sim.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from cellnode.panel import Counter
from coordinator import heat
from coordinator.history import Moment
from coordinator.report.story import Blow
from firmware_sim.energy import Energy
from firmware_sim.rule import rgb_on_black

AFTER_T = (0.0, 4.0, 12.0, 30.0)  # looks after a blow, beside the one before it and the last before the next
LOW, HIGH = -4.0, 0.0  # log10 of a cell's squared error: a hundredth of full colour off, and all off in one colour
REST_T = 20.0  # "at the end" is this long
Field = NDArray[np.float64]


def error(moment: Moment, target: NDArray[np.float32]) -> Field:
    """[H, W]: the squared RGBA error of each cell; a cell without power shows nothing."""
    shown = np.where(moment.on[..., None], moment.rgba, np.float32(0)).astype(np.float64)
    found: Field = ((shown - target) ** 2).sum(axis=-1)
    return found


def at_faults(moments: Sequence[Moment], blows: Sequence[Blow], target: NDArray[np.float32] | None, end: float) -> str:
    """For each blow a row of frames, the error of each cell below; empty without blows."""
    parts = []
    for number, blow in enumerate(blows):
        until = blows[number + 1].t if number + 1 < len(blows) else end + 1.0
        figures = [_figure(moment, blow, target) for moment in _around(moments, blow.t, until)]
        where = "" if len(blow.cells) < moments[0].on.size else "; every cell was hit, so none is marked"
        parts.append(
            f"<h3>t {blow.t:.1f} T: {escape(blow.text)}{where}</h3><div class='strip faults'>{''.join(figures)}</div>"
        )
    if not parts:
        return ""
    dots = "; dots: cells that were hit; strokes: cells without power"
    key = heat.legend("10⁻⁴", "1", f"squared error of a cell against the target{dots}") if target is not None else ""
    return f"<h2>At the faults</h2>{''.join(parts)}{key}"


def work(moments: Sequence[Moment], energy: Energy | None, first_t: float | None, real: bool) -> str:
    """Activity and energy of each cell, over the run and at its end; `real`: CPU time was measured, too."""
    if len(moments) < 2 or moments[-1].t <= moments[0].t:
        return ""
    begin, last = moments[0], moments[-1]
    rest = max((one for one in moments if one.t <= last.t - REST_T), key=lambda one: one.t, default=begin)
    grown = max(
        (one for one in moments if first_t is not None and one.t < first_t), key=lambda one: one.t, default=last
    )
    spans = {"until the first fault" if grown is not last else "": (begin, grown), "the whole run": (begin, last)}
    spans[f"the last {last.t - rest.t:.0f} T"] = (rest, last)
    figures = []
    top = max(float(_computed(*span).max()) / _span(*span) for span in spans.values()) or 1.0
    for name, (one, two) in spans.items():
        if not name or two.t <= one.t:
            continue
        rate = _computed(one, two) / _span(one, two)
        figures.append(_map(rate, top, f"{name}: {rate.sum():,.0f} updates a T in all, {rate.max():.2f} in a cell"))
    parts = [
        "<h2>Activity</h2><p class='lead'>Updates a cell computed a T. One that is skipped, because nothing around "
        "it has changed, is not in it.</p>",
        f"<div class='strip maps'>{''.join(figures)}</div>",
        heat.legend("0", f"{top:.2f}", "updates computed a T"),
    ]
    return "\n".join([*parts, *_costs(begin, last, energy, real)])  # fmt: skip


def _costs(begin: Moment, last: Moment, energy: Energy | None, real: bool) -> list[str]:
    figures, notes, keys = [], [], []
    if energy is not None:
        millijoules = _computed(begin, last) * energy.microjoules_per_update / 1000
        top = float(millijoules.max()) or 1.0
        text = f"on a chip: {millijoules.sum() / 1000:,.2f} J in all, up to {top:,.1f} mJ a cell"
        figures.append(_map(millijoules, top, text))
        notes.append(f"Energy: {energy.microjoules_per_update:g} uJ an update, {energy.source}.")
        keys.append(heat.legend("0", f"{top:,.1f}", "mJ a cell"))
    if real:
        seconds = (last.of(Counter.CPU_NS) - begin.of(Counter.CPU_NS)) / 1e6
        top = float(seconds.max()) or 1.0
        text = f"of this machine: {seconds.sum():,.1f} s of CPU in all, up to {top:.2f} s a cell"
        figures.append(_map(seconds, top, text))
        notes.append("CPU time of each cell's process, as the kernel counts it.")
        keys.append(heat.legend("0", f"{top:.2f}", "s of CPU a cell"))
    if not figures:
        return []
    lead = f"<h2>Energy</h2><p class='lead'>{escape(' '.join(notes))}</p>"
    return [lead, f"<div class='strip maps'>{''.join(figures)}</div>", *keys]


def _figure(moment: Moment, blow: Blow, target: NDArray[np.float32] | None) -> str:
    size = moment.on.shape
    hit = np.zeros(moment.on.size, np.bool_)
    if moment.t >= blow.t - 1e-9 and len(blow.cells) < hit.size:
        hit[[cell for cell in blow.cells if cell < hit.size]] = True
    shown = np.where(moment.on[..., None], rgb_on_black(moment.rgba), np.float32(0))
    frame = heat.picture(np.rint(shown * 255).astype(np.uint8))
    parts = [f"<img alt='the grid at {moment.t:.1f} T' src='{heat.uri(frame)}'>"]
    caption = f"t {moment.t:.1f} T"
    if target is not None:
        off = error(moment, target)
        colours = heat.colours(np.log10(np.maximum(off, 1e-9)), LOW, HIGH)
        marked = heat.picture(colours, hit.reshape(size), ~moment.on)
        parts.append(f"<img alt='error of each cell at {moment.t:.1f} T' src='{heat.uri(marked)}'>")
        caption += f", {int((off > 0.01).sum())} cells off by more than 0.1"
    return f"<figure>{''.join(parts)}<figcaption>{escape(caption)}</figcaption></figure>"


def _around(moments: Sequence[Moment], t: float, until: float) -> list[Moment]:
    """The last one before `t`, those soon after, and the last before `until`; each once."""
    before = [place for place, one in enumerate(moments) if one.t < t - 1e-9]
    after = [place for place, one in enumerate(moments) if t - 1e-9 <= one.t < until - 1e-9]
    wanted = {before[-1]} if before else set()
    for offset in AFTER_T:
        late = [place for place in after if moments[place].t >= t + offset - 1e-9]
        wanted |= {late[0]} if late else set()
    wanted |= {after[-1]} if after else set()
    return [moments[place] for place in sorted(wanted)]


def _computed(one: Moment, two: Moment) -> Field:
    def counted(moment: Moment) -> NDArray[np.int64]:
        done: NDArray[np.int64] = moment.of(Counter.UPDATES) - moment.of(Counter.SKIPPED)
        return done

    found: Field = np.maximum(counted(two) - counted(one), 0).astype(np.float64)
    return found


def _span(one: Moment, two: Moment) -> float:
    return max(two.t - one.t, 1e-9)


def _map(field: Field, top: float, caption: str) -> str:
    pixels = heat.picture(heat.colours(field, 0.0, top))
    return (
        f"<figure><img alt='{escape(caption)}' src='{heat.uri(pixels)}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
