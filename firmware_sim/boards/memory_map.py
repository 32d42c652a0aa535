"""A picture of where everything lies in an image, flash and RAM, drawn from its ELF file as SVG.

`python -m firmware_sim.boards.memory_map RULE BOARD OUT.svg`.  Never guesses: every box is a symbol or a measured
bound.  Imports: image, stack, build, catalog, errors; folder when run as a command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import board
from firmware_sim.boards.image import Image
from firmware_sim.boards.listing import functions
from firmware_sim.boards.stack import bound
from firmware_sim.errors import BadInput

WIDTH, BAR, LEFT = 900, 34, 20
COLOURS = {"genome": "#4c9f70", "core": "#3b7ea1", "board": "#d08c3a", "free": "#e8e8e4", "stack": "#b3554d"}
CORE = (
    ("alpha heard", 1, "core"),
    ("own state", 16, "core"),
    ("Sobel sums dx, dy", 64, "core"),
)


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch of memory and what it holds."""

    name: str
    size: int
    kind: str


def flash_boxes(image: Image) -> list[Box]:
    """Genome, kernels of the core, everything else, and what is left below the limit."""
    start, end = image.genome_span()
    own = [f for f in functions(image) if f.name.startswith("planaria_") and "reset" not in f.name]
    kernels = sum(f.end - f.address for f in own)
    rest = len(image.flash) - (end - start) - kernels
    boxes = [Box("genome", end - start, "genome"), Box("core", kernels, "core")]
    boxes.append(Box("link, clock, lamp", rest, "board"))
    left = image.board.flash_limit_bytes - len(image.flash)
    return [*boxes, Box("free", left, "free")] if left > 0 else boxes


def ram_boxes(image: Image) -> list[Box]:
    """The core's structure in its order, the clock, and the bound of the stack."""
    wide = 3 if image.board.family == "avr" else 4
    boxes = [Box(*entry) for entry in CORE]
    boxes.append(Box("output sums = link buffer", 16 * wide, "board"))
    boxes.append(Box("clock, padding", image.static_ram_bytes - sum(box.size for box in boxes), "board"))
    boxes.append(Box("stack, worst case", bound(image).bytes, "stack"))
    left = 256 - sum(box.size for box in boxes)
    return [*boxes, Box("free of 256", left, "free")] if left > 0 else boxes


def svg(image: Image, title: str) -> str:
    """Two bars, each to its own scale."""
    rows = [("flash", flash_boxes(image)), ("RAM", ram_boxes(image))]
    height = 60 + 150 * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="28" font-size="16">{escape(title)}</text>',
    ]
    for index, (name, boxes) in enumerate(rows):
        parts += _bar(name, boxes, 60 + 150 * index)
    return "".join([*parts, "</svg>\n"])


def _bar(name: str, boxes: Iterable[Box], top: int) -> list[str]:
    boxes = list(boxes)
    total = sum(box.size for box in boxes)
    used = sum(box.size for box in boxes if box.kind != "free")
    parts = [f'<text x="{LEFT}" y="{top}">{name}: {used:,} bytes used</text>']
    x, scale = float(LEFT), (WIDTH - 2 * LEFT) / total
    for number, box in enumerate(boxes):
        width = box.size * scale
        fill = COLOURS[box.kind]
        parts.append(
            f'<rect x="{x:.1f}" y="{top + 8}" width="{width:.1f}" height="{BAR}" fill="{fill}" stroke="white"/>'
        )
        y = top + 8 + BAR + 16 + 15 * (number % 4)
        parts.append(f'<line x1="{x + 2:.1f}" y1="{top + 8 + BAR}" x2="{x + 2:.1f}" y2="{y - 4}" stroke="#999"/>')
        anchor = f'text-anchor="end" x="{WIDTH - 4}"' if x > WIDTH - 170 else f'x="{x + 5:.1f}"'
        parts.append(f'<text {anchor} y="{y}">{escape(box.name)} {box.size:,}</text>')
        x += width
    return parts


def main(arguments: list[str]) -> int:
    from firmware_sim import folder

    if len(arguments) != 3:
        raise BadInput("usage: python -m firmware_sim.boards.memory_map RULE BOARD OUT.svg")
    rule, name, out = arguments
    genome = folder.load(rule).genome()
    if genome is None:
        raise BadInput(f"{rule}: this rule has no genome")
    image = build(genome, board(name), check_fit=False)
    Path(out).write_text(svg(image, f"{rule} on {image.board.chip} ({name}), from its ELF file"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
