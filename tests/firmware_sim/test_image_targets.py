"""Targets from image files: fitted, premultiplied once, turned about the seed cell; whatever is no image is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from firmware_sim import rule as floats
from firmware_sim import targets
from firmware_sim.errors import BadInput
from firmware_sim.rule import Rule


def picture(path: Path, pixels: Any, mode: str = "RGBA") -> Path:
    Image.fromarray(np.asarray(pixels, np.uint8), mode).save(path)
    return path


def test_a_straight_picture_is_premultiplied_and_a_premultiplied_one_is_not(tmp_path: Path) -> None:
    path = picture(tmp_path / "half.png", np.full((4, 4, 4), [255, 100, 0, 128]))
    assert targets.load_target(path, 4)[0, 0].tolist() == pytest.approx([128 / 255, 100 * 128 / 255**2, 0, 128 / 255])
    assert targets.load_target(path, 4, premultiplied=True)[0, 0].tolist() == pytest.approx(
        [1, 100 / 255, 0, 128 / 255]
    )


def test_looking_tells_a_published_tile_from_a_straight_picture() -> None:
    straight = np.zeros((2, 2, 4), np.float32)
    straight[0, 0] = [1, 0.5, 0, 0.5]
    assert not targets.looks_premultiplied(straight)
    multiplied = targets.load_target(straight, None)
    assert targets.looks_premultiplied(multiplied)
    assert np.array_equal(targets.load_target(multiplied, None, premultiplied=None), multiplied)


def test_a_picture_keeps_its_shape_and_is_centred(tmp_path: Path) -> None:
    path = picture(tmp_path / "wide.png", np.full((10, 20, 4), 255))
    target = targets.load_target(path, 8)
    assert target.shape == (8, 8, 4)
    assert target[..., 3].sum(axis=1).tolist() == [0, 0, 8, 8, 8, 8, 0, 0]
    assert targets.load_target(path, (4, 10), padding=3).shape == (10, 16, 4)
    assert (target[..., :3] <= target[..., 3:]).all()
    assert target.max() <= 1


def test_a_picture_without_transparency_is_opaque(tmp_path: Path) -> None:
    path = picture(tmp_path / "rgb.jpg", np.full((6, 6, 3), 77), "RGB")
    assert targets.load_target(path, None)[..., 3].min() == 1


def test_png_keeps_the_numbers() -> None:
    target = np.random.default_rng(0).integers(0, 256, (5, 3, 4)).astype(np.float32) / 255
    assert np.array_equal(targets.from_png(targets.to_png(target)), target)


def test_quarter_turns_are_exact_about_the_centre_pixel() -> None:
    target = np.random.default_rng(0).random((6, 4, 4)).astype(np.float32)
    still = targets.turned(target, 0)
    assert still.shape == (7, 7, 4)
    assert np.array_equal(still[3, 3], target[3, 2])
    assert np.array_equal(still[0:6, 1:5], target)
    quarter = targets.turned(target, 90)
    assert np.array_equal(quarter[3, 3 + 1], target[3 + 1, 2]), "what was below is now to the right"
    assert np.array_equal(targets.turned(quarter, 270), still)
    assert np.array_equal(targets.turned(target, 180), still[::-1, ::-1])


def test_quarter_turns_are_counter_clockwise_as_one_sees_them() -> None:
    target = np.zeros((6, 6, 4), np.float32)
    target[3, 3:6] = 1.0  # a bar from the centre pixel to the right

    def lit(degrees: float) -> set[tuple[int, int]]:
        """Lit pixels relative to the centre pixel, (down, right)."""
        turned = targets.turned(target, degrees)
        assert set(np.unique(turned)) == {0.0, 1.0}
        rows, columns = np.nonzero(turned[..., 3])
        centre = len(turned) // 2
        return {(int(y) - centre, int(x) - centre) for y, x in zip(rows, columns, strict=True)}

    assert lit(0) == {(0, 0), (0, 1), (0, 2)}
    assert lit(90) == {(0, 0), (-1, 0), (-2, 0)}
    assert lit(180) == {(0, 0), (0, -1), (0, -2)}
    assert lit(-90) == lit(270) == {(0, 0), (1, 0), (2, 0)}


def test_an_odd_angle_keeps_the_centre_and_about_the_amount_of_paint() -> None:
    target = np.ones((9, 9, 4), np.float32)
    turned = targets.turned(target, 30)
    assert turned[len(turned) // 2, len(turned) // 2].tolist() == [1, 1, 1, 1]
    assert turned.sum() == pytest.approx(target.sum(), rel=0.02)


def test_a_rule_that_perceives_turned_grows_the_turned_picture() -> None:
    """A rule that copies what lies to its left grows a bar to the right; turned by 90 degrees it must grow upward."""
    w1 = np.zeros((48, 2), np.float32)
    w1[16 + 3, 0] = -1.0  # alpha gradient along x: negative to the right of what is there
    w2 = np.zeros((2, 16), np.float32)
    w2[0, 3] = 4.0
    rule = Rule(w1, np.zeros(2, np.float32), w2, np.zeros(16, np.float32))
    grown = {}
    for degrees in (0, 90):
        grid = floats.seed(13, 13)
        for _ in range(3):
            grid = floats.step(rule, grid, np.ones((13, 13), np.bool_), degrees=degrees)
        y, x = np.mgrid[-6:7, -6:7]
        alpha = np.clip(grid[..., 3], 0, 1)
        grown[degrees] = (float((y * alpha).sum()), float((x * alpha).sum()))
    assert grown[0][1] > 1 and abs(grown[0][0]) < 1e-3
    assert grown[90][0] < -1 and abs(grown[90][1]) < 1e-3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an image"),
        (b"GIF89a but not really", "not an image"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "not an image"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "picture.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=f"picture.png: {words}") as caught:
        targets.load_target(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pixels", "size", "words"),
    [
        (np.zeros((4, 4, 4), np.float32), 4, "fully transparent"),
        (np.zeros((4, 4, 2), np.float32), 4, "expected .height, width, 3 or 4."),
        (np.full((4, 4, 4), 2.0), 4, "outside 0..1"),
        (np.full((4, 4, 4), np.nan), 4, "outside 0..1"),
        (np.ones((4, 4, 4)), 0, "target size 0x0"),
        (np.ones((4, 4, 4)), 1000, "target size 1000x1000"),
        (np.ones((600, 4, 4)), None, "expected at most 512"),
    ],
)
def test_pictures_out_of_range_are_refused(pixels: Any, size: int | None, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        targets.load_target(pixels, size)
