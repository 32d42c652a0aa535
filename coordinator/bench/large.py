"""64x64: as many processes as the article's canvas has cells, launched and grown on one machine. Uses the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from coordinator.bench import swarm
from coordinator.bench.registry import Options, Row


def measure(options: Options) -> Iterator[Row]:
    """The row of `swarm` for the last engine asked for, on 64x64 at T = 2 s or longer."""
    big = replace(options, grid=(64, 64), interval_s=max(options.interval_s, 2.0), engines=options.engines[-1:])
    yield from swarm.measure(big)
