"""One interface: rule = numpy = onnx to 1e-5, chip to the bit, one cell as many cells, and life after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from samples import random_rule

from firmware_sim import chip, onnx_rule
from firmware_sim import rule as float_rule
from firmware_sim.engines import FAMILIES, ChipEngine, NumpyEngine, OnnxEngine, make_engine
from firmware_sim.errors import BadInput
from firmware_sim.genome import Genome
from firmware_sim.limits import Limits

KINDS = [Limits(), Limits("clamp"), Limits("clamp", hidden_max=0.8), Limits(hidden_max=1.5)]


def singles(engine: Any, samples: Any) -> Any:
    return np.concatenate([engine.update(samples[i : i + 1]) for i in range(len(samples))])


@pytest.mark.parametrize("limits", KINDS, ids=str)
@pytest.mark.parametrize("degrees", [0.0, 90.0, -33.0])
@pytest.mark.parametrize("name", ["numpy", "onnx"])
def test_float_engines_equal_the_rule(name: str, degrees: float, limits: Limits, samples_float: Any) -> None:
    rule = random_rule(1, hidden=48, limits=limits)
    source = rule if name == "numpy" else onnx_rule.write(rule)
    engine = make_engine(name, source, degrees)
    expected = float_rule.update(rule, samples_float, degrees)
    scale = np.maximum(1, np.abs(expected))
    for found in (engine.update(samples_float), singles(engine, samples_float)):
        assert found.dtype == np.float32
        assert (np.abs(found - expected) / scale).max() < 1e-5
    assert 0.3 < expected.any(axis=1).mean() < 1, "both living and dead cells belong here"


@pytest.mark.parametrize("name", ["numpy", "onnx"])
def test_float_engines_round_like_the_rule(name: str, samples_int8: Any) -> None:
    """On the grid of 1/32 a sum may lie on an edge: all but a few agree exactly, the rest by one step."""
    rule = random_rule(1, limits=Limits("round", hidden_max=1.0))
    samples = samples_int8 / np.float32(32)
    engine = make_engine(name, rule if name == "numpy" else onnx_rule.write(rule))
    error = np.abs(engine.update(samples) - float_rule.update(rule, samples))
    assert error.max() <= 1 / 32 + 1e-6
    assert np.mean(error > 1e-6) < 1e-3


@pytest.mark.parametrize("degrees", [0.0, 90.0, 33.0])
def test_the_chip_engine_equals_the_core_one_by_one_and_batched(degrees: float, samples_int8: Any) -> None:
    genome = Genome.quantise(random_rule(2, hidden=128), half1=True, half2=True)
    engine = make_engine("chip", genome.to_bytes(), degrees)
    expected = chip.update(genome.turned(degrees) if degrees else genome, samples_int8)
    assert np.array_equal(engine.update(samples_int8), expected)
    assert np.array_equal(singles(engine, samples_int8), expected)
    assert engine.update(samples_int8[:1]).dtype == np.int8


def test_a_full_turn_is_no_turn(samples_int8: Any) -> None:
    genome = Genome.quantise(random_rule(2))
    assert np.array_equal(ChipEngine(genome, 360).update(samples_int8), ChipEngine(genome).update(samples_int8))


def test_an_engine_returns_new_arrays_and_leaves_its_input_alone(samples_int8: Any) -> None:
    genome = Genome.quantise(random_rule(2))
    for engine in (ChipEngine(genome), NumpyEngine(genome.dequantise()), OnnxEngine(onnx_rule.write(random_rule(2)))):
        samples = samples_int8[60:62].astype(engine.dtype)
        before = samples.copy()
        first = engine.update(samples[:1])
        kept = first.copy()
        second = engine.update(samples[1:])
        assert np.array_equal(first, kept)
        assert not np.shares_memory(first, second)
        assert np.array_equal(samples, before)


def test_no_cells_give_no_states() -> None:
    genome = Genome.quantise(random_rule(2))
    for engine in (ChipEngine(genome), NumpyEngine(genome.dequantise()), OnnxEngine(onnx_rule.write(random_rule(2)))):
        assert engine.update(np.zeros((0, 3, 3, 16), engine.dtype)).shape == (0, 16)


def test_rules_of_other_channels_run_in_float(samples_float: Any) -> None:
    rule = random_rule(0, channels=12)
    samples = np.ascontiguousarray(samples_float[..., :12])
    expected = float_rule.update(rule, samples)
    for engine in (NumpyEngine(rule), OnnxEngine(onnx_rule.write(rule))):
        assert engine.channels == 12
        assert engine.update(samples) == pytest.approx(expected, rel=1e-5, abs=1e-5)
        assert singles(engine, samples) == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_an_onnx_session_made_before_a_fork_works_in_the_children(samples_float: Any) -> None:
    engine = OnnxEngine(onnx_rule.write(random_rule(3)))
    expected = engine.update(samples_float[:64])
    for _ in range(2):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                new = np.concatenate([singles(engine, samples_float[:64]), engine.update(samples_float[:64])])
                os.write(writer, new.tobytes())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            found = np.frombuffer(pipe.read(), np.float32).reshape(2, 64, 16)
        assert os.waitpid(pid, 0)[1] == 0
        assert found[0] == pytest.approx(expected, rel=1e-5, abs=1e-5)
        assert np.array_equal(found[1], expected)


def test_engines_from_plain_parts_load_nothing_that_a_cell_would_pay_for() -> None:
    heavy = "{'onnx', 'onnxruntime', 'PIL', 'msgspec', 'torch', 'zmq'}"
    code = f"import sys, firmware_sim.engines; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_engines_know_their_family() -> None:
    genome = Genome.quantise(random_rule(2))
    assert {
        e.name: e.family for e in (ChipEngine(genome), NumpyEngine(genome.dequantise()))
    }.items() <= FAMILIES.items()


def test_what_cannot_become_an_engine_is_refused_in_one_line() -> None:
    rule = random_rule()
    for source, name, words in (
        (rule, "gpu", "engine 'gpu' is unknown, expected one of numpy, onnx, chip"),
        (rule, "chip", "engine chip cannot be made from a rule"),
        (Genome.quantise(rule), "numpy", "engine numpy cannot be made from a genome"),
        (b"no genome", "chip", "too short"),
        (b"no graph", "onnx", "the graph does not run"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            make_engine(name, source)
        assert "\n" not in str(caught.value)
