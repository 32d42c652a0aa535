"""Draws the built-in pictures anew: `python -m trainer.builtins` writes trainer/targets/*.png.

Needed only when a picture is added or changed; training reads the PNGs.  The ten motifs of the article are drawn from
Noto Color Emoji (OFL); the dot and the worm are our own drawings.  Imports numpy, pillow and trainer.targets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from trainer.targets import EMOJI, FOLDER, Floats, draw_emoji

FINE = 16  # sub-pixels a side for the edges of our own drawings
DOT_PX = 6
DOT_RGB = (0.95, 0.45, 0.10), (0.20, 0.45, 0.90)  # upper left warm, lower right cold: a turned dot is seen to be turned
WORM_PX = 24, 60  # on 64x96 with the article's 16 px and more around it
# Half the worm's width in px at so many px from its middle: body, neck, the two ears of a planarian's head, the snout.
WORM_AT, WORM_HALF = (0, 12, 17, 21, 23, 27, 30), (6.6, 6.4, 5.4, 9.0, 8.2, 3.6, 0.0)
WORM_RGB, WORM_DARK, WORM_PALE = (0.66, 0.42, 0.30), (0.40, 0.22, 0.17), (0.90, 0.74, 0.58)
EYE_AT, EYE_PX = (22.5, 3.1), 1.9  # along and across, from the middle; the pupil squints inwards


def dot() -> Floats:
    """A filled disc of 6 px, premultiplied [6, 6, 4], its colour running from one corner to the other."""
    at = (np.arange(DOT_PX * FINE) + 0.5) / (DOT_PX * FINE) * 2 - 1
    inside = (at[:, None] ** 2 + at[None] ** 2 <= 1).astype(np.float32)
    blend = np.clip((at[:, None] + at[None] + 1.4) / 2.8, 0, 1)[..., None]
    colour = (1 - blend) * np.array(DOT_RGB[0]) + blend * np.array(DOT_RGB[1])
    fine = np.concatenate([colour * inside[..., None], inside[..., None]], axis=-1)
    pixels: Floats = fine.reshape(DOT_PX, FINE, DOT_PX, FINE, 4).mean(axis=(1, 3)).astype(np.float32)
    return pixels


def worm() -> Floats:
    """A planarian with a head at each end, lying along the row, premultiplied [24, 60, 4]."""
    height, width = WORM_PX
    y = np.abs((np.arange(height * FINE) + 0.5) / FINE - height / 2)[:, None]
    x = np.abs((np.arange(width * FINE) + 0.5) / FINE - width / 2)[None]
    half = np.interp(x, WORM_AT, WORM_HALF)
    fine = np.zeros((height * FINE, width * FINE, 4), np.float32)

    def paint(where: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], rgb: tuple[float, float, float]) -> None:
        fine[where] = (*rgb, 1.0)

    paint(y < half, WORM_DARK)
    paint(y < half - 1.3, WORM_RGB)
    paint((y < 1.7) & (x < 17), WORM_PALE)  # the gut
    eye = np.hypot(x - EYE_AT[0], y - EYE_AT[1])
    paint(eye < EYE_PX, (1.0, 1.0, 1.0))
    paint(np.hypot(x - EYE_AT[0], y - EYE_AT[1] + 0.6) < EYE_PX * 0.55, (0.05, 0.05, 0.08))
    pixels: Floats = fine.reshape(height, FINE, width, FINE, 4).mean(axis=(1, 3)).astype(np.float32)
    return pixels


def write(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, emoji in EMOJI.items():
        drawn = draw_emoji(emoji)
        drawn.crop(drawn.getbbox()).save(folder / f"{name}.png", optimize=True)
    for name, pixels in (("dot", dot()), ("worm", worm())):
        alpha = pixels[..., 3:]
        straight = np.divide(pixels[..., :3], alpha, out=np.zeros_like(pixels[..., :3]), where=alpha > 0)
        png = np.rint(np.concatenate([straight, alpha], axis=-1) * 255).astype(np.uint8)
        Image.fromarray(png).save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    write()
