"""Owning a run from the command line: launch, live, end; and then whatever pattern somebody on its page has asked for.

Prints no results. May import cli.live, cli.resuming and the coordinator's succession.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from coordinator.cli.live import Ended, Plan, launch, page_of, run_steps, turn, uninterrupted
from coordinator.cli.resuming import take_up
from coordinator.runfolder import RunFolder
from coordinator.succession import Heir
from coordinator.terminal import View
from coordinator.wish import Wish
from firmware_sim.errors import BadInput, RunFailed

if TYPE_CHECKING:
    from coordinator.cli.live import Page


def start_and_run(plan: Plan, view_live: bool | None, look: str) -> Ended:
    """Start, run to the end or Ctrl-C, stop cleanly; the last one, where others have followed."""
    view, heir = View(look, live=view_live), heir_of(plan)
    with view, page_of(plan, begins=heir is not None) as page:
        ended = _live(plan, view, page, heir)
        while heir is not None and not ended.interrupted and (wish := heir.take()) is not None:
            before, plan = plan, succeed(plan, wish)
            view.say(f"{before.rule} makes room for {plan.rule}; its report: {ended.folder / 'report.html'}")
            try:
                ended = _live(plan, view, page, heir)
            except KeyboardInterrupt:  # while it was being started: the one before is the last that lived
                view.say("stopping")
                return dataclasses.replace(ended, interrupted=True)
            except (BadInput, RunFailed) as error:
                failed = f"{plan.rule} could not be started: {error}"
                view.say(f"{failed}; {before.rule} again")
                plan = dataclasses.replace(before, rng_seed=None)
                ended = _live(plan, view, page, heir, failed)
    return ended


def heir_of(plan: Plan) -> Heir | None:
    """Who takes requests for another pattern; None for a run whose end or place was decided beforehand."""
    if not plan.serve or plan.length is not None or plan.steps or plan.check or plan.out or plan.hosts:
        return None
    return Heir(
        Wish(
            rule=plan.rule,
            grid=plan.grid,
            torus=plan.torus,
            substrate=plan.substrate,
            patch=plan.patch,
            engine=plan.engine,
            interval_s=plan.interval_s,
            degrees=plan.degrees,
            record=plan.record,
            within=plan.within,
        )
    )


def succeed(plan: Plan, wish: Wish) -> Plan:
    """The plan of the swarm that comes next; cells on chips were chosen for the picture before."""
    return dataclasses.replace(plan, rule=wish.rule, grid=wish.grid, degrees=wish.degrees, rng_seed=None, chips=())


def _live(plan: Plan, view: View, page: Page | None, heir: Heir | None, failed: str = "") -> Ended:
    """One swarm from launch to end. `failed`: what should have been in its place, and why it is not."""
    resumed = take_up(plan, view, page) if plan.resume else None
    pace = None if page is None else page.pace
    interrupted, check = False, None
    swarm = resumed or launch(plan, view, page, heir)
    try:
        steps = [step for step in plan.steps if resumed is None or step.t >= resumed.t]
        if failed:
            RunFolder.open(swarm.folder).event("not begun", swarm.t, line=failed)
        run_steps(swarm, view, steps, plan.length, pace, heir)
        if plan.check is not None:
            view.say(f"t {swarm.t:.1f} T: living it all again")
            with turn(pace):
                check = swarm.again(plan.check)
    except KeyboardInterrupt:
        interrupted = True
        view.say("stopping")
    finally:
        with uninterrupted() as noted, turn(pace):
            swarm.stop()
    if noted and heir is not None and heir.asked:
        interrupted = True  # by a Ctrl-C between two swarms: nothing follows
        view.say("stopping")
    return Ended(swarm.measure(), swarm.folder, interrupted, check)
