"""Driving a swarm from the command line: launch with a view, timed actions, Ctrl-C, a clean end. Prints no results."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator import scenario
from coordinator.actions import Action, Outcome
from coordinator.liveness import WITHIN_T
from coordinator.measure import Measure
from coordinator.rerun import By, Check
from coordinator.scenario import Step
from coordinator.substrate import REAL
from coordinator.succession import Heir
from coordinator.swarm import Swarm
from coordinator.terminal import View
from coordinator.yamlfile import is_yaml
from firmware_sim.errors import RunFailed

if TYPE_CHECKING:
    from coordinator.serve import beside, within
    from coordinator.serve.pace import Pace

    Page = beside.Page | within.Page

MEASURE_EVERY_T = 2.0
DRAW_S = 0.15


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
    scenario: Path | None = None  # kept in the run folder
    steps: tuple[Step, ...] = ()
    record: bool = False
    within: float = WITHIN_T  # T after the last harm by which the picture must be back
    hosts: int = 0
    netns: bool = False
    launch: str = ""
    join: str = ""
    capacity: int = 0
    keys: Path | None = None
    insecure: bool = False
    chips: tuple[str, ...] = ()  # [KIND=]COUNT or [KIND=]SELECTOR
    serve: bool = False  # a live page beside the run
    listen: str | None = None  # where; None: 127.0.0.1:8360, or any port if that is taken
    names: tuple[str, ...] = ()  # other host names by which the page may be asked for
    resume: bool = False  # go on with the newest run of this rule over hosts that join, if its coordinator was lost
    patch: tuple[int, int] = (16, 16)  # cells that a process carries, on `patches`
    check: By | None = None  # live it again, computed by whom, and compare


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left to tell; `measure` None: it never lived."""

    measure: Measure | None
    folder: Path
    interrupted: bool
    check: Check | None = None


def attach_and_watch(run: str, length: float | None, view_live: bool | None, look: str) -> Ended:
    """Attach, watch for `length` T or until Ctrl-C, leave."""
    view, interrupted, measure = View(look, live=view_live), False, None
    with view:
        swarm = Swarm.attach(run, on_line=view.say)
        view.headline(f"{swarm.run}: " + ("coordinating" if swarm.coordinates else "a guest of its coordinator"))
        try:
            run_steps(swarm, view, (), None if length is None else swarm.t + length)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            with uninterrupted():
                measure = None if swarm.ended else swarm.measure()
                swarm.leave()
    return Ended(measure, swarm.folder, interrupted)


@contextlib.contextmanager
def page_of(plan: Plan, *, begins: bool = False) -> Iterator[Page | None]:
    """The address of the run's page, taken before anything is started, and given back at the end. `begins`: another
    pattern can be started from it."""
    if not plan.serve:
        yield None
        return
    from coordinator.serve import address, beside, within

    where = address.parse(plan.listen or "", plan.names)
    real = plan.substrate in REAL
    page = beside.Page(where, begins) if real else within.Page(where, 1 / plan.interval_s, begins)
    try:
        yield page
    finally:
        page.close()


def launch(plan: Plan, view: View, page: Page | None = None, heir: Heir | None = None) -> Swarm:
    """Bring the swarm up before the viewer's eyes."""
    view.headline(f"{plan.rule}: starting")

    def show(folder: Path) -> None:
        if page is not None:
            page.open(folder)
            if page.pace is None:
                view.say(f"page: {page.url}")

    swarm = Swarm.start(
        plan.rule,
        plan.grid,
        interval_s=plan.interval_s,
        engine=plan.engine,
        substrate=plan.substrate,
        patch=plan.patch,
        seed=plan.rng_seed,
        degrees=plan.degrees,
        torus=plan.torus,
        chips=plan.chips,
        record=plan.record,
        within=plan.within,
        hosts=plan.hosts,
        netns=plan.netns,
        launch=plan.launch,
        join=plan.join,
        capacity=plan.capacity,
        keys=plan.keys,
        insecure=plan.insecure,
        out=plan.out,
        on_line=view.say,
        on_progress=view.launch,
        on_folder=show,
        on_begin=None if heir is None else heir.ask,
    )
    try:
        if plan.scenario is not None:
            _keep(plan, swarm.folder / "scenario.toml")
        view.headline(f"{plan.rule}, run {swarm.run}, {swarm.folder}")
        if page is not None and page.pace is not None:
            page.show(swarm)
            view.say(f"page: {page.url} (at {page.pace.t_per_s:g} T a second, to be chosen there)")
    except BaseException:  # nobody else has it yet
        swarm.stop()
        raise
    return swarm


def _keep(plan: Plan, path: Path) -> None:
    """The scenario beside what came of it, as TOML whatever it was."""
    assert plan.scenario is not None
    if is_yaml(plan.scenario):
        path.write_text(scenario.dump(plan.steps), encoding="utf-8")
    else:
        shutil.copyfile(plan.scenario, path)


def run_steps(
    swarm: Swarm,
    view: View,
    steps: Sequence[Step],
    until: float | None,
    pace: Pace | None = None,
    heir: Heir | None = None,
) -> None:
    """Perform the steps at their times, draw in between, return at `until` T (None: never)."""
    for step in steps:
        if until is not None and step.t > until:
            break
        watch(swarm, view, step.t, pace)
        if swarm.ended:
            return
        with turn(pace):
            view.say(f"t {swarm.t:.1f} T: {act(swarm, view, step.action).line}")
    watch(swarm, view, until, pace, heir)


def watch(swarm: Swarm, view: View, until: float | None, pace: Pace | None = None, heir: Heir | None = None) -> None:
    """Let it live until `until` T and draw; comes back early when another command has stopped the run, or another
    pattern is to take its place. `pace`: of virtual time, while a page is watched."""
    try:
        watcher = Watcher(swarm, view)
        if pace is not None:
            pace.live(swarm, until, watcher.draw, lambda: heir is not None and heir.asked)
            return
        while (until is None or not swarm.reached(until)) and not (heir is not None and heir.asked):
            if swarm.paused:
                watcher.tell_pause()
                time.sleep(DRAW_S)
            else:
                slice_t = max(DRAW_S / swarm.interval_s, 1e-3) if swarm.real_time else 1.0
                target = swarm.t + slice_t
                swarm.wait_until(target if until is None else min(until, target))
            watcher.draw()
    except RunFailed:
        if not swarm.ended:
            raise
        view.say("the run was stopped by another command")


def act(swarm: Swarm, view: View, action: Action) -> Outcome:
    """Perform an action and keep drawing: starting hundreds of processes takes a while. Virtual time stands still."""
    if not swarm.real_time:
        return swarm.perform(action)
    watcher = Watcher(swarm, view)
    with ThreadPoolExecutor(1, thread_name_prefix="planaria-act") as worker:
        future = worker.submit(swarm.perform, action)
        while not wait([future], timeout=0.1).done:
            if not swarm.ended:
                watcher.draw()
        return future.result()


class Watcher:
    """Draws a swarm: the picture often, the numbers (which cost more) about every second."""

    def __init__(self, swarm: Swarm, view: View) -> None:
        self._swarm, self._view = swarm, view
        self._next_t, self._measure, self._active, self._told = 0.0, swarm.measure(), 0, False

    def tell_pause(self) -> None:
        """Once a pause."""
        if not self._told:
            self._told = True
            self._view.say(f"paused: time in T stands still until `planaria resume {self._swarm.run}`")

    def draw(self) -> None:
        swarm = self._swarm
        if not self._view.due():
            return
        if swarm.t >= self._next_t or not self._view.live:
            self._next_t = swarm.t + max(MEASURE_EVERY_T, 1.0 / swarm.interval_s)
            self._measure = swarm.measure()
            self._active = sum(not fault.over for fault in swarm.faults())
        self._view.swarm(swarm.frame(), self._measure, self._active)


def turn(pace: Pace | None) -> AbstractContextManager[object]:
    """Nobody else touches a swarm in virtual time meanwhile."""
    return contextlib.nullcontext() if pace is None else pace.lock


@contextlib.contextmanager
def uninterrupted() -> Iterator[list[int]]:
    """A second Ctrl-C must not leave a half-stopped swarm: it waits, and the list tells of it."""
    noted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)
