"""A swarm over two hosts of this machine for benchmarks, each a process with a key of its own, or both without.

What it starts ends with it. May import the coordinator and cellnode.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cellnode
from cellnode.runtime import root
from coordinator import Swarm
from coordinator.bench.registry import Say
from coordinator.keyring import Keyring, make_host
from firmware_sim.errors import RunFailed

NAMES = ("a", "b")


@dataclass(frozen=True, slots=True)
class Yard:
    """Both hosts and what runs on them. `a` carries the western half, `b` the eastern one."""

    swarm: Swarm
    home: Path
    endpoint: str
    ring: Keyring | None
    launched_s: float
    agents: dict[str, int]  # process ids of the hosts' porters

    def runtime(self, name: str) -> Path:
        """Where a host keeps its sockets."""
        return root() / f"yard-{os.getpid()}-{name}"


@contextmanager
def yard(rule: str, grid: tuple[int, int], interval_s: float, say: Say, *, keyed: bool = True) -> Iterator[Yard]:
    """From nothing to a swarm that is connected, and back to nothing."""
    room = -(-grid[0] * grid[1] // 2)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ring = Keyring.make(home / "keys") if keyed else None
        endpoint = f"tcp://127.0.0.1:{free_port()}"
        hosts: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name in NAMES:
                words = ["--join", endpoint, "--name", name, "--capacity", str(room)]
                words += ["--runtime", str(root() / f"yard-{os.getpid()}-{name}")]
                if ring is not None:
                    ring.allow(name, make_host(home / name, ring.pair.public).public)
                    words += ["--keys", str(home / name)]
                hosts[name] = _start("cellnode.porterdoor", words)
            began = time.monotonic()
            keys = None if ring is None else ring.path
            with Swarm.start(
                rule,
                grid,
                interval_s=interval_s,
                hosts=2,
                join=endpoint,
                keys=keys,
                seed=1,
                out=home / "run",
                on_line=say,
            ) as swarm:
                launched_s = time.monotonic() - began
                pids = {name: host.pid for name, host in hosts.items()}
                yield Yard(swarm, home, endpoint, ring, launched_s, pids)
                swarm.stop()
        finally:
            for host in hosts.values():
                host.terminate()
                host.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def python() -> dict[str, str]:
    """The environment in which our own modules are found."""
    home = str(Path(cellnode.__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}


def _start(module: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", module, *words], stderr=subprocess.DEVNULL, env=python())


@dataclass(frozen=True, slots=True)
class Size:
    """What some processes hold, all together."""

    rss_mib: float
    descriptors: int


def size_of(pids: Sequence[int]) -> Size:
    """RunFailed when one of them is no more."""
    kib = descriptors = 0
    try:
        for pid in pids:
            status = Path(f"/proc/{pid}/status").read_text()
            kib += int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
            descriptors += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (OSError, StopIteration) as error:
        raise RunFailed(f"process {pid} has not outlived the attack ({error})") from error
    return Size(round(kib / 1024, 2), descriptors)
