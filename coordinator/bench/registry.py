"""The list of benchmarks: name -> module with `measure(options) -> rows`. Imports one only when it is asked for.

Those of other floors are found by entry point (group "planaria.benchmarks"), as their commands are.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from firmware_sim.errors import BadInput

Row = dict[str, Any]
Say = Callable[[str], None]

BENCHMARKS = {
    "update": "One update of one cell, in microseconds, by engine; ratio to numpy.",
    "virtual": "Virtual time in C, as arrays and as single cells: updates/s, and real time beaten.",
    "scale": "Virtual time by the number of cells, 1,600 to 65,536: memory, updates/s, and real time beaten.",
    "swarm": "A swarm of real processes, by engine: launch, memory, CPU per update, freshness, loss at 100 T.",
    "heal": "SIGKILL of half of all processes at once, restarted empty; and of all, reseeded.",
    "angles": "Quarter turns in virtual time: shift-tolerant loss beside angle 0.",
    "outage": "The coordinator killed: missed wakes in a window before and after, and how soon a new one sees all.",
    "hosts": "Four hosts in a network of their own (root): growth, lost hosts, a partition, no coordinator (--window).",
    "soak": "Four hosts (root) under a random mix of all faults, for --window seconds: availability, and what grows.",
    "record": "Recording: CPU, bytes and time to verify, beside the same swarm unrecorded (--window seconds each).",
    "faults": "The example of each kind of fault on a grown picture, in virtual time: loss before, at worst, after.",
    "large": "64x64: 4,096 processes launch and grow.",
    "patches": "Patches: what a cell costs in them, from 4,096 to 65,536 cells, and beside a process a cell.",
    "patchlaw": "Patches beside single cells: Kolmogorov-Smirnov on the loss at 50, 100, 200 T; wakes of a cell in T.",
    "attacks": "Wrong keys, malformed frames, replays, endless subscriptions against a living swarm (--long: all).",
    "reports": "What a coordinator pays for a host's beat, offer, doors and sheet, by CURVE: bytes and processor time.",
    "curve": "What keys between hosts cost: launch and memory of a cell, beside the same two hosts without.",
    "article": "The article's published models (--models DIR) evaluated, beside what others measured of them.",
    "train": "One training step at the article's setting: plain PyTorch, JAX scan, our torch and C++ kernels.",
    "page": "The live page: frames in a browser, for many, of a large grid; CPU; how soon a stroke kills and is seen.",
    "published": "The article's published models (--models DIR) beside a plain asynchronous simulation.",
}
ELSEWHERE = {"train": "planaria[train]"}  # benchmarks of another floor, and the extra that brings them


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
    viewers: int = 100  # `page`: how many at once
    large: tuple[int, int] = (256, 256)  # `page`: the grid in patches; `patches`: the last one, when `long`
    patch: tuple[int, int] = (32, 32)  # `patches`, when `long`: cells that a process carries
    hosts: tuple[int, ...] = (1, 4)  # `patches`, when `long`: on so many
    alone: bool = False  # `patches`, when `long`: `large` and no smaller one, at `interval_s`
    launch: str = ""  # `patches`, when `long`: "ray" has several hosts started by a cluster that runs,
    at: str = ""  # ... to come here
    keys: Path | None = None  # ... with keys from this folder
    long: bool = False  # `attacks`: as many as the documentation says; `patches`: rung after rung
    processes: bool = False  # `published`: a sample in real processes, too
    say: Say = lambda _line: None


Measure = Callable[[Options], Iterator[Row]]


def run(name: str, options: Options) -> Iterator[Row]:
    """The rows of one benchmark, each as soon as it is measured."""
    yield from (_elsewhere(name) if name in ELSEWHERE else _own(name))(options)


def _own(name: str) -> Measure:
    measure: Measure = importlib.import_module(f"coordinator.bench.{name}").measure
    return measure


def _elsewhere(name: str) -> Measure:
    hint = f"install it with: pip install '{ELSEWHERE[name]}'"
    found = next(iter(entry_points(group="planaria.benchmarks", name=name)), None)
    if found is None:
        raise BadInput(f"planaria bench {name} is not available here: {hint}")
    try:
        measure: Measure = found.load()
    except ImportError as error:
        raise BadInput(f"planaria bench {name} is not available here ({error}): {hint}") from error
    return measure
