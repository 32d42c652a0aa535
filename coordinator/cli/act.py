"""Commands that act on a running swarm, whether or not its coordinator lives. Thin over coordinator.swarm."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import msgspec

from coordinator.actions import (
    Action,
    Erase,
    FaultReport,
    Freeze,
    Heal,
    Inject,
    Kill,
    Outcome,
    Pause,
    Plant,
    Resume,
    Revive,
    Thaw,
)
from coordinator.cli.options import json_option, seed_option, show_json
from coordinator.swarm import Swarm

SELECTORS = (
    "SELECTOR: all, alive, dead, cell:R,C, n:50, 50%, random:0.5, circle:R,C,RADIUS, rect:R0,C0,R1,C1, "
    "half:left|right|upper|lower, row:R|R0-R1, column:C|C0-C1, part:NAME; A&B chooses by B among A."
)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def perform(run: str, action: Action, as_json: bool) -> int:
    """Attach, act, say what it hit, let go."""
    with Swarm.attach(run, on_line=_tell) as swarm:
        outcome = swarm.perform(action)
        _show(outcome, as_json)
        if isinstance(action, Inject) and swarm.coordinates:
            _stay(swarm, action)
    return 4 if outcome.missing else 0


def _stay(swarm: Swarm, action: Inject) -> None:
    """Nobody else would end this fault, or begin it again."""
    from coordinator.faults import plans

    if not (action.duration is not None or plans.is_planned(action) or action.fault == "churn"):
        return
    end = plans.last_end(action, swarm.t) if action.fault != "churn" or action.duration is not None else None
    until = "for ever" if end is None else f"{end - swarm.t:.4g} T"
    _tell(f"no coordinator lives: staying {until} to see this fault to its end (Ctrl-C leaves it as it is)")
    while end is None or swarm.t < end:
        swarm.wait(1.0 if end is None else min(1.0, end - swarm.t))
    while any(_overdue(fault, swarm.t) for fault in swarm.faults()):
        swarm.wait(0.2)  # the next beat ends it


def _overdue(fault: FaultReport, t: float) -> bool:
    return not fault.over and fault.duration is not None and fault.start + fault.duration <= t


def _show(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        show_json(msgspec.structs.asdict(outcome))
    else:
        click.echo(outcome.line)


def _chosen(
    name: str, kind: Callable[..., Action], line: str, example: str, default: str | None = None
) -> click.Command:
    @click.command(
        name,
        short_help=line,
        help=f"{line}\n\n\b\nplanaria {name} latest {example}\n\n{SELECTORS}",
    )
    @click.argument("run", metavar="RUN")
    @click.argument("select", metavar="SELECTOR", required=default is None, default=default)
    @seed_option
    @json_option
    def command(run: str, select: str, seed: int | None, as_json: bool) -> int:
        return perform(run, kind(select=select, seed=seed), as_json)

    return command


kill = _chosen("kill", Kill, "SIGKILL cells; they stay dead.", "50% --seed 7")
revive = _chosen("revive", Revive, "Start dead cells again, empty.", "dead", "dead")
erase = _chosen("erase", Erase, "Wipe the memory of cells; their processes live on.", "circle:20,20,8")
seed = _chosen("seed", Plant, "Plant a seed cell (several at once by selector).", "cell:10,10")
freeze = _chosen("freeze", Freeze, "SIGSTOP cells.", "cell:20,20")
thaw = _chosen("thaw", Thaw, "SIGCONT cells.", "all", "all")


@click.command(short_help="Stop all clocks of a swarm.")
@click.argument("run", metavar="RUN")
@json_option
def pause(run: str, as_json: bool) -> int:
    """Stop all clocks of RUN, and with them time in T.

    \b
    planaria pause latest
    """
    return perform(run, Pause(), as_json)


@click.command(short_help="Let all clocks go on.")
@click.argument("run", metavar="RUN")
@json_option
def resume(run: str, as_json: bool) -> int:
    """Let all clocks of RUN go on.

    \b
    planaria resume latest
    """
    return perform(run, Resume(), as_json)


@click.command(short_help="Begin a fault.")
@click.argument("run", metavar="RUN")
@click.argument("fault", nargs=-1, required=True, metavar="KIND select=SELECTOR [for=T] [seed=N] [parameter=number]")
@json_option
def inject(run: str, fault: tuple[str, ...], as_json: bool) -> int:
    """Begin a fault on cells of RUN.

    \b
    planaria inject latest crash select=50% for=4 seed=7
    planaria inject latest link_loss select=all rate=0.05 for=60
    planaria inject latest link_delay select=half:left delay=2 shape=lognormal
    planaria inject latest link_burst select=all burst=5 gap=20 for=60
    planaria inject latest link_loss select='half:left to half:right' rate=1
    planaria inject latest partition select=all name=halves way=in for=30
    planaria inject latest erase select=circle:20,20,8
    planaria inject latest bit_flip select=20% count=2
    planaria inject latest genome_flip select=cell:20,20 count=10 for=30

    With for=T it ends itself; see `planaria faults`, `planaria heal`. docs/faults.md describes every kind.
    """
    from coordinator import faults as catalogue

    action: Inject = catalogue.parse(fault)
    return perform(run, action, as_json)


@click.command(short_help="List the faults of a run, with proof.")
@click.argument("run", metavar="RUN")
@json_option
def faults(run: str, as_json: bool) -> int:
    """All faults of RUN: kind, victims, time, and how often they hit, counted at the victims.

    \b
    planaria faults latest
    """
    with Swarm.attach(run, on_line=_tell) as swarm:
        found = swarm.faults()
    if as_json:
        show_json({"faults": [msgspec.structs.asdict(fault) for fault in found]})
        return 0
    for fault in found:
        ends = "no end" if fault.duration is None else f"for {fault.duration:.4g} T"
        parameters = "".join(
            f" {name}={value}" if isinstance(value, str) else f" {name}={value:g}"
            for name, value in fault.parameters.items()
        )
        edges = f", {fault.links} links" if fault.links else ""
        click.echo(
            f"{fault.id:4d}  {fault.state:9s}  {fault.kind}{parameters} on {fault.selector} "
            f"({fault.cells} cells{edges}), from {fault.start:.1f} T, {ends}, {fault.hits} hits, seed {fault.rng_seed}"
        )
    if not found:
        click.echo("no faults")
    return 0


@click.command(short_help="End one fault, or all.")
@click.argument("run", metavar="RUN")
@click.argument("fault_id", metavar="[ID]", type=int, required=False)
@json_option
def heal(run: str, fault_id: int | None, as_json: bool) -> int:
    """End fault ID of RUN, or all of them.

    \b
    planaria heal latest
    planaria heal latest 3
    """
    return perform(run, Heal(id=fault_id), as_json)


@click.command(short_help="End a run, whatever is still alive of it.")
@click.argument("run", metavar="RUN")
@json_option
def stop(run: str, as_json: bool) -> int:
    """End RUN: no process, socket file or shared memory is left, even if coordinator and agent were killed.

    \b
    planaria stop latest
    """
    from coordinator import opening

    path = opening.stop_run(run, _tell).path
    if as_json:
        show_json({"stopped": str(path)})
    else:
        click.echo(f"stopped: {path}")
    return 0
