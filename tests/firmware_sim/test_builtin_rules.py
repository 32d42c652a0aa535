"""Every rule that comes with the project is whole, and each engine computes its golden vectors to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim import folder, golden
from firmware_sim.engines import ENGINE_NAMES, make_engine


@pytest.mark.parametrize("name", folder.builtin_names())
def test_it_loads_and_every_engine_reproduces_its_golden_vectors(name: str) -> None:
    found = folder.load(name)
    vectors = found.golden()
    assert found.name == name
    assert found.target() is not None
    assert vectors is not None
    for engine in set(ENGINE_NAMES) - {"avr"}:
        assert golden.mismatch(make_engine(engine, found), vectors) is None
    assert vectors.int8_in is not None
    whole = make_engine("avr", found)  # one chip: at once is one by one, and takes its time
    assert np.array_equal(whole.update(vectors.int8_in), vectors.int8_out)
