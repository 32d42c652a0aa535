"""Films as MP4, where PyAV is installed (`pip install 'planaria[video]'`). Knows no swarm.

WebP and GIF need nothing and lose nothing (`render.py`); MP4 is for players that know neither. May import numpy, render
and, when asked to write, av.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from coordinator.render import Colours, enlarge
from firmware_sim.errors import BadInput

CODECS = ("libx264", "mpeg4")  # the first that this PyAV has


def mp4(pictures: Sequence[Colours], path: Path, *, frame_s: float, scale: int | None = None) -> Path:
    """Write it. BadInput where PyAV is missing or the file cannot be written."""
    try:
        import av
    except ImportError as error:
        raise BadInput(f"{path}: MP4 needs PyAV: pip install 'planaria[video]'; .webp and .gif need nothing") from error
    if not pictures:
        raise BadInput(f"{path}: there is no frame to make a film of")
    codec = next((name for name in CODECS if name in av.codecs_available), CODECS[-1])
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        with av.open(str(partial), "w", format="mp4") as container:
            stream = container.add_stream(codec, rate=Fraction(1 / frame_s).limit_denominator(1000))
            assert isinstance(stream, av.VideoStream)
            stream.height, stream.width = _even(enlarge(pictures[0], scale)).shape[:2]
            stream.pix_fmt = "yuv420p"
            for colours in pictures:
                pixels = np.ascontiguousarray(_even(enlarge(colours, scale)))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode())
        partial.replace(path)
    except OSError as error:  # PyAV's own errors are of this kind, too
        partial.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written: {error}") from error
    return path


def _even(colours: Colours) -> Colours:
    """Both sides even, as the usual colour format wants it."""
    height, width = colours.shape[:2]
    return np.pad(colours, ((0, height % 2), (0, width % 2), (0, 0)))
