"""Importer of the article's published 8-bit models (`webgl_models8/ex{1,2,3}_{name}.json`).

Format: a list of two layers {data_b64, in_ch, out_ch, weight_scale, bias_scale, type: "uint8"}; the data are
uint8 [in_ch + 1][out_ch], the last row the bias, w = (byte/255 - 1/2) * scale.  Zero is not representable: byte 128
means half a step, hence the genome keeps byte - 128 and adds the half (flags half1, half2).  Models: CC BY 4.0,
Mordvintsev et al., "Growing Neural Cellular Automata", Distill 2020.  It downloads nothing.
Imports: msgspec, numpy, errors, folder, genome, limits, quantise, rule, targets.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_sim import folder, targets
from firmware_sim.errors import BadInput
from firmware_sim.genome import HIDDEN_MAX, HIDDEN_MIN, SHIFT_RANGE, Genome
from firmware_sim.limits import CHANNELS
from firmware_sim.quantise import assemble, hidden_shift
from firmware_sim.rule import Floats, Rule

CREDIT = "Mordvintsev, Randazzo, Niklasson, Levin: Growing Neural Cellular Automata, Distill 2020, CC BY 4.0"
MAX_JSON_BYTES = 1 << 20
# the article's targets, left to right in its strip of ten
STRIP = ("lizard", "smiley", "boom", "eye", "fish", "butterfly", "ladybug", "web", "pretzel", "tree")
REGIMES = {"1": "growing", "2": "persistent", "3": "regenerating"}
KEYS = ("data_b64", "in_ch", "out_ch", "weight_scale", "bias_scale")


@dataclass(frozen=True, slots=True)
class Layer:
    """uint8 weights [in, out] and bias [out] with the scales that give them a meaning."""

    weights: NDArray[np.uint8]
    bias: NDArray[np.uint8]
    weight_scale: float
    bias_scale: float

    def float_weights(self) -> NDArray[np.float64]:
        return (self.weights / 255.0 - 0.5) * self.weight_scale

    def float_bias(self) -> NDArray[np.float64]:
        return (self.bias / 255.0 - 0.5) * self.bias_scale

    def signed(self) -> NDArray[np.int8]:
        return (self.weights.astype(np.int16) - 128).astype(np.int8)


def read_model(path: str | Path) -> tuple[Rule, Genome | None]:
    """The float rule (no limits) and the genome of the authors' own bytes; no genome for 15 or 300 hidden units."""
    first, second = _layers(Path(path))
    rule = Rule(
        w1=first.float_weights().astype(np.float32),
        b1=first.float_bias().astype(np.float32),
        w2=second.float_weights().astype(np.float32),
        b2=second.float_bias().astype(np.float32),
    )
    if not HIDDEN_MIN <= rule.hidden <= HIDDEN_MAX:
        return rule, None
    return rule, _genome(first, second)


def import_model(
    path: str | Path,
    out_dir: str | Path,
    target_path: str | Path | None = None,
    premultiplied: bool | None = None,
) -> folder.RuleFolder:
    """Read a published model and write its rule folder.  The regime is read from the name (ex1, ex2, ex3).

    `target_path` is an image of at most 40x40 pixels, or larger and then fitted, or the article's strip of ten, from
    which the model's own tile is cut; a published tile is premultiplied already: True or False says so, None looks at
    the picture.  BadInput on anything off, and nothing is written.
    """
    path = Path(path)
    rule, genome = read_model(path)
    target = None
    if target_path is not None:
        target = targets.load_target(target_path, None, premultiplied=premultiplied)
        if target.shape[1] == len(STRIP) * target.shape[0]:
            target = _tile(target, path, Path(target_path))
        if max(target.shape[:2]) > targets.TARGET_SIZE:
            target = targets.load_target(target, targets.TARGET_SIZE, premultiplied=True)
    match = re.match(r"ex([123])_", path.name)
    name = re.sub(r"[^\w.-]+", "_", path.stem)[:64] or "imported"
    return folder.save(
        out_dir,
        name=name,
        rule=rule,
        genome=genome,
        target=target,
        target_source="" if target_path is None else Path(target_path).name,
        regime=REGIMES[match[1]] if match else "unknown",
        origin=f"imported from {path.name}",
        credit=CREDIT,
    )


def _tile(strip: Floats, model: Path, picture: Path) -> Floats:
    """The tile of the article's strip that this model grows, by the model's name."""
    motif = model.stem.rpartition("_")[2]
    if motif not in STRIP:
        raise BadInput(f"{picture}: a strip of ten, and {model.name} names none of {', '.join(STRIP)}")
    size = strip.shape[0]
    return strip[:, STRIP.index(motif) * size :][:, :size]


def _layers(path: Path) -> tuple[Layer, Layer]:
    try:
        with path.open("rb") as file:
            blob = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    if len(blob) > MAX_JSON_BYTES:
        raise BadInput(f"{path}: larger than {MAX_JSON_BYTES} bytes, a published model has about 12 kB")
    try:
        model = msgspec.json.decode(blob)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error})") from error
    if not isinstance(model, list) or len(model) != 2 or not all(isinstance(layer, dict) for layer in model):
        raise BadInput(f"{path}: expected a list of two layers, as in the article's webgl_models8")
    first, second = (_layer(layer, f"{path}: layer {index}") for index, layer in enumerate(model, 1))
    inputs, hidden, outputs = first.weights.shape[0], first.weights.shape[1], second.weights.shape[1]
    if (inputs, outputs) != (3 * CHANNELS, CHANNELS) or second.weights.shape[0] != hidden:
        raise BadInput(
            f"{path}: layers {inputs}->{hidden}, {second.weights.shape[0]}->{outputs}; "
            f"expected {3 * CHANNELS}->hidden, hidden->{CHANNELS}"
        )
    return first, second


def _layer(layer: dict[str, Any], where: str) -> Layer:
    for key in KEYS:
        if key not in layer:
            raise BadInput(f"{where}: key {key!r} is missing")
    if str(layer.get("type", "uint8")) != "uint8":
        raise BadInput(f"{where}: type {layer['type']!r}, expected uint8")
    inputs, outputs = (_number(layer, key, where) for key in ("in_ch", "out_ch"))
    weight_scale, bias_scale = (_number(layer, key, where) for key in ("weight_scale", "bias_scale"))
    if inputs != int(inputs) or outputs != int(outputs) or not (1 <= inputs <= 1024 and 1 <= outputs <= 1024):
        raise BadInput(f"{where}: in_ch {inputs:g}, out_ch {outputs:g}; expected whole numbers of 1..1024")
    if weight_scale <= 0 or bias_scale < 0:
        raise BadInput(f"{where}: weight_scale {weight_scale:g}, bias_scale {bias_scale:g}; expected positive numbers")
    shape = (int(inputs) + 1, int(outputs))
    try:
        data = base64.b64decode(layer["data_b64"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadInput(f"{where}: data_b64 is not base64") from error
    if len(data) != shape[0] * shape[1]:
        raise BadInput(f"{where}: {len(data)} bytes of data, expected {shape[0]}*{shape[1]} (in_ch + 1, out_ch)")
    values = np.frombuffer(data, np.uint8).reshape(shape)
    return Layer(values[:-1], values[-1], weight_scale, bias_scale)


def _number(layer: dict[str, Any], key: str, where: str) -> float:
    value = layer[key]
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where}: {key} is {value!r}, expected a number") from error
    if not math.isfinite(number):
        raise BadInput(f"{where}: {key} is {value!r}, expected a finite number")
    return number


def _genome(first: Layer, second: Layer) -> Genome:
    """The authors' bytes as they are; the shift covers 0..2.4, or more if a bias of the output would not fit."""
    step1, step2 = first.weight_scale / 255.0, second.weight_scale / 255.0
    refusal: BadInput | None = None
    for shift in range(hidden_shift(step1), SHIFT_RANGE[1] + 1):
        try:
            return assemble(
                first.signed(),
                first.float_bias(),
                second.signed(),
                second.float_bias(),
                step1=step1,
                step2=step2,
                shift=shift,
                half1=True,
                half2=True,
            )
        except BadInput as error:
            refusal = refusal or error
    raise refusal or BadInput("no shift fits")
