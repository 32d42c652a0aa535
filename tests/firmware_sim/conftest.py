"""Rules, genomes and neighbourhoods to test with, made from a seed: no trained weights are needed here."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from samples import int8_samples, random_rule

from firmware_sim.genome import Genome
from firmware_sim.limits import ALPHA
from firmware_sim.rule import Rule

RuleMaker = Callable[..., Rule]


@pytest.fixture(scope="session")
def make_rule() -> RuleMaker:
    return random_rule


@pytest.fixture(scope="session")
def samples_int8() -> NDArray[np.int8]:
    return int8_samples()


@pytest.fixture(scope="session")
def samples_float(samples_int8: NDArray[np.int8]) -> NDArray[np.float32]:
    """The same off the grid of 1/32, and away from the edge of the living mask, where the last bit decides."""
    samples = (samples_int8 * np.float32(0.97 / 32)).astype(np.float32)
    return np.ascontiguousarray(samples[(np.abs(samples[..., ALPHA] - 0.1) > 1e-3).all(axis=(1, 2))])


@pytest.fixture(scope="session")
def genome() -> Genome:
    return Genome.quantise(random_rule(3))


@pytest.fixture(scope="session")
def published_layers() -> Callable[..., list[dict[str, Any]]]:
    """A model in the format of the article's 8-bit files, from a seed."""

    def layers(rng_seed: int = 0, hidden: int = 32) -> list[dict[str, Any]]:
        rng = np.random.default_rng(rng_seed)
        model = []
        for inputs, outputs, weight_scale, bias_scale in ((48, hidden, 1.19, 0.37), (hidden, 16, 1.08, 0.16)):
            data = rng.integers(0, 256, (inputs + 1, outputs), dtype=np.uint8)
            text = base64.b64encode(data.tobytes()).decode()
            model.append(
                {"data_b64": text, "in_ch": inputs, "out_ch": outputs, "weight_scale": weight_scale,
                 "bias_scale": bias_scale, "type": "uint8"}
            )  # fmt: skip
        return model

    return layers


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[[Any, str], Path]:
    def write(model: Any, name: str = "ex3_lizard.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(model))
        return path

    return write
