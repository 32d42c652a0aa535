"""`planaria keys`: make, list and change the keys of a swarm over several machines. Thin over coordinator.keyring."""

from __future__ import annotations

import time
from pathlib import Path

import click

from cellnode.curve import is_key, load_public
from coordinator.cli.options import json_option, show_json
from coordinator.keyring import Keyring, make_host, rotate_host
from coordinator.registrar import Registrar
from firmware_sim.errors import BadInput

FOLDER = click.Path(path_type=Path)


@click.group(short_help="Keys for swarms over several machines.")
def keys() -> None:
    """Make, list and change keys: one pair for the coordinator, one for each host.

    \b
    planaria keys new keys
    planaria keys host host-keys --coordinator keys/coordinator.pub
    planaria keys allow keys attic host-keys/host.pub

    Every connection beyond this machine is encrypted, and only hosts on the coordinator's list come in; or put
    themselves on it, with a token.
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
    """Let the host NAME in no more. A running coordinator cuts what stands within seconds.

    \b
    planaria keys refuse keys attic
    """
    Keyring(folder).refuse(name)
    click.echo(f"{name} may not join any more")
    return 0


@keys.command(short_help="A token by which hosts list themselves.")
@click.argument("folder", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, help="File to write it to, for the hosts; it is secret.")
@click.option("--hours", type=float, default=1.0, show_default=True, help="How long it is valid.")
@click.option("--uses", type=int, default=1, show_default=True, help="How many hosts it lets onto the list.")
@click.option("--name", default="token", show_default=True, help="What it is called; an older one of that name ends.")
@click.option("--make", is_flag=True, help="Make the coordinator's key first, if FOLDER has none.")
def token(folder: Path, out: Path, hours: float, uses: int, name: str, make: bool) -> int:
    """Make a token: a file with which a host that nobody has listed puts its own key on the list.

    \b
    planaria keys token keys --out join.token
    planaria keys token keys --out join.token --hours 0.5 --uses 20
    planaria agent --join tcp://10.0.0.1:7400 --keys mine --token join.token      # on the host

    Names that were given by hand, or whose host lives, are given to nobody else.
    """
    ring = Keyring.make(folder) if make and not (folder / "coordinator.key").exists() else Keyring(folder)
    made = Registrar(ring).tokens.give(name, ring.pair.public, hours, uses)
    try:
        made.save(out)
    except OSError as error:
        raise BadInput(f"--out {out} cannot be written: {error.strerror}; choose another file") from error
    click.echo(f"{out}: lets {uses} {'host' if uses == 1 else 'hosts'} onto the list, for {hours:g} h")
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
    tokens = {given.name: given for given in Registrar(ring).tokens.known.values()}
    if as_json:
        told = {name: {"expires": given.expires_s, "uses": given.uses} for name, given in tokens.items()}
        show_json({"coordinator": ring.pair.public, "hosts": found, "tokens": told})
        return 0
    click.echo(f"coordinator  {ring.pair.public}")
    for name, key in sorted(found.items()):
        click.echo(f"{name:12} {key}")
    for name, given in sorted(tokens.items()):
        minutes = (given.expires_s - time.time()) / 60
        click.echo(given.over(time.time()) or f"token {name!r} lets {given.uses} more on, for {minutes:.0f} min")
    return 0


@keys.command(short_help="A new key in place of the old one.")
@click.argument("folder", type=FOLDER)
def rotate(folder: Path) -> int:
    """Replace the key in FOLDER, a coordinator's or a host's. What runs takes note within seconds: hosts of another
    coordinator's key need its new coordinator.pub, cells of a host with another key start anew.

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
