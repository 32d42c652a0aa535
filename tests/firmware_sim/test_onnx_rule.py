"""The ONNX file: what we write we read back; somebody else's is a rule if and only if it keeps the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from samples import random_rule

from firmware_sim import onnx_check, onnx_rule
from firmware_sim import rule as float_rule
from firmware_sim.engines import OnnxEngine
from firmware_sim.errors import BadInput
from firmware_sim.limits import Limits

OURS = onnx_rule.write(random_rule(0, limits=Limits("round", hidden_max=2.0)))


def foreign(nodes: list[Any] | None = None, **changes: Any) -> bytes:
    """A graph that nobody here wrote: it adds a tenth of the own state."""
    neighbourhood = changes.get("neighbourhood", ["N", 3, 3, 16])
    values = {
        "flat": np.array([-1, 144], np.int64),
        "starts": np.array([64], np.int64),
        "ends": np.array([80], np.int64),
        "axes": np.array([1], np.int64),
        "tenth": np.array(0.1, np.float32),
        "angle": changes.get("default", np.array(0, np.float32)),
    }
    default_nodes = [
        helper.make_node("Reshape", ["neighbourhood", "flat"], ["x"]),
        helper.make_node("Slice", ["x", "starts", "ends", "axes"], ["own"]),
        helper.make_node("Mul", ["own", "tenth"], ["delta"]),
    ]
    graph = helper.make_graph(
        nodes or default_nodes,
        "foreign",
        [
            helper.make_tensor_value_info("neighbourhood", changes.get("kind", TensorProto.FLOAT), neighbourhood),
            *[helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in changes.get("inputs", ["angle"])],
        ],
        [helper.make_tensor_value_info(changes.get("output", "delta"), TensorProto.FLOAT, ["N", 16])],
        [numpy_helper.from_array(value, name) for name, value in values.items() if value is not None],
    )
    return bytes(
        helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )


@pytest.mark.parametrize("limits", [Limits(), Limits("clamp", 1 / 16, 2.0), Limits("round", hidden_max=2.4)], ids=str)
@pytest.mark.parametrize("channels", [16, 8])
def test_what_is_written_is_read_back(limits: Limits, channels: int) -> None:
    rule = random_rule(0, limits=limits, channels=channels)
    blob = onnx_rule.write(rule)
    again = onnx_rule.read_rule(blob)
    assert again is not None
    assert again.limits == limits
    for name in onnx_rule.WEIGHTS:
        assert np.array_equal(getattr(again, name), getattr(rule, name))
    assert onnx_rule.write(rule) == blob
    assert onnx_rule.channels_of(blob) == channels
    assert onnx_rule.read_limits(blob) == limits


def test_metadata_carry_the_four_values_and_the_channels() -> None:
    metadata = {entry.key: entry.value for entry in onnx.load_model_from_string(OURS).metadata_props}
    assert metadata == {
        "planaria.limit": "round",
        "planaria.state_step": "0.03125",
        "planaria.state_max": "3.96875",
        "planaria.hidden_max": "2.0",
        "planaria.channels": "16",
    }


def test_the_graph_has_perception_inside_and_a_default_angle() -> None:
    model = onnx.load_model_from_string(OURS)
    assert [value.name for value in model.graph.input] == ["neighbourhood", "angle"]
    assert [value.name for value in model.graph.output] == ["delta"]
    assert {tensor.name for tensor in model.graph.initializer} >= {"angle", "w1", "b1", "w2", "b2"}


def test_a_foreign_graph_with_the_signature_is_a_rule(samples_float: Any) -> None:
    blob = onnx_rule.validate(foreign())
    assert onnx_rule.read_rule(blob) is None
    assert onnx_rule.read_limits(blob) is None
    alive = np.ones((3, 3, 3, 16), np.float32)
    assert OnnxEngine(blob).update(alive) == pytest.approx(1.1)


def test_our_weights_in_another_graph_are_run_but_never_read() -> None:
    model = onnx.load_model_from_string(OURS)
    (relu,) = [node for node in model.graph.node if node.op_type == "Clip" and "hidden" in node.output]
    relu.op_type = "Relu"
    del relu.input[1:]
    assert onnx_rule.read_rule(model.SerializeToString()) is None


def edit(change: Callable[[Any], None]) -> bytes:
    model = onnx.load_model_from_string(OURS)
    change(model)
    return bytes(model.SerializeToString())


def external(model: Any) -> None:
    tensor = model.graph.initializer[1]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def with_function(model: Any) -> None:
    model.functions.add(name="f", domain="x")


def many_nodes(model: Any) -> None:
    for index in range(1100):
        model.graph.node.append(helper.make_node("Relu", ["a"], [f"r{index}"]))


def outer_product(model: Any) -> None:
    big = numpy_helper.from_array(np.zeros((3000, 1), np.float32), "big")
    model.graph.initializer.append(big)
    wide = numpy_helper.from_array(np.zeros((1, 3000), np.float32), "wide")
    model.graph.initializer.append(wide)
    model.graph.node.append(helper.make_node("MatMul", ["big", "wide"], ["huge"]))


def loop(model: Any) -> None:
    model.graph.node[0].op_type = "Loop"


def own_domain(model: Any) -> None:
    model.graph.node[0].domain = "com.evil"


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (b"", "not an ONNX file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "not an ONNX file"),
        (OURS[:-200], "not an ONNX file"),
        (bytes((1 << 20) + 1), "larger than 1048576 bytes"),
        (foreign(neighbourhood=["N", 16, 3, 3]), r"neighbourhood is .*, expected"),
        (foreign(neighbourhood=["N", 3, 3, 3]), "C of 4..256"),
        (foreign(neighbourhood=[1, 3, 3, 16]), "N free"),
        (foreign(kind=TensorProto.DOUBLE), "neighbourhood is not float32"),
        (foreign(inputs=[], default=None), "inputs neighbourhood and outputs delta"),
        (foreign(inputs=["angle", "speed"]), "inputs angle, neighbourhood, speed"),
        (foreign(output="out"), "outputs out"),
        (foreign(default=None), "no default initializer"),
        (foreign(default=np.array(1, np.float32)), "default of angle is 1.0"),
        (foreign([helper.make_node("Relu", ["nothing"], ["delta"])]), "not a valid ONNX graph"),
        (edit(external), "lies in another file"),
        (edit(with_function), "local functions"),
        (edit(many_nodes), "nodes, expected at most 1024"),
        (edit(outer_product), "'huge' needs 9000000 values"),
        (edit(loop), "operator Loop is not on the list"),
        (edit(own_domain), "operator com.evil.Reshape is not on the list"),
    ],
)
def test_what_breaks_the_contract_is_refused_in_one_line(blob: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=f"some.onnx: .*{words}") as caught:
        onnx_rule.validate(blob, "some.onnx")
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_still_a_rule_but_never_anything_else(data: st.DataObject) -> None:
    damaged = bytearray(OURS)
    places = st.integers(0, 900) | st.integers(len(OURS) - 1500, len(OURS) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        onnx_rule.validate(bytes(damaged))
        onnx_rule.read_rule(bytes(damaged))
        OnnxEngine(bytes(damaged))
    except BadInput as error:
        assert "\n" not in str(error)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        onnx_check.read_file(tmp_path / "none.onnx")


def test_delta_is_limit_of_the_sum_minus_the_state(samples_float: Any) -> None:
    rule = onnx_rule.read_rule(OURS)
    assert rule is not None
    session = OnnxEngine(OURS)
    delta = session._delta(samples_float)
    assert np.mean(np.abs(delta - float_rule.delta(rule, samples_float)) > 1e-5) < 1e-3
    assert (samples_float[:, 1, 1] + delta) * 32 == pytest.approx(
        np.rint((samples_float[:, 1, 1] + delta) * 32), abs=1e-3
    )
