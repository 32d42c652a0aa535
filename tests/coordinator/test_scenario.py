"""Scenario files: timed actions, checked whole; every error names file, line and key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coordinator import scenario
from coordinator.actions import Heal, Inject, Kill, Revive
from coordinator.selectorterms import Field
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


# ---- against the run


def grid(height: int = 8, width: int = 8) -> Field:
    return Field(height, width, False, np.ones(height * width, np.bool_))


TWO_CUTS = """[[at]]
t = 10
do = "inject"
fault = "partition"
select = "all"
for = 20

[[at]]
t = 20
do = "inject"
fault = "partition"
name = "ring"
select = "circle:3,3,2"
for = 10
"""


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (TWO_CUTS, 11, "key 'fault': a second partition at 20 T, while that of"),
        (GOOD.replace("t = 100", "t = 500"), 22, "key 't': this comes at 500 T, the run ends at 200 T"),
        (
            GOOD.replace("for = 20", "for = 20\nevery = 50\ntimes = 9"),
            19,
            "key 'every': the last of these comes at 470.5 T",
        ),
        (GOOD.replace('select = "all"', 'select = "cell:9,0"'), 17, "cell 9,0 is not on the 8x8 grid"),
        (GOOD.replace('select = "all"', 'select = "n:65"'), 17, "asks for 65 cells, only 64"),
        (GOOD.replace('select = "all"', 'select = "row:8->all"'), 17, "the grid has rows 0 to 7"),
        (GOOD.replace('select = "all"', 'select = "part:head"'), 17, "no picture"),
    ],
)
def test_what_a_run_cannot_do_is_named_before_it_starts(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as error:
        scenario.check_run(load(tmp_path, text), 200.0, grid())
    message = str(error.value)
    assert f"s.toml:{line}:" in message and says in message and "\n" not in message


def test_partitions_after_one_another_and_good_steps_pass(tmp_path: Path) -> None:
    scenario.check_run(load(tmp_path, GOOD), 200.0, grid())
    scenario.check_run(load(tmp_path, TWO_CUTS.replace("for = 20", "for = 10")), 200.0, grid())
    healed = TWO_CUTS + '[[at]]\nt = 15\ndo = "heal"\n'
    scenario.check_run(load(tmp_path, healed), 200.0, grid())


def test_schedules_and_floors_are_keys_of_a_step(tmp_path: Path) -> None:
    more = "for = 2\nevery = 5\ntimes = 3\nswing = 1\nkeep = 9"
    steps = load(tmp_path, GOOD.replace("for = 20", more))
    action = steps[2].action
    assert isinstance(action, Inject) and (action.every, action.times, action.swing, action.keep) == (5, 3, 1, 9)
    assert scenario.length(steps) == 100, "70.5 + 2 times 5, 1 late at most, 2 long"
    host = load(tmp_path, '[[at]]\nt = 1\ndo = "inject"\nfault = "agent_kill"\n')
    assert host[0].action == Inject(fault="agent_kill", select="all")


@pytest.mark.parametrize(
    ("more", "line", "says"),
    [
        ("times = 3", 18, "times is 3, which needs every=T"),
        ("every = 0", 18, "every is 0, expected at least 0.01 T"),
        ("up = 3", 17, "up and down go together"),
        ("up = 3\ndown = 2\nmin_down = 3", 19, "down is 2, expected at least 3 T in the mean"),
        ("every = 3\nkeep = -1", 19, "keep is -1"),
    ],
)
def test_an_impossible_schedule_is_named(tmp_path: Path, more: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as error:
        load(tmp_path, GOOD.replace("for = 20", more))
    assert f"s.toml:{line}:" in str(error.value) or says in str(error.value)
    assert says in str(error.value)


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
