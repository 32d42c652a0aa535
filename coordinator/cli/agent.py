"""`planaria agent`: the agent of one host, as `python -m cellnode.agent`; its own options are passed on unread."""

from __future__ import annotations

import sys

import click


@click.command(
    short_help="Serve one host (run by `planaria run` itself).",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def agent(arguments: tuple[str, ...]) -> int:
    """Become the agent of this host: start, watch and stop cells on a coordinator's word."""
    from cellnode import agent as module

    sys.argv = ["planaria agent", *arguments]
    try:
        module.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0
