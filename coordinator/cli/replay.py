"""`planaria replay`: a recorded run again, on the terminal or as a film. Changes nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import json_option, listen_option, look_option, show_json
from firmware_sim.errors import BadInput

if TYPE_CHECKING:
    from coordinator.replay import Part
    from coordinator.runfolder import RunFolder


@click.command(short_help="Play a recorded run, or make a film of it.")
@click.argument("run", metavar="RUN")
@click.option("--from", "first", type=float, default=None, help="In T since the seed. Default: the seed.")
@click.option("--to", "last", type=float, default=None, help="In T. Default: the end of the recording.")
@click.option(
    "--speed", type=float, default=1.0, show_default=True, help="1: as fast as it was; 10: ten times as fast."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A film: .webp, .gif, or .mp4 (needs PyAV).",
)
@click.option("--browser", is_flag=True, help="Play it on a page in a browser, until Ctrl-C; its address is printed.")
@listen_option
@click.option("--scale", type=click.IntRange(1, 64), default=None, help="Pixels a cell in a film.")
@look_option
@json_option
def replay(
    run: str,
    first: float | None,
    last: float | None,
    speed: float,
    out: Path | None,
    browser: bool,
    listen: str | None,
    scale: int | None,
    look: str,
    as_json: bool,
) -> int:
    """Play RUN, which was recorded, from any T to any T at any speed.

    \b
    planaria replay latest --from 60 --speed 5
    planaria replay latest --browser --speed 5
    planaria replay latest --from 0 --to 100 --speed 10 --out growth.webp
    """
    from coordinator import locate
    from coordinator import replay as replays
    from coordinator.recording import Recording
    from coordinator.terminal import View

    browser = browser or listen is not None
    if browser and (out is not None or as_json):
        raise BadInput("--browser plays a run until Ctrl-C: leave --out and --json out, or --browser")
    folder = locate.find(run)
    recording = Recording.open(folder)
    part = replays.part(recording, first, last, speed)
    facts = {"from_t": round(part.first, 3), "to_t": round(part.last, 3), "folder": str(folder.path)}
    if out is not None:
        frames = replays.film(recording, part, out, look, scale)
        if as_json:
            show_json({**facts, "film": str(out), "frames": frames})
        else:
            click.echo(f"{out}: {frames} frames, t {part.first:.1f} to {part.last:.1f} T")
        return 0
    if browser:
        _serve(folder, part, listen or "")
        return 0
    with View(look) as view:
        view.headline(f"{folder.info.rule}, run {folder.info.run}, replay")
        replays.play(recording, folder, part, view, time.monotonic, time.sleep)
    if as_json:
        show_json(facts)
    return 0


def _serve(folder: RunFolder, part: Part, listen: str) -> None:
    """This part of the run in the player of past runs, which begins by itself."""
    from coordinator import locate
    from coordinator.serve import address, gallery
    from coordinator.serve.past import Past

    where = address.parse(listen)
    listening, token = where.bind(), address.new_token()
    span = f"from={part.first:.3f}&to={part.last:.3f}&pace={part.pace:.6g}"
    path = f"/past?run={folder.info.run}&play=1&{span}"
    click.echo(f"page: {address.url(listening, token, path)}", err=True)
    gallery.serve(Past(lambda: [locate.look(folder)]), listening, token)
