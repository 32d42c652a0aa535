"""The roads to ONNX beside our own writer: torch's exporter, and integers for runtimes that want them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from firmware_sim import folder, golden, onnx_rule
from firmware_sim.engines import OnnxEngine
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.limits import Limits
from firmware_sim.rule import Rule
from trainer import onnx_roads

DOT = folder.load("dot")


def some_rule(limits: Limits) -> Rule:
    rng = np.random.default_rng(1)
    shapes = {"w1": (24, 20), "b1": (20,), "w2": (20, 8), "b2": (8,)}
    return Rule(**{k: rng.normal(0, 0.2, shape).astype(np.float32) for k, shape in shapes.items()}, limits=limits)


@pytest.mark.parametrize(
    "limits", [Limits(), Limits("clamp", hidden_max=2.4), Limits("round", hidden_max=2.4)], ids=lambda x: x.limit
)
def test_torch_exports_one_file_that_is_a_rule_by_the_contract(limits: Limits) -> None:
    rule = some_rule(limits)
    blob = onnx_roads.by_torch(rule)
    onnx_rule.validate(blob)
    assert golden.mismatch(OnnxEngine(blob, 45.0), golden.make(rule.turned(45), None)) is None
    assert onnx_rule.read_limits(blob) == limits
    assert str(Path(onnx_roads.__file__).parent).encode() not in blob, "no path of the machine that exported it"


def test_both_files_grow_what_the_rule_grows(tmp_path: Path) -> None:
    said: list[str] = []
    grown = onnx_roads.write(DOT, tmp_path, 1, said.append)
    assert set(grown) == {"ours", "torch", "int8"} and max(grown.values()) < -5 and len(said) == 1
    kept = onnx.load(str(tmp_path / "dot.int8.onnx"))
    kinds = {tensor.name: tensor.data_type for tensor in kept.graph.initializer}
    assert kinds["w1_quantized"] == kinds["w2_quantized"] == onnx.TensorProto.INT8
    assert kinds["perception_zero_point"] == kinds["hidden_zero_point"] == onnx.TensorProto.INT16
    with pytest.raises(BadInput, match="allowed operators"):
        folder.load(tmp_path / "dot.int8.onnx")
    assert folder.load(tmp_path / "dot.torch.onnx").limits == DOT.limits


def test_a_quantised_graph_that_no_longer_grows_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_roads, "quantised", lambda rule, met: onnx_rule.write(some_dead_rule()))
    with pytest.raises(RunFailed, match="quantised graph grows to"):
        onnx_roads.write(DOT, tmp_path / "out", 1, lambda line: None)
    assert not (tmp_path / "out").exists()


def some_dead_rule() -> Rule:
    zeros = np.zeros((48, 16), np.float32)
    return Rule(zeros, zeros[0], zeros[:16], zeros[0])


def test_the_command_prints_one_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnx_roads, "write", lambda found, out, rng_seed, say: {"ours": -6.0})
    monkeypatch.setattr("sys.argv", ["onnx_roads", "dot", "--out", str(tmp_path)])
    onnx_roads.main()
    assert json.loads(capsys.readouterr().out) == {"ours": -6.0}
