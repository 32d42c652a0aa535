"""Files in YAML say the same as in TOML, and what is wrong with them is named by file, line and key, too."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from coordinator import scenario
from coordinator.cli.experiment import STANDARD
from coordinator.cli.main import invoke
from coordinator.experiment import spec
from coordinator.experiment.rows import Folder
from firmware_sim.errors import BadInput

EXPERIMENT = """# half of them
name: half-lost
rule: dot
grid: 12x12
replicates: 3
watch: $watch
hypothesis:
  measure: recovered
  at_least: 0.9
sweep:
  share: [10%, 50%]
  watch:
    - 20
    - 1e2
at:
  - t: 35
    do: inject
    fault: crash
    select: $share
    for: 2
  - {t: 40, do: revive, select: dead}
"""
SCENARIO = """at:
- t: 12
  do: kill
  select: n:5
-
  t: 14
  do: inject
  fault: link_loss
  select: row:3
  rate: 0.5
  for: 2
"""


def written(tmp_path: Path, text: str, name: str = "e.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_an_experiment_in_yaml_is_the_same_as_in_toml(tmp_path: Path) -> None:
    for path in sorted(STANDARD.glob("*.toml")):
        twin = tmp_path / f"{path.stem}.yml"
        with twin.open("w") as file:
            YAML(typ="safe", pure=True).dump(tomllib.loads(path.read_text()), file)
        assert spec.load(twin).document == spec.load(path).document
        assert spec.load(twin).first().steps == spec.load(path).first().steps


def test_values_are_those_of_yaml_1_2_and_any_key_may_be_swept(tmp_path: Path) -> None:
    experiment = spec.load(written(tmp_path, EXPERIMENT))
    points = experiment.points()
    assert [(point.values["share"], point.document.watch) for point in points] == [
        ("10%", 20), ("10%", 100.0), ("50%", 20), ("50%", 100.0)]  # fmt: skip
    assert points[2].steps[0].action == scenario.Inject(fault="crash", select="50%", duration=2)
    other = experiment.with_rule("lizard")
    assert other.document.rule == "lizard" and 'rule: "lizard"\n' in other.text
    folder = Folder.create(experiment, tmp_path / "out", 1)
    assert (folder.path / "experiment.yaml").read_text() == EXPERIMENT


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("replicates: 3", "replicants: 3", "e.yaml:5: key 'replicants': unknown key"),
        ("  at_least: 0.9", "  at_leest: 0.9", "e.yaml:9: key 'at_leest': unknown key"),
        ("replicates: 3", "replicates: many", "e.yaml:5: key 'replicates': "),
        ("rule: dot", "", "key 'rule' is missing"),
        ("grid: 12x12", "grid: 12", "e.yaml:4: key 'grid': "),
        ("    fault: crash", "    fault: crush", "e.yaml:18: key 'fault'"),
        ("    select: $share", "    select: $share&sometimes", "e.yaml:19: key 'select'"),
        ("    select: $share", "    select: all", "e.yaml:11: $share stands nowhere"),
        ("do: revive, select: dead", "do: revive, selekt: dead", "e.yaml:21: unknown key 'selekt'"),
        ("watch: $watch", "watch: $watch\nwatch: 3", "e.yaml:7: experiment is no YAML: found duplicate key"),
        ("    - 20", "    - [20", "e.yaml:15: experiment is no YAML: "),
        ("sweep:", "sweep: !!python/object:os.system", "e.yaml:10: experiment is no YAML: could not determine"),
        ("# half of them", "- half of them", "e.yaml:2: experiment is no YAML"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        spec.load(written(tmp_path, EXPERIMENT.replace(old, new)))
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1\n",
        "half\n",
        "3: 4\n",
        "a: " + "[" * 3000,
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        "a: &a [*a]\n",
    ],
)
def test_what_is_no_document_is_one_line(tmp_path: Path, text: str) -> None:
    for load in (spec.load, scenario.load):
        with pytest.raises(BadInput) as caught:
            load(written(tmp_path, text))
        assert "e.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_takes_a_scenario_in_yaml_and_keeps_it_as_toml(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, out = written(tmp_path, SCENARIO, "s.yaml"), tmp_path / "run"
    command = ["run", "dot", "--grid", "8x8", "--substrate", "virtual", "--seed", "1", "--for", "20"]
    assert invoke([*command, "--scenario", str(path), "--out", str(out), "--no-view", "--json"]) == 0
    assert scenario.load(out / "scenario.toml") == scenario.load(path)
    path.write_text(SCENARIO.replace("rate: 0.5", "rate: 5"))
    assert invoke([*command, "--scenario", str(path), "--no-view"]) == 2
    assert f"{path}:10: key 'rate'" in capfd.readouterr().err
    path.write_text(SCENARIO.replace("t: 14", "t: 140"))
    assert invoke([*command, "--scenario", str(path), "--no-view"]) == 2
    assert f"{path}:6: key 't': this comes at 140 T, the run ends at 20 T" in capfd.readouterr().err
