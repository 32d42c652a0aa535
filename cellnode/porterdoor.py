"""The door of a porter: its command line, the checks before anything is started, and the lock on its home.

Imports the porter and the standard library.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import socket
import sys
from pathlib import Path

from cellnode.blockagents import sweep_home
from cellnode.curve import HostKeys, is_loopback
from cellnode.enrolment import prepare
from cellnode.hostlimits import host_limit
from cellnode.porter import HostConfig, Porter
from cellnode.prctl import die_with_parent, raise_descriptor_limit, set_process_name
from cellnode.runtime import Runtime, claim, root
from cellnode.token import Token
from cellnode.whereabouts import own_address
from firmware_sim.errors import BadInput, PlanariaError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_ENDPOINT = re.compile(r"tcp://(?P<host>[^:/\[\]]+):(?P<port>[0-9]{1,5})")


def configure(arguments: argparse.Namespace) -> HostConfig:
    """Raises BadInput for whatever cannot be meant."""
    name = arguments.name or re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:32]
    if not _NAME.fullmatch(name):
        raise BadInput(f"--name is {name!r}, expected letters, digits, '_', '.' and '-', at most 32, none of '/'")
    found = _ENDPOINT.fullmatch(arguments.join)
    if found is None or not 0 < int(found["port"]) < 1 << 16:
        raise BadInput(f"--join is {arguments.join!r}, expected tcp://HOST:PORT, as the coordinator prints it")
    if not re.fullmatch("auto|[0-9]{1,9}", arguments.capacity):
        raise BadInput(f"--capacity is {arguments.capacity}, expected a number of cells, 0 or more, or auto: what fits")
    capacity = host_limit().cells if arguments.capacity == "auto" else int(arguments.capacity)
    address = arguments.address or own_address(arguments.join)
    keys = Path(arguments.keys).absolute() if arguments.keys else None
    token = Path(arguments.token).absolute() if arguments.token else None
    if token is not None and keys is None:
        raise BadInput(
            "--token lets this host's key onto a list; give --keys DIR, too, where the key is kept or is to be made"
        )
    if token is not None and keys is not None:
        prepare(keys, Token.load(token), _say)
    if keys is not None:
        HostKeys.load(keys)
    elif not (is_loopback(found["host"]) and is_loopback(address)) and not arguments.insecure:
        raise BadInput(
            f"{arguments.join} is beyond this machine, and no key is given: make one with `planaria keys host DIR` and "
            "say --keys DIR, or have it made with --keys DIR --token FILE; "
            "--insecure goes without, where every machine on the network is trusted"
        )
    home = Path(arguments.runtime).absolute() if arguments.runtime else root() / f"host-{name}"
    return HostConfig(name, arguments.join, arguments.address, capacity, home, keys, token, arguments.once)


def serve(config: HostConfig) -> None:
    """Be the host, until told to leave. Raises PlanariaError."""
    home = Runtime(config.home / "0000000000")  # the longest name of a block: checks that its sockets' paths fit
    home.create()
    home.remove()
    lock = claim(config.home / "host.lock")
    if lock is None:
        raise BadInput(
            f"another agent named {config.name!r} runs on this machine ({config.home}): choose another --name"
        )
    sweep_home(config.home)
    set_process_name("planaria-host")
    raise_descriptor_limit()
    Porter(config, _say).run()
    os.close(lock)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Entry point. Exit codes: 0 stopped, 2 bad input, 4 failed."""
    parser = argparse.ArgumentParser(prog="planaria agent", description="this machine carries cells of a swarm")
    parser.add_argument("--join", required=True, metavar="tcp://HOST:PORT", help="where the coordinator listens")
    parser.add_argument("--name", default="", help="what this host is called; default: the machine's name")
    parser.add_argument("--capacity", default="auto", metavar="CELLS", help="cells it would carry; default: what fits")
    parser.add_argument("--address", default="", help="where other hosts reach this one; default: found out")
    parser.add_argument("--keys", default="", metavar="DIR", help="this host's keys, from `planaria keys host`")
    parser.add_argument("--token", default="", metavar="FILE", help="lets it onto the list: see `planaria keys token`")
    parser.add_argument("--insecure", action="store_true", help="no keys, though others can reach these sockets")
    parser.add_argument("--runtime", default="", help="private directory for sockets and shared memory")
    parser.add_argument("--parent", type=int, default=0, help="end when this process does, our parent")
    parser.add_argument("--once", action="store_true", help="leave when the run has ended, instead of waiting for more")
    arguments = parser.parse_args()
    if arguments.parent:
        die_with_parent(arguments.parent)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    try:
        serve(configure(arguments))
    except PlanariaError as error:
        print(f"planaria agent: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, BadInput) else 4)


if __name__ == "__main__":
    main()
