"""`planaria ps` and `planaria report`: what there is, and what became of it. Change nothing in a swarm."""

from __future__ import annotations

from pathlib import Path

import click

from coordinator.cli.options import json_option, show_json


@click.command(short_help="List runs and what is alive of them.")
@click.option("--all", "everything", is_flag=True, help="Also runs that are over.")
@json_option
def ps(everything: bool, as_json: bool) -> int:
    """Runs under ./runs, and every living run of this user wherever its folder is.

    \b
    planaria ps
    planaria ps --all --json
    """
    from coordinator import locate

    rows = []
    for seen in locate.every():
        if not (everything or seen.alive or seen.leftover):
            continue
        info, state = seen.folder.info, seen.folder.state()
        rows.append(
            {
                "run": info.run,
                "rule": info.rule,
                "grid": f"{info.height}x{info.width}",
                "substrate": info.substrate,
                "engine": info.engine,
                "started": info.started,
                "agent": seen.agent,
                "coordinator": seen.coordinator,
                "leftover": seen.leftover,
                "stopped": state.stopped,
                "folder": str(seen.folder.path),
            }
        )
    if as_json:
        show_json({"runs": rows})
        return 0
    for row in rows:
        alive = ", ".join(name for name in ("agent", "coordinator") if row[name])
        alive = alive or ("killed, not stopped" if row["leftover"] else "over")
        what = f"{row['rule']} {row['grid']} {row['substrate']}/{row['engine']}"
        click.echo(f"{row['run']}  {what}  {alive:20s}  {row['folder']}")
    if not rows:
        click.echo("no run is alive" if not everything else "no runs")
    return 0


@click.command(short_help="Write a run's report (one HTML file) again.")
@click.argument("run", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write it there instead.")
@json_option
def report(run: str, out: Path | None, as_json: bool) -> int:
    """One HTML file with frames, curves, numbers and events of RUN; also of one that still runs or was killed.

    \b
    planaria report latest
    """
    from coordinator import locate, report

    folder = locate.find(run)
    if out is None:
        path = report.finish(folder)
    else:
        out.write_text(report.html(folder), encoding="utf-8")
        path = out
    if as_json:
        show_json({"report": str(path)})
    else:
        click.echo(str(path))
    return 0
