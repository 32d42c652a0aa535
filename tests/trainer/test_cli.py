"""`planaria train` as a user meets it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from coordinator import Swarm
from firmware_sim import folder
from firmware_sim.errors import BadInput
from trainer.cli import train


def run(*words: object) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(train, [str(word) for word in words])
    return result.exit_code, result.stdout, result.exception


def test_json_is_one_object_and_the_folder_loads(tmp_path: Path) -> None:
    code, stdout, _ = run("dot", "--steps", 2, "--seed", 5, "--threads", 1, "--out", tmp_path / "dot", "--json")
    assert code == 0
    result = json.loads(stdout)
    assert set(result) == {"loss_log10", "cuts", "seconds", "steps", "seed", "out"}
    assert result["seed"] == 5 and result["steps"] == 2
    assert set(result["cuts"]) == {"left", "right", "upper", "lower", "square"}
    made = folder.load(tmp_path / "dot")
    genome = made.genome()
    assert made.info.regime == "regenerating" and made.limits.limit == "round" and genome is not None
    # float and int8 mean one rule: the graph holds the weights the bytes mean
    assert (made.rule().w1 == genome.dequantise().w1).all() and (made.rule().w2 == genome.dequantise().w2).all()
    assert made.info.trained["rng_seed"] == 5 and made.info.losses["grown"] == result["loss_log10"]
    assert (tmp_path / "dot.training" / "losses.csv").exists()

    code, _, error = run("dot", "--steps", 2, "--out", tmp_path / "dot")
    assert code != 0 and isinstance(error, BadInput) and "not empty" in str(error)


def test_a_float_rule_is_exported_without_a_genome(tmp_path: Path) -> None:
    code, _, error = run("dot", "--steps", 2, "--regime", "growing", "--no-quantise", "--out", tmp_path / "dot")
    assert code == 0, error
    made = folder.load(tmp_path / "dot")
    assert made.genome() is None and made.limits.limit == "identity"


def test_quick_is_a_choice_of_settings_that_other_options_overrule(tmp_path: Path) -> None:
    code, _, error = run("dot", "--quick", "--steps", 2, "--threads", 1, "--out", tmp_path / "dot")
    assert code == 0, error
    trained = folder.load(tmp_path / "dot").info.trained
    assert (trained["steps"], trained["batch"], trained["rate"]) == (2, 4, 4e-3)


def test_a_rule_is_hardened_from_a_rule(tmp_path: Path) -> None:
    code, _, error = run(
        "dot", "--from", "dot", "--harden", "--loss", 0.5, "--steps", 2, "--threads", 1, "--out", tmp_path / "x"
    )
    assert code == 0, error
    made = folder.load(tmp_path / "x")
    assert made.name == "dot-hardened" and made.info.trained["start"] == folder.load("dot").sha256
    assert {made.info.trained[name] for name in ("late", "loss", "dead")} == {4, 0.5, 0.1}
    assert (made.info.losses["grown"] or 0) < -4, "two steps do not undo what the rule knew"
    _, _, error = run("dot", "--from", "dot", "--no-quantise", "--steps", 1, "--out", tmp_path / "y")
    assert isinstance(error, BadInput) and "no-quantise" in str(error)
    _, _, error = run("dot", "--from", "nothing", "--steps", 1, "--out", tmp_path / "y")
    assert isinstance(error, BadInput)


@pytest.mark.parametrize(("channels", "hidden"), [(8, 16), (24, 48)])
def test_other_channel_counts_train_export_and_run_in_virtual_time_only(
    channels: int, hidden: int, tmp_path: Path
) -> None:
    out = tmp_path / "dot"
    code, _, error = run("dot", "--channels", channels, "--hidden", hidden, "--steps", 2, "--threads", 1, "--out", out)
    assert code == 0, error
    made = folder.load(out)
    assert (made.info.channels, made.info.hidden) == (channels, hidden) and made.genome() is None
    assert made.limits.limit == "round", "states are limited as on a chip, whatever their number"
    with Swarm.start(out, (8, 8), engine="numpy", substrate="virtual", seed=1, out=tmp_path / "run") as swarm:
        swarm.wait(3)
        states = swarm.look().states
    assert states.shape == (8, 8, channels) and states[..., 3].any()
    for substrate, engine in (("processes", "numpy"), ("virtual", "chip")):
        with pytest.raises(BadInput, match=f"{channels} channels|no genome") as caught:
            Swarm.start(out, (8, 8), engine=engine, substrate=substrate, out=tmp_path / "no")
        assert "\n" not in str(caught.value) and not (tmp_path / "no").exists()


def test_the_other_onnx_files_come_with_a_rule_where_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "dot"
    code, _, error = run("dot", "--from", "dot", "--rate", 1e-6, "--steps", 1, "--threads", 1, "--onnx", "--out", out)
    assert code == 0, error
    assert sorted(path.name for path in (tmp_path / "dot.training" / "onnx").iterdir()) == [
        "dot.int8.onnx", "dot.torch.onnx",
    ]  # fmt: skip
    assert folder.load(out).golden() is not None


def test_a_rule_to_begin_with_keeps_its_size(tmp_path: Path) -> None:
    _, _, error = run("dot", "--from", "dot", "--channels", 8, "--steps", 1, "--out", tmp_path / "y")
    assert isinstance(error, BadInput) and "has 16 channels" in str(error)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no picture")
    for given in (tmp_path / "x.png", "nothing-of-that-name"):
        code, stdout, error = run(given, "--steps", 1, "--out", tmp_path / "out", "--json")
        assert code != 0 and stdout == "" and isinstance(error, BadInput) and "\n" not in str(error)
    assert (
        run("dot", "--steps", 0)[0] == 2 and run("dot", "--regime", "x")[0] == 2 and run("dot", "--size", 900)[0] == 2
    )
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.training").exists()


def test_without_torch_it_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    _, _, error = run("dot", "--steps", 1)
    assert isinstance(error, BadInput) and "planaria[train]" in str(error)


@pytest.mark.system
def test_reading_the_command_line_imports_neither_torch_nor_numpy() -> None:
    check = "import sys, trainer.cli; assert not {'torch', 'numpy'} & set(sys.modules), 'slow'"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=Path(__file__).parents[2])
