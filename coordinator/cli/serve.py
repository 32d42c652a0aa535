"""`planaria serve`: the live page of a run that another command started. Thin over coordinator.serve."""

from __future__ import annotations

import click

from coordinator.cli.options import listen_option, names_option


@click.command(short_help="The live page of a run, for a browser.")
@click.argument("run", metavar="RUN", default="latest")
@listen_option
@names_option
def serve(run: str, listen: str | None, names: tuple[str, ...]) -> int:
    """Serve the live page of RUN (a run folder, an id, a rule's name or `latest`) until Ctrl-C.

    \b
    planaria serve latest
    planaria serve runs/lizard/latest --listen 0.0.0.0:8360

    It looks and asks; the run's coordinator acts. The address that is printed holds the token: who has it may do all.
    """
    from coordinator import locate, opening
    from coordinator.serve import address, app
    from coordinator.serve.source import Source

    folder = locate.find_alive(run)
    source = Source(folder, opening.picture_of(folder))
    where = address.parse(listen or "", names)
    listening, token = where.bind(), address.new_token()
    click.echo(f"page: {address.url(listening, token)}", err=True)
    if not where.loopback:
        click.echo(
            "whoever can reach this machine and has the address may act on the run; nothing is encrypted", err=True
        )
    app.serve(source, listening, token, names)
    return 0
