"""Where a host is: the address under which others reach it, and which boot of which machine this is.

Asks the kernel, sends nothing. Imports the standard library.
"""

from __future__ import annotations

import socket
from pathlib import Path


def own_address(endpoint: str) -> str:
    """The address from which this host reaches the coordinator, "" when there is no way to it; nothing is sent."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, int(port)))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def boot_id() -> str:
    """Names this boot of this machine, and its clock: in a time namespace CLOCK_MONOTONIC is another one."""
    boot, clock = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/timens_offsets")
    shift = [line.split() for line in clock.read_text().splitlines()] if clock.exists() else []
    moved = [word for line in shift if line[:1] == ["monotonic"] and line[1:] != ["0", "0"] for word in line[1:]]
    return "+".join([boot.read_text().strip() if boot.exists() else "", *moved])
