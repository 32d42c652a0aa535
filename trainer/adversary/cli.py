"""`planaria train --adversary RULE`: the same command, another pupil. Needs torch, but only once it runs.

Progress and remarks go to stderr; with --json one object goes to stdout and nothing else there. Imports click, and
trainer when it runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from firmware_sim.errors import BadInput

TAKEN = ("victim", "steps", "rate", "out", "rng_seed", "threads", "as_json")
INTERRUPTED = 130


def refuse_others(context: click.Context) -> None:
    """BadInput for options that say how a picture is taught."""
    given = [
        name for name in sorted(context.params) if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    options = {option.name: option for option in context.command.params}
    wrong = [options[name].opts[0] for name in given if name not in TAKEN]
    if wrong:
        raise BadInput(f"--adversary teaches no picture: drop {_and(wrong)}; it takes {_and(_words(options))}")


def teach(
    victim: str, *, steps: int | None, rate: float | None, out: Path | None, rng_seed: int, threads: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Train, compare and export an adversary."""
    from firmware_sim import folder
    from trainer.adversary import session
    from trainer.adversary.settings import AdversarySettings
    from trainer.cli import Stopper
    from trainer.progress import Display

    found = folder.load(victim)
    chosen = {name: value for name, value in (("steps", steps), ("rate", rate)) if value is not None}
    settings = AdversarySettings(victim=found.sha256, rng_seed=rng_seed, **chosen)  # type: ignore[arg-type]
    out = out or Path("runs") / "train" / f"{found.name}-adversary"
    with ExitStack() as stack:
        display = stack.enter_context(Display(f"against {found.name}"))
        stopper = stack.enter_context(Stopper())
        display.say(f"seed {rng_seed}, {settings.steps:,} steps against {found.name}, into {out}")
        taught = session.run(
            found, settings, out, threads=threads or min(2, os.cpu_count() or 1),
            say=display.say, show=display.show, stop=stopper.asked,
        )  # fmt: skip
    if taught is None:
        click.echo(f"stopped; the same command goes on from {out.with_name(out.name + '.training')}", err=True)
        raise SystemExit(INTERRUPTED)
    if as_json:
        click.echo(json.dumps({
            "loss_log10": taught.adversary, "random_log10": taught.random, "honest_log10": taught.honest,
            "seconds": taught.seconds, "steps": taught.steps, "seed": taught.rng_seed, "out": str(taught.out),
        }))  # fmt: skip
        return
    click.echo(
        f"{taught.out}: 5 % of it leave the honest cells at {taught.adversary:.2f}, "
        f"random numbers at {taught.random:.2f}, none at {taught.honest:.2f}"
    )


def _words(options: dict[Any, Any]) -> list[str]:
    return [options[name].opts[0] for name in TAKEN if name != "victim"]


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
