"""What several commands share: reading a grid, printing one JSON object, verdicts as exit codes. May import click."""

from __future__ import annotations

import json
import re
from typing import Any

import click

VERDICTS = {"fail": 1, "unknown": 3}  # exit codes; anything else is 0


class Grid(click.ParamType[tuple[int, int]]):
    """40x40 -> (40, 40), rows first."""

    name = "HxW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return int(value[0]), int(value[1])
        match = re.fullmatch(r"\s*(\d{1,7})\s*[x×]\s*(\d{1,7})\s*", str(value))
        if match is None:
            self.fail(f"{value!r} is no grid, expected HEIGHTxWIDTH such as 40x40", param, ctx)
        return int(match[1]), int(match[2])


def show_json(value: Any) -> None:
    """One object on stdout and nothing else."""
    click.echo(json.dumps(value, indent=2))


def exit_code(verdict: str | None) -> int:
    """0 pass (or nothing to judge), 1 fail, 3 unknown."""
    return VERDICTS.get(verdict or "", 0)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, nothing else there.")
look_option = click.option(
    "--look", type=click.Choice(["led", "paper"]), default="led", show_default=True, help="LEDs on black, or on paper."
)
listen_option = click.option(
    "--listen",
    metavar="HOST:PORT",
    default=None,
    help="Where the page is served. Default: 127.0.0.1:8360, or another port if that is taken.",
)
names_option = click.option(
    "--name", "names", multiple=True, metavar="HOST", help="Another host name by which the page may be asked for."
)
seed_option = click.option(
    "--seed", type=click.IntRange(0), default=None, help="Seed of the random draws; drawn and told when left out."
)
