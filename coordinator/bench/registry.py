"""The list of benchmarks: name -> module with `measure(options) -> rows`. Imports one only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Say = Callable[[str], None]

BENCHMARKS = {
    "update": "One update of one cell, in microseconds, by engine; ratio to numpy.",
    "virtual": "Virtual time in C, as arrays and as single cells: updates/s, and real time beaten.",
    "swarm": "A swarm of real processes, by engine: launch, memory, CPU per update, freshness, loss at 100 T.",
    "heal": "SIGKILL of half of all processes at once, restarted empty; and of all, reseeded.",
    "angles": "Quarter turns in virtual time: shift-tolerant loss beside angle 0.",
    "outage": "The coordinator killed: missed wakes in a window before and after, and how soon a new one sees all.",
    "large": "64x64: 4,096 processes launch and grow.",
    "article": "The article's published models (--models DIR) evaluated, beside what others measured of them.",
    "published": "The article's published models (--models DIR) beside a plain asynchronous simulation.",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a benchmark may be asked for; each reads what concerns it."""

    rule: str = "lizard"
    grid: tuple[int, int] = (40, 40)
    engines: tuple[str, ...] = ("numpy", "onnx", "chip")
    update_engines: tuple[str, ...] = ()  # `update`: these, or all that run natively
    interval_s: float = 0.5
    seeds: tuple[int, ...] = (1, 2, 3)
    window_s: float = 60.0
    models: Path | None = None
    processes: bool = False  # `published`: a sample in real processes, too
    say: Say = lambda _line: None


def run(name: str, options: Options) -> Iterator[Row]:
    """The rows of one benchmark, each as soon as it is measured."""
    module = importlib.import_module(f"coordinator.bench.{name}")
    rows: Iterator[Row] = module.measure(options)
    yield from rows
