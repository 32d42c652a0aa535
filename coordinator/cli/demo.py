"""`planaria demo`, the main job: as many processes as fit half of the memory grow a picture, lose half of them, heal.

Plans by wall clock, since somebody watches: growth within 20 s, the kill at about 60 s, a verdict by 150 s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import click

from coordinator.actions import Kill, Revive
from coordinator.capacity import MIB, Machine, bounds, this_machine
from coordinator.cli import live
from coordinator.cli.options import look_option, seed_option
from coordinator.picture import HEALED_GAIN
from coordinator.swarm import Swarm
from coordinator.terminal import View

# The hardened one: on two cores the killed are back after some 20 T; of 20 virtual swarms whose half was dark so long
# `lizard` healed in 13 and it in 19 (`planaria experiment dark-time`).
CANDIDATES = (("lizard-hardened", 40), ("lizard-24", 32), ("lizard-24", 28), ("dot", 14), ("dot", 10))
CELL_MIB = 4.2  # measured for engine chip, all else included; 40x40 from 14 GiB on, 32x32 from 9 GiB on
KILL_AT_S, VERDICT_BY_S = 60.0, 145.0
DEAD_INTERVALS = 4.0  # how long the killed stay dead
HEAL_INTERVALS = 100.0  # enough to heal; shorter where the clock says so
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Choice:
    """What fits: a rule on a square grid."""

    rule: str
    side: int

    @property
    def cells(self) -> int:
        return self.side * self.side


def choose(machine: Machine, known: list[str]) -> Choice:
    """The largest grid that half of the memory holds (of the machine or of the control group's limit)."""
    fits = [Choice(rule, side) for rule, side in CANDIDATES if rule in known]
    budget = min(machine.memory_total / 2, machine.memory_available * 0.9)
    most = min(bound.cells for bound in bounds(machine, "chip"))
    for choice in fits:
        if choice.cells * CELL_MIB * MIB <= budget and choice.cells <= most:
            return choice
    return fits[-1]  # starting it will say what is missing


@click.command(short_help="The main job: grow, lose half of the processes, heal.")
@look_option
@click.option("--view/--no-view", default=None, help="Live picture. Default: when stderr is a terminal.")
@seed_option
def demo(look: str, view: bool | None, seed: int | None) -> int:
    """Grow a lizard from one seed in more than a thousand processes, SIGKILL half of them, watch it heal.

    \b
    planaria demo
    planaria demo --look paper
    """
    began_s = time.monotonic()
    from firmware_sim import folder

    machine = this_machine()
    choice = choose(machine, folder.builtin_names())
    plan = live.Plan(
        rule=choice.rule,
        grid=(choice.side, choice.side),
        torus=False,
        substrate="processes",
        engine="chip",
        interval_s=0.5,
        degrees=0.0,
        rng_seed=seed,
        out=None,
        length=None,
        serve=True,
    )
    screen = View(look, live=view)
    with screen, live.page_of(plan) as page:
        screen.say(
            f"{choice.cells:,} processes, one cell each, on {choice.side}x{choice.side}: rule {choice.rule}, "
            f"about {choice.cells * CELL_MIB * MIB / GIB:.1f} of {machine.memory_total / GIB:.0f} GiB memory"
        )
        swarm = live.launch(plan, screen, page)
        try:
            verdict = _story(swarm, screen, began_s)
        except KeyboardInterrupt:
            screen.say("stopping")
            return 130
        finally:
            with live.uninterrupted():
                swarm.stop()
    click.echo(f"report: {swarm.folder / 'report.html'}")
    return 0 if verdict else 1


def _story(swarm: Swarm, screen: View, began_s: float) -> bool:
    def t_at(wall_s: float) -> float:
        return swarm.t + max(0.0, began_s + wall_s - time.monotonic()) / swarm.interval_s

    screen.headline(f"growing; SIGKILL to half of all processes at about {KILL_AT_S:.0f} s")
    live.watch(swarm, screen, t_at(KILL_AT_S))
    grown, killed_t = swarm.measure(), swarm.t
    killed = live.act(swarm, screen, Kill(select="50%"))
    dead = killed.proof["dead_process_ids"]
    hurt = swarm.measure()
    screen.say(f"SIGKILL: {dead} of {grown.alive} process ids are dead, chosen at random (seed {killed.rng_seed})")
    screen.headline(f"{dead} processes dead; started again, empty, in {DEAD_INTERVALS:g} T")
    live.watch(swarm, screen, killed_t + DEAD_INTERVALS)
    revived = live.act(swarm, screen, Revive(select="dead"))
    screen.say(f"{len(revived.cells)} processes started again, with empty memory")
    screen.headline("healing")
    live.watch(swarm, screen, min(swarm.t + HEAL_INTERVALS, t_at(VERDICT_BY_S)))
    healed = swarm.measure()
    good = healed.gain_log10 is not None and healed.gain_log10 >= HEALED_GAIN
    screen.say(
        f"{'HEALED' if good else 'NOT HEALED'}: {dead} of {grown.alive} processes killed and replaced; log10 loss "
        f"{grown.loss_log10:.2f} grown, {hurt.loss_log10:.2f} hurt, {healed.loss_log10:.2f} after "
        f"{healed.intervals - killed_t:.0f} T (best shift {healed.loss_log10_shift1:.2f})"
    )
    return good
