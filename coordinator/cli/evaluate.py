"""`planaria evaluate`: a rule under the article's experiments, as a table, JSON and a page. May import
coordinator.evaluate."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from coordinator.cli.options import json_option, seed_option, show_json
from firmware_sim.errors import BadInput

NUMBERS = {"1": "growth", "2": "growth", "3": "damage", "4": "rotation"}  # the article's experiments


@click.command(short_help="The article's experiments on a rule: a table, and a page with pictures.")
@click.argument("rule")
@click.option("--draws", type=click.IntRange(1, 100), default=5, show_default=True, help="Of each experiment.")
@click.option(
    "--only",
    default="",
    metavar="NAMES",
    help="Some of growth,damage,rotation,seeds,worm; or by the article's number: 1 and 2 are growth, 3 is damage, "
    "4 is rotation.",
)
@click.option("--step", type=click.Choice(["sync", "async"]), default=None, help="One of the two; both by default.")
@click.option("--family", type=click.Choice(["float", "int8"]), default=None, help="One of the two; both by default.")
@click.option("--cores", type=click.IntRange(1, 1024), default=None, help="Processes to use; all cores by default.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one page with pictures and film.")
@seed_option
@json_option
def evaluate(
    rule: str,
    draws: int,
    only: str,
    step: str | None,
    family: str | None,
    cores: int | None,
    html: Path | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Growth, damage, rotation and several seeds (a worm is cut in three, too), in the article's synchronous step and
    in true asynchrony, in float and in int8. RULE: a built-in name, a rule folder. Takes minutes; needs no torch.

    \b
    planaria evaluate lizard --html lizard.html
    planaria evaluate lizard --only growth --json
    planaria evaluate lizard --only 1,3 --draws 1 --family int8
    """
    from cellnode import workers
    from coordinator.evaluate import page, summary
    from coordinator.evaluate.evaluation import Options
    from coordinator.evaluate.evaluation import evaluate as run
    from coordinator.evaluate.subject import WAYS
    from firmware_sim import folder

    names = (name.strip() for name in only.split(","))
    chosen = tuple(NUMBERS.get(name, name) for name in names if name)
    rng_seed = secrets.randbelow(2**31) if seed is None else seed
    if html is not None and not html.absolute().parent.is_dir():
        raise BadInput(f"{html}: the folder {html.parent} does not exist")
    click.echo(f"seed {rng_seed}, {draws} draws", err=True)
    ways = tuple(way for way in WAYS if step in (way.step, None) and family in (way.family, None))
    options = Options(draws, rng_seed, chosen, html is not None, cores or workers.cores(), ways)
    found = run(folder.load(rule), options, lambda line: click.echo(line, err=True))
    if html is not None:
        try:
            html.write_text(page.html(found), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{html}: cannot be written ({error.strerror})") from error
        click.echo(f"page: {html}", err=True)
    if as_json:
        show_json([row.to_json() for row in found.rows])
    else:
        for line in (*summary.text(found.rows), "", *summary.brief_text(found.rows)):
            click.echo(line)
    return 0
