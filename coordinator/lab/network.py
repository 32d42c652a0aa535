"""One run's network: a bridge in a namespace of its own, and a namespace joined to it for each host and the
coordinator.

    planaria-RUN-PID-switch   bridge br0, a port hN for each host, port c      planaria-RUN-PID-hN   eth0 10.213.0.N
    planaria-RUN-PID-c        eth0 10.213.0.254, where the coordinator's socket is

The machine's own network is not touched, and nobody else can reach this one. PID is the process that made it: what
one that was killed has left is swept when the next network is made, unless its hosts still live: then `planaria stop`
ends them. Starts no host. May import the tools.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from coordinator.lab.tools import NAMESPACES, inside, run
from firmware_sim.errors import RunFailed

HOSTS_MAX = 64
SWITCH, COORDINATOR = "switch", "c"
BRIDGE = "br0"
_NAME = re.compile(r"planaria-(?P<run>[^-]+)-(?P<pid>[0-9]+)-(?P<part>[a-z0-9]+)")
END_S = 10.0


@dataclass(frozen=True, slots=True)
class Network:
    """The names of one run's network; `build` makes it, `remove` ends all that lives in it."""

    run: str
    pid: int
    hosts: tuple[str, ...]

    @staticmethod
    def found(run: str, hosts: tuple[str, ...]) -> Network:
        """The one that an earlier coordinator of this run has made. RunFailed when there is none."""
        for name, pid in _parts():
            if name == run:
                return Network(run, pid, hosts)
        raise RunFailed(f"run {run} has no network any more: `planaria stop` ends what is left of it")

    def namespace(self, part: str) -> str:
        return f"planaria-{self.run}-{self.pid}-{part}"

    def address(self, part: str) -> str:
        return f"10.213.0.{254 if part == COORDINATOR else self.hosts.index(part) + 1}"

    @property
    def switch(self) -> str:
        return self.namespace(SWITCH)

    def build(self) -> None:
        """Make it; what fails half-way is removed again. RunFailed with the tool's own words."""
        sweep()
        try:
            self._build()
        except BaseException:
            self.remove()
            raise

    def _build(self) -> None:
        parts = (*self.hosts, COORDINATOR)
        for part in (SWITCH, *parts):
            run("ip", "netns", "add", self.namespace(part))
            with inside(self.namespace(part)):
                _only_ipv4()
        lines = [f"link add {BRIDGE} type bridge forward_delay 0", f"link set {BRIDGE} up", "link set lo up"]
        for part in parts:
            lines.append(f"link add {part} type veth peer name eth0 netns {self.namespace(part)}")
            lines += [f"link set {part} master {BRIDGE}", f"link set {part} up"]
        self._batch(SWITCH, lines)
        for part in parts:
            self._batch(
                part,
                ["link set lo up", "link set eth0 up", f"addr add {self.address(part)}/24 dev eth0"],
            )

    def _batch(self, part: str, lines: list[str]) -> None:
        run("ip", "-n", self.namespace(part), "-batch", "-", stdin="\n".join(lines) + "\n")

    def remove(self) -> None:
        """Kill whatever lives in it, and remove it."""
        for part in (*self.hosts, COORDINATOR, SWITCH):
            _clear(self.namespace(part))


def _only_ipv4() -> None:
    """No word but the swarm's own is to be on this network."""
    switch = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    if switch.exists():
        switch.write_text("1")


def pids(namespace: str) -> list[int]:
    """Processes whose network is this namespace, this one left aside; none where there is no such namespace."""
    if not (NAMESPACES / namespace).exists():
        return []
    try:
        found = [int(word) for word in run("ip", "netns", "pids", namespace).split()]
    except RunFailed:
        return []  # removed meanwhile
    return [pid for pid in found if pid != os.getpid()]


def end(namespace: str) -> None:
    """SIGKILL all processes of a namespace; returns when none is left. RunFailed when some cannot be killed."""
    deadline = time.monotonic() + END_S
    while left := pids(namespace):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise RunFailed(f"processes {left[:10]} in {namespace} cannot be killed")
        time.sleep(0.02)


def sweep() -> None:
    """Remove networks whose maker is gone and whose hosts do not live."""
    for name, pid in set(_parts()):
        spaces = [path.name for path in NAMESPACES.glob(f"planaria-{name}-{pid}-*")]
        hosts = [space for space in spaces if not space.endswith((f"-{SWITCH}", f"-{COORDINATOR}"))]
        if not _lives(pid) and not any(map(pids, hosts)):
            for space in spaces:
                _clear(space)


def remove_run(name: str) -> None:
    """Whatever there still is of this run's network."""
    for path in NAMESPACES.glob(f"planaria-{name}-*"):
        _clear(path.name)


def _clear(namespace: str) -> None:
    if (NAMESPACES / namespace).exists():
        end(namespace)
        with contextlib.suppress(RunFailed):  # somebody else sweeps as well
            run("ip", "netns", "delete", namespace)


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _parts() -> list[tuple[str, int]]:
    names = [path.name for path in NAMESPACES.iterdir()] if NAMESPACES.is_dir() else []
    found = [match for match in map(_NAME.fullmatch, names) if match is not None]
    return sorted((match["run"], int(match["pid"])) for match in found)
