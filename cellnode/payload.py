"""A rule by value: what a coordinator sends so that agents need no rule folder, and the engine made from it.

`numpy` travels as the four weight arrays, the int8 engines as the genome's bytes, `onnx` as the file's; the others need
no `onnx` or `onnxruntime` where they arrive. It opens no file and no socket. May import `firmware_sim`, numpy and
messages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cellnode.messages import OtherEngine, RulePayload
from firmware_sim.engines import ENGINE_NAMES, FAMILIES, Engine, RuleSource, make_engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS, Limits
from firmware_sim.rule import Rule

Outfit = Callable[[], Engine]


class NamedRuleSource(RuleSource, Protocol):
    """A RuleFolder, or anything with its three parts and a hash."""

    @property
    def sha256(self) -> str: ...


def rule_payload(folder: NamedRuleSource, engine_name: str, degrees: float = 0.0) -> RulePayload:
    """The rule in the form that `engine_name` needs. Raises BadInput for an unknown engine or a missing genome."""
    if FAMILIES.get(engine_name) == "int8":
        genome = folder.genome()
        if genome is None:
            raise BadInput(f"engine {engine_name}: this rule has no genome; run it with --engine numpy or export one")
        hidden, channels = genome.w2.shape
        limits, blob = genome.dequantise().limits, genome.to_bytes()
    elif engine_name == "onnx":
        from firmware_sim.onnx_rule import channels_of, read_limits

        blob = folder.onnx_bytes()  # anybody's graph: it keeps its layers and limits to itself
        hidden, channels, limits = 0, channels_of(blob), read_limits(blob) or Limits()
    elif engine_name == "numpy":
        rule = folder.rule()
        hidden, channels, limits, blob = rule.hidden, rule.channels, rule.limits, weights(rule)
    else:
        raise BadInput(f"engine {engine_name!r} is unknown, expected one of {', '.join(ENGINE_NAMES)}")
    return RulePayload(engine_name, folder.sha256, blob, channels, hidden, limits.to_dict(), degrees)


def weights(rule: Rule) -> bytes:
    """w1, b1, w2, b2 as little-endian float32, one after the other."""
    return b"".join(part.astype("<f4").tobytes() for part in (rule.w1, rule.b1, rule.w2, rule.b2))


def engine_from(payload: RulePayload, any_channels: bool = False) -> Engine:
    """The engine that the payload describes. Raises BadInput when its parts do not belong together."""
    if payload.channels != CHANNELS and not any_channels:
        raise BadInput(
            f"rule has {payload.channels} channels, cells in processes have {CHANNELS}; "
            "use --substrate patches or virtual"
        )
    if payload.engine == "numpy":
        return make_engine("numpy", _rule(payload), payload.degrees)
    if payload.engine == "board":
        from firmware_sim.boards.port import port_engine

        return port_engine(payload.port, payload.blob, payload.degrees)
    return make_engine(payload.engine, payload.blob, payload.degrees)


def outfits(others: list[OtherEngine]) -> dict[int, Outfit]:
    """What each of these cells is to be forked with. An engine that may be made before a fork is made here, once."""
    made: dict[int, Outfit] = {}
    for other in others:
        make = partial(engine_from, other.rule)
        outfit = make if other.rule.engine == "board" else _ready(make())  # a port is opened by the cell alone
        made.update(dict.fromkeys(other.cells, outfit))
    return made


def _ready(engine: Engine) -> Outfit:
    return lambda: engine


def _rule(payload: RulePayload) -> Rule:
    channels, hidden = payload.channels, payload.hidden
    shapes = ((3 * channels, hidden), (hidden,), (hidden, channels), (channels,))
    sizes = [int(np.prod(shape)) for shape in shapes]
    if hidden < 1 or len(payload.blob) != 4 * sum(sizes):
        raise BadInput(
            f"rule has {len(payload.blob)} bytes of weights, expected {4 * sum(sizes)} for {hidden} hidden units"
        )
    values: NDArray[np.float32] = np.frombuffer(payload.blob, "<f4").astype(np.float32)
    parts = np.split(values, np.cumsum(sizes)[:-1])
    w1, b1, w2, b2 = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
    return Rule(w1, b1, w2, b2, Limits.from_dict(payload.limits))
