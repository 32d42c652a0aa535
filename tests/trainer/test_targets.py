"""What a user may give as a picture, and what is said when it is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coordinator.evaluate.heads import count as count_heads
from firmware_sim.errors import BadInput
from trainer import targets
from trainer.builtins import dot
from trainer.targets import resolve


def edges(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(pixels[..., 3])
    size = len(pixels)
    return int(rows.min()), size - 1 - int(rows.max()), int(columns.min()), size - 1 - int(columns.max())


@pytest.mark.parametrize(("size", "margin"), [(40, 2), (24, 1)])
def test_the_lizard_leaves_room_for_its_halo_on_a_grid_of_its_own_size(size: int, margin: int) -> None:
    found = resolve("lizard", size)
    assert found.pixels.shape == (size, size, 4) and min(edges(found.pixels)) == margin
    assert found.name == ("lizard" if size == 40 else "lizard-24")
    assert found.pixels[size // 2, size // 2, 3] > 0.9  # the seed stands inside the body


def test_targets_are_premultiplied_and_what_a_png_of_8_bits_keeps() -> None:
    pixels = resolve("lizard").pixels
    assert (pixels[..., :3] <= pixels[..., 3:] + 1e-6).all() and pixels.max() <= 1
    np.testing.assert_allclose(pixels * 255, np.rint(pixels * 255), atol=1e-4)


def test_the_dot_is_a_disc_of_6_px_without_a_margin() -> None:
    pixels = resolve("dot").pixels
    assert pixels.shape == (6, 6, 4) and edges(pixels) == (0, 0, 0, 0)
    np.testing.assert_allclose(pixels, dot(), atol=0.01)


def test_built_in_pictures_need_no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "FONTS", ())
    assert resolve("lizard").notes == ()
    with pytest.raises(BadInput, match="fonts-noto-color-emoji"):
        resolve("🦋")


def test_an_emoji_is_drawn_and_an_unknown_one_named() -> None:
    if not any(Path(font).is_file() for font in targets.FONTS):
        pytest.skip("no emoji font here")
    assert resolve("🦋", 32).name == "emoji-1f98b"
    assert resolve("👨‍👩‍👧‍👦", 32).pixels.any() and resolve("🇩🇪", 32).pixels.any(), "sequences that mean one"
    for given in ("你", "🦖🦖", "🦖🦖x", "x🦖", "🦎\u200d🦖", "\u200d", "é"):
        with pytest.raises(BadInput, match="unknown emoji"):
            resolve(given, 32)


def test_a_picture_without_alpha_or_with_many_frames_says_what_was_assumed(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), (200, 10, 10)).save(tmp_path / "plain.jpg")
    found = resolve(str(tmp_path / "plain.jpg"), 20)
    assert found.pixels.shape == (20, 20, 4) and "no transparency" in found.notes[0]
    frames = [Image.new("RGBA", (9, 9), (i, 0, 0, 255)) for i in (0, 200)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    assert any("first frame" in note for note in resolve(str(tmp_path / "film.gif")).notes)


def test_a_single_pixel_is_a_picture_and_said_to_be_enlarged(tmp_path: Path) -> None:
    Image.new("RGBA", (1, 1), (0, 255, 0, 255)).save(tmp_path / "one.png")
    found = resolve(str(tmp_path / "one.png"), 8)
    assert found.pixels[..., 1].sum() == 64 and "1x1 pixels" in found.notes[-1]


def test_a_photograph_stands_as_its_camera_was_held(tmp_path: Path) -> None:
    held = Image.new("RGB", (8, 8), (0, 0, 255))
    held.paste((255, 0, 0), (0, 0, 4, 8))  # red on the left of the sensor
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees: the left of the sensor is up
    held.save(tmp_path / "upright.png", exif=exif)
    pixels = resolve(str(tmp_path / "upright.png"), 8).pixels
    assert (pixels[:4, :, 0] == 1).all() and (pixels[4:, :, 2] == 1).all()


def test_sixteen_bits_a_value_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 0x4080, np.uint16)).save(tmp_path / "deep.png")
    assert resolve(str(tmp_path / "deep.png"), 8).pixels[0, 0, 0] == pytest.approx(64 / 255)


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    Image.new("RGBA", (8, 8)).save(tmp_path / "clear.png")
    Image.new("RGBA", (8, 8), (1, 2, 3, 255)).save(tmp_path / "half.png")
    whole = (tmp_path / "half.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (9000, 9000)).save(tmp_path / "huge.png")
    for given, words in {
        "text.png": "not an image",
        "clear.png": "fully transparent",
        "half.png": "could not be read|not an image",
        "huge.png": "9000x9000",
        "absent.png": "unknown target",
    }.items():
        with pytest.raises(BadInput, match=words) as caught:
            resolve(str(tmp_path / given))
        assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="4 to 128"):
        resolve("lizard", 500)
    with pytest.raises(BadInput, match="is a folder"):
        resolve(str(tmp_path))
    for given in ("x" * 5000, "zero\0byte"):
        with pytest.raises(BadInput, match="unknown target") as caught:
            resolve(given)
        assert len(str(caught.value)) < 500


MOTIFS = ("lizard", "smiley", "boom", "eye", "fish", "butterfly", "ladybug", "web", "pretzel", "tree")


@pytest.mark.parametrize("name", MOTIFS)
def test_the_articles_ten_motifs_are_built_in_at_40_px_and_credited(name: str) -> None:
    found = resolve(name)
    assert found.name == name and found.pixels.shape == (40, 40, 4) and "Noto Color Emoji" in found.credit
    assert found.pixels[20, 20, 3] > 0.9, "the seed stands inside the picture"
    assert f"{name}.png" in (targets.FOLDER / "ORIGIN").read_text()


def test_the_worm_has_two_heads_and_lies_on_64x96_with_room_to_spare() -> None:
    pixels = resolve("worm").pixels
    assert pixels.shape == (64, 64, 4) and count_heads(pixels, pixels) == 2
    top, bottom, left, right = edges(pixels)
    assert min(top, bottom) > 16 and min(left, right) == 2
    assert resolve("worm").credit == ""
