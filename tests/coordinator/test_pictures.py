"""Pictures: what LED and paper show, crisp squares, films, and the bounded number of stills."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coordinator import film, render
from coordinator.frames import Frame
from firmware_sim.errors import BadInput


def frame(t: float = 0.0) -> Frame:
    """Upper left: half-covered red; upper right: nothing; lower left: overdriven; lower right: lit, but dead."""
    states = np.zeros((2, 2, 16), np.float32)
    states[0, 0, :4] = (0.5, 0, 0, 0.5)
    states[1, 0, :4] = (2.0, -1.0, 0, 1.5)
    states[1, 1, :4] = (0, 1, 0, 1)
    return Frame(t, states, np.array([[True, True], [True, False]]))


def test_led_on_black_shows_the_stored_colour_clipped_and_the_dead_dark() -> None:
    colours = frame().rgb("led")
    assert colours[0, 0].tolist() == [128, 0, 0]
    assert colours[0, 1].tolist() == [0, 0, 0]
    assert colours[1, 0].tolist() == [255, 0, 0]
    assert colours[1, 1].tolist() == [0, 0, 0]


def test_paper_white_shows_one_minus_alpha_plus_colour() -> None:
    colours = frame().rgb("paper")
    assert colours[0, 0].tolist() == [255, 128, 128]
    assert colours[0, 1].tolist() == [255, 255, 255]
    assert colours[1, 0].tolist() == [255, 0, 0]
    assert colours[1, 1].tolist() == [255, 255, 255]


def test_another_look_is_bad_input() -> None:
    with pytest.raises(BadInput, match="'neon'"):
        frame().rgb("neon")


def test_a_cell_is_a_crisp_square(tmp_path: Path) -> None:
    path = frame().save(tmp_path / "x.png", scale=5)
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == (10, 10, 3)
    assert (pixels[:5, :5] == (128, 0, 0)).all() and (pixels[5:, :5] == (255, 0, 0)).all()


def test_by_default_the_longer_side_is_about_480_pixels() -> None:
    assert render.enlarge(np.zeros((40, 20, 3), np.uint8)).shape == (480, 240, 3)


def test_a_still_read_back_is_the_same_cells(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    render.save(colours, tmp_path / "x.png", 4)
    assert (render.read(tmp_path / "x.png", (7, 9)) == colours).all()


@pytest.mark.parametrize("ending", ["webp", "gif"])
def test_a_film_moves_and_plays_for_ever(tmp_path: Path, ending: str) -> None:
    pictures = [np.full((4, 4, 3), light, np.uint8) for light in (0, 120, 240)]
    path = render.film(pictures, tmp_path / f"x.{ending}", scale=2)
    with Image.open(path) as image:
        assert image.n_frames == 3 and image.size == (8, 8) and image.info["loop"] == 0
        image.seek(1)
        assert abs(int(np.asarray(image.convert("RGB"))[0, 0, 0]) - 120) <= 4


def test_an_unknown_ending_is_bad_input_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.bmp"):
        frame().save(tmp_path / "x.bmp")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_does_not_exist_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        frame().save(tmp_path / "nowhere" / "x.png")


def test_a_long_film_keeps_a_bounded_number_of_stills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "MOST", 16)
    roll = film.Film(tmp_path)
    taken = 0
    for t in range(300):
        if roll.wants(t):
            roll.take(frame(float(t)))
            taken += 1
    kept = film.stills(tmp_path)
    assert len(kept) <= 16 and taken < 150
    assert kept[0].t == 0.0 and kept[-1].t > 250, "thinned evenly, not cut off"


def test_a_kept_moment_does_not_shift_the_rhythm(tmp_path: Path) -> None:
    roll = film.Film(tmp_path)
    roll.take(frame(0.0))
    roll.take(frame(0.5), keep=True)
    assert not roll.wants(0.9) and roll.wants(1.0)
    assert [still.t for still in film.stills(tmp_path)] == [0.0, 0.5]
