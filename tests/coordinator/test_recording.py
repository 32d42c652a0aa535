"""A recording read back: what the grid showed at any time, and how time in T runs through pauses."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recorded import Recorded, T

from coordinator import replay
from coordinator.frames import Frame
from coordinator.recording import Recording, Times
from coordinator.runfolder import RunFolder
from coordinator.terminal import View
from firmware_sim.errors import BadInput
from firmware_sim.limits import STATE_STEP


@pytest.fixture
def run(tmp_path: Path) -> Recorded:
    found = Recorded(tmp_path)
    found.run(2)
    found.seed(12)
    found.run(10)
    found.kill(12)
    found.kill(3)
    found.run(6)
    found.revive(3)
    found.run(6)
    found.stop()
    return found


def test_a_frame_shows_of_each_cell_what_it_had_said_last_by_then(run: Recorded) -> None:
    recording = Recording.open(run.folder)
    first, last = recording.span
    assert first < 1 and last > 23
    for t in (0.5, 2.5, 6.0, 11.9, 15.0, 23.0):
        by_then = {cell: state for at_ns, cell, state in run.said if at_ns <= recording.times.ns(t)}
        frame = recording.frame(t)
        for cell in range(25):
            if t > 12 and cell in (3, 12):
                continue
            expected = np.frombuffer(by_then.get(cell, bytes(16)), np.int8) * np.float32(STATE_STEP)
            assert frame.states[cell // 5, cell % 5].tolist() == expected.tolist(), (t, cell)


def test_the_dead_are_dark_until_their_next_life_speaks(run: Recorded) -> None:
    recording = Recording.open(run.folder)
    assert not recording.frame(-1).on.any()
    assert recording.frame(11.9).on.all()
    dead = recording.frame(15)
    assert (~dead.on).nonzero()[0].tolist() == [0, 2] and not dead.states[~dead.on].any()
    assert (~recording.frame(23.9).on).nonzero()[1].tolist() == [2], "one of them was revived"


def test_time_in_t_stands_still_in_pauses() -> None:
    times = Times(1000, 100, ((1200, 1700), (2000, 2100)))
    assert [times.t(at) for at in (900, 1000, 1100, 1200, 1500, 1700, 1800, 2050, 2200)] == [
        -1,
        0,
        1,
        2,
        2,
        2,
        3,
        5,
        6,
    ]
    assert [times.ns(t) for t in (-1, 0, 1, 2, 3, 6)] == [900, 1000, 1100, 1200, 1800, 2200]


def test_pauses_are_read_from_the_log(run: Recorded) -> None:
    run.folder.event("pause", 3, ns=1003 * T, began_ns=1003 * T)
    run.folder.event("resume", 3, ns=1005 * T, began_ns=1005 * T)
    assert Recording.open(run.folder).times.t(1010 * T) == 8


def test_a_run_that_was_not_recorded_says_what_to_do(tmp_path: Path, run: Recorded) -> None:
    for path in run.folder.recording.iterdir():
        path.unlink()
    with pytest.raises(BadInput, match="--record"):
        Recording.open(run.folder)


def test_the_recording_of_another_run_is_refused(run: Recorded, tmp_path: Path) -> None:
    info = run.folder.path / "run.json"
    info.write_text(info.read_text().replace('"run": "recorded"', '"run": "another"'))
    with pytest.raises(BadInput, match="of run recorded, the folder is of run another"):
        Recording.open(RunFolder.open(run.folder.path))


def test_a_film_has_a_picture_for_each_moment_of_its_part(run: Recorded, tmp_path: Path) -> None:
    recording = Recording.open(run.folder)
    part = replay.part(recording, 2, 12, speed=10)
    assert part.pace == pytest.approx(20), "T = 0.5 s, ten times as fast"
    count = replay.film(recording, part, tmp_path / "film.webp", "led", scale=2)
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames == count == 8 and film.size == (10, 10)
        film.seek(count - 1)
        shown = np.asarray(film.convert("RGB"))[::2, ::2]
    assert (shown == recording.frame(12).rgb()).all()


@pytest.mark.parametrize(
    ("first", "last", "speed", "said"),
    [(5, 5, 1, "from 5 to 5"), (0, 500, 1, "recorded was"), (0, 5, 0, "speed is 0"), (9, 2, 1, "from 9 to 2")],
)
def test_a_part_that_cannot_be_is_refused(run: Recorded, first: float, last: float, speed: float, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        replay.part(Recording.open(run.folder), first, last, speed)


def test_too_long_a_film_names_the_speed_that_would_do(run: Recorded, tmp_path: Path) -> None:
    recording = Recording.open(run.folder)
    with pytest.raises(BadInput, match=r"use --speed 0\.0"):
        replay.film(recording, replay.part(recording, 0, 20, 0.01), tmp_path / "long.gif", "led")


def test_playing_shows_the_part_at_its_pace_with_what_was_done(run: Recorded) -> None:
    shown: list[tuple[Frame, str, str]] = []
    now = [0.0]

    class Eyes(View):
        def picture(self, frame: Frame, line: str, headline: str) -> None:
            shown.append((frame, line, headline))

    def sleep(seconds: float) -> None:
        now[0] += seconds

    recording = Recording.open(run.folder)
    part = replay.part(recording, 0, 10, speed=1)
    replay.play(recording, run.folder, part, Eyes(live=False), lambda: now[0], sleep)
    assert now[0] == pytest.approx(5, abs=0.1) and len(shown) == pytest.approx(63, abs=2)
    assert shown[-1][0].t == 10 and "25 alive" in shown[-1][1]
    assert any("seed" in headline for _, _, headline in shown)
    assert not shown[0][2]


def test_an_mp4_is_written_where_pyav_is_installed(run: Recorded, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    recording = Recording.open(run.folder)
    count = replay.film(recording, replay.part(recording, 2, 12, speed=10), tmp_path / "film.mp4", "led", scale=3)
    with av.open(str(tmp_path / "film.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == count and frames[0].shape == (16, 16, 3), "15 pixels, made even"
    expected = np.repeat(np.repeat(recording.frame(12).rgb(), 3, axis=0), 3, axis=1).astype(int)
    assert np.abs(frames[-1][:15, :15].astype(int) - expected).mean() < 40, "the same picture, but for its compression"


def test_without_pyav_an_mp4_is_refused_in_one_line(
    run: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    recording = Recording.open(run.folder)
    with pytest.raises(BadInput, match=r"pip install 'planaria\[video\]'"):
        replay.film(recording, replay.part(recording, 2, 4, speed=10), tmp_path / "film.mp4", "led")
