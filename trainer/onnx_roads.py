"""A rule as ONNX by other roads than firmware_sim's writer: `python -m trainer.onnx_roads RULE --out DIR`.

RULE.torch.onnx comes from torch's current exporter (dynamo), one file, and obeys the rule contract like ours.
RULE.int8.onnx holds int8 weights and int16 activations (onnxruntime's static quantisation, scales from neighbourhoods
of a growing, hurt and healing swarm); its operators are outside the contract, so engines refuse it: it is for runtimes
that want integers. Both are run under onnxruntime before they are written: the first against the float rule on the
golden vectors, the second must grow the picture. Imports torch, onnx, onnxruntime, firmware_sim, trainer.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from firmware_sim import folder, golden, onnx_rule
from firmware_sim.asynchronous import Swarm
from firmware_sim.engines import NumpyEngine, OnnxEngine
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA
from firmware_sim.loss import loss_log10
from firmware_sim.rule import Floats, Rule, seed
from trainer.model import limited

OPSET = 18
OPSET_INT16, IR_INT16 = 21, 10  # the first with 16-bit quantisation of its own
ERRORS_ONLY, WARNINGS_TOO = 3, 2  # onnxruntime's severities
GROW_T = 100
WORSE_MOST = 0.5  # log10 by which a quantised graph may grow worse than its rule
CENTRE = 4
BATCH = 512  # neighbourhoods a calibration batch


class RuleModule(torch.nn.Module):
    """delta of a batch of neighbourhoods [N, 3, 3, C] perceived at an angle in radians, as in firmware_sim.rule."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self.limits = rule.limits
        for name in ("w1", "b1", "w2", "b2"):
            self.register_buffer(name, torch.from_numpy(np.array(getattr(rule, name))))
        kernels = (onnx_rule.IDENTITY_KERNEL, onnx_rule.DX_KERNEL, onnx_rule.DY_KERNEL)
        self.register_buffer("kernels", torch.tensor(kernels, dtype=torch.float32))
        self.register_buffer("fixed", torch.diag(torch.tensor([1.0, 0, 0])))
        self.register_buffer("cosine", torch.diag(torch.tensor([0.0, 1, 1])))
        self.register_buffer("sine", torch.tensor([[0.0, 0, 0], [0, 0, -1], [0, 1, 0]]))

    def forward(self, neighbourhood: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
        part = self.get_buffer
        channels = neighbourhood.shape[-1]
        flat = neighbourhood.reshape(-1, 9, channels)
        turn = part("fixed") + torch.cos(angle) * part("cosine") + torch.sin(angle) * part("sine")
        perceived = torch.matmul(turn @ part("kernels"), flat).reshape(-1, 3 * channels)
        hidden = torch.relu(torch.addmm(part("b1"), perceived, part("w1")))
        if self.limits.hidden_max is not None:
            hidden = torch.clamp(hidden, max=self.limits.hidden_max)
        own = flat[:, CENTRE]
        return _limited(own + torch.addmm(part("b2"), hidden, part("w2")), self) - own


def _limited(value: torch.Tensor, module: RuleModule) -> torch.Tensor:
    """`model.limited` without its gradient rules, which would stand in the graph as nodes."""
    limits = module.limits
    if limits.limit == "identity":
        return limited(value, limits)
    if limits.limit == "round":
        value = torch.round(value / limits.state_step) * limits.state_step
    return torch.clamp(value, -limits.state_max, limits.state_max)


def by_torch(rule: Rule) -> bytes:
    """The rule by torch's exporter, made to fit the contract; RunFailed when it does not compute the rule."""
    example = (torch.zeros(2, 3, 3, rule.channels), torch.tensor(0.0))
    rows = torch.export.Dim("N", min=1)
    with _quiet():
        program = torch.onnx.export(
            RuleModule(rule).eval(), example, dynamo=True, opset_version=OPSET, external_data=False, verbose=False,
            input_names=["neighbourhood", "angle"], output_names=["delta"], dynamic_shapes=({0: rows}, None),
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), "angle"))
    for node in model.graph.node:
        del node.metadata_props[:]  # where in our sources it came from: paths of the machine that exported it
        node.doc_string = ""
    del model.graph.value_info[:]
    values = {**rule.limits.to_dict(), "channels": rule.channels}
    helper.set_model_props(model, {f"planaria.{k}": "null" if v is None else str(v) for k, v in values.items()})
    try:
        blob = onnx_rule.validate(bytes(model.SerializeToString(deterministic=True)), "torch's ONNX")
    except BadInput as error:
        raise RunFailed(f"this version of torch exports what no rule may be: {error}") from error
    wrong = golden.mismatch(OnnxEngine(blob, 0.0), golden.make(rule, None))
    if wrong is None:
        wrong = golden.mismatch(OnnxEngine(blob, 90.0), golden.make(rule.turned(90), None))
    if wrong is not None:
        raise RunFailed(f"the graph that torch exported does not compute the rule ({wrong})")
    return blob


def quantised(rule: Rule, met: Floats) -> bytes:
    """int8 weights and int16 activations by onnxruntime, their ranges from the neighbourhoods [n, 3, 3, C] `met`."""
    with tempfile.TemporaryDirectory() as made:
        source, out = Path(made) / "float.onnx", Path(made) / "int8.onnx"
        model = onnx.load_from_string(onnx_rule.write(rule))
        model = onnx.version_converter.convert_version(model, OPSET_INT16)
        model.ir_version = IR_INT16
        onnx.save(model, source)
        with _quiet():
            quantize_static(
                source, out, _Batches(met), quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt16,
                weight_type=QuantType.QInt8, per_channel=False, op_types_to_quantize=["Gemm"],
                extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
            )  # fmt: skip
        return out.read_bytes()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Exporter and quantiser talk on every channel there is."""
    onnxruntime.set_default_logger_severity(ERRORS_ONLY)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(WARNINGS_TOO)


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, met: Floats) -> None:
        self._left = iter(met[i : i + BATCH] for i in range(0, len(met), BATCH))

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._left, None)
        return None if batch is None else {"neighbourhood": batch, "angle": np.zeros((), np.float32)}


def neighbourhoods_met(rule: Rule, target: Floats, rng: np.random.Generator) -> Floats:
    """What the living cells of two swarms meet while they grow, lose half of their cells and heal."""
    kept: list[Floats] = []
    engine = NumpyEngine(rule)

    def update(around: NDArray[Any]) -> NDArray[Any]:
        if rng.random() < 0.05:
            kept.append(np.array(around, np.float32))
        return engine.update(around)

    side = len(target)
    it = Swarm(np.repeat(seed(side, side, rule.channels)[None], 2, axis=0), update, ALIVE_THRESHOLD, 1.0)
    it.run(60, rng)
    it.erase(rng.random((2, side, side)) < 0.5)
    it.run(40, rng)
    return np.concatenate(kept)


def grown_loss(blob: bytes, target: Floats, channels: int, rng: np.random.Generator) -> float:
    """Median log10 loss of three swarms grown for 100 T by the graph under onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(blob, options, providers=["CPUExecutionProvider"])

    def update(around: NDArray[Any]) -> NDArray[Any]:
        heard = around[..., ALPHA].reshape(len(around), 9)
        new = around[:, 1, 1] + session.run(["delta"], {"neighbourhood": np.ascontiguousarray(around, np.float32)})[0]
        others = np.delete(heard, CENTRE, axis=1).max(axis=1)
        alive = np.maximum(others, new[:, ALPHA]) > ALIVE_THRESHOLD
        return np.asarray(new * alive[:, None])

    side = len(target)
    it = Swarm(np.repeat(seed(side, side, channels)[None], 3, axis=0), update, ALIVE_THRESHOLD, 1.0)
    it.run(GROW_T, rng)
    return float(np.median([loss_log10(grid, target) for grid in it.grids]))


def write(found: RuleFolder, out: Path, rng_seed: int, say: Callable[[str], None]) -> dict[str, float]:
    """Both files into `out`; the losses of what they grow.  BadInput, RunFailed."""
    rule, target = found.rule(), found.target()
    if target is None:
        raise BadInput(f"{found.name} has no target, so nothing shows that its graphs still grow")
    rng = np.random.default_rng(rng_seed)
    torch_blob = by_torch(rule)
    say(f"torch {torch.__version__} exports the rule: {len(torch_blob):,} bytes, equal on the golden vectors")
    int8_blob = quantised(rule, neighbourhoods_met(rule, target, rng))
    result = {
        "ours": grown_loss(onnx_rule.write(rule), target, rule.channels, rng),
        "torch": grown_loss(torch_blob, target, rule.channels, rng),
        "int8": grown_loss(int8_blob, target, rule.channels, rng),
    }
    if not result["int8"] <= result["ours"] + WORSE_MOST or not math.isfinite(result["int8"]):
        raise RunFailed(f"the quantised graph grows to {result['int8']:.2f}, the rule to {result['ours']:.2f}")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for kind, blob in (("torch", torch_blob), ("int8", int8_blob)):
            (out / f"{found.name}.{kind}.onnx").write_bytes(blob)
    except OSError as error:
        raise RunFailed(f"could not write into {out}: {error}") from error
    return {name: round(value, 3) for name, value in result.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rule")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps(write(folder.load(given.rule), given.out, given.seed, lambda line: print(line, flush=True))))


if __name__ == "__main__":
    main()
