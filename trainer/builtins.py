"""Draws the built-in pictures anew: `python -m trainer.builtins` writes trainer/targets/*.png.

Needed only when a picture is added or changed; training reads the PNGs.  The lizard is Noto Color Emoji's (OFL),
the dot is our own drawing.  Imports numpy, pillow and trainer.targets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from trainer.targets import FOLDER, Floats, draw_emoji

EMOJI = {"lizard": "🦎"}
FINE = 16  # sub-pixels a side for the edge of the dot
DOT_PX = 6
DOT_RGB = (0.95, 0.45, 0.10), (0.20, 0.45, 0.90)  # upper left warm, lower right cold: a turned dot is seen to be turned


def dot() -> Floats:
    """A filled disc of 6 px, premultiplied [6, 6, 4], its colour running from one corner to the other."""
    at = (np.arange(DOT_PX * FINE) + 0.5) / (DOT_PX * FINE) * 2 - 1
    inside = (at[:, None] ** 2 + at[None] ** 2 <= 1).astype(np.float32)
    blend = np.clip((at[:, None] + at[None] + 1.4) / 2.8, 0, 1)[..., None]
    colour = (1 - blend) * np.array(DOT_RGB[0]) + blend * np.array(DOT_RGB[1])
    fine = np.concatenate([colour * inside[..., None], inside[..., None]], axis=-1)
    pixels: Floats = fine.reshape(DOT_PX, FINE, DOT_PX, FINE, 4).mean(axis=(1, 3)).astype(np.float32)
    return pixels


def write(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, emoji in EMOJI.items():
        drawn = draw_emoji(emoji)
        drawn.crop(drawn.getbbox()).save(folder / f"{name}.png", optimize=True)
    pixels = dot()
    alpha = pixels[..., 3:]
    straight = np.divide(pixels[..., :3], alpha, out=np.zeros_like(pixels[..., :3]), where=alpha > 0)
    png = np.rint(np.concatenate([straight, alpha], axis=-1) * 255).astype(np.uint8)
    Image.fromarray(png).save(folder / "dot.png", optimize=True)


if __name__ == "__main__":
    write()
