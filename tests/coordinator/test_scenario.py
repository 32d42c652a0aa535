"""Scenario files: timed actions, checked whole; every error names file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator import scenario
from coordinator.actions import Heal, Inject, Kill, Revive
from firmware_sim.errors import BadInput

GOOD = """\
# grow, halve, heal
[[at]]
t = 64
do = "revive"
select = "dead"

[[at]]
t = 60
do = "kill"
select = "50%"
seed = 7

[[at]]
t = 70.5
do = "inject"
fault = "link_loss"
select = "all"
for = 20
rate = 0.05

[[at]]
t = 100
do = "heal"
"""


def load(tmp_path: Path, text: str) -> list[scenario.Step]:
    path = tmp_path / "s.toml"
    path.write_text(text)
    return scenario.load(path)


def test_steps_come_in_order_of_time(tmp_path: Path) -> None:
    steps = load(tmp_path, GOOD)
    assert [step.t for step in steps] == [60, 64, 70.5, 100]
    assert steps[0].action == Kill(select="50%", seed=7)
    assert steps[1].action == Revive(select="dead")
    assert steps[2].action == Inject(fault="link_loss", select="all", duration=20, parameters={"rate": 0.05})
    assert steps[3].action == Heal()


def test_its_length_holds_the_last_fault(tmp_path: Path) -> None:
    assert scenario.length(load(tmp_path, GOOD)) == 100
    assert scenario.length(load(tmp_path, GOOD.replace("for = 20", "for = 50"))) == 120.5


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ('do = "kill"', 'do = "kil"', 9, "'do' is 'kil'"),
        ("t = 60", 't = "soon"', 8, "'t' is 'soon'"),
        ("t = 60", "t = -1", 8, "expected 0 or more"),
        ("t = 60\n", "", 7, "'t' is None"),
        ("seed = 7", "sede = 7", 11, "unknown key 'sede' for kill"),
        ("seed = 7", 'seed = "x"', 11, "key 'seed'"),
        ('select = "50%"', 'select = "50%&"', 10, "part ''"),
        ('select = "50%"', "select = 50", 10, "key 'select'"),
        ('fault = "link_loss"', 'fault = "gremlins"', 16, "'gremlins' is unknown"),
        ("rate = 0.05", "rate = 5", 19, "rate is 5, expected 0 to 1"),
        ("rate = 0.05", "rat = 0.05", 19, "unknown parameter 'rat'"),
        ("rate = 0.05", 'rate = "lots"', 19, "key 'rate'"),
        ("for = 20", "for = 0", 18, "cannot last 0"),
        ('do = "heal"', 'do = "heal"\nwho = 3', 24, "unknown key 'who' for heal"),
        ("# grow", "title = 3 # grow", 1, "unknown key 'title'"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_key(
    tmp_path: Path, before: str, after: str, line: int, says: str
) -> None:
    assert before in GOOD
    with pytest.raises(BadInput) as error:
        load(tmp_path, GOOD.replace(before, after, 1))
    message = str(error.value)
    assert f"s.toml:{line}:" in message and says in message and "\n" not in message


def test_no_toml_at_all_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no TOML"):
        load(tmp_path, "[[at")


def test_an_empty_file_and_a_missing_one_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="one or more"):
        load(tmp_path, "")
    with pytest.raises(BadInput, match="cannot be read"):
        scenario.load(tmp_path / "nowhere.toml")


def test_inline_tables_work_and_are_named_by_their_place(tmp_path: Path) -> None:
    assert len(load(tmp_path, 'at = [{t = 1, do = "pause"}, {t = 2, do = "resume"}]')) == 2
    with pytest.raises(BadInput, match="step 2"):
        load(tmp_path, 'at = [{t = 1, do = "pause"}, {t = 2, do = "rest"}]')
