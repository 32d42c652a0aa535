"""Driving a swarm from the command line: launch with a view, timed actions, Ctrl-C, a clean end. Prints no results."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coordinator.measure import Measure
from coordinator.scenario import Step
from coordinator.swarm import Swarm
from coordinator.terminal import View
from firmware_sim.errors import RunFailed

MEASURE_EVERY_T = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A run as the command line asked for it; `length` None: until somebody ends it."""

    rule: str
    grid: tuple[int, int] | None
    torus: bool
    substrate: str
    engine: str
    interval_s: float
    degrees: float
    rng_seed: int | None
    out: Path | None
    length: float | None
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left to tell; `measure` None: it never lived."""

    measure: Measure | None
    folder: Path
    interrupted: bool


def start_and_run(plan: Plan, view_live: bool | None, look: str) -> Ended:
    """Start, run to the end or Ctrl-C, stop cleanly."""
    view = View(look, live=view_live)
    with view:
        swarm = launch(plan, view)
        interrupted = False
        try:
            run_steps(swarm, view, plan.steps, plan.length)
        except KeyboardInterrupt:
            interrupted = True
            view.say("stopping")
        finally:
            with uninterrupted():
                swarm.stop()
    return Ended(swarm.measure(), swarm.folder, interrupted)


def attach_and_watch(run: str, length: float | None, view_live: bool | None, look: str) -> Ended:
    """Attach, watch for `length` T or until Ctrl-C, leave."""
    view, interrupted, measure = View(look, live=view_live), False, None
    with view:
        swarm = Swarm.attach(run, on_line=view.say)
        view.headline(f"{swarm.run}: " + ("coordinating" if swarm.coordinates else "a guest of its coordinator"))
        try:
            run_steps(swarm, view, [], None if length is None else swarm.t + length)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            with uninterrupted():
                measure = None if swarm.ended else swarm.measure()
                swarm.leave()
    return Ended(measure, swarm.folder, interrupted)


def launch(plan: Plan, view: View) -> Swarm:
    """Bring the swarm up before the viewer's eyes."""
    size = plan.grid or (40, 40)
    view.headline(f"{plan.rule}: starting")
    swarm = Swarm.start(
        plan.rule,
        plan.grid,
        interval_s=plan.interval_s,
        engine=plan.engine,
        substrate=plan.substrate,
        seed=plan.rng_seed,
        degrees=plan.degrees,
        torus=plan.torus,
        out=plan.out,
        on_line=view.say,
        on_progress=lambda progress: view.launch(progress, *size),
    )
    view.headline(f"{plan.rule}, run {swarm.run}, {swarm.folder}")
    return swarm


def run_steps(swarm: Swarm, view: View, steps: list[Step], until: float | None) -> None:
    """Perform the steps at their times, draw in between, return at `until` T (None: never)."""
    for step in steps:
        if until is not None and step.t > until:
            break
        watch(swarm, view, step.t)
        if swarm.ended:
            return
        view.say(f"t {swarm.t:.1f} T: {swarm.perform(step.action).line}")
    watch(swarm, view, until)


def watch(swarm: Swarm, view: View, until: float | None) -> None:
    """Let it live until `until` T and draw; comes back early when another command has stopped the run."""
    watcher = Watcher(swarm, view)
    while until is None or swarm.t < until - 1e-9:
        slice_t = 1.0 if not watcher.real_time else max(0.15 / swarm.interval_s, 1e-3)
        target = swarm.t + slice_t if until is None else min(until, swarm.t + slice_t)
        try:
            swarm.wait_until(target)
            watcher.draw()
        except RunFailed:
            if not swarm.ended:
                raise
            view.say("the run was stopped by another command")
            return


class Watcher:
    """Draws a swarm: the picture often, the numbers (which cost more) about every second."""

    def __init__(self, swarm: Swarm, view: View) -> None:
        self._swarm, self._view = swarm, view
        self.real_time = swarm.look().pids.any()
        self._next_t, self._measure, self._active = 0.0, swarm.measure(), 0

    def draw(self) -> None:
        swarm = self._swarm
        if not self._view.due():
            return
        if swarm.t >= self._next_t or not self._view.live:
            self._next_t = swarm.t + max(MEASURE_EVERY_T, 1.0 / swarm.interval_s)
            self._measure = swarm.measure()
            self._active = sum(fault.state != "finished" for fault in swarm.faults())
        self._view.swarm(swarm.frame(), self._measure, self._active)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not leave a half-stopped swarm."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
