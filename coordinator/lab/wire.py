"""A slow line: every frame from and to one host waits for a fixed time in this process, between two TAP devices.

    bridge br0 - t-hN [this process] w-hN - bridge b-hN - port hN - the host

    python -m coordinator.lab.wire hN MILLISECONDS      in the switch's namespace, as root; until it is killed

For kernels with and without netem alike. It lives until the fault is healed, whoever coordinates; when it dies the host
is cut off until then. May import the network and the tools.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import coordinator
from coordinator.lab.network import BRIDGE, Network, pids
from coordinator.lab.tools import run, within
from firmware_sim.errors import RunFailed

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
FRAME_MAX = 65536
QUEUE_MAX = 20_000  # frames under way in one direction; more are lost, as in any router
READY = "slow"


def stretch(network: Network, host: str, delay_s: float) -> None:
    """From now on each frame from and to this host comes so much later. RunFailed when that cannot be done."""
    command = within(network.switch, sys.executable, "-m", "coordinator.lab.wire", host, f"{delay_s * 1000:g}")
    home = str(Path(coordinator.__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, env=environment, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        ready = process.stdout.readline().strip()
    if ready != READY:
        process.kill()
        raise RunFailed(f"the line of {host} cannot be made slow: {ready or f'exit code {process.wait()}'}")


def shorten(network: Network, host: str) -> None:
    """The line is as it was. What was under way is lost; whoever speaks TCP says it again."""
    run("ip", "-n", network.switch, "link", "set", host, "master", BRIDGE)
    for pid in _wires(network, host):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)  # if it is a child of ours
    with contextlib.suppress(RunFailed):
        run("ip", "-n", network.switch, "link", "delete", f"b-{host}")


def delayed(network: Network, host: str) -> int:
    """Frames that have come through the slow line; 0 where it is not slow."""
    try:
        shown = json.loads(run("ip", "-n", network.switch, "-j", "-s", "link", "show", "dev", f"t-{host}"))
    except RunFailed:
        return 0
    counts = shown[0]["stats64"]
    return int(counts["rx"]["packets"]) + int(counts["tx"]["packets"])


def _wires(network: Network, host: str) -> list[int]:
    found = []
    for pid in pids(network.switch):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"coordinator.lab.wire" in words and host.encode() in words:
                found.append(pid)
    return found


# ---- the process


def _tap(name: str) -> int:
    descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


def _plug(host: str) -> tuple[int, int]:
    """(towards the bridge, towards the host), with the host's port moved behind them."""
    towards_bridge, towards_host = _tap(f"t-{host}"), _tap(f"w-{host}")
    lines = [f"link add b-{host} type bridge forward_delay 0", f"link set b-{host} up"]
    lines += [f"link set w-{host} master b-{host}", f"link set w-{host} up"]
    lines += [f"link set t-{host} master {BRIDGE}", f"link set t-{host} up", f"link set {host} master b-{host}"]
    run("ip", "-batch", "-", stdin="\n".join(lines) + "\n")
    return towards_bridge, towards_host


class Way:
    """One direction: frames in the order in which they came, each with the moment at which it is due."""

    def __init__(self, source: int, sink: int, delay_ns: int) -> None:
        self.source, self._sink, self._delay_ns = source, sink, delay_ns
        self._waiting: deque[tuple[int, bytes]] = deque()

    def take(self, now_ns: int) -> None:
        """All that has come."""
        while True:
            try:
                frame = os.read(self.source, FRAME_MAX)
            except BlockingIOError:
                return
            if len(self._waiting) < QUEUE_MAX:
                self._waiting.append((now_ns + self._delay_ns, frame))

    def give(self, now_ns: int) -> None:
        """All that is due."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            try:
                os.write(self._sink, self._waiting.popleft()[1])
            except OSError as error:
                if error.errno not in (errno.EIO, errno.EAGAIN, errno.ENOBUFS):  # a port that is down loses frames
                    raise

    @property
    def due_ns(self) -> int | None:
        return self._waiting[0][0] if self._waiting else None


def main(host: str, milliseconds: float) -> None:
    """Be the line until killed."""
    try:
        near, far = _plug(host)
    except (OSError, RunFailed) as error:
        print(error, flush=True)
        sys.exit(4)
    print(READY, flush=True)
    ways = [Way(near, far, round(milliseconds * 1e6)), Way(far, near, round(milliseconds * 1e6))]
    poller = select.poll()
    for way in ways:
        poller.register(way.source, select.POLLIN)
    while True:
        due_ns = min((way.due_ns for way in ways if way.due_ns is not None), default=None)
        wait_ns = None if due_ns is None else max(0, due_ns - time.monotonic_ns())
        poller.poll(None if wait_ns is None else -(-wait_ns // 1_000_000))
        now_ns = time.monotonic_ns()
        for way in ways:
            way.take(now_ns)
            way.give(now_ns)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
