"""What can be known before the first swarm lives: that every point's rule, grid and steps fit together, that its
processes fit the machine, and about how long they take. BadInput names file, line and key.

Starts nothing. May import scenario, picture, capacity, the layout of patches, and firmware_sim's rule folders.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from cellnode.patchlayout import grid
from coordinator import capacity, scenario
from coordinator.experiment import several
from coordinator.experiment.spec import CHECKED, Experiment, Point
from coordinator.picture import Picture, picture_for
from coordinator.selectorterms import Field
from coordinator.wish import default_grid
from firmware_sim import folder as rules
from firmware_sim.errors import BadInput

LAUNCH_S = 0.007  # for each process; 1,600 were up after 9 to 11 s


def check(experiment: Experiment) -> None:
    """Every point of a small sweep; of a large one the first, of a search its ends."""
    for point in _some(experiment):
        _check(experiment, point)


def real_seconds(point: Point) -> float:
    """What one swarm of real processes takes; more, if the machine cannot keep its T."""
    height, width = _shape(point)
    patched = point.substrate(0) == "patches"
    processes = grid(height, width, point.document.torus, point.patch).patches if patched else height * width
    return point.end_t * float(point.document.interval) + LAUNCH_S * processes


def _some(experiment: Experiment) -> list[Point]:
    search = experiment.document.search
    if search is not None:
        return [experiment.point({search.variable: value}) for value in (search.low, search.high)]
    return experiment.points() if experiment.count <= CHECKED else [experiment.first()]


def _check(experiment: Experiment, point: Point) -> None:
    document = point.document
    try:
        height, width = _shape(point)
        picture = _picture(document.rule, (height, width), document.torus, float(document.angle))
        if document.seeds:
            several.together(rules.load(document.rule), (height, width), document.seeds)
    except BadInput as error:
        key = "seeds" if str(error).startswith("seeds:") else "rule"
        raise BadInput(f"{experiment.place(key)}: {error}") from error
    if picture is None:
        raise BadInput(
            f"{experiment.place('rule')}: key 'rule': {document.rule} has no target picture, so nothing can be judged"
        )
    field = Field(height, width, document.torus, np.ones(height * width, np.bool_), picture.part)
    scenario.check_run(point.steps, point.end_t, field)
    if "processes" in (point.substrate(0), document.substrate):
        key = "processes_replicates" if document.processes_replicates else "substrate"
        try:
            capacity.check(height * width, document.engine, capacity.this_machine(), {})
        except BadInput as error:
            raise BadInput(f"{experiment.place(key)}: key {key!r}: {error}") from error
    if document.substrate == "patches":
        try:
            patches = grid(height, width, document.torus, point.patch).patches
            capacity.check_patches(height * width, patches, capacity.this_machine())
        except BadInput as error:
            key = "patch" if str(error).startswith("patches are") else "substrate"
            raise BadInput(f"{experiment.place(key)}: key {key!r}: {error}") from error


def _shape(point: Point) -> tuple[int, int]:
    return point.grid or default_grid(rules.load(point.document.rule))


@lru_cache(maxsize=8)
def _picture(rule: str, shape: tuple[int, int], torus: bool, degrees: float) -> Picture | None:
    return picture_for(rules.load(rule), *shape, torus, degrees)
