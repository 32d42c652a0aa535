"""`planaria run --launch compose`: the run's plan as a coordinator's command line in a container, and what came of it.

Prints no results but what that coordinator prints. May import cli.live's plan and coordinator.composition.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import click

from coordinator.cli.live import Plan, uninterrupted
from coordinator.composition import FOLDER, Composed, Composition
from coordinator.runfolder import RUNS
from coordinator.serve.address import PORT
from firmware_sim import folder as rules
from firmware_sim.errors import BadInput

RULE, SCENARIO = "/rule", "/scenario"
HOSTS = 2


def run(plan: Plan, as_json: bool) -> int:
    """Bring it up, follow it, fetch its run folder, take it down; the exit code is the coordinator's."""
    check(plan)
    out = plan.out or RUNS / rules.load(plan.rule).name / time.strftime("%Y%m%d-%H%M%S")
    if out.exists():
        raise BadInput(f"run folder {out} exists already: choose another --out, or remove it")
    with Composition(wanted(plan, as_json, _port()), _say) as composition:
        container = composition.up()
        printed = composition.follow(container)
        with uninterrupted():
            code = composition.code(container)
            if printed:
                composition.fetch(container, out)
    if printed:
        click.echo(printed.replace(FOLDER, str(out)), nl=False)
    return code


def check(plan: Plan) -> None:
    """BadInput for what a run in containers cannot be."""
    asked = {
        f"--substrate {plan.substrate}": plan.substrate != "processes",
        "--record": plan.record,
        "--chips": bool(plan.chips),
        "--at": bool(plan.join),
        "--keys": plan.keys is not None,
        "--insecure": plan.insecure,
        "--netns": plan.netns,
        "--listen": plan.listen is not None,
    }
    for option, given in asked.items():
        if given:
            raise BadInput(f"--launch compose decides that itself: leave {option} out")
    rules.load(plan.rule)


def wanted(plan: Plan, as_json: bool, port: int) -> Composed:
    """The plan as what compose is to bring up; a rule or scenario of the user's own is mounted."""
    rule, mounts = plan.rule, dict[Path, str]()
    own = Path(plan.rule)
    if own.exists():
        inside = f"{RULE}/{own.name}" if own.is_file() else RULE
        mounts[own], rule = inside, inside
    hosts = plan.hosts or HOSTS
    words = ["run", rule, "--hosts", str(hosts), "--at", "tcp://0.0.0.0:7400", "--keys", "/keys", "--out", FOLDER]
    words += ["--listen", f"0.0.0.0:{port}", "--name", "127.0.0.1", "--name", "localhost"]
    words += ["--engine", plan.engine, "--interval", str(plan.interval_s), "--within", str(plan.within)]
    words += ["--angle", str(plan.degrees)]
    if plan.grid is not None:
        words += ["--grid", f"{plan.grid[0]}x{plan.grid[1]}"]
    if plan.length is not None:
        words += ["--for", str(plan.length)]
    if plan.rng_seed is not None:
        words += ["--seed", str(plan.rng_seed)]
    if plan.scenario is not None:
        mounts[plan.scenario] = f"{SCENARIO}/{plan.scenario.name}"
        words += ["--scenario", mounts[plan.scenario]]
    words += ["--torus"] * plan.torus + ["--json"] * as_json
    capacity = str(plan.capacity) if plan.capacity else "auto"
    return Composed(f"planaria-{os.urandom(3).hex()}", words, hosts, port, capacity, mounts)


def _port() -> int:
    """8360 if it is free on this machine, else any."""
    for port in (PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BadInput("no port is free for the page on 127.0.0.1: end something that listens there")


def _say(line: str) -> None:
    click.echo(line, err=True)
