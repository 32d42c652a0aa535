"""A strip of small pictures: what a recorded run showed at some times, each with its T below.

    python docs/tutorial/strip.py RUN_FOLDER OUT.png 4 8 16 80 85 ...

Made for the pictures of the tutorial. Reads the recording of a run and writes one picture; needs Planaria.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

from coordinator.recording import Recording
from coordinator.runfolder import RunFolder

SCALE, GAP, TEXT = 6, 10, 16  # px: of a cell, between pictures, for the line below


def strip(run: Path, times: list[float]) -> Image.Image:
    """One picture, paper white, at each of `times` (in T), from left to right."""
    recording = Recording.open(RunFolder.open(run))
    frames = [recording.frame(t).rgb("paper") for t in times]
    height, width = (SCALE * side for side in frames[0].shape[:2])
    whole = Image.new("RGB", (len(frames) * (width + GAP) - GAP, height + TEXT), "white")
    pen = ImageDraw.Draw(whole)
    for number, (t, frame) in enumerate(zip(times, frames, strict=True)):
        left = number * (width + GAP)
        whole.paste(Image.fromarray(frame).resize((width, height), Image.Resampling.NEAREST), (left, 0))
        pen.rectangle((left, 0, left + width - 1, height - 1), outline="#dddddd")
        pen.text((left + width // 2, height + 2), f"{t:g} T", fill="#555555", anchor="ma")
    return whole


if __name__ == "__main__":
    strip(Path(sys.argv[1]), [float(t) for t in sys.argv[3:]]).save(Path(sys.argv[2]), optimize=True)
