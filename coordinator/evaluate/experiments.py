"""The article's experiments, each a generator of table rows and pictures: growth, damage, rotation, seeds, worm, film.

Every experiment runs in one way (step and family) at a time, and some in pieces that know nothing of each other, so
that they can be computed side by side. Times: one T is two reference steps. May import the rest of this package,
firmware_sim and numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coordinator.evaluate.bodies import UNITS, Body, Nursery, Places
from coordinator.evaluate.heads import count as count_heads
from coordinator.evaluate.rows import Row, measured
from coordinator.evaluate.subject import Way
from coordinator.evaluate.times import lasting
from firmware_sim.cuts import CUTS, cut_masks
from firmware_sim.rule import Floats
from firmware_sim.targets import turned

ANGLES = tuple(range(0, 360, 15))
TOUCHING = 0.6  # of the picture's size between two seeds: they meet while they grow


@dataclass(frozen=True, slots=True)
class Still:
    """A picture for a strip: states [H, W, C] of the first draw."""

    strip: str
    caption: str
    states: Floats


@dataclass(frozen=True, slots=True)
class Frame:
    """The next picture of the film: states [H, W, C]."""

    states: Floats


Found = Row | Still | Frame


@dataclass(frozen=True, slots=True)
class Experiment:
    """`run` computes one of `pieces`, 0 and up."""

    run: Callable[[Nursery, Way, int], Iterator[Found]]
    pieces: int = 1


def growth(nursery: Nursery, way: Way, _piece: int = 0) -> Iterator[Found]:
    """One seed in the middle; also what becomes of it in the long run."""
    grown = _in_the_middle(nursery, way, nursery.subject.grid)
    yield Still("growth", "seed", grown.states()[0])
    times, before = nursery.times, 0
    for steps in (*times.shown, *times.grown):
        grown.run(lasting(way, steps - before))
        before = steps
        if steps in times.grown:
            yield measured("growth", way, lasting(way, steps), grown.states(), nursery.subject.target)
        yield Still("growth", _caption(way, steps), grown.states()[0])


def damage(nursery: Nursery, way: Way, _piece: int = 0) -> Iterator[Found]:
    """The article's five cuts of the grown picture."""
    target = nursery.subject.target
    grown = _in_the_middle(nursery, way, nursery.subject.grid)
    grown.run(lasting(way, nursery.times.cut))
    masks = cut_masks(*nursery.subject.grid, min(target.shape[:2]))
    for name, mask in zip(CUTS, masks, strict=True):
        hurt, before = grown.copy(), 0
        hurt.erase(mask)
        yield Still(f"cut {name}", "cut", hurt.states()[0])
        for steps in (nursery.times.healed_shown, *nursery.times.healed):
            hurt.run(lasting(way, steps - before))
            before = steps
            if steps in nursery.times.healed:
                yield measured(f"damage {name}", way, lasting(way, steps), hurt.states(), target)
            yield Still(f"cut {name}", "+" + _caption(way, steps), hurt.states()[0])


def rotation(nursery: Nursery, way: Way, piece: int) -> Iterator[Found]:
    """The cells' sense of direction turned by one of ANGLES, against the target turned about the seed cell."""
    degrees, at = ANGLES[piece], lasting(way, nursery.times.turned(way))
    spun = _in_the_middle(nursery, way, nursery.subject.square, degrees)
    spun.run(at)
    yield measured(f"rotation {degrees}", way, at, spun.states(), turned(nursery.subject.target, degrees))
    yield Still("rotation", f"{degrees}°", spun.states()[0])


def seeds(nursery: Nursery, way: Way, _piece: int = 0) -> Iterator[Found]:
    """Two and four seeds on a grid twice as large, far enough apart not to touch; each picture counts as a draw."""
    height, width = nursery.subject.grid
    steps = nursery.times.seeds
    for places in apart(height, width):
        side_by_side = nursery.seeded(way, (2 * height, 2 * width), places)
        side_by_side.run(lasting(way, steps))
        states = side_by_side.states()
        windows = [_window(states, place, height, width) for place in places]
        name = f"seeds {len(places)}"
        yield measured(name, way, lasting(way, steps), np.concatenate(windows), nursery.subject.target)
        yield Still("seeds", f"{len(places)} seeds, {_caption(way, steps)}", states[0])


def worm(nursery: Nursery, way: Way, piece: int) -> Iterator[Found]:
    """Grown and cut across into three, each of which lives on alone (piece 0); grown turned by 90 degrees (piece 1)."""
    subject, at = nursery.subject, lasting(way, nursery.times.worm)
    if piece == 1:
        spun = _in_the_middle(nursery, way, subject.square, 90)
        spun.run(at)
        yield from _worm_seen("worm turned 90", way, at, spun.states(), turned(subject.target, 90))
        return
    grown = _in_the_middle(nursery, way, subject.grid)
    grown.run(at)
    yield from _worm_seen("worm", way, at, grown.states(), subject.target)
    for name, kept in thirds(subject.target, subject.grid):
        third = grown.copy()
        third.erase(~kept)
        yield Still("worm", f"{name} cut", third.states()[0])
        third.run(at)
        yield from _worm_seen(f"worm {name}", way, at, third.states(), subject.target)


def film(nursery: Nursery, way: Way, _piece: int = 0) -> Iterator[Found]:
    """What happens where two pictures touch while they grow: one draw, every few steps."""
    height, width = nursery.subject.grid
    gap = round(min(nursery.subject.target.shape[:2]) * TOUCHING / 2)
    places = [(height, width - gap), (height, width + gap)]
    meeting = nursery.seeded(way, (2 * height, 2 * width), places, draws=1)
    yield Frame(meeting.states()[0])
    for _ in range(nursery.times.film // nursery.times.film_every):
        meeting.run(lasting(way, nursery.times.film_every))
        yield Frame(meeting.states()[0])


EXPERIMENTS: dict[str, Experiment] = {
    "growth": Experiment(growth),
    "damage": Experiment(damage),
    "rotation": Experiment(rotation, len(ANGLES)),
    "seeds": Experiment(seeds),
    "worm": Experiment(worm, 2),
    "film": Experiment(film),
}


def apart(height: int, width: int) -> list[Places]:
    """Where two and four seeds stand on a grid of twice `height` x `width`: each in the middle of a part of its own."""
    top, left = height // 2, width // 2
    side_by_side = [(height, left), (height, left + width)]
    return [side_by_side, [(row, column) for row in (top, top + height) for column in (left, left + width)]]


def thirds(target: Floats, grid: tuple[int, int]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Three masks [H, W] of equal parts of the worm, along its longer side; nothing else is kept."""
    lit = np.argwhere(target[..., 3] > 0)
    low, high = lit.min(axis=0), lit.max(axis=0) + 1
    axis = int(np.argmax(high - low))
    start = grid[axis] // 2 - target.shape[axis] // 2 + int(low[axis])
    length = int(high[axis] - low[axis])
    along = np.arange(grid[axis]).reshape((-1, 1) if axis == 0 else (1, -1))
    masks = []
    for third, name in enumerate(("first third", "middle third", "last third")):
        begin, end = start + length * third // 3, start + length * (third + 1) // 3
        begin, end = (0 if third == 0 else begin), (grid[axis] if third == 2 else end)
        masks.append((name, np.broadcast_to((along >= begin) & (along < end), grid)))
    return masks


def _worm_seen(name: str, way: Way, at: float, states: Floats, target: Floats) -> Iterator[Found]:
    heads = [count_heads(each, target) for each in states]
    yield measured(name, way, at, states, target, heads)
    yield Still("worm", f"{name.removeprefix('worm ')}: {heads[0]} heads", states[0])


def _in_the_middle(nursery: Nursery, way: Way, grid: tuple[int, int], degrees: float = 0.0) -> Body:
    return nursery.seeded(way, grid, [(grid[0] // 2, grid[1] // 2)], degrees)


def _window(states: Floats, place: tuple[int, int], height: int, width: int) -> Floats:
    top, left = place[0] - height // 2, place[1] - width // 2
    return states[:, top : top + height, left : left + width]


def _caption(way: Way, steps: float) -> str:
    return f"{lasting(way, steps):g} {UNITS[way.step]}"
