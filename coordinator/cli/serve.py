"""`planaria serve`: the live page of a run that another command started. Thin over coordinator.serve."""

from __future__ import annotations

from pathlib import Path

import click

from coordinator.cli.options import listen_option, names_option


@click.command(short_help="The live page of a run, or of all past runs, for a browser.")
@click.argument("run", metavar="[RUN]", required=False)
@listen_option
@names_option
def serve(run: str | None, listen: str | None, names: tuple[str, ...]) -> int:
    """Serve the page of RUN (a run folder, an id, a rule's name or `latest`) until Ctrl-C.

    \b
    planaria serve latest                                live, if it lives; else its film, numbers and report
    planaria serve                                       all runs and experiments below ./runs; two of them side by side
    planaria serve runs/lizard/latest --listen 0.0.0.0:8360

    It looks and asks; the run's coordinator acts. The address that is printed holds the token: who has it may do all.
    """
    from coordinator import locate, opening
    from coordinator.runfolder import EXPERIMENTS, RUNS
    from coordinator.serve import address, app, gallery
    from coordinator.serve.past import Past
    from coordinator.serve.source import Source
    from coordinator.serve.trials import Trials
    from coordinator.substrate import REAL

    where = address.parse(listen or "", names)
    folder = None if run is None or _holds_runs(Path(run)) else locate.find(run)
    source = None
    if folder is not None and locate.look(folder).alive and folder.info.substrate in REAL:
        source = Source(folder, opening.picture_of(folder))
    listening, token = where.bind(), address.new_token()
    path = "/" if folder is None or source is not None else f"/past?run={folder.info.run}"
    click.echo(f"page: {address.url(listening, token, path)}", err=True)
    if not where.loopback:
        click.echo("whoever can reach this machine and has the address may act; nothing is encrypted", err=True)
    if source is not None:
        app.serve(source, listening, token, names)
    else:
        runs = RUNS if run is None else Path(run)
        trials = Trials(runs / EXPERIMENTS.name) if folder is None else None
        past = Past(lambda: locate.every(runs) if folder is None else [locate.look(folder)], trials)
        gallery.serve(past, listening, token, names)
    return 0


def _holds_runs(path: Path) -> bool:
    """Whether this is a folder of runs: RULE/TIME/run.json."""
    return path.is_dir() and not (path / "run.json").is_file() and any(path.glob("*/*/run.json"))
