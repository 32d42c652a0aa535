"""The server's process: `python -m coordinator.serve RUN_FOLDER`, started by serve/beside.py with a socket and a token.

Reads one line of JSON from its standard input, serves, and ends when that input is closed. May import serve.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from coordinator import opening
from coordinator.runfolder import RunFolder
from coordinator.serve import app
from coordinator.serve.source import Source
from firmware_sim.errors import RunFailed

PANEL_EVERY_S = 0.1


def main() -> None:
    """Serve until whoever started us closes the pipe, or dies."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    wish = json.loads(sys.stdin.readline())
    folder = RunFolder.open(Path(sys.argv[1]))
    over = threading.Event()
    threading.Thread(target=_until_closed, args=(over,), name="planaria-page-end", daemon=True).start()
    picture, source = opening.picture_of(folder), None
    while source is None:
        try:
            source = Source(folder, picture, wish["begins"])
        except RunFailed:  # the panel is not there yet: the browser waits at the open socket
            if over.wait(PANEL_EVERY_S):
                return

    def end_with(server: uvicorn.Server) -> None:
        def wait() -> None:
            over.wait()
            server.should_exit = True

        threading.Thread(target=wait, name="planaria-page-exit", daemon=True).start()

    app.serve(source, socket.socket(fileno=wish["descriptor"]), wish["token"], tuple(wish["names"]), end_with)


def _until_closed(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


if __name__ == "__main__":
    main()
