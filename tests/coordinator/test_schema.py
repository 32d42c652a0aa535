"""The published schemas: equal to the types they are made from, and of one mind with the readers."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from coordinator import schema
from coordinator.cli.experiment import STANDARD
from coordinator.cli.main import invoke
from coordinator.faults import KINDS

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema"
SCENARIO = """
[[at]]
t = 60
do = "kill"
select = "50%"
seed = 7

[[at]]
t = 64
do = "inject"
fault = "link_loss"
select = "all"
for = 20
rate = 0.05
every = 30
times = 4

[[at]]
t = 90
do = "heal"
"""
EXPERIMENT = """name = "n"
rule = "$who"
watch = "$watch"
[hypothesis]
measure = "recovered"
at_least = 0.5
[sweep]
who = ["dot"]
watch = [20, 30]
rate = [0.1, 0.2]
[[at]]
t = 60
do = "inject"
fault = "link_loss"
select = "all"
rate = "$rate"
"""


def good(name: str, text: str) -> bool:
    return bool(Draft202012Validator(schema.SCHEMAS[name]()).is_valid(tomllib.loads(text)))


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_what_is_published_is_what_the_types_say(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (PUBLISHED / f"{name}.schema.json").read_text(encoding="utf-8")
    assert text == schema.text(name), "made by: python -m coordinator.schema docs/schema"
    Draft202012Validator.check_schema(json.loads(text))
    assert invoke(["experiment", f"--schema={name}"]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("path", sorted(STANDARD.glob("*.toml")), ids=lambda path: path.stem)
def test_every_standard_experiment_fits(path: Path) -> None:
    errors = list(Draft202012Validator(schema.experiment()).iter_errors(tomllib.loads(path.read_text())))
    assert errors == []


def test_every_kind_of_fault_is_a_step_with_its_own_parameters() -> None:
    steps = {step["properties"]["fault"]["const"]: step for step in schema._steps() if "fault" in step["properties"]}
    assert set(steps) == set(KINDS)
    for name, kind in KINDS.items():
        assert set(kind.parameters) < set(steps[name]["properties"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('do = "kill"', 'do = "kil"'),
        ("t = 60", 't = "soon"'),
        ("t = 60", "t = -1"),
        ("seed = 7", "sede = 7"),
        ('"link_loss"', '"gremlins"'),
        ("rate = 0.05", "rate = 5"),
        ("rate = 0.05", ""),
        ("rate = 0.05", 'rate = "$rate"'),  # no scenario has variables
        ('do = "heal"', 'do = "heal"\nwho = 3'),
    ],
)
def test_a_scenario_the_reader_refuses_does_not_fit(old: str, new: str) -> None:
    assert good("scenario", SCENARIO) and not good("scenario", SCENARIO.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"recovered"', '"happiness"'),
        ('watch = "$watch"', 'watch = "long"'),
        ('rule = "$who"', ""),
        ("[sweep]", "[swap]"),
        ('rate = "$rate"', "rate = 2"),
    ],
)
def test_an_experiment_the_reader_refuses_does_not_fit_and_variables_do(old: str, new: str) -> None:
    assert good("experiment", EXPERIMENT) and not good("experiment", EXPERIMENT.replace(old, new))
