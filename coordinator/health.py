"""`python -m coordinator.health`: ask what runs here (a host, a coordinator) how it is; exit code 0 when all is well.

For a container's health check, and quick for that: a host is asked at its hatch, a coordinator on the line of other
commands, and an answer must come from its loop. Changes nothing. May import cellnode.hatch, cellnode.runtime and the
client messages.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from cellnode import hatch
from cellnode.runtime import root

WAIT_MS = 5000


def look(home: Path) -> list[tuple[bool, str]]:
    """Each that runs below `home`: whether it is well, and a line."""
    return [*_hosts(home), *_coordinators(home)]


def _hosts(home: Path) -> Iterator[tuple[bool, str]]:
    for path in sorted(home.glob(f"*/{hatch.NAME}")):
        name = path.parent.name.removeprefix("host-")
        try:
            found = hatch.ask(path.parent)
        except (OSError, ValueError) as error:
            yield False, f"host {name} does not answer: {error}"
            continue
        if found.get("joined"):
            yield True, f"host {name} has joined and carries {found.get('blocks')} blocks"
        else:
            yield False, f"host {name} waits for a coordinator to let it in"


def _coordinators(home: Path) -> Iterator[tuple[bool, str]]:
    for path in sorted(home.glob("*/coordinator.sock")):
        error = _ask(f"ipc://{path}")
        run = path.parent.name
        yield not error, f"coordinator of run {run}: {error or 'answers'}"


def _ask(endpoint: str) -> str:
    """What is wrong; "": nothing."""
    import msgspec
    import zmq

    from coordinator.clientmessages import Ask, decode_answer, encode

    context = zmq.Context()
    try:
        dealer = context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(endpoint)
        dealer.send(encode(Ask(1, "status")))
        if not dealer.poll(WAIT_MS):
            return f"no answer within {WAIT_MS // 1000} s"
        return decode_answer(dealer.recv()).error
    except msgspec.DecodeError:
        return "what it sent is no answer"
    finally:
        context.destroy(0)


def main() -> int:
    """0: all that runs here is well; 1: something is not, or nothing runs."""
    found = look(root())
    for _, line in found:
        print(line)
    if not found:
        print("nothing runs here")
    return int(not found or not all(well for well, _ in found))


if __name__ == "__main__":
    sys.exit(main())
