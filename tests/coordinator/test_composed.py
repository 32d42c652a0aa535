"""`planaria run --launch compose`: what it asks compose for, and what it refuses before anything is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.cli import composed
from coordinator.cli.live import Plan
from coordinator.cli.main import invoke
from coordinator.composition import FILE


def plan(**changes: object) -> Plan:
    values: dict[str, object] = {
        "rule": "dot",
        "grid": (8, 8),
        "torus": False,
        "substrate": "processes",
        "engine": "chip",
        "interval_s": 0.25,
        "degrees": 0.0,
        "rng_seed": 7,
        "out": None,
        "length": 60.0,
    }
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


def test_the_coordinator_in_the_container_is_given_the_run_as_it_was_asked_for() -> None:
    found = composed.wanted(plan(hosts=3, torus=True), True, 9000)
    words = " ".join(found.command)
    assert words.startswith("run dot --hosts 3 --at tcp://0.0.0.0:7400 --keys /keys --out /data/run")
    for part in ("--grid 8x8", "--for 60.0", "--seed 7", "--interval 0.25", "--torus", "--json", "0.0.0.0:9000"):
        assert part in words
    override = json.loads(found.override())["services"]
    assert override["host"] == {"deploy": {"replicas": 3}}
    assert override["coordinator"]["restart"] == "no"


def test_a_rule_and_a_scenario_of_the_user_s_own_are_mounted_read_only(tmp_path: Path) -> None:
    rule, scenario = tmp_path / "mine", tmp_path / "halves.toml"
    rule.mkdir()
    scenario.touch()
    found = composed.wanted(plan(rule=str(rule), scenario=scenario), False, 9000)
    assert found.command[:2] == ["run", "/rule"]
    volumes = json.loads(found.override())["services"]["coordinator"]["volumes"]
    assert volumes == [f"{rule}:/rule:ro", f"{scenario}:/scenario/halves.toml:ro"]


def test_the_compose_file_is_where_the_command_looks_for_it() -> None:
    assert FILE.is_file()


def test_two_runs_at_once_are_two_projects() -> None:
    assert composed.wanted(plan(), False, 1).project != composed.wanted(plan(), False, 1).project


@pytest.mark.parametrize(
    "words", [["--record"], ["--at", "tcp://127.0.0.1:1"], ["--substrate", "virtual"], ["--insecure"]]
)
def test_what_cannot_be_in_containers_is_refused_by_name(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["run", "dot", "--launch", "compose", *words]) == 2
    assert f"--launch compose decides that itself: leave {words[0]}" in capsys.readouterr().err


def test_without_docker_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert invoke(["run", "dot", "--launch", "compose", "--out", str(tmp_path / "run")]) == 2
    assert "--launch compose needs docker, and there is none" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
