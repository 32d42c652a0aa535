"""Whether a rule grows as well when turned by quarter turns, in virtual time, float and int8. Uses the API."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from statistics import median

from coordinator import Swarm
from coordinator.bench.registry import Options, Row

ANGLES = (0, 90, 180, 270)
GROWN_T = 100


def measure(options: Options) -> Iterator[Row]:
    """One row an engine and angle: medians over the seeds of the loss at 100 T, and of its best one-pixel shift."""
    for engine in options.engines:
        upright = 0.0
        for angle in ANGLES:
            losses, shifted = [], []
            for seed in options.seeds:
                with (
                    tempfile.TemporaryDirectory() as home,
                    Swarm.start(
                        options.rule,
                        options.grid,
                        engine=engine,
                        substrate="virtual",
                        degrees=angle,
                        seed=seed,
                        out=f"{home}/run",
                    ) as swarm,
                ):
                    swarm.wait_until(GROWN_T)
                    measured = swarm.measure()
                losses.append(measured.loss_log10 or 0.0)
                shifted.append(measured.loss_log10_shift1 or 0.0)
            if angle == 0:
                upright = median(shifted)
            yield {
                "engine": engine,
                "angle": angle,
                "loss_log10": round(median(losses), 3),
                "loss_log10_shift1": round(median(shifted), 3),
                "to_angle_0": round(median(shifted) - upright, 3),
            }
