"""`planaria run` and `planaria attach`: a swarm before your eyes. Thin over coordinator.swarm and cli.live."""

from __future__ import annotations

import math
from pathlib import Path

import click
import numpy as np

from coordinator.cli import composed, live, owning
from coordinator.cli.options import (
    Grid,
    exit_code,
    json_option,
    listen_option,
    look_option,
    names_option,
    seed_option,
    show_json,
)
from coordinator.liveness import WITHIN_T
from coordinator.measure import Measure
from coordinator.rerun import BY, By
from coordinator.selectorterms import Field
from firmware_sim.engines import CHIPS, ENGINE_NAMES
from firmware_sim.errors import BadInput, RunFailed

KINDS = tuple(CHIPS)
VIRTUAL_INTERVALS = 100.0  # virtual time must end somewhere
AFTER_SCENARIO = 100.0


@click.command(short_help="Run a rule as a swarm.")
@click.argument("rule")
@click.option("--grid", type=Grid(), default=None, help="Rows x columns; default: what the rule's picture needs.")
@click.option("--torus", is_flag=True, help="Join the borders.")
@click.option(
    "--substrate",
    type=click.Choice(["processes", "patches", "virtual"]),
    default="processes",
    show_default=True,
    help="A real process for each cell, or for each patch of cells; or seeded virtual time in this one.",
)
@click.option(
    "--patch",
    type=Grid(),
    default="16x16",
    show_default=True,
    metavar="HXW",
    help="Rows x columns of cells that a process carries, on --substrate patches.",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINE_NAMES),
    default="chip",
    show_default=True,
    help="What computes an update: in float numpy and onnx, all others in int8.",
)
@click.option(
    "--chips",
    multiple=True,
    metavar="[KIND=]N|SELECTOR",
    help="Let these cells run as machine code on an emulated chip (kinds as in --chip); may be repeated.",
)
@click.option("--chip", type=click.Choice([*KINDS]), default=KINDS[0], show_default=True, help="Kind for --chips N.")
@click.option("--interval", type=float, default=0.5, show_default=True, help="Mean wake interval T in seconds.")
@click.option("--for", "length", type=float, default=None, help="End after this many T. Default: until Ctrl-C.")
@click.option("--scenario", type=click.Path(path_type=Path), default=None, help="Timed actions, a TOML or YAML file.")
@click.option(
    "--within",
    type=float,
    default=WITHIN_T,
    show_default=True,
    help="T after the last harm by which the picture must be back, or the verdict is fail.",
)
@click.option("--angle", type=float, default=0.0, help="Turn the picture by this many degrees.")
@click.option("--record", is_flag=True, help="Write down every update, for `planaria verify` and `planaria replay`.")
@click.option("--hosts", type=int, default=0, metavar="N", help="Spread over N hosts, started here or joining --at.")
@click.option("--netns", is_flag=True, help="Hosts started here get a network of their own, for faults of it (root).")
@click.option(
    "--launch",
    type=click.Choice(["compose", "ray"]),
    default=None,
    help="Start everything in containers by compose, or have a Ray cluster start the hosts (--at).",
)
@click.option("--at", "join", default="", metavar="tcp://ADDRESS:PORT", help="Wait here for the hosts to join.")
@click.option("--keys", type=click.Path(path_type=Path), default=None, help="Keys for --at, from `planaria keys new`.")
@click.option("--insecure", is_flag=True, help="Let hosts join --at from elsewhere without keys.")
@click.option("--capacity", type=int, default=0, metavar="CELLS", help="Cells a host started here has room for.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Run folder. Default: runs/RULE/TIME.")
@click.option("--view/--no-view", default=None, help="Live picture. Default: when stderr is a terminal.")
@look_option
@click.option(
    "--serve",
    is_flag=True,
    help="Serve a live page for a browser; its address is printed. Virtual time passes there at a chosen pace.",
)
@listen_option
@names_option
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with RULE's newest run over --at, if its coordinator was lost, instead of starting another.",
)
@click.option(
    "--check",
    type=click.Choice(BY),
    is_flag=False,
    flag_value="same",
    help="Virtual time: live it all again, by the same code or by arrays or single cells, and compare every byte.",
)
@seed_option
@json_option
def run(
    rule: str,
    grid: tuple[int, int] | None,
    torus: bool,
    substrate: str,
    patch: tuple[int, int],
    engine: str,
    chips: tuple[str, ...],
    chip: str,
    interval: float,
    length: float | None,
    scenario: Path | None,
    within: float,
    angle: float,
    record: bool,
    hosts: int,
    launch: str | None,
    netns: bool,
    join: str,
    keys: Path | None,
    insecure: bool,
    capacity: int,
    out: Path | None,
    view: bool | None,
    look: str,
    serve: bool,
    listen: str | None,
    names: tuple[str, ...],
    resume: bool,
    check: By | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Run RULE (a built-in name, a rule folder or an .onnx file): one process a cell, or one a patch of cells.

    \b
    planaria run lizard --grid 40x40 --interval 0.5
    planaria run lizard --serve
    planaria run lizard --for 200 --scenario halves.toml --json
    planaria run lizard --grid 256x256 --substrate patches --patch 32x32
    planaria run dot --substrate virtual --for 60 --seed 7
    planaria run lizard --substrate virtual --serve
    planaria run dot --substrate virtual --for 60 --check=cells
    planaria run lizard --hosts 4
    planaria run lizard --hosts 4 --netns
    planaria run lizard --hosts 4 --launch compose --for 200
    planaria run dot --chips avr=1 --chips cortex-m0=8 --chips rv32imc=circle:7,7,2

    Ctrl-C stops it and leaves nothing behind but the run folder. From another terminal: kill, revive, erase, inject.
    """
    from coordinator import scenario as scenarios

    serve = serve or listen is not None
    steps = [] if scenario is None else scenarios.load(scenario)
    if length is not None and not (math.isfinite(length) and length > 0):
        raise BadInput(f"--for is {length:g}, expected a number of T above 0")
    if check is not None and substrate != "virtual":
        raise BadInput("--check needs --substrate virtual: real processes do not repeat themselves to the byte")
    if resume and not join:
        raise BadInput("--resume goes on with a run whose hosts live elsewhere: say where they join, with --at")
    if length is None and steps:
        length = scenarios.length(steps) + AFTER_SCENARIO
    elif length is None and substrate == "virtual" and not (serve and check is None):
        length = VIRTUAL_INTERVALS
    if steps and length is not None:
        scenarios.check_run(steps, length, _field(rule, grid, torus, angle))
    plan = live.Plan(
        rule=rule,
        grid=grid,
        torus=torus,
        substrate=substrate,
        patch=patch,
        engine=engine,
        interval_s=interval,
        degrees=angle,
        rng_seed=seed,
        out=out,
        length=length,
        chips=tuple(word if "=" in word else f"{chip}={word}" for word in chips),
        record=record,
        within=within,
        hosts=hosts,
        netns=netns,
        launch=launch or "",
        join=join,
        capacity=capacity,
        keys=keys,
        insecure=insecure,
        scenario=scenario,
        steps=tuple(steps),
        serve=serve,
        listen=listen,
        names=names,
        resume=resume,
        check=check,
    )
    if launch == "compose":
        return composed.run(plan, as_json)
    ended = owning.start_and_run(plan, view, look)
    measure = ended.measure
    if measure is not None:
        if as_json:
            found = measure.to_dict()
            show_json(found if ended.check is None else {**found, "check": ended.check.to_dict()})
        else:
            click.echo(measure.line)
            if ended.check is not None and ended.check.same:
                click.echo(ended.check.line)
            click.echo(f"seed {measure.seed}, verdict: {measure.verdict or 'none (nothing to judge, or too early)'}")
            for line in promises(measure):
                click.echo(line)
            click.echo(f"report: {ended.folder / 'report.html'}")
    if ended.interrupted:
        return 130
    if ended.check is not None and not ended.check.same:
        raise RunFailed(ended.check.line)
    return exit_code(measure.verdict if measure is not None else None)


def promises(measure: Measure) -> list[str]:
    """Safety and liveness, a line each."""
    broken = [line for promise in measure.safety for line in promise["broken"]]
    checks = sum(promise["checks"] for promise in measure.safety)
    lines = [f"safety: BROKEN: {line}" for line in broken] or [
        f"safety: {len(measure.safety)} promises held in {checks:,} checks"
    ]
    if measure.liveness is not None:
        lines.append(f"liveness: {measure.liveness['verdict']}: {measure.liveness['why']}")
    return lines


def _field(rule: str, grid: tuple[int, int] | None, torus: bool, angle: float) -> Field:
    """The grid as it will be when all cells run, for checking a scenario before anything is started."""
    from coordinator.picture import picture_for
    from coordinator.wish import default_grid
    from firmware_sim import folder

    found = folder.load(rule)
    height, width = grid or default_grid(found)
    picture = picture_for(found, height, width, torus, angle)
    return Field(height, width, torus, np.ones(height * width, np.bool_), None if picture is None else picture.part)


@click.command(short_help="Watch a running swarm; coordinate it if nobody does.")
@click.argument("run", metavar="RUN")
@click.option("--for", "length", type=float, default=None, help="Leave after this many T. Default: until Ctrl-C.")
@click.option("--view/--no-view", default=None, help="Live picture. Default: when stderr is a terminal.")
@look_option
@json_option
def attach(run: str, length: float | None, view: bool | None, look: str, as_json: bool) -> int:
    """Watch RUN (a run folder, an id, a rule's name or `latest`); Ctrl-C leaves it running.

    \b
    planaria attach latest
    planaria attach runs/lizard/latest --for 20 --json

    If its coordinator is gone, this command takes its place while it runs.
    """
    ended = live.attach_and_watch(run, length, view, look)
    if ended.measure is not None:
        if as_json:
            show_json(ended.measure.to_dict())
        else:
            click.echo(ended.measure.line)
    return 130 if ended.interrupted else 0
