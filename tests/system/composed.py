"""A swarm that compose has brought up, as the tests of containers see it: through its page, and by what docker says."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from engine import Engine

PORT = 8360
LOOKED_S = 2.0  # by then the page has looked again, though nobody watches


class Project:
    """One compose project with the project's own compose file; `settings` are its variables."""

    def __init__(self, engine: Engine, **settings: str) -> None:
        self.engine, self.settings = engine, {"PLANARIA_TAG": engine.image(), **settings}

    def compose(self, *words: str) -> str:
        return self.engine.docker("compose", *words, **self.settings)

    def up(self, *words: str) -> None:
        """Not with --wait, which gives up as soon as one is unhealthy: a busy machine may take minutes."""
        self.compose("up", "-d", "--no-build", *words)

    def down(self) -> None:
        self.compose("--profile", "*", "down", "-v", "--remove-orphans", "-t", "30")

    # ---- containers

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "-q", service).split()

    def health(self, container: str) -> str:
        return str(self.engine.inspect(container)["State"]["Health"]["Status"])

    def pid(self, container: str) -> int:
        """Of its first process, on this machine."""
        return int(self.engine.inspect(container)["State"]["Pid"])

    def address(self, container: str) -> str:
        networks = self.engine.inspect(container)["NetworkSettings"]["Networks"]
        return str(networks["planaria_swarm"]["IPAddress"])

    def iptables(self, container: str, *words: str) -> None:
        """Within the container's own network; what is dropped there, nobody on the outside is told."""
        command = ["nsenter", "-t", str(self.pid(container)), "-n", "iptables", *words]
        subprocess.run(command, check=True, capture_output=True, text=True)

    def dropped(self, container: str) -> int:
        """Packets that the first rule has dropped there."""
        command = ["nsenter", "-t", str(self.pid(container)), "-n", "iptables", "-nvxL", "INPUT", "1"]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0])

    def cells(self, container: str) -> int:
        """Processes of cells that live in it."""
        state = self.engine.inspect(container)["State"]
        if not state["Running"] or state["Paused"]:
            return 0
        processes = self.engine.docker("top", container, "-eo", "pid,comm", check=False).splitlines()
        return sum(line.split()[-1].startswith("cell-") for line in processes if line.strip())

    # ---- the page

    def get(self, path: str) -> Any:
        token = re.findall(r"page: \S+#(\S+)", self.compose("logs", "--no-log-prefix", "coordinator"))[-1]
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", headers={"Authorization": f"Bearer {token}"})

        def ask() -> Any:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                return json.load(answer)

        return self.engine.inside(ask)

    def measure(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/numbers")["measure"]
        return found

    def alive(self) -> int:
        return int(self.measure()["alive"])

    def lives(self, cells: int) -> list[tuple[int, int]]:
        """Placement epoch and life of every eighth cell."""
        found = [self.get(f"/api/cells/{cell}") for cell in range(0, cells, 8)]
        return [(each["epoch"], each["life"]) for each in found]

    def settled(self, cells: int) -> list[tuple[int, int]]:
        """The same, once nothing changes any more: the page may not have seen yet what was just done."""
        found = None
        while found != (now := self.lives(cells)):
            found = now
            time.sleep(LOOKED_S)
        return now

    def until(self, what: Callable[[dict[str, Any]], bool], why: str, seconds: float = 300) -> dict[str, Any]:
        """Wait until the run's numbers are so."""
        end, found = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                found = self.measure()
                if what(found):
                    return found
            except (OSError, IndexError) as error:  # the page is away while its coordinator is, and before it is up
                found = {"error": str(error)}
            time.sleep(0.3)
        said = self.compose("logs", "--tail", "25")
        raise AssertionError(f"not within {seconds:g} s: {why}; {found}\n{said}")
