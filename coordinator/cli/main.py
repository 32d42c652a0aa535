"""`planaria`: finds its sub-commands lazily, turns errors into one line on stderr and an exit code.

0 good, 1 verdict fail, 2 usage or bad input, 3 unknown, 4 the run failed, 130 interrupted. Commands of other floors
are found by entry point (group "planaria.commands"), so that a floor that is not installed is one clear line. May
import click.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from importlib.metadata import EntryPoint, entry_points
from types import FrameType
from typing import Any

import click

from firmware_sim.errors import BadInput, PlanariaError

BAD_INPUT, RUN_FAILED, INTERRUPTED = 2, 4, 130

# name -> (module:attribute, one line), so that the list of commands imports none of them
COMMANDS = {
    "demo": ("demo:demo", "The main job: grow, lose half of the processes, heal."),
    "run": ("run:run", "Run a rule as a swarm."),
    "attach": ("run:attach", "Watch a running swarm; coordinate it if nobody does."),
    "stop": ("act:stop", "End a run, whatever is still alive of it."),
    "kill": ("act:kill", "SIGKILL cells."),
    "revive": ("act:revive", "Start dead cells again, empty."),
    "erase": ("act:erase", "Wipe the memory of cells."),
    "seed": ("act:seed", "Plant a seed cell."),
    "freeze": ("act:freeze", "SIGSTOP cells."),
    "thaw": ("act:thaw", "SIGCONT cells."),
    "pause": ("act:pause", "Stop all clocks of a swarm."),
    "resume": ("act:resume", "Let all clocks go on."),
    "bridge": ("bridge:bridge", "A board at a serial port becomes a cell of a run."),
    "inject": ("act:inject", "Begin a fault."),
    "faults": ("act:faults", "List the faults of a run, with proof."),
    "heal": ("act:heal", "End one fault, or all."),
    "serve": ("serve:serve", "The live page of a run, or of all past runs, for a browser."),
    "ps": ("look:ps", "List runs and what is alive of them."),
    "verify": ("verify:verify", "Compute every update of a recorded run again."),
    "replay": ("replay:replay", "Play a recorded run, or make a film of it."),
    "report": ("look:report", "Write a run's report (one HTML file) again."),
    "rules": ("rules:rules", "List the built-in rules."),
    "import": ("rules:import_", "Read one of the article's published models."),
    "experiment": ("experiment:experiment", "A hypothesis, many swarms, a verdict with intervals."),
    "evaluate": ("evaluate:evaluate", "The article's experiments on a rule, as a table and a page."),
    "firmware": ("firmware:firmware", "A rule as an image for a real chip: build, check, run, budget."),
    "bench": ("bench:bench", "Measure speed, memory, freshness and healing here."),
    "keys": ("keys:keys", "Keys for swarms over several machines."),
    "agent": ("agent:agent", "Carry cells for a coordinator elsewhere: --join tcp://HOST:PORT."),
}


class Lazy(click.Group):
    """A group that imports a command only to use it, and lists them without."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(name for name in _others() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            return _command(getattr(importlib.import_module(f"coordinator.cli.{module}"), attribute))
        other = _others().get(cmd_name)
        return None if other is None else _load(other)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, line) for name, (_, line) in COMMANDS.items()]
        rows += [(name, _line(entry)) for name, entry in sorted(_others().items()) if name not in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="planaria")
def planaria() -> None:
    """A learned cell rule as a swarm of tiny computers: grow it, break it, watch it heal.

    \b
    planaria demo                              grow, SIGKILL half of all processes, heal
    planaria run lizard --grid 40x40           one process a cell; Ctrl-C stops it
    planaria kill latest 50%                   from another terminal
    planaria run dot --substrate virtual --for 60 --json
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point; exits with one of the codes above."""
    # Before numpy is imported: its matrices here are small, and a second BLAS thread made a batch 30 times slower.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in ("SIGTERM", "SIGHUP"):  # whoever ends us otherwise than by SIGKILL gets a clean end, too
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is signal.SIG_DFL:
            signal.signal(getattr(signal, name), _interrupt)
    sys.exit(invoke(arguments))


def invoke(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    try:
        result = planaria.main(args=arguments, prog_name="planaria", standalone_mode=False)
    except click.ClickException as error:
        error.show(sys.stderr)
        return BAD_INPUT if isinstance(error, click.UsageError) else error.exit_code
    except PlanariaError as error:
        click.echo(f"planaria: {error}", err=True)
        return BAD_INPUT if isinstance(error, BadInput) else RUN_FAILED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return RUN_FAILED
    return result if isinstance(result, int) else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _others() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="planaria.commands")}


def _load(entry: EntryPoint) -> click.Command:
    try:
        return _command(entry.load())
    except ImportError as error:
        extra = "train" if entry.name == "train" else entry.name
        hint = f"install it with: pip install 'planaria[{extra}]'"
        raise BadInput(f"planaria {entry.name} is not available here ({error}): {hint}") from error


def _line(entry: EntryPoint) -> str:
    try:
        return _load(entry).get_short_help_str(limit=80)
    except PlanariaError:
        return "(not installed)"


def _command(found: Any) -> click.Command:
    assert isinstance(found, click.Command), f"{found!r} is no command"
    return found


if __name__ == "__main__":
    main()
