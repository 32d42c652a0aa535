"""`planaria keys`: make, list and change the keys of a swarm over several machines. Thin over coordinator.keyring."""

from __future__ import annotations

from pathlib import Path

import click

from cellnode.curve import is_key, load_public
from coordinator.cli.options import json_option, show_json
from coordinator.keyring import Keyring, make_host, rotate_host

FOLDER = click.Path(path_type=Path)


@click.group(short_help="Keys for swarms over several machines.")
def keys() -> None:
    """Make, list and change keys: one pair for the coordinator, one for each host.

    \b
    planaria keys new keys
    planaria keys host host-keys --coordinator keys/coordinator.pub
    planaria keys allow keys attic host-keys/host.pub

    Every connection beyond this machine is encrypted, and only hosts on the coordinator's list come in.
    """


@keys.command(short_help="A coordinator's key, and an empty list of hosts.")
@click.argument("folder", type=FOLDER)
def new(folder: Path) -> int:
    """Make a coordinator's key in FOLDER, with an empty list of hosts.

    \b
    planaria keys new keys
    """
    ring = Keyring.make(folder)
    click.echo(f"coordinator's public key: {ring.pair.public}\nhosts need it: {folder / 'coordinator.pub'}")
    return 0


@keys.command(short_help="A host's key.")
@click.argument("folder", type=FOLDER)
@click.option("--coordinator", required=True, help="The coordinator's public key, or the file that holds it.")
def host(folder: Path, coordinator: str) -> int:
    """Make a host's key in FOLDER, on that host.

    \b
    planaria keys host host-keys --coordinator coordinator.pub
    """
    pair = make_host(folder, _key(coordinator))
    click.echo(
        f"public key: {pair.public}\nput it on the coordinator's list: planaria keys allow DIR NAME {pair.public}"
    )
    return 0


@keys.command(short_help="Put a host on the list.")
@click.argument("folder", type=FOLDER)
@click.argument("name")
@click.argument("key")
def allow(folder: Path, name: str, key: str) -> int:
    """Let the host NAME in, by its public KEY (or the file that holds it); a running coordinator takes note.

    \b
    planaria keys allow keys attic host.pub
    """
    Keyring(folder).allow(name, _key(key))
    click.echo(f"{name} may join")
    return 0


@keys.command(short_help="Take a host off the list.")
@click.argument("folder", type=FOLDER)
@click.argument("name")
def refuse(folder: Path, name: str) -> int:
    """Let the host NAME in no more. Connections that stand are not cut.

    \b
    planaria keys refuse keys attic
    """
    Keyring(folder).refuse(name)
    click.echo(f"{name} may not join any more")
    return 0


@keys.command("list", short_help="Who is on the list.")
@click.argument("folder", type=FOLDER)
@json_option
def list_(folder: Path, as_json: bool) -> int:
    """Show the hosts that may join, with their public keys.

    \b
    planaria keys list keys
    """
    ring = Keyring(folder)
    found = {name: key for key, name in ring.hosts.items()}
    if as_json:
        show_json({"coordinator": ring.pair.public, "hosts": found})
        return 0
    click.echo(f"coordinator  {ring.pair.public}")
    for name, key in sorted(found.items()):
        click.echo(f"{name:12} {key}")
    return 0


@keys.command(short_help="A new key in place of the old one.")
@click.argument("folder", type=FOLDER)
def rotate(folder: Path) -> int:
    """Replace the key in FOLDER, a coordinator's or a host's; what runs keeps the old one until it is started anew.

    \b
    planaria keys rotate keys
    """
    if (folder / "host.key").is_file():
        click.echo(
            f"new public key: {rotate_host(folder).public}\nput it on the coordinator's list, in place of the old"
        )
        return 0
    ring = Keyring(folder)
    ring.rotate()
    click.echo(f"new public key: {ring.pair.public}\nevery host needs it as its coordinator.pub")
    return 0


def _key(text: str) -> str:
    """A key, or what a file holds."""
    return text if is_key(text) else load_public(Path(text))
