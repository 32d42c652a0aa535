"""Pictures to teach: a built-in name, an emoji or an image file becomes premultiplied float RGBA, fitted into SIZE
px.

The built-in pictures lie in trainer/targets/ as PNGs (see ORIGIN there), so training one of them needs no font.
Whatever had to be assumed about a picture is said in `Target.notes`.  It never trains and never writes.  Imports
numpy, pillow, firmware_sim.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError, features

from firmware_sim.errors import BadInput
from firmware_sim.targets import load_target

Floats = NDArray[np.float32]

FOLDER = Path(__file__).parent / "targets"
NOTO = "picture: Noto Color Emoji, Copyright Google LLC, SIL Open Font License 1.1"
EMOJI = {  # the article's ten motifs
    "lizard": "🦎",
    "smiley": "😀",
    "boom": "💥",
    "eye": "👁️",
    "fish": "🐠",
    "butterfly": "🦋",
    "ladybug": "🐞",
    "web": "🕸️",
    "pretzel": "🥨",
    "tree": "🎄",
}
CREDITS = dict.fromkeys(EMOJI, NOTO)
DEFAULT_SIZE = 40
OWN_SIZES = {"dot": 6, "worm": 64}  # built-in pictures that are not 40 px by nature
SIZE_MIN, SIZE_MAX = 4, 128
PIXELS_MAX = 64_000_000  # a picture beyond this is refused before it is decoded
UNSEEN = 0.02  # ripples that resizing leaves around an edge; a rule should not have to learn them
FONT_SIZE = 109  # the only size this bitmap font opens at
EMOJI_LENGTH_MAX = 16  # code points; a family of four with skin tones has 11
ONE_EMOJI = "🦎"  # how wide one is drawn; this font draws all alike
TINY_PX = 8  # a picture with fewer pixels a side than this is worth a word
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # 16 bits a value, of which pillow would keep the lowest 8
FONTS = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",  # Debian, Ubuntu
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",  # Arch, Alpine
    "/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf",  # Fedora
    "/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf",
)


@dataclass(frozen=True, slots=True)
class Target:
    """`pixels` [size, size, 4] premultiplied in 0..1; `name` fit for a folder; `notes` what was assumed."""

    name: str
    origin: str
    pixels: Floats
    notes: tuple[str, ...] = ()
    credit: str = ""


def builtin_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.png"))


def resolve(given: str, size: int | None = None) -> Target:
    """The target behind what a user typed; BadInput in one line when it is none."""
    if size is not None and not SIZE_MIN <= size <= SIZE_MAX:
        raise BadInput(f"size is {size} px, expected {SIZE_MIN} to {SIZE_MAX}")
    if given in builtin_names():
        side = size or OWN_SIZES.get(given, DEFAULT_SIZE)
        image, _ = open_image(FOLDER / f"{given}.png")
        name = given if side == OWN_SIZES.get(given, DEFAULT_SIZE) else f"{given}-{side}"
        return Target(name, f"built-in {given}", fit(image, side), credit=CREDITS.get(given, ""))
    side = size or DEFAULT_SIZE
    path = Path(given)
    if _is(path.is_file):
        image, notes = open_image(path)
        return Target(path.stem, path.name, fit(image, side), notes)
    expected = f"expected a built-in name ({', '.join(builtin_names())}), one emoji or an image file"
    if _is(path.is_dir):
        raise BadInput(f"{given} is a folder: {expected}")
    if 0 < len(given) <= EMOJI_LENGTH_MAX and not given.isascii() and not set(given) & set("/."):
        points = "-".join(f"{ord(c):x}" for c in given if c != "\ufe0f")
        return Target(f"emoji-{points}", f"emoji {given}", fit(draw_emoji(given), side), credit=NOTO)
    raise BadInput(f"unknown target {given[:200]!r}: {expected}")


def open_image(path: Path) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture as RGBA and what had to be assumed about it."""
    notes = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if opened.width * opened.height > PIXELS_MAX:
                    raise BadInput(f"{path}: {opened.width}x{opened.height} pixels, expected at most {PIXELS_MAX:,}")
                if getattr(opened, "n_frames", 1) > 1:
                    notes.append(f"{path.name} is animated: its first frame is the target")
                if not opened.has_transparency_data:
                    notes.append(f"{path.name} has no transparency: the whole rectangle is taken as the picture")
                image = _as_rgba(ImageOps.exif_transpose(opened))
                if max(image.size) < TINY_PX:
                    notes.append(f"{path.name} has only {image.width}x{image.height} pixels: it is enlarged")
                return image, tuple(notes)
    except UnidentifiedImageError as error:
        raise BadInput(f"{path} is not an image that pillow can read; expected PNG, JPEG, GIF, WebP ...") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path} could not be read as an image: {error}") from error


def _as_rgba(image: Image.Image) -> Image.Image:
    if image.mode not in DEEP_MODES:
        return image.convert("RGBA")
    values = np.clip(np.asarray(image, np.float64) / 257, 0, 255)
    return Image.fromarray(np.rint(values).astype(np.uint8)).convert("RGBA")


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except (OSError, ValueError):  # a name too long for any file, or with a zero byte
        return False


def draw_emoji(emoji: str) -> Image.Image:
    """One emoji as Noto Color Emoji draws it, 136 px; BadInput without the font, for what it lacks and for more."""
    found = next((font for font in FONTS if Path(font).is_file()), None)
    if found is None:
        raise BadInput("emoji need the font Noto Color Emoji: apt-get install fonts-noto-color-emoji, or give an image")
    font = ImageFont.truetype(found, FONT_SIZE)
    width = font.getlength(ONE_EMOJI)
    if font.getlength(emoji) > width:  # a sequence that means one emoji is drawn as one
        joined = "" if features.check("raqm") else ", and joined ones need pillow with libraqm"
        raise BadInput(f"unknown emoji {emoji!r}: expected one that Noto Color Emoji draws as one picture{joined}")
    image = Image.new("RGBA", (int(width) + 16, 160))
    ImageDraw.Draw(image).text((8, 8), emoji, font=font, embedded_color=True)
    if image.getbbox() is None:
        raise BadInput(f"unknown emoji {emoji!r}: Noto Color Emoji has no picture for it")
    return image


def margin(size: int) -> int:
    """Empty px on every side of a fitted picture: room for the living but unseen halo on a grid of just this size."""
    return 2 if size >= 32 else 1 if size >= 12 else 0


def fit(image: Image.Image, size: int) -> Floats:
    """The picture without its transparent surroundings, as large as `size` less the margin allows, centred."""
    pixels = np.asarray(image.convert("RGBA"))
    seen = pixels[..., 3] > 0
    if not seen.any():
        raise BadInput("the picture is fully transparent: there is nothing to grow")
    rows, columns = np.nonzero(seen.any(axis=1))[0], np.nonzero(seen.any(axis=0))[0]
    cropped = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    fitted = load_target(cropped, size - 2 * margin(size), padding=margin(size))
    fitted[fitted[..., 3] < UNSEEN] = 0
    # Rounded as the rule folder's PNG keeps it, so that the target trained on is the target shipped.
    return (np.rint(fitted * 255) / 255).astype(np.float32)
