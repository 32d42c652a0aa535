"""What an experiment file may say, as types: a hypothesis about a swarm, what is done to it, and over which values.

    name = "half-lost"             # and one line of what it asks
    rule = "lizard"
    replicates = 30
    watch = 100                    # T to live on after the last step

    [hypothesis]                   # nine times in ten the picture is back
    measure = "recovered"          # or another of Measure, below
    at_least = 0.9                 # or at_most
    confidence = 0.95

    [sweep]
    share = ["10%", "50%"]         # "$share" below takes each value in turn; several names: every combination

    [[at]]                         # steps as in a scenario file
    t = 100
    do = "inject"
    fault = "crash"
    select = "$share"
    for = 4

Says nothing of lines and files. May import msgspec.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Value = str | int | float | bool
Number = int | float
SHARES = ("recovered", "masked", "degraded", "spread", "dead")  # of the swarms
PLAIN = ("name", "about", "hypothesis", "sweep", "search", "stop")  # parts in which no `$name` is filled in
Measure = Literal[
    "recovered",
    "masked",
    "degraded",
    "spread",
    "dead",
    "availability",
    "loss",
    "recovery_time",
    "repair_time",
    "extent",
    "messages",
    "energy",
]


class Hypothesis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What should hold: the share of swarms with this fate, or the median of another measure, against a bound."""

    measure: Measure
    at_least: Number | None = None
    at_most: Number | None = None
    confidence: float = 0.95


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No more replicates of a point once its interval is this narrow."""

    width: float


class Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Instead of a sweep: find the value of `$variable` at which the share that recovers crosses `share`."""

    variable: str
    low: float
    high: float
    share: float = 0.5
    precision: float = 0.02
    most: int = 400


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as written. `$name` may stand for any value outside PLAIN."""

    name: str
    rule: str
    hypothesis: Hypothesis
    about: str = ""
    grid: str | None = None
    seeds: list[tuple[int, int]] = []  # row, column: further seeds, each of which grows a picture of its own
    torus: bool = False
    substrate: str = "virtual"
    patch: str = "16x16"  # rows x columns of cells that a process carries, on `patches`
    engine: str = "native"
    interval: Number = 0.5
    angle: Number | str = 0.0
    seed: int = 1
    replicates: int = 20
    processes_replicates: int = 0  # of them, the first so many are real processes, one a cell
    watch: Number = 100
    tolerance: Literal["exact", "one-pixel"] = "one-pixel"  # where the picture may come to stand
    sweep: dict[str, list[Value]] = {}
    stop: Stop | None = None
    search: Search | None = None
    at: list[dict[str, Any]] = []
