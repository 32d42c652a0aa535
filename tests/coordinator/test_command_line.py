"""The command line on virtual time: one JSON object, exit codes, one clear line for whatever is wrong."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from coordinator.cli import main as command_line
from coordinator.cli.main import COMMANDS, invoke

KEYS = shlex.split(
    """rule grid substrate engine seed processes hosts intervals updates updates_per_s cpu_us_per_update
heard_per_update stale_age_p99 missed_wakes alive loss_log10 loss_log10_shift1 gain_log10 verdict"""
)


def planaria(line: str) -> int:
    return invoke(shlex.split(line))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", str(tmp_path / "rt"))
    return tmp_path


def test_run_json_is_one_object_on_stdout_with_all_keys(capfd: pytest.CaptureFixture[str]) -> None:
    code = planaria("run dot --substrate virtual --grid 10x10 --for 30 --seed 7 --json")
    out = capfd.readouterr().out
    found = json.loads(out)
    assert code == 0 and not [key for key in KEYS if key not in found]
    assert found["grid"] == "10x10" and found["seed"] == 7 and found["intervals"] == pytest.approx(30)
    assert found["substrate"] == "virtual" and found["processes"] == 0 and found["verdict"] == "pass"
    assert Path(found["out"], "report.html").exists()


def test_without_json_a_person_reads_numbers_seed_and_report(capfd: pytest.CaptureFixture[str]) -> None:
    assert planaria("run dot --substrate virtual --grid 8x8 --for 3 --seed 41") == 0
    out, err = capfd.readouterr()
    assert "seed 41" in out and "report.html" in out and "\x1b[" not in out + err


def test_a_picture_that_does_not_come_back_is_exit_code_1(elsewhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "s.toml").write_text(
        '[[at]]\nt = 20\ndo = "kill"\nselect = "all"\n[[at]]\nt = 21\ndo = "revive"\nselect = "all"\n'
    )
    assert planaria("run dot --substrate virtual --grid 8x8 --scenario s.toml --for 125 --json") == 1
    assert json.loads(capfd.readouterr().out)["verdict"] == "fail"


def test_a_scenario_is_performed_and_logged(elsewhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "s.toml").write_text(
        '[[at]]\nt = 5\ndo = "kill"\nselect = "n:10"\n[[at]]\nt = 7\ndo = "revive"\nselect = "dead"\n'
    )
    assert planaria("run dot --substrate virtual --grid 8x8 --scenario s.toml --seed 3 --for 9 --out o") == 0
    events = [json.loads(line) for line in (elsewhere / "o" / "events.jsonl").read_text().splitlines()]
    assert [(event["event"], round(event["t"] or 0)) for event in events if event["event"] in ("kill", "revive")] == [
        ("kill", 5),
        ("revive", 7),
    ]
    assert "kill n:10: 10 cells" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("run no-such-rule", "no such rule"),
        ("run dot --grid forty", "'forty' is no grid"),
        ("run dot --grid 1000x1000", "do not fit this machine"),
        ("run dot --substrate virtual --interval 0", "interval is 0"),
        ("run dot --for -3", "--for is -3"),
        ("run dot --for nan", "--for is nan"),
        ("run dot --engine steam", "'steam'"),
        ("run dot --scenario nowhere.toml", "nowhere.toml cannot be read"),
        ("run dot --substrate virtual --grid 5x5 --angle 45", "too small"),
        ("run dot --substrate virtual --out full", "run folder full exists and is not empty"),
        ("kill nothing 50%", "nothing: no such run"),
        ("stop nothing", "no such run"),
        ("inject nothing crash", "which cells"),
        ("report nothing", "no such run"),
        ("import x.png --out y", "x.png"),
        ("run", "RULE"),
        ("conquer", "conquer"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    words: str, says: str, elsewhere: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "full").mkdir()
    (elsewhere / "full" / "precious").write_text("x")
    (elsewhere / "x.png").write_bytes(b"no picture, no model")
    code = planaria(words)
    out, err = capfd.readouterr()
    assert code == 2 and says in err and out == "", err
    assert "Traceback" not in err
    assert sorted(path.name for path in elsewhere.iterdir()) == ["full", "x.png"], "nothing was left half done"


def test_an_act_on_a_run_that_lived_in_virtual_time_is_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    planaria("run dot --substrate virtual --grid 8x8 --for 1")
    assert planaria("kill dot 50%") == 2
    assert "virtual lives only in the command that started it" in capfd.readouterr().err


def test_ps_lists_runs(capfd: pytest.CaptureFixture[str]) -> None:
    planaria("run dot --substrate virtual --grid 8x8 --for 1 --json")
    capfd.readouterr()
    assert invoke(["ps", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"runs": []}
    assert invoke(["ps", "--all", "--json"]) == 0
    (row,) = json.loads(capfd.readouterr().out)["runs"]
    assert row["rule"] == "dot" and row["stopped"] and not row["agent"]


def test_report_writes_one_file_again(elsewhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    planaria("run dot --substrate virtual --grid 8x8 --for 3 --out o")
    (elsewhere / "o" / "report.html").unlink()
    capfd.readouterr()
    assert invoke(["report", "o", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"report": "o/report.html"}
    assert (elsewhere / "o" / "report.html").read_text().startswith("<!doctype html>")


def test_rules_lists_the_built_in_ones_with_losses_cuts_budget_and_chips(capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke(["rules", "--json"]) == 0
    found = {rule["name"]: rule for rule in json.loads(capfd.readouterr().out)["rules"]}
    lizard = found["lizard"]
    assert lizard["regime"] == "regenerating" and lizard["losses"]["grown"] < -3
    assert lizard["scores"]["async_100T"] < -3 and lizard["scores"]["cut_square_100T"] < -2.5
    assert lizard["budget"]["rom_genome"] == lizard["genome_bytes"] == 8496
    assert lizard["budget"]["multiply_adds"] == 8192 and lizard["budget"]["mailbox_ram"] == 296
    assert "atmega328p" in lizard["fits"] and lizard["does_not_fit"] == {}
    assert invoke(["rules"]) == 0
    row = next(line for line in capfd.readouterr().out.splitlines() if line.startswith("lizard "))
    assert all(word in row for word in ("regenerating", "40x40", "right", "8,496", "129/148", "8,192"))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example_first(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert invoke([name, "--help"]) in (0, 2) if name == "agent" else invoke([name, "--help"]) == 0
    out = capfd.readouterr().out
    if name not in ("agent", "bench"):
        assert f"planaria {name}" in out.split("Options:")[0]


def test_the_list_of_commands_loads_neither_numpy_nor_zmq() -> None:
    code = "import sys; from coordinator.cli.main import invoke; invoke(['--help']); print([m for m in ('numpy','zmq','rich','onnx','torch') if m in sys.modules])"  # noqa: E501
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]" and "demo" in out


def test_a_floor_that_is_not_installed_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    absent = EntryPoint("train", "no_such_module.cli:train", "planaria.commands")
    monkeypatch.setattr(command_line, "_others", lambda: {"train": absent})
    assert invoke(["train", "x.png"]) == 2
    err = capfd.readouterr().err
    assert "pip install 'planaria[train]'" in err and err.count("\n") == 1
    assert invoke(["--help"]) == 0 and "not installed" in capfd.readouterr().out
