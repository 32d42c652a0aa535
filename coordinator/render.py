"""Pictures: colours of cells to PNG, WebP and GIF, still and moving, with crisp squares for cells. Knows no swarm.

May import numpy and pillow.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from firmware_sim.errors import BadInput

Colours = NDArray[np.uint8]  # [H, W, 3]
LONG_SIDE = 480  # pixels a still or film should have at least on its longer side
STILL_FORMATS = {".png": "PNG", ".webp": "WEBP", ".gif": "GIF"}
FILM_FORMATS = {".webp": "WEBP", ".gif": "GIF"}


def enlarge(colours: Colours, scale: int | None = None) -> Colours:
    """Each cell becomes a square of `scale` pixels; by default so that the longer side is about 480."""
    if scale is not None and scale < 1:
        raise BadInput(f"scale is {scale}, expected 1 or more pixels a cell")
    factor = scale or max(1, -(-LONG_SIDE // max(colours.shape[:2])))
    return np.repeat(np.repeat(colours, factor, axis=0), factor, axis=1)


def image(colours: Colours, scale: int | None = None) -> Image.Image:
    """A pillow image of these cells."""
    return Image.fromarray(np.ascontiguousarray(enlarge(colours, scale)))


def save(colours: Colours, path: Path, scale: int | None = None) -> Path:
    """Write a still; the ending chooses the format."""
    _write(image(colours, scale), path, STILL_FORMATS)
    return path


def png(colours: Colours, scale: int | None = None) -> bytes:
    """A still as PNG bytes."""
    buffer = BytesIO()
    image(colours, scale).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def film(pictures: Sequence[Colours], path: Path, *, frame_s: float = 0.08, scale: int | None = None) -> Path:
    """Write a moving picture (lossless WebP, six times smaller than GIF, or GIF) that plays for ever."""
    if not pictures:
        raise BadInput(f"{path}: there is no frame to make a film of")
    images = [image(colours, scale) for colours in pictures]
    milliseconds = [max(20, round(frame_s * 1000))] * len(images)
    milliseconds[-1] = 1500  # let the eye rest on the end
    extra: dict[str, Any] = {"lossless": True, "method": 2} if path.suffix == ".webp" else {"optimize": False}
    if path.suffix == ".gif":
        images = [picture.quantize(colors=256, dither=Image.Dither.NONE) for picture in images]
    _write(
        images[0], path, FILM_FORMATS, save_all=True, append_images=images[1:], duration=milliseconds, loop=0, **extra
    )
    return path


def read(path: Path, cells: tuple[int, int]) -> Colours:
    """Read a still back to one pixel a cell; `cells` is (height, width)."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    rows = (np.arange(cells[0]) * 2 + 1) * pixels.shape[0] // (2 * cells[0])
    columns = (np.arange(cells[1]) * 2 + 1) * pixels.shape[1] // (2 * cells[1])
    small: Colours = pixels[rows][:, columns]
    return small


def _write(picture: Image.Image, path: Path, formats: dict[str, str], **extra: Any) -> None:
    if path.suffix not in formats:
        raise BadInput(
            f"{path}: cannot write {path.suffix or 'a file without an ending'}, expected {', '.join(formats)}"
        )
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        picture.save(partial, format=formats[path.suffix], **extra)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BadInput(f"{path}: cannot be written: {error}") from error
