"""Hosts on this machine, for `planaria run --hosts N`: each a porter with a process tree of its own, which can be
killed.

A porter leaves when its run ends; it is no child of the coordinator's life. Starts and kills, decides nothing. May
import cellnode.runtime and coordinator.agents.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import cellnode
from cellnode.hostmessages import Offer
from cellnode.runtime import Runtime
from cellnode.whereabouts import boot_id
from coordinator.agents import Watched, last_words
from coordinator.substrate import Cells, HostNetwork
from firmware_sim.errors import RunFailed

ADDRESS = "127.0.0.1"


@dataclass(slots=True)
class _Local:
    watched: Watched
    process: subprocess.Popen[bytes] | None  # None: an earlier coordinator has started it


class LocalHosts:
    """The hosts `h1` ... `hN` below a run's runtime directory, with room for `capacity` cells each."""

    near = True  # a host that is not heard, though its process lives, is only slow
    insecure = False  # whether their addresses need no keys, though they are no loopback

    def __init__(self, runtime: Runtime, count: int, capacity: int) -> None:
        self._runtime, self._capacity = runtime, capacity
        self.names = self.names_of(count)
        self._hosts: dict[str, _Local] = {}
        self.endpoint = f"tcp://{ADDRESS}:*"  # where the coordinator listens for them

    @staticmethod
    def names_of(count: int) -> list[str]:
        return [f"h{number}" for number in range(1, count + 1)]

    def inside(self) -> AbstractContextManager[None]:
        """Where it does so."""
        return nullcontext()

    def home(self, name: str) -> Path:
        return self._runtime.path / name

    def start(self, name: str, endpoint: str) -> None:
        """Start this host (again)."""
        command = [sys.executable, "-m", "cellnode.porterdoor", "--join", endpoint, "--name", name, "--once"]
        command += ["--capacity", str(self._capacity), "--address", self.address(name)]
        command += ["--runtime", str(self.home(name)), *(["--insecure"] if self.insecure else [])]
        home = str(Path(cellnode.__file__).resolve().parent.parent)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
        with (self._runtime.path / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                self._command(command, name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )
        self._forget(name)
        self._hosts[name] = _Local(Watched(process.pid), process)

    def meet(self, carried: Callable[[Iterable[str]], Cells], expect: Callable[[Iterable[str]], None]) -> None:
        """Who knows which cells a host carries, and who is to be told of losses that somebody wants."""
        self.carried, self.expect = carried, expect

    def network(self) -> HostNetwork | None:
        """What faults of hosts may do; None where these have no network of their own."""
        return None

    def address(self, name: str) -> str:
        """Where its cells bind TCP."""
        return ADDRESS

    def _command(self, words: list[str], name: str) -> list[str]:
        return words

    def adopt(self, offer: Offer) -> None:
        """One that an earlier coordinator has started."""
        if offer.host in self.names and offer.host not in self._hosts and offer.machine == boot_id():
            self._take(offer.host, offer.pid)

    def _take(self, name: str, pid: int) -> None:
        self._hosts[name] = _Local(Watched(pid), None)

    def alive(self, name: str) -> bool:
        return self.living(name) > 0

    def living(self, name: str) -> int:
        """Its process id; 0: it does not live."""
        host = self._hosts.get(name)
        return host.watched.pid if host is not None and host.watched.alive() else 0

    @property
    def dead(self) -> list[str]:
        """Those that were started and do not live any more."""
        return [name for name, host in self._hosts.items() if not host.watched.alive()]

    def kill(self, name: str) -> bool:
        """SIGKILL it, and with it its agents and cells; True once it is gone."""
        host = self._hosts.get(name)
        if host is None or not host.watched.alive():
            return False
        host.watched.kill()
        return host.watched.wait(5.0)

    def check(self) -> None:
        """RunFailed when one has ended, with its last words."""
        for name in self.dead:
            raise RunFailed(f"host {name} has ended: {last_words(self._runtime.path / f'{name}.log')}")

    def wait(self, timeout_s: float) -> None:
        """Until they have left; those that hang are killed."""
        deadline = time.monotonic() + timeout_s
        for host in self._hosts.values():
            if not host.watched.wait(max(0.0, deadline - time.monotonic())):
                host.watched.kill()
                host.watched.wait(5.0)

    def close(self) -> None:
        for name in list(self._hosts):
            self._forget(name)

    def _forget(self, name: str) -> None:
        host = self._hosts.pop(name, None)
        if host is not None:
            host.watched.close()
            if host.process is not None:
                host.process.poll()  # reap it if it has ended
