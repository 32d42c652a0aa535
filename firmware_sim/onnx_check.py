"""The judge of anybody's ONNX file: is it a rule by the contract that `onnx_rule.py` states?

Refuses, in one line each: what is no ONNX, another signature, more than 1 MiB, operators outside an allow list,
weights in other files, sub-graphs and functions, intermediates that would ask for much memory.  It never runs a graph.
Imports: numpy, onnx (lazily), errors, limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firmware_sim.errors import BadInput
from firmware_sim.limits import ALPHA

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

MAX_BYTES = 1 << 20  # a rule is 34 kB; a megabyte is somebody else's model
MAX_NODES = 1024
MAX_ELEMENTS = 1 << 20  # of one intermediate at N = 1: no small file may ask for a large memory

# No loops, branches, sub-graphs, custom domains, random numbers, files, and nothing that sizes a tensor by its data.
_ALLOWED = """
Abs Add BatchNormalization Cast Clip Concat Constant Conv Cos Div Einsum Elu Exp Flatten Floor Gather Gelu Gemm Greater
HardSigmoid HardSwish Identity LeakyRelu Less MatMul Max Min Mul Neg Pow PRelu ReduceMax ReduceMean ReduceMin ReduceSum
Relu Reshape Round Selu Shape Sigmoid Sign Sin Slice Softplus Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Where
"""
ALLOWED_OPERATORS = frozenset(_ALLOWED.split())


def read_file(path: Path) -> bytes:
    """The validated bytes of an ONNX file; BadInput in one line when it is missing, too large or no rule."""
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    return validate(blob, str(path))


def validate(blob: bytes, name: str = "ONNX file") -> bytes:
    """Give the bytes back if they are a rule by the contract above, whoever wrote them; else BadInput."""
    parse(blob, name)
    return blob


def channels_of(blob: bytes) -> int:
    """C of a rule's ONNX bytes."""
    return channels_in(parse(blob, "ONNX file").graph, "ONNX file")


def parse(blob: bytes, name: str) -> ModelProto:
    """The model behind the bytes, after every check; BadInput otherwise."""
    import onnx

    if len(blob) > MAX_BYTES:
        raise BadInput(f"{name}: larger than {MAX_BYTES} bytes, which no rule needs")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(blob)
    except Exception as error:  # protobuf raises its own private class
        raise BadInput(f"{name}: not an ONNX file") from error
    if not model.graph.node:
        raise BadInput(f"{name}: not an ONNX file, or one without nodes")
    try:
        _check_contents(model, name)
        _check_signature(model.graph, name)
        onnx.checker.check_model(model)
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except BadInput:
        raise
    except Exception as error:  # the checker's own classes; names that are no UTF-8 trip up anything
        raise BadInput(f"{name}: not a valid ONNX graph ({one_line(error)})") from error
    _check_sizes(inferred.graph, name)
    return model


def _check_contents(model: ModelProto, name: str) -> None:
    if model.functions:
        raise BadInput(f"{name}: holds local functions, expected plain operators")
    if len(model.graph.node) > MAX_NODES:
        raise BadInput(f"{name}: {len(model.graph.node)} nodes, expected at most {MAX_NODES}")
    if model.graph.sparse_initializer:
        raise BadInput(f"{name}: holds sparse weights, expected plain ones")
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in ALLOWED_OPERATORS:
            raise BadInput(f"{name}: operator {_operator(node)} is not on the list of allowed operators")
    for tensor in _tensors(model.graph):
        if tensor.data_location != tensor.DEFAULT or tensor.external_data:
            raise BadInput(f"{name}: tensor {tensor.name!r} lies in another file, expected one file with everything")


def _check_signature(graph: GraphProto, name: str) -> None:
    defaults = {tensor.name: tensor for tensor in graph.initializer}
    inputs = {value.name: value for value in graph.input if value.name == "angle" or value.name not in defaults}
    outputs = {value.name: value for value in graph.output}
    if set(inputs) != {"neighbourhood", "angle"} or set(outputs) != {"delta"}:
        raise BadInput(
            f"{name}: inputs {_names(inputs)} and outputs {_names(outputs)}, "
            "expected inputs neighbourhood, angle and output delta"
        )
    channels = channels_in(graph, name)
    _expect(inputs["neighbourhood"], [None, 3, 3, channels], "[N, 3, 3, C]", name)
    _expect(inputs["angle"], [], "scalar", name)
    _expect(outputs["delta"], [None, channels], f"[N, {channels}]", name)
    if "angle" not in defaults:
        raise BadInput(f"{name}: input angle has no default initializer, expected one of 0")
    from onnx import numpy_helper

    try:
        default = numpy_helper.to_array(defaults["angle"])
    except Exception as error:
        raise BadInput(f"{name}: the default of angle cannot be read ({one_line(error)})") from error
    if default.shape != () or default.dtype != np.float32 or default != 0:
        raise BadInput(f"{name}: the default of angle is {default.tolist()!r}, expected a float32 scalar 0")


def channels_in(graph: GraphProto, name: str) -> int:
    (value,) = [value for value in graph.input if value.name == "neighbourhood"]
    shape = _shape(value)
    channels = shape[-1] if len(shape) == 4 else None
    if channels is None or not ALPHA < channels <= 256:
        raise BadInput(f"{name}: neighbourhood is {_text(shape)}, expected [N, 3, 3, C] with C of 4..256")
    return channels


def _check_sizes(graph: GraphProto, name: str) -> None:
    for value in graph.value_info:
        elements = 1
        for size in _shape(value):
            elements *= 1 if size is None else size
        if elements > MAX_ELEMENTS:
            raise BadInput(f"{name}: {value.name!r} needs {elements} values for one cell, allowed are {MAX_ELEMENTS}")


def _expect(value: ValueInfoProto, shape: list[int | None], words: str, name: str) -> None:
    found = _shape(value)
    if value.type.tensor_type.elem_type != 1 or found != shape:
        kind = "float32" if value.type.tensor_type.elem_type == 1 else "not float32"
        raise BadInput(f"{name}: {value.name} is {kind} {_text(found)}, expected float32 {words} (N free)")


def _shape(value: ValueInfoProto) -> list[int | None]:
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors


def _operator(node: NodeProto) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain else str(node.op_type)


def _names(values: dict[str, Any]) -> str:
    return ", ".join(sorted(map(str, values))) or "none"


def _text(shape: list[int | None]) -> str:
    return "[" + ", ".join("N" if size is None else str(size) for size in shape) + "]"


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
