"""Several seeds on one grid: what they should grow together, and that it is found when they have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coordinator.experiment import replicate, several, spec
from coordinator.experiment.replicate import Job
from firmware_sim import folder
from firmware_sim.errors import BadInput

PAIR = """name = "pair"
rule = "dot"
grid = "14x28"
seeds = [[7, 5], [7, 23]]
watch = 40

[hypothesis]
measure = "recovered"
at_least = 0.5

[[at]]
t = 40
do = "erase"
select = "half:upper"
"""


def test_the_picture_of_all_seeds_holds_a_copy_around_each_and_around_the_middle() -> None:
    dot = folder.load("dot")
    own, rule = dot.target(), several.together(dot, (14, 28), [(7, 5), (7, 23)])
    whole = rule.target()
    assert own is not None and whole is not None and whole.shape == (14, 28, 4)
    for column in (5, 14, 23):
        np.testing.assert_array_equal(whole[4:10, column - 3 : column + 3], own)
    assert np.isclose(whole.sum(), 3 * own.sum())
    assert rule.sha256 != dot.sha256 and rule.files["genome.bin"] == dot.files["genome.bin"]


def test_it_is_a_rule_folder_like_any_other(tmp_path: Path) -> None:
    rule = several.together(folder.load("dot"), (14, 28), [(7, 5)])
    again = folder.load(several.written(rule, tmp_path / "pair"))
    assert again.sha256 == rule.sha256


@pytest.mark.parametrize(("seed", "says"), [((7, 1), "hangs over the grid"), ((7, 12), "lies over that of another")])
def test_pictures_that_have_no_room_are_refused(seed: tuple[int, int], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        several.together(folder.load("dot"), (14, 28), [seed])


def test_all_of_them_are_planted_and_judged_as_one_picture(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(PAIR)
    point = spec.load(path).points()[0]
    row = replicate.run(Job(point, 0, 1))
    assert "error" not in row, row
    assert row["loss_before"] < -4, "all three stand where they should"
    assert row["recovered"]
    filmed = replicate.run(Job(point, 0, 1, keep=tmp_path / "film"))
    assert {**filmed, "seconds": 0} == {**row, "seconds": 0}, "a whole run gives the same row"


@pytest.mark.parametrize("line", ['grid = "14x28"', "watch = 40\nangle = 90"])
def test_seeds_need_a_grid_and_no_angle(tmp_path: Path, line: str) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(PAIR.replace('grid = "14x28"\n', "") if "grid" in line else PAIR.replace("watch = 40", line))
    with pytest.raises(BadInput, match=r"pair\.toml:[34]: key 'seeds' needs a grid, and angle 0"):
        spec.load(path)
