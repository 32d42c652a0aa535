"""Replay: a recorded run on the terminal or as a film, from any T to any T at any speed.

Reads a recording and the run's log; starts and changes nothing. Clock and sleep are passed in. May import the
recording, render, the terminal's view and the run folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coordinator import render, video
from coordinator.frames import Frame
from coordinator.recording import Recording
from coordinator.report import MARKED
from coordinator.runfolder import RunFolder
from coordinator.terminal import View
from firmware_sim.errors import BadInput

FRAME_S = 0.08
FRAMES_MAX = 3000  # of a film
TOLD_S = 2.0  # how long an event stays on the screen


@dataclass(frozen=True, slots=True)
class Part:
    """From `first` to `last` T, `pace` T in a second of watching."""

    first: float
    last: float
    pace: float


def part(recording: Recording, first: float | None, last: float | None, speed: float) -> Part:
    """`speed` 1: as fast as it was. BadInput for a part that was not recorded."""
    begin, end = recording.span
    if not 0 < speed < 1e6:
        raise BadInput(f"speed is {speed:g}, expected more than 0; 1 is as fast as it was, 10 ten times as fast")
    wanted = Part(
        max(begin, 0.0) if first is None else first,
        end if last is None else last,
        speed * 1e9 / recording.times.interval_ns,
    )
    if not begin - 1 <= wanted.first < wanted.last <= end + 1:
        raise BadInput(f"from {wanted.first:g} to {wanted.last:g} T: recorded was {begin:.1f} to {end:.1f} T")
    return wanted


def play(
    recording: Recording,
    folder: RunFolder,
    wanted: Part,
    view: View,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """On the terminal, until the end of the part or an interrupt."""
    moments = events(folder)
    began = clock()
    while True:
        t = min(wanted.first + (clock() - began) * wanted.pace, wanted.last)
        frame = recording.frame(t)
        told = [text for at, text in moments if t - TOLD_S * wanted.pace < at <= t]
        view.picture(frame, line(frame), told[-1] if told else "")
        if t >= wanted.last:
            return
        sleep(FRAME_S)


def film(recording: Recording, wanted: Part, out: Path, look: str, scale: int | None = None) -> int:
    """Write it as a film (format by ending); returns its number of frames."""
    step = wanted.pace * FRAME_S
    count = int(np.ceil((wanted.last - wanted.first) / step)) + 1
    if count > FRAMES_MAX:
        fits = count / FRAMES_MAX * wanted.pace * recording.times.interval_ns / 1e9
        raise BadInput(
            f"{out}: {count} frames are too many for one film, at most {FRAMES_MAX}: use --speed {fits:.1f} or a part"
        )
    moments = np.minimum(wanted.first + step * np.arange(count), wanted.last)
    pictures = [recording.frame(float(t)).rgb(look) for t in moments]
    (video.mp4 if out.suffix == ".mp4" else render.film)(pictures, out, frame_s=FRAME_S, scale=scale)
    return count


def line(frame: Frame) -> str:
    """The numbers below a picture."""
    living = int((frame.states[..., 3] > 0.1).sum())
    return f"t {frame.t:.1f} T, {int(frame.on.sum())} alive, {living} living"


def events(folder: RunFolder) -> list[tuple[float, str]]:
    """(T, what was done) of all that a viewer may want to know."""
    found = []
    for event in folder.events():
        if event.get("t") is not None and event["event"] in MARKED:
            cells, kind = event.get("cells", []), event.get("proof", {}).get("kind", "")
            what = " ".join(filter(None, (event["event"], kind, event.get("selector", ""))))
            found.append((float(event["t"]), f"{what}: {len(cells)} cells" if cells else what))
    return found
