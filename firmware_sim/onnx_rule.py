"""A rule as an ONNX file: the writer for given weights and the reader of our own; `validate` is in onnx_check.py.

The contract: inputs `neighbourhood` float32 [N, 3, 3, C] and `angle` float32 scalar in RADIANS with default
initializer 0, output `delta` float32 [N, C] = limit(state + d) - state, N free, one file, no living masks inside.
The `onnx` package is imported only when a function is called, so that cells that run from arrays or bytes never pay
for it.  It never runs a graph (see engines.py).  Imports: numpy, onnx (lazily), errors, limits, onnx_check, rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from firmware_sim.errors import BadInput
from firmware_sim.limits import Limits
from firmware_sim.onnx_check import channels_of, one_line, parse, read_file, validate
from firmware_sim.rule import Rule

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["channels_of", "read_file", "read_limits", "read_rule", "validate", "write"]

OPSET = 17
IR_VERSION = 8
PRODUCER = "planaria"
METADATA_PREFIX = "planaria."
WEIGHTS = ("w1", "b1", "w2", "b2")

IDENTITY_KERNEL = (0, 0, 0, 0, 1, 0, 0, 0, 0)
DX_KERNEL = tuple(value / 8 for value in (-1, 0, 1, -2, 0, 2, -1, 0, 1))  # outer([1, 2, 1], [-1, 0, 1]) / 8
DY_KERNEL = tuple(value / 8 for value in (-1, -2, -1, 0, 0, 0, 1, 2, 1))


def write(rule: Rule) -> bytes:
    """The bytes of `rule.onnx` for a rule; the same weights give the same bytes with the same `onnx` version."""
    from onnx import TensorProto, helper, numpy_helper

    channels, limits = rule.channels, rule.limits
    constants: dict[str, Any] = {
        "angle": np.float32(0),
        "w1": rule.w1,
        "b1": rule.b1,
        "w2": rule.w2,
        "b2": rule.b2,
        "kernels": np.array([IDENTITY_KERNEL, DX_KERNEL, DY_KERNEL], np.float32),
        "turn_fixed": np.diag([1, 0, 0]).astype(np.float32),
        "turn_cos": np.diag([0, 1, 1]).astype(np.float32),
        "turn_sin": np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32),
        "flat_shape": np.array([-1, 9, channels], np.int64),
        "input_shape": np.array([-1, 3 * channels], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Reshape", ["neighbourhood", "flat_shape"], ["flat"]),
        node("Cos", ["angle"], ["cos"]),
        node("Sin", ["angle"], ["sin"]),
        node("Mul", ["cos", "turn_cos"], ["turn_c"]),
        node("Mul", ["sin", "turn_sin"], ["turn_s"]),
        node("Sum", ["turn_fixed", "turn_c", "turn_s"], ["turn"]),
        node("MatMul", ["turn", "kernels"], ["turned_kernels"]),
        node("MatMul", ["turned_kernels", "flat"], ["bands"]),
        node("Reshape", ["bands", "input_shape"], ["perception"]),
        node("Gemm", ["perception", "w1", "b1"], ["a"]),
    ]
    if limits.hidden_max is None:
        nodes.append(node("Relu", ["a"], ["hidden"]))
    else:
        constants |= {"zero": np.float32(0), "hidden_max": np.float32(limits.hidden_max)}
        nodes.append(node("Clip", ["a", "zero", "hidden_max"], ["hidden"]))
    if limits.limit == "identity":
        nodes.append(node("Gemm", ["hidden", "w2", "b2"], ["delta"]))
    else:
        constants["centre"] = np.array(4, np.int64)
        nodes += [
            node("Gemm", ["hidden", "w2", "b2"], ["d"]),
            node("Gather", ["flat", "centre"], ["state"], axis=1),
            node("Add", ["state", "d"], ["raw"]),
        ]
        last = "raw"
        if limits.limit == "round":
            constants["state_step"] = np.float32(limits.state_step)
            nodes += [
                node("Div", ["raw", "state_step"], ["scaled"]),
                node("Round", ["scaled"], ["whole"]),
                node("Mul", ["whole", "state_step"], ["rounded"]),
            ]
            last = "rounded"
        constants |= {"state_max": np.float32(limits.state_max), "state_min": np.float32(-limits.state_max)}
        nodes += [
            node("Clip", [last, "state_min", "state_max"], ["new_state"]),
            node("Sub", ["new_state", "state"], ["delta"]),
        ]
    graph = helper.make_graph(
        nodes,
        "planaria_rule",
        [
            helper.make_tensor_value_info("neighbourhood", TensorProto.FLOAT, ["N", 3, 3, channels]),
            helper.make_tensor_value_info("angle", TensorProto.FLOAT, []),
        ],
        [helper.make_tensor_value_info("delta", TensorProto.FLOAT, ["N", channels])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, producer_name=PRODUCER, ir_version=IR_VERSION, opset_imports=opset)
    values = {**limits.to_dict(), "channels": channels}
    metadata = {METADATA_PREFIX + key: "null" if value is None else str(value) for key, value in values.items()}
    helper.set_model_props(model, metadata)
    return validate(bytes(model.SerializeToString(deterministic=True)), "rule.onnx")


def read_limits(blob: bytes) -> Limits | None:
    """The limits in the metadata, or None if the author left none.  The graph applies its own in any case."""
    metadata = {entry.key: entry.value for entry in parse(blob, "ONNX file").metadata_props}
    values: dict[str, Any] = {}
    for key in ("limit", "state_step", "state_max", "hidden_max"):
        text = metadata.get(METADATA_PREFIX + key)
        if text is None:
            return None
        try:
            values[key] = text if key == "limit" else None if text == "null" else float(text)
        except ValueError as error:
            raise BadInput(f"ONNX metadata {METADATA_PREFIX}{key} is {text!r}, expected a number") from error
    return Limits.from_dict(values)


def read_rule(blob: bytes, name: str = "ONNX file") -> Rule | None:
    """The float rule, if the file is one that `write` makes: same nodes, own weights.  None for any other graph."""
    from onnx import numpy_helper

    model = parse(blob, name)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    limits = read_limits(blob)
    if limits is None or any(weight not in tensors for weight in WEIGHTS):
        return None
    try:
        w1, b1, w2, b2 = (numpy_helper.to_array(tensors[weight]) for weight in WEIGHTS)
    except Exception as error:
        raise BadInput(f"{name}: the weights cannot be read ({one_line(error)})") from error
    rule = Rule(w1, b1, w2, b2, limits)
    # The weights mean our rule only inside our graph: a different graph with the same names is run, never read.
    return rule if _skeleton(parse(write(rule), name)) == _skeleton(model) else None


def _skeleton(model: ModelProto) -> list[Any]:
    nodes = [(n.op_type, list(n.input), list(n.output), [str(a) for a in n.attribute]) for n in model.graph.node]
    constants = sorted(
        (t.name, tuple(t.dims), t.data_type, t.raw_data) for t in model.graph.initializer if t.name not in WEIGHTS
    )
    return [nodes, constants]
