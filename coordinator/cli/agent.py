"""`planaria agent`: this machine carries cells. With `--join` it serves whoever coordinates there; otherwise it is the
agent of one block, as `python -m cellnode.agent`. Options are passed on unread."""

from __future__ import annotations

import sys

import click


@click.command(
    short_help="Carry cells for a coordinator elsewhere.",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def agent(arguments: tuple[str, ...]) -> int:
    """Become an agent: start, watch and stop cells on a coordinator's word."""
    if any(word.split("=")[0] == "--join" for word in arguments) or set(arguments) & {"-h", "--help"} or not arguments:
        from cellnode.porterdoor import main
    else:
        from cellnode.agent import main

    sys.argv = ["planaria agent", *arguments]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0
