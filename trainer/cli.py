"""`planaria train`: a picture in, a rule folder out.  Needs torch, but only once it runs.

Only click is imported when the command line is read, so that `planaria --help` stays fast and without torch this is
one clear line.  Progress and remarks go to stderr; with --json one object goes to stdout and nothing else.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

import click

from firmware_sim.errors import BadInput

FINE_RATE = 1e-3  # a rule that knows its picture forgets it at the rate that is best from scratch
INTERRUPTED = 130


@click.command(short_help="Teach a rule to grow a picture, keep it and heal it.")
@click.argument("target", required=False)
@click.option(
    "--regime",
    type=click.Choice(["growing", "persistent", "regenerating"]),
    default="regenerating",
    show_default=True,
    help="What the rule must master: grow, stay, or heal too.",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 1_000_000),
    default=None,
    help="Training steps; the learning rate falls over them  [default: 6000; 9000, 4000 or 2000 with --quick]",
)
@click.option("--quick", is_flag=True, help="A good rule in minutes: small batches, short episodes, in stages.")
@click.option("--size", type=click.IntRange(4, 128), default=None, help="Fit the picture into SIZE px  [default: 40]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Rule folder to write  [default: runs/train/NAME-REGIME]",
)
@click.option("--seed", "rng_seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of all chance.")
@click.option("--threads", type=click.IntRange(1, 64), default=None, help="[default: the cores there are, at most 2]")
@click.option("--no-quantise", is_flag=True, help="A plain float rule without limits; it fits no chip.")
@click.option("--channels", type=click.IntRange(8, 32), default=None,
              help="Numbers a cell holds  [default: 16; others fit no chip and run in virtual time only]")  # fmt: skip
@click.option("--hidden", type=click.IntRange(16, 256), default=None, help="Hidden units of the rule  [default: 128]")
@click.option("--from", "start", default=None, metavar="RULE", help="Begin with the weights of a rule folder or name.")
@click.option("--rate", type=click.FloatRange(1e-6, 0.1), default=None,
              help="Highest learning rate  [default: 3e-3, or 1e-3 with --from]")  # fmt: skip
@click.option("--harden", is_flag=True, help="Train on faults: --delay 4 --loss 0.7 --dead 0.1 --forget 0.25.")
@click.option("--delay", type=click.IntRange(0, 16), default=None, help="Neighbours are read up to so many steps late.")
@click.option("--loss", type=click.FloatRange(0, 0.95), default=None, help="Up to this share of messages is lost.")
@click.option("--dead", type=click.FloatRange(0, 0.5), default=None, help="Up to this share of cells never lives.")
@click.option("--forget", type=click.FloatRange(0, 1), default=None,
              help="Chance that many cells lose their memory in an episode.")  # fmt: skip
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|...",
              help="Where to compute: auto is the graphics card if torch has one.")  # fmt: skip
@click.option("--adversary", "victim", default=None, metavar="RULE",
              help="Instead of a picture: teach the weights of byzantine cells that harm RULE most.")  # fmt: skip
@click.option("--onnx", is_flag=True, help="Write torch's own ONNX and a quantised one, too, into OUT.training/onnx.")
@click.option("--live", is_flag=True, help="Show pool and batches in OUT.training/live, for a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else there.")
def train(target: str | None, regime: str, steps: int | None, quick: bool, size: int | None, out: Path | None,
          rng_seed: int, threads: int | None, no_quantise: bool, channels: int | None, hidden: int | None,
          start: str | None, rate: float | None, harden: bool, delay: int | None, loss: float | None,
          dead: float | None, forget: float | None, device: str, victim: str | None, onnx: bool, live: bool,
          as_json: bool) -> None:  # fmt: skip
    """Train a rule for TARGET: a built-in name (lizard, dot), an emoji, or an image file.

    \b
    planaria train lizard --quick
    planaria train photo.png --quick --size 20 --out mine
    planaria train lizard --from lizard --harden
    planaria train --adversary lizard

    Resumable: killed or interrupted, the same command goes on where its last checkpoint stands, to the same weights.
    """
    if importlib.util.find_spec("torch") is None:
        raise BadInput("planaria train needs torch, which is not installed: pip install 'planaria[train]'")
    if victim is not None:
        from trainer.adversary import cli

        cli.refuse_others(click.get_current_context())
        cli.teach(victim, steps=steps, rate=rate, out=out, rng_seed=rng_seed, threads=threads, as_json=as_json)
        return
    if target is None:
        raise BadInput(
            "planaria train: what? give a picture (a built-in name, an emoji, an image file) or --adversary RULE"
        )
    from trainer import session, targets
    from trainer.progress import Display
    from trainer.settings import HARDENED, Settings
    from trainer.settings import quick as quick_settings

    found = targets.resolve(target, size)
    chosen: dict[str, Any] = (quick_settings(regime, steps) if quick else {}) | (HARDENED if harden else {})
    if steps is not None:
        chosen["steps"] = steps
    single = {"late": delay, "loss": loss, "dead": dead, "forget": forget}
    chosen |= {name: value for name, value in single.items() if value is not None}
    first = None
    if start is not None:
        first, chosen["start"] = session.starting_point(start)
        chosen |= {"channels": first.channels, "hidden": first.hidden, "rate": FINE_RATE, "warm": 0}
        chosen |= {"grow": 0, "stay": 0}  # it can
    for name, value in (("channels", channels), ("hidden", hidden)):
        if value is not None and first is not None and value != chosen[name]:
            raise BadInput(f"--from {start} has {chosen[name]} {name}: drop --{name}, or train from scratch")
        chosen |= {} if value is None else {name: value}
    if rate is not None:
        chosen["rate"] = rate
    settings = Settings(regime=regime, size=len(found.pixels), rng_seed=rng_seed, quantise=not no_quantise, **chosen)
    if first is not None and settings.quantise != (first.limits.limit == "round"):
        raise BadInput(f"--from {start} has states of limit {first.limits.limit!r}: "
                       f"{'add' if settings.quantise else 'drop'} --no-quantise, or choose another rule")  # fmt: skip
    out = out or Path("runs") / "train" / f"{found.name}-{regime}{'-hardened' if settings.faulty else ''}"
    session.check_out(out)
    with ExitStack() as stack:
        display = stack.enter_context(Display(f"{found.name} {regime}"))
        stopper = stack.enter_context(Stopper())
        for note in found.notes:
            display.say(note)
        display.say(f"seed {rng_seed}, {settings.steps:,} steps, {len(found.pixels)} px, into {out}")
        watch = None
        if live:
            from trainer.live import Live

            watch = Live(session.training_folder(out) / "live", f"{found.name}, {regime}")
            display.say(f"look at {(watch.folder / 'index.html').resolve().as_uri()}")
        trained = session.run(
            found, settings, out, threads=threads or min(2, os.cpu_count() or 1),
            say=display.say, show=display.show, stop=stopper.asked,
            start=first, watch=watch, device=device,
        )  # fmt: skip
        if trained is not None and onnx:
            from firmware_sim import folder
            from trainer import onnx_roads

            display.say("checking that the other ONNX files grow the picture, too")
            grown = onnx_roads.write(folder.load(out), session.training_folder(out) / "onnx", rng_seed, display.say)
            display.say(", ".join(f"{name} {loss:.2f}" for name, loss in grown.items()))
    if trained is None:
        click.echo(f"stopped; the same command goes on from {session.training_folder(out)}", err=True)
        raise SystemExit(INTERRUPTED)
    result = {
        "loss_log10": trained.loss_log10,
        "cuts": trained.cuts,
        "seconds": trained.seconds,
        "steps": trained.steps,
        "seed": trained.rng_seed,
        "out": str(trained.out),
    }
    if as_json:
        click.echo(json.dumps(result))
    else:
        cuts = ", ".join(f"{name} {loss:.2f}" for name, loss in trained.cuts.items())
        click.echo(f"{trained.out}: log10 loss {trained.loss_log10:.2f}" + (f"; after cuts: {cuts}" if cuts else ""))


class Stopper:
    """Turns Ctrl-C and SIGTERM into a wish, so that a training step is finished and kept before the end."""

    def __init__(self) -> None:
        self._asked = False

    def __enter__(self) -> Stopper:
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *unused: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self._asked = True

    def asked(self) -> bool:
        return self._asked
