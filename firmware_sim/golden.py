"""Golden vectors: neighbourhoods and the new states they must give, kept beside a rule for every engine and chip.

Random, extreme, faint and empty neighbourhoods, in float for `rule.update` and in int8 for `chip.update`.  Float
samples that lie on the edge of a rounding or of the living mask are left out, so that engines which differ in the last
bit agree.  It never decides what an update is.  Imports: numpy, errors, chip, engines, genome, limits, rule.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim import chip
from firmware_sim import rule as float_rule
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome
from firmware_sim.limits import ALIVE_THRESHOLD, ALPHA, CHANNELS, STATE_MAX_INT8, STATE_STEP
from firmware_sim.rule import Floats, Rule

RNG_SEED = 20200211  # the article's day
TOLERANCE = 1e-5  # float engines; int8 engines agree to the bit
MAX_GOLDEN_BYTES = 1 << 22
MAX_SAMPLES = 4096
_EDGE = 1e-3  # in rounding steps, and in alpha


@dataclass(frozen=True, eq=False, slots=True)
class Golden:
    """float32 [n, 3, 3, C] -> [n, C], and int8 [m, 3, 3, 16] -> [m, 16] if the rule has a genome."""

    float_in: Floats
    float_out: Floats
    int8_in: NDArray[np.int8] | None
    int8_out: NDArray[np.int8] | None


def make(rule: Rule, genome: Genome | None) -> Golden:
    """The vectors of a rule; the same for the same weights."""
    rng = np.random.default_rng(RNG_SEED)
    whole = _samples(rng, rule.channels)
    float_in = whole.astype(np.float32) * np.float32(STATE_STEP)
    # Off the grid of 1/32 too: a float state is any number, unless the rule rounds.
    if rule.limits.limit != "round":
        float_in[::2] *= np.float32(0.97)
    float_in = float_in[~_on_an_edge(rule, float_in)]
    int8_in = None if genome is None else whole.astype(np.int8)
    return Golden(
        float_in=float_in,
        float_out=float_rule.update(rule, float_in),
        int8_in=int8_in,
        int8_out=None if genome is None or int8_in is None else chip.update(genome, int8_in),
    )


def to_bytes(golden: Golden) -> bytes:
    """The bytes of `golden.npz`."""
    arrays: dict[str, Any] = {"float_in": golden.float_in, "float_out": golden.float_out}
    if golden.int8_in is not None:
        arrays |= {"int8_in": golden.int8_in, "int8_out": golden.int8_out}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(blob: bytes, channels: int, name: str = "golden.npz") -> Golden:
    """Read the vectors back; BadInput when they are damaged or of another shape."""
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_GOLDEN_BYTES:
            raise BadInput(f"{name}: unpacks to {size} bytes, expected at most {MAX_GOLDEN_BYTES}")
        with np.load(io.BytesIO(blob), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except BadInput:
        raise
    except Exception as error:  # a damaged archive raises whatever its decoder meets
        raise BadInput(f"{name}: not readable as golden vectors ({' '.join(str(error).split())})") from error
    golden = Golden(
        float_in=_array(arrays, "float_in", np.float32, (3, 3, channels), name),
        float_out=_array(arrays, "float_out", np.float32, (channels,), name),
        int8_in=None if "int8_in" not in arrays else _array(arrays, "int8_in", np.int8, (3, 3, CHANNELS), name),
        int8_out=None if "int8_in" not in arrays else _array(arrays, "int8_out", np.int8, (CHANNELS,), name),
    )
    pairs = [(golden.float_in, golden.float_out), (golden.int8_in, golden.int8_out)]
    if any(given is not None and result is not None and len(given) != len(result) for given, result in pairs):
        raise BadInput(f"{name}: as many results as samples expected")
    return golden


def mismatch(engine: Engine, golden: Golden) -> str | None:
    """None if the engine gives the golden vectors, batched and one by one; else one line that says where it differs."""
    samples: NDArray[Any] | None
    expected: NDArray[Any] | None
    if engine.family == "int8":
        samples, expected, tolerance = golden.int8_in, golden.int8_out, 0.0
    else:
        samples, expected, tolerance = golden.float_in, golden.float_out, TOLERANCE
    if samples is None or expected is None:
        return f"engine {engine.name}: the rule has no golden vectors for {engine.family}"
    single = np.concatenate([engine.update(samples[i : i + 1]) for i in range(len(samples))])
    for words, found in (("at once", engine.update(samples)), ("one by one", single)):
        error = np.abs(found.astype(np.float64) - expected) / np.maximum(1.0, np.abs(expected.astype(np.float64)))
        if not (error <= tolerance).all():
            worst = int(np.argmax(np.nan_to_num(error, nan=np.inf).max(axis=1)))
            return f"engine {engine.name}: golden sample {worst} differs by {np.nanmax(error):.3g} ({words})"
    return None


def _samples(rng: np.random.Generator, channels: int) -> NDArray[np.int64]:
    """Whole numbers of steps within +-127, [n, 3, 3, channels]."""
    shape = (3, 3, channels)
    top = STATE_MAX_INT8
    lonely = np.zeros((9, *shape), np.int64)
    lonely[np.arange(9), np.arange(9) // 3, np.arange(9) % 3, ALPHA:] = 32  # a seed, seen from all sides
    parts = [
        np.zeros((1, *shape), np.int64),
        np.full((1, *shape), top),
        np.full((1, *shape), -top),
        lonely,
        rng.integers(-4, 5, (24, *shape)),  # faint: both masks are at stake
        rng.integers(-40, 41, (48, *shape)),  # what a pattern looks like
        rng.integers(-top, top + 1, (24, *shape)),
        rng.choice(np.array([-top, 0, top]), (16, *shape)),
    ]
    return np.concatenate(parts)


def _on_an_edge(rule: Rule, samples: Floats) -> NDArray[np.bool_]:
    new = samples[:, 1, 1] + float_rule.delta(rule, samples)
    edge: NDArray[np.bool_] = np.abs(new[:, ALPHA] - ALIVE_THRESHOLD) < _EDGE
    if rule.limits.limit == "round":
        free = replace(rule, limits=replace(rule.limits, limit="identity"))  # the same sum before it is rounded
        steps = (samples[:, 1, 1] + float_rule.delta(free, samples)) / rule.limits.state_step
        edge |= (np.abs(steps - np.floor(steps) - 0.5) < _EDGE).any(axis=1)
    return edge


def _array(arrays: dict[str, Any], key: str, kind: Any, shape: tuple[int, ...], name: str) -> Any:
    if key not in arrays:
        raise BadInput(f"{name}: array {key!r} is missing")
    found = arrays[key]
    if found.dtype != kind or found.shape[1:] != shape or found.ndim != len(shape) + 1 or len(found) > MAX_SAMPLES:
        raise BadInput(f"{name}: {key} is {found.dtype} {list(found.shape)}, expected {np.dtype(kind)} [n, *{shape}]")
    return found
