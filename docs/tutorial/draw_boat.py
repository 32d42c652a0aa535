"""Draws boat.png, the picture of the tutorial: a sailing boat on the water, with nothing around it.

    python docs/tutorial/draw_boat.py docs/tutorial/boat.png

Our own drawing, under the licence of the project. It lies on a raster of 14x14 squares, so that it stays sharp where
the tutorial fits it into 16 px (one empty px on every side). Needs pillow and nothing of Planaria.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

SQUARES, SIDE = 14, 280  # of the raster; px of the picture
FINE = 4  # drawn so many times larger, for smooth edges
SHAPES = (
    ("#f2c230", [(6, 1), (6, 9), (0.5, 9)]),  # main sail
    ("#e8572a", [(7, 2), (7, 9), (12.5, 9)]),  # fore sail
    ("#3c2416", [(6, 0), (7, 0), (7, 9), (6, 9)]),  # mast
    ("#8a4420", [(0, 9), (14, 9), (11, 12), (3, 12)]),  # hull
    ("#2f7fd0", [(0, 12), (14, 12), (14, 14), (0, 14)]),  # water
)


def draw() -> Image.Image:
    """RGBA, SIDE x SIDE."""
    image = Image.new("RGBA", (FINE * SIDE, FINE * SIDE))
    pen = ImageDraw.Draw(image)
    square = FINE * SIDE / SQUARES
    for colour, corners in SHAPES:
        pen.polygon([(x * square, y * square) for x, y in corners], fill=colour)
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


if __name__ == "__main__":
    draw().save(Path(sys.argv[1]), optimize=True)
