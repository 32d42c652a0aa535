"""Targets: an image fitted into a size, premultiplied, in 0..1; and the PNG in which a rule folder keeps it.

Only files and arrays; emoji and built-in names are the trainer's.  It never computes a loss.
Imports: numpy, pillow (lazily), errors, rule.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput
from firmware_sim.rule import Floats, cos_sin

TARGET_SIZE = 40  # the article's
MAX_TARGET_SIZE = 512
MAX_IMAGE_BYTES = 1 << 26
MAX_IMAGE_PIXELS = 1 << 26


def load_target(
    image: str | Path | NDArray[Any],
    size: int | tuple[int, int] | None = TARGET_SIZE,
    *,
    premultiplied: bool | None = False,
    padding: int = 0,
) -> Floats:
    """A picture as float32 [height, width, 4], RGB multiplied by alpha, values in 0..1.

    `image` is a file or an array [h, w, 3 or 4] (uint8, or float in 0..1).  `size` is (height, width) or one number
    for a square: the picture is fitted into it, keeping its shape, and centred; None keeps the picture as it is.
    `premultiplied` says that RGB holds alpha already (the published tiles do); None looks.  `padding` zeros go around.
    BadInput when it is no image, is empty, or a size is out of range.
    """
    pixels = _from_array(image) if isinstance(image, np.ndarray) else _from_file(Path(image))
    if premultiplied is None:
        premultiplied = looks_premultiplied(pixels)
    if not premultiplied:
        pixels = pixels * np.concatenate([pixels[..., 3:]] * 3 + [np.ones_like(pixels[..., 3:])], axis=-1)
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        pixels = _fit(pixels, height, width)
    if max(pixels.shape[:2]) > MAX_TARGET_SIZE:
        raise BadInput(
            f"target is {pixels.shape[0]}x{pixels.shape[1]}, expected at most {MAX_TARGET_SIZE} pixels a side"
        )
    if not pixels[..., 3].any():
        raise BadInput("target is fully transparent, there is nothing to grow")
    return pad(pixels, padding)


def pad(target: Floats, padding: int) -> Floats:
    """`padding` zeros on every side; the article pads 40 to 72 with 16."""
    return np.pad(target, ((padding, padding), (padding, padding), (0, 0)))


def turned(target: Floats, degrees: float) -> Floats:
    """What a rule turned by `degrees` grows: the target turned about its centre pixel [h//2, w//2], which stays the
    centre of the odd-sized square that is returned.  Exact at multiples of 90 degrees, bilinear otherwise.

    A cell whose Sobel pair is turned takes the grid offset (x, y) for (cos x - sin y, sin x + cos y).
    """
    cos, sin = cos_sin(degrees)
    rows, columns = target.shape[:2]
    corner = max(rows // 2, rows - 1 - rows // 2), max(columns // 2, columns - 1 - columns // 2)
    reach = max(corner) if degrees % 90 == 0 else math.ceil(math.hypot(*corner))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    row, column = rows // 2 + sin * x + cos * y, columns // 2 + cos * x - sin * y
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    padded = np.pad(target, ((1, 1), (1, 1), (0, 0)))  # what lies outside reads as zero
    result = np.zeros((*row.shape, target.shape[2]))
    for dy, weight_y in ((0, 1 - (row - top)), (1, row - top)):
        for dx, weight_x in ((0, 1 - (column - left)), (1, column - left)):
            source = np.clip(top + dy + 1, 0, rows + 1), np.clip(left + dx + 1, 0, columns + 1)
            result += padded[source] * (weight_y * weight_x)[..., None]
    return result.astype(np.float32)


def looks_premultiplied(pixels: Floats) -> bool:
    """No colour is above its alpha: true for a premultiplied picture, and for a straight one only if its soft edges
    are so dark that multiplying again would change next to nothing."""
    return bool((pixels[..., :3] <= pixels[..., 3:] + 1e-6).all())


def to_png(target: Floats) -> bytes:
    """A premultiplied target as RGBA PNG of 8 bits, the values as they are: `from_png` reads the same numbers."""
    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.rint(np.clip(target, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels, "RGBA").save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def from_png(blob: bytes, name: str = "target.png", *, premultiplied: bool = True) -> Floats:
    """The target in a rule folder, float32 [h, w, 4] premultiplied; BadInput when it is no image."""
    return load_target(_decode(io.BytesIO(blob), name), None, premultiplied=premultiplied)


def _from_file(path: Path) -> Floats:
    try:
        size = path.stat().st_size
        if size > MAX_IMAGE_BYTES:
            raise BadInput(f"{path}: {size} bytes, expected an image of at most {MAX_IMAGE_BYTES}")
        blob = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    return _from_array(_decode(io.BytesIO(blob), str(path)))


def _decode(file: io.BytesIO, name: str) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(file) as picture:
            if picture.width * picture.height > MAX_IMAGE_PIXELS:
                raise BadInput(f"{name}: {picture.width}x{picture.height} pixels is too large a picture")
            return np.asarray(picture.convert("RGBA"))
    except BadInput:
        raise
    except Exception as error:  # every decoder of pillow has its own kinds
        raise BadInput(f"{name}: not an image that can be read; give a PNG, JPEG, GIF or WebP") from error


def _from_array(pixels: NDArray[Any]) -> Floats:
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
        raise BadInput(f"picture has shape {pixels.shape}, expected [height, width, 3 or 4]")
    values: Floats = pixels.astype(np.float32)
    if pixels.dtype == np.uint8:
        values /= 255
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise BadInput("picture holds values outside 0..1, expected uint8 or float in 0..1")
    if pixels.shape[2] == 3:
        values = np.concatenate([values, np.ones_like(values[..., :1])], axis=-1)
    return values


def _fit(pixels: Floats, height: int, width: int) -> Floats:
    from PIL import Image

    if not (1 <= height <= MAX_TARGET_SIZE and 1 <= width <= MAX_TARGET_SIZE):
        raise BadInput(f"target size {height}x{width}, expected 1..{MAX_TARGET_SIZE} pixels a side")
    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    rows, columns = max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))
    if (rows, columns) != pixels.shape[:2]:
        # Premultiplied and channel by channel: transparent pixels then lend no colour to the edge.
        bands = [Image.fromarray(np.ascontiguousarray(pixels[..., band])) for band in range(4)]
        fitted = [np.asarray(band.resize((columns, rows), Image.Resampling.LANCZOS)) for band in bands]
        pixels = np.stack(fitted, axis=-1).clip(0, 1).astype(np.float32)
        pixels[..., :3] = np.minimum(pixels[..., :3], pixels[..., 3:])
    canvas = np.zeros((height, width, 4), np.float32)
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas[top : top + rows, left : left + columns] = pixels
    return canvas
