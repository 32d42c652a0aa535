"""Strokes for `bench page`, in a process of its own: how long from a request until the victims' processes are dead, and
until a viewer has the frame that shows it. Knows the swarm only through the page's API, as a browser does.

`python -m coordinator.bench.strokes COUNT`, the page's address on standard input. Death is told by the kernel (a pidfd
of each victim). May import websockets and serve's wire.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import sys
import threading
import time
from typing import Any

import numpy as np
from websockets.sync.client import ClientConnection, connect

from cellnode.panel import Phase
from coordinator.serve import wire

PATIENCE_S = 60.0
BETWEEN_S = 0.3


class Viewer:
    """Reads frames in a thread of its own, and knows each cell's phase."""

    def __init__(self, line: ClientConnection, token: str) -> None:
        self._line = line
        self._line.send(json.dumps({"token": token}))
        self.hello: dict[str, Any] = json.loads(self._line.recv(PATIENCE_S))
        self.phases = np.zeros(self.hello["cells"], np.uint8)
        self._turned = threading.Condition()
        self._at = 0.0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for data in self._line:
            if isinstance(data, bytes):
                at = time.monotonic()
                head, chosen, cells = wire.decode(data)
                self._line.send(json.dumps({"seen": head.number}))
                with self._turned:
                    self.phases[chosen], self._at = cells.phases & ~np.uint8(wire.SLEEPING), at
                    self._turned.notify_all()

    def until(self, cells: list[int], phase: Phase) -> float:
        """When the frame came with which all of these had this phase. Raises TimeoutError."""
        with self._turned:
            if not self._turned.wait_for(lambda: bool((self.phases[cells] == phase).all()), PATIENCE_S):
                raise TimeoutError(f"cells {cells} were not {phase.name} within {PATIENCE_S:g} s")
            return self._at


class Asker:
    """The API over one connection that stays open, as a browser's does."""

    def __init__(self, address: str) -> None:
        place, _, token = address.partition("/#")
        self._line = http.client.HTTPConnection(place.partition("://")[2], timeout=PATIENCE_S)
        self._head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        self._line.request(method, path, None if body is None else json.dumps(body), self._head)

    def answer(self) -> Any:
        told = self._line.getresponse()
        data = told.read()
        if told.status != 200:
            raise RuntimeError(f"the page answered {told.status}: {data.decode()[:200]}")
        return json.loads(data)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        self.send(method, path, body)
        return self.answer()


def strike(asker: Asker, viewer: Viewer, row: int, column: int) -> tuple[float, float]:
    """One stroke over two cells: seconds until the kernel has ended both processes, and until a frame shows it."""
    width = viewer.hello["width"]
    cells = [row * width + column, (row - 1) * width + column]
    viewer.until(cells, Phase.LINKED)
    victims = [os.pidfd_open(asker.ask("GET", f"/api/cells/{cell}")["pid"]) for cell in cells]
    ends = select.poll()
    for victim in victims:
        ends.register(victim, select.POLLIN)
    left, began = set(victims), time.monotonic()
    asker.send("POST", "/api/actions", {"do": "kill", "select": f"path:0.5,{row},{column},{row - 1},{column}"})
    while left:
        told = ends.poll(PATIENCE_S * 1000)
        if not told:
            raise TimeoutError(f"processes of cells {cells} still live {PATIENCE_S:g} s after the stroke")
        for victim, _ in told:
            left.discard(victim)
            ends.unregister(victim)
    died = time.monotonic()
    seen = viewer.until(cells, Phase.OFF)
    asker.answer()
    for victim in victims:
        os.close(victim)
    asker.ask("POST", "/api/actions", {"do": "revive", "select": "dead"})
    viewer.until(cells, Phase.LINKED)
    return died - began, seen - began


def main(count: int, address: str) -> None:
    """Strokes along the middle row, one after the other."""
    place, _, token = address.partition("/#")
    place, asker, found = place.replace("http", "ws") + "/live", Asker(address), []
    with connect(place, max_size=None, compression=None, open_timeout=PATIENCE_S) as line:
        viewer = Viewer(line, token)
        height, width = viewer.hello["height"], viewer.hello["width"]
        for number in range(count):
            found.append(strike(asker, viewer, height // 2, (number * 7) % width))
            time.sleep(BETWEEN_S)
    died, seen = zip(*found, strict=True)
    print(json.dumps({"to_sigkill_ms": [1000 * each for each in died], "to_frame_ms": [1000 * each for each in seen]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.stdin.read().strip())
