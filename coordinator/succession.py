"""Succession: another pattern in the place of a running swarm, as somebody on its page asks for it.

A request is checked whole before anything ends; then whoever owns the run ends it and begins the next. Starts and ends
nothing itself. May import the coordinator's wish and picture, and firmware_sim.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import msgspec

from coordinator.picture import picture_for, room
from coordinator.wish import Wish, check, default_grid
from firmware_sim import folder as rules
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput
from firmware_sim.folder import RuleFolder
from firmware_sim.targets import turned


class Begin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another pattern: `rule` is one of `planaria rules`, `angle` degrees by which its picture is turned, `grid` rows
    and columns (none: what the picture needs, turned as it is)."""

    rule: str
    angle: float = 0.0
    grid: tuple[int, int] | None = None


OnBegin = Callable[[Begin], None]


class Heir:
    """Who comes after the swarm that `wish` describes. Thread-safe."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._next: Wish | None = None
        self._lock = threading.Lock()

    def ask(self, begin: Begin) -> None:
        """Let this be next. BadInput for what cannot be, or when another is on its way."""
        wish = wish_for(self._wish, begin)
        with self._lock:
            if self._next is not None:
                raise BadInput(f"{self._next.rule} is being started already: wait until it is there")
            self._next = wish

    @property
    def asked(self) -> bool:
        """Whether somebody waits."""
        return self._next is not None

    def take(self) -> Wish | None:
        """The next one, from now on the present one; None when nobody has asked."""
        with self._lock:
            self._wish, found, self._next = self._next or self._wish, self._next, None
        return found


def wish_for(before: Wish, begin: Begin) -> Wish:
    """The same swarm, in another picture, with draws and a folder of its own. BadInput for what cannot be."""
    if begin.rule not in rules.builtin_names():
        raise BadInput(f"there is no pattern {begin.rule[:40]!r}: `planaria rules` lists those that there are")
    rule = rules.load(begin.rule)
    made = dataclasses.replace(before, rule=begin.rule, degrees=begin.angle, grid=begin.grid, rng_seed=None, out=None)
    check(made, rule)  # a number of degrees, rows and columns that can be
    height, width = begin.grid or grid_for(rule, begin.angle, before.torus)
    made = dataclasses.replace(made, grid=(height, width))
    check(made, rule)
    picture_for(rule, height, width, before.torus, begin.angle)  # a turned picture must fit
    make_engine(made.engine, rule, made.degrees)
    return made


def grid_for(rule: RuleFolder, degrees: float, torus: bool) -> tuple[int, int]:
    """Rows and columns that hold the picture of a rule, turned by so much: a turned one may need more of them."""
    height, width = default_grid(rule)
    target = rule.target()
    if target is None or not degrees % 360:
        return height, width
    need = room(turned(target, degrees), height, width, torus) or (height, width)
    return max(height, need[0]), max(width, need[1])
