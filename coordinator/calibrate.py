"""How short T may be on this machine: so long that all cells which will be awake keep at most 65 % of the cores busy.

Above that, libzmq's threads starve, frames conflate away and cells act on stale states while updates per second still
look high (measured). Pure arithmetic; imports nothing of the project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BUSY_SHARE = 0.65
SHORTEST_S = 0.05  # a frame takes up to 10 ms from cell to cell on a busy machine (measured); p99 must stay under 0.2 T
KNOWN_CPU_US = {  # at 1,600 cells on the reference machine of probe.py; emulated chips: among 200 cells
    "numpy": 450.0,
    "chip": 450.0,
    "native": 450.0,
    "onnx": 500.0,
    "unicorn": 1700.0,
    "rv32imc": 1500.0,
    "rv32ec": 3300.0,
    "avr": 43_000.0,
}
OTHER_CPU_US = 700.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """What T was chosen and why."""

    asked_s: float
    chosen_s: float
    cpu_us_per_update: float
    measured: bool
    cells_awake: int
    cores: float

    @property
    def raised(self) -> bool:
        return self.chosen_s > self.asked_s

    @property
    def line(self) -> str:
        """For a person, and for the log."""
        known = "measured" if self.measured else "estimated from its sockets"
        cost = f"{self.cpu_us_per_update:.0f} us per update ({known})"
        facts = f"{self.cells_awake} cells awake x {cost} on {self.cores:g} cores"
        if self.raised:
            before, after = f"{self.asked_s:g} s", f"{self.chosen_s:g} s"
            if self.chosen_s <= SHORTEST_S:
                facts = f"{facts}; below {SHORTEST_S:g} s frames would come late"
            return f"T = {before} is too fast for this machine ({facts}): raised to {after} before growth"
        busy = self.cells_awake * self.cpu_us_per_update / (self.chosen_s * 1e6 * self.cores)
        return f"T = {self.chosen_s:g} s keeps about {busy:.0%} of the machine busy ({facts})"


def calibrate(
    asked_s: float, cpu_us: float | None, engine: str, cells_awake: int, cores: float, machine_factor: float = 1.0
) -> Calibration:
    """Keep the asked T, or raise it to the shortest that keeps states fresh (rounded up to 10 ms).

    `cpu_us`: measured cost of an update, or None; then the known cost times `machine_factor` is taken.
    """
    measured = cpu_us is not None
    cost_us = cpu_us if cpu_us is not None else KNOWN_CPU_US.get(engine, OTHER_CPU_US) * machine_factor
    shortest_s = max(cells_awake * cost_us / (BUSY_SHARE * cores * 1e6), SHORTEST_S)
    shortest_s = float(np.ceil(shortest_s * 100 - 1e-9) / 100)
    return Calibration(asked_s, max(asked_s, shortest_s), cost_us, measured, cells_awake, cores)


def awake(living: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Living cells and, on the grid, the ring around them, which hears them and must be ready to grow."""
    height, width = living.shape
    padded = np.pad(living, 1)
    found = np.zeros_like(living)
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            found |= padded[dy : dy + height, dx : dx + width]
    return found


def awake_cells(living: NDArray[np.bool_]) -> int:
    """How many these are."""
    return int(awake(living).sum())
