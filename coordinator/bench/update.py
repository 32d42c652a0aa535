"""What one update of one cell costs in each engine, warm, in one process. May import firmware_sim."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from coordinator.bench.registry import Options, Row
from firmware_sim import folder
from firmware_sim.engines import make_engine

ENGINES = ("numpy", "onnx", "chip", "native")  # emulated chips only when asked for: they take minutes
ALIVE = 4  # above the threshold in float and in int8
REPEATS, BATCH = 7, 1000  # the best of 7: other work only ever makes it slower
AT_MOST_S = 0.3  # a repeat: an emulated chip is given fewer updates


def measure(options: Options) -> Iterator[Row]:
    """One row an engine: microseconds per update for N = 1, and per cell of 1,000 (or what 0.3 s allow)."""
    rule = folder.load(options.rule)
    numpy_us = 0.0
    for name in options.update_engines or ENGINES:
        engine = make_engine(name, rule)
        one = np.full((1, 3, 3, 16), ALIVE, engine.dtype)
        engine.update(one)
        count = max(1, min(BATCH, int(AT_MOST_S * 1e6 / _time_us(engine.update, one, 1))))
        many = np.full((count, 3, 3, 16), ALIVE, engine.dtype)
        single_us = min(_time_us(engine.update, one, count) for _ in range(REPEATS))
        batch_us = min(_time_us(engine.update, many, 3) for _ in range(REPEATS)) / count
        numpy_us = single_us if name == "numpy" else numpy_us
        yield {
            "engine": name,
            "us_per_update": round(single_us, 1),
            "to_numpy": round(single_us / numpy_us, 2) if numpy_us else None,
            "us_per_update_batched": round(batch_us, 2),
        }


def _time_us(update: object, block: object, times: int) -> float:
    assert callable(update)
    begun = time.perf_counter()
    for _ in range(times):
        update(block)
    return (time.perf_counter() - begun) / times * 1e6
