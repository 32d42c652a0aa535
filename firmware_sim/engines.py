"""The engines behind one interface: whatever computes `update` for N neighbourhoods, in float or in int8.

`numpy` and `onnx` are float, `chip` is int8; each can be made from plain parts (a Rule, a Genome, bytes), so that a
cell can be fed by message.  Thousands of processes run one of these for one cell, hence a path for N = 1 with few
numpy calls (warm, one core: numpy 6 us, 14 if it rounds; chip 16; onnx 25 to 41; 2 where nothing lives).  An engine
keeps no state between calls, may be made before a fork and used in the children, and knows no grid, link or clock.
Imports: numpy, onnxruntime (in OnnxEngine only), errors, chip, genome, limits, rule.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from firmware_sim.chip import SILENT, Batch
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, CHANNELS, HIDDEN_STEPS, STATE_MAX_INT8
from firmware_sim.rule import Floats, Rule

States = NDArray[Any]
Family = Literal["float", "int8"]

ENGINE_NAMES: tuple[str, ...] = ("numpy", "onnx", "chip", "native", "unicorn", "rv32imc", "rv32ec", "avr")
CHIPS: dict[str, str] = {  # kinds of chip that a cell may run on, and the engine that is their machine code
    "cortex-m0": "unicorn",
    "rv32imc": "rv32imc",
    "rv32ec": "rv32ec",
    "atmega328p": "avr",
}
FAMILIES: dict[str, Family] = {
    "numpy": "float",
    "onnx": "float",
    "chip": "int8",
    "native": "int8",
    "unicorn": "int8",
    "rv32imc": "int8",
    "rv32ec": "int8",
    "avr": "int8",
    "board": "int8",  # a real one at a serial port: made in the cell's own process only
}
CENTRE = 4


class Engine(Protocol):
    """`update`: [N, 3, 3, C] of `dtype` -> new own states [N, C], masks applied (rule.update, chip.update)."""

    name: str
    family: Family
    dtype: np.dtype[Any]
    channels: int

    def update(self, neighbourhood: States) -> States: ...


class RuleSource(Protocol):
    """What an engine is made from: a RuleFolder, or anything with these three."""

    def rule(self) -> Rule: ...

    def genome(self) -> Genome | None: ...

    def onnx_bytes(self) -> bytes: ...


def make_engine(name: str, source: RuleSource | Rule | Genome | bytes, degrees: float = 0.0) -> Engine:
    """An engine by name from a rule folder or from the one part it needs; the rotation is folded in."""
    if name == "numpy":
        return NumpyEngine(source if isinstance(source, Rule) else _source(name, source).rule(), degrees)
    if name == "onnx":
        return OnnxEngine(source if isinstance(source, bytes) else _source(name, source).onnx_bytes(), degrees)
    if FAMILIES.get(name) == "int8":
        if isinstance(source, bytes):
            source = Genome.from_bytes(source)
        genome = source if isinstance(source, Genome) else _source(name, source).genome()
        if genome is None:
            raise BadInput(f"engine {name}: this rule has no genome; run it with --engine onnx, or export it with one")
        return _int8_engine(name, genome, degrees)
    raise BadInput(f"engine {name!r} is unknown, expected one of {', '.join(ENGINE_NAMES)}")


def _int8_engine(name: str, genome: Genome, degrees: float) -> Engine:
    """The firmware's machine code is imported only where it is asked for: it needs a compiler or an emulator."""
    if name == "native":
        from firmware_sim.native import native_engine

        return native_engine(genome, degrees)
    if name in ("unicorn", "rv32imc", "rv32ec"):
        from firmware_sim.unicorn_engine import UnicornEngine

        return UnicornEngine(genome, degrees, name)
    if name == "avr":
        from firmware_sim.boards.engine import AvrEngine

        return AvrEngine(genome, degrees)
    if name == "board":
        raise BadInput("engine board is a chip at a serial port: `planaria bridge PORT` makes it one cell of a run")
    return ChipEngine(genome, degrees)


def genome_of(engine: Engine) -> Genome | None:
    """The genome, turned as the engine is, of one that is nothing but the integer core's arithmetic (`chip`, `native`);
    None for floats, and for machine code that somebody wants to see executed."""
    genome = getattr(engine, "genome", None) if engine.name in ("chip", "native") else None
    return genome if isinstance(genome, Genome) else None


class NumpyEngine:
    """The float rule with perception folded into the first layer: two matrix products for each update."""

    name = "numpy"
    family: Family = "float"
    dtype: np.dtype[Any] = np.dtype(np.float32)

    def __init__(self, rule: Rule, degrees: float = 0.0) -> None:
        turned = rule.turned(degrees) if degrees else rule
        self.channels = rule.channels
        self._limits = rule.limits
        self._hidden_max = None if rule.limits.hidden_max is None else np.float32(rule.limits.hidden_max)
        self._first = np.concatenate([_folded(turned), turned.b1[None]])  # [9C + 1, H]
        self._second = np.concatenate([turned.w2, turned.b2[None]])  # [H + 1, C]
        self._input = np.ones(len(self._first), np.float32)
        self._hidden = np.ones(len(self._second), np.float32)
        self._input_part, self._hidden_part = self._input[:-1], self._hidden[:-1]
        self._own = slice(CENTRE * self.channels, (CENTRE + 1) * self.channels)

    def update(self, neighbourhood: States) -> States:
        if len(neighbourhood) != 1:
            return self._many(neighbourhood)
        flat = neighbourhood.reshape(-1)
        heard, own = _alphas(flat, self.channels)
        new = np.zeros(self.channels, np.float32)
        if heard > ALIVE_THRESHOLD or own > ALIVE_THRESHOLD:
            self._input_part[:] = flat
            hidden = self._hidden_part
            np.maximum(self._input.dot(self._first), 0, out=hidden)
            if self._hidden_max is not None:
                np.minimum(hidden, self._hidden_max, out=hidden)
            self._hidden.dot(self._second, out=new)
            new += flat[self._own]
            new = self._limits.apply(new)
            if heard <= ALIVE_THRESHOLD and not new[ALPHA] > ALIVE_THRESHOLD:
                new = np.zeros(self.channels, np.float32)
        return new[None]

    def _many(self, neighbourhood: States) -> States:
        count = len(neighbourhood)
        inputs = np.ones((count, len(self._first)), np.float32)
        inputs[:, :-1] = neighbourhood.reshape(count, len(self._first) - 1)
        hidden = np.ones((count, len(self._second)), np.float32)
        np.maximum(inputs @ self._first, 0, out=hidden[:, :-1])
        if self._hidden_max is not None:
            np.minimum(hidden, self._hidden_max, out=hidden)
            hidden[:, -1] = 1
        new = self._limits.apply(neighbourhood[:, 1, 1] + hidden @ self._second)
        return _masked(neighbourhood, new)


class OnnxEngine:
    """Any rule's ONNX bytes under onnxruntime, one thread; the graph gives the delta, the living masks stand here.

    BadInput if the bytes are no rule, or if the graph cannot run.
    """

    name = "onnx"
    family: Family = "float"
    dtype: np.dtype[Any] = np.dtype(np.float32)

    def __init__(self, onnx_bytes: bytes, degrees: float = 0.0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # an arena of its own in each of thousands of processes
        options.log_severity_level = 4  # what goes wrong is raised, in one line, not printed
        self._feed: dict[str, NDArray[np.float32]] = {}
        if degrees:
            self._feed["angle"] = np.array(math.radians(degrees % 360.0), np.float32)
        try:
            self._session = onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
            (value,) = [entry for entry in self._session.get_inputs() if entry.name == "neighbourhood"]
            self.channels = int(value.shape[-1])
            shapes = [self._delta(np.zeros((n, 3, 3, self.channels), np.float32)).shape for n in (1, 2)]
        except Exception as error:  # onnxruntime raises many kinds of its own
            raise BadInput(f"engine onnx: the graph does not run ({' '.join(str(error).split())[:200]})") from error
        if shapes != [(1, self.channels), (2, self.channels)]:
            raise BadInput(
                f"engine onnx: delta has shapes {shapes} for one and two cells, expected [N, {self.channels}]"
            )

    def update(self, neighbourhood: States) -> States:
        if len(neighbourhood) != 1:
            return _masked(neighbourhood, neighbourhood[:, 1, 1] + self._delta(neighbourhood))
        heard, own = _alphas(neighbourhood.reshape(-1), self.channels)
        if not (heard > ALIVE_THRESHOLD or own > ALIVE_THRESHOLD):
            return np.zeros((1, self.channels), np.float32)
        new: States = self._delta(neighbourhood)
        new += neighbourhood[:, 1, 1]
        if heard <= ALIVE_THRESHOLD and not new[0, ALPHA] > ALIVE_THRESHOLD:
            return np.zeros((1, self.channels), np.float32)
        return new

    def _delta(self, neighbourhood: States) -> States:
        self._feed["neighbourhood"] = np.ascontiguousarray(neighbourhood, np.float32)
        result: States = self._session.run(None, self._feed)[0]
        return result


class ChipEngine:
    """The integer core; the bytes of `chip.Core`."""

    name = "chip"
    family: Family = "int8"
    dtype: np.dtype[Any] = np.dtype(np.int8)
    channels = CHANNELS

    def __init__(self, genome: Genome, degrees: float = 0.0) -> None:
        self._batch = batch = Batch(genome.turned(degrees) if degrees % 360.0 else genome)
        self.genome = batch.genome
        self._alive = genome.alive
        self._scale = np.full(CHANNELS, batch.scale)
        self._input = np.ones(len(batch.first), batch.first.dtype)
        self._hidden = np.ones(len(batch.second), batch.second.dtype)
        self._input_part, self._hidden_part = self._input[:-1], self._hidden[:-1]
        self._sum = np.empty(len(batch.second) - 1, batch.first.dtype)
        self._accumulator = np.empty(CHANNELS, batch.second.dtype)
        self._change = np.empty(CHANNELS)

    def update(self, neighbourhood: States) -> States:
        if len(neighbourhood) != 1:
            return self._batch.update(neighbourhood)
        flat = neighbourhood.reshape(-1)
        heard, own = _alphas(flat, CHANNELS)
        if heard <= self._alive and own <= self._alive:
            return np.zeros((1, CHANNELS), np.int8)
        # The same exact arithmetic as chip.Batch, into buffers that are kept.
        self._input_part[:] = flat
        total, accumulator, change = self._sum, self._accumulator, self._change
        self._input.dot(self._batch.first, out=total)
        np.floor(total, out=total)
        np.maximum(total, 0, out=total)
        np.minimum(total, HIDDEN_STEPS, out=self._hidden_part)
        self._hidden.dot(self._batch.second, out=accumulator)
        np.floor(accumulator, out=accumulator)
        np.multiply(accumulator, self._scale, out=change)
        change += 0.5
        np.floor(change, out=change)
        change += flat[CENTRE * CHANNELS : (CENTRE + 1) * CHANNELS]
        np.maximum(change, -STATE_MAX_INT8, out=change)
        np.minimum(change, STATE_MAX_INT8, out=change)
        if heard <= self._alive and change[ALPHA] <= self._alive:
            return np.zeros((1, CHANNELS), np.int8)
        return change.astype(np.int8)[None]


def _alphas(flat: States, channels: int) -> tuple[float, float]:
    """The largest alpha heard and the own one, of one flattened neighbourhood [9C]."""
    values = flat[ALPHA::channels].tolist()
    own = values[CENTRE]
    values[CENTRE] = SILENT
    return max(values), own


def _masked(neighbourhood: Floats, new: Floats) -> Floats:
    """Both living masks of rule.update, [N, 3, 3, C] and [N, C] -> [N, C]; overwrites `new`."""
    count = len(neighbourhood)
    alphas = neighbourhood.reshape(count, 9, neighbourhood.shape[-1])[:, :, ALPHA]
    heard = np.maximum(alphas[:, :CENTRE].max(axis=1), alphas[:, CENTRE + 1 :].max(axis=1))
    before = np.maximum(heard, alphas[:, CENTRE]) > ALIVE_THRESHOLD
    new[~(before & (np.maximum(heard, new[:, ALPHA]) > ALIVE_THRESHOLD))] = 0
    return new


def _folded(rule: Rule) -> Floats:
    """Perception and the first layer as one matrix over the raw neighbourhood, [9C, H]."""
    own, gx, gy = np.split(rule.w1, 3)
    kernel_dx = np.array([-1, 0, 1, -2, 0, 2, -1, 0, 1], np.float32)[:, None, None] / 8
    kernel_dy = np.array([-1, -2, -1, 0, 0, 0, 1, 2, 1], np.float32)[:, None, None] / 8
    folded: NDArray[Any] = kernel_dx * gx + kernel_dy * gy
    folded[CENTRE] += own
    return folded.reshape(9 * rule.channels, -1)


def _source(name: str, source: RuleSource | Rule | Genome | bytes) -> RuleSource:
    if isinstance(source, Rule | Genome | bytes):
        raise BadInput(f"engine {name} cannot be made from a {type(source).__name__.lower()}")
    return source
