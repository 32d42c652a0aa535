"""Pictures to teach: a built-in name, an emoji or an image file becomes premultiplied float RGBA, fitted into SIZE px.

The built-in pictures lie in trainer/targets/ as PNGs, so training one of them needs no font; emoji are drawn from Noto Color Emoji.
It never trains and never writes into the package.  Imports numpy, pillow and firmware_sim.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from firmware_sim.errors import BadInput

Floats = NDArray[np.float32]

FOLDER = Path(__file__).parent / "targets"
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
FONT_SIZE = 109  # the only size this bitmap font opens at


def fit(image: Image.Image, size: int, margin: int) -> Floats:
    """The picture within its transparent surroundings, as large as `size` less `margin` on each side allows, centred."""
    rgba = np.asarray(image.convert("RGBA"), dtype=np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]  # premultiplied before resizing, or transparent pixels bleed their colour
    rows, columns = np.nonzero(rgba[..., 3].any(axis=1))[0], np.nonzero(rgba[..., 3].any(axis=0))[0]
    rgba = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    h, w = rgba.shape[:2]
    room = size - 2 * margin
    scale = room / max(h, w)
    new = max(1, round(h * scale)), max(1, round(w * scale))
    planes = [Image.fromarray(rgba[..., c]).resize(new[::-1], Image.Resampling.LANCZOS) for c in range(4)]
    small = np.clip(np.stack([np.asarray(p) for p in planes], axis=-1), 0, 1)
    small[..., :3] = np.minimum(small[..., :3], small[..., 3:])
    top, left = (size - new[0]) // 2, (size - new[1]) // 2
    out = np.zeros((size, size, 4), dtype=np.float32)
    out[top : top + new[0], left : left + new[1]] = small
    return out
