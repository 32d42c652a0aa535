"""What attacks on a living swarm share: the attackers as processes, the place they take, and what the attacked hold.

May import the coordinator and cellnode.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellnode import panel
from cellnode.curve import HostKeys
from cellnode.topology import neighbours, tag
from coordinator import Swarm
from coordinator.bench.forge import Speaker
from coordinator.bench.registry import Row
from coordinator.bench.yard import Size, Yard, python
from coordinator.keyring import Keyring
from coordinator.runfolder import RunFolder
from firmware_sim.errors import RunFailed

GRID, RULE = (8, 8), "dot"
FLAT = 1.02
STALL_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of host `b` at the border, which the attacker takes; who listens to it on `a`; a living neighbour."""

    cell: int
    listeners: list[int]
    beside: int


def place_of(ground: Yard) -> Place:
    blocks = {tenure.host: set(tenure.cells) for tenure in RunFolder.open(ground.swarm.folder).state().tenures}
    table = neighbours(*GRID, False)
    for cell in sorted(blocks["b"]):
        beyond = [near for near in table[cell].tolist() if near in blocks["a"]]
        if len(beyond) == 3:
            beside = next(
                near for near in table[cell].tolist() if near in blocks["b"] and near in table[beyond[1]].tolist()
            )
            return Place(cell, beyond, beside)
    raise RunFailed("no cell of host b has three neighbours on host a")


def await_(seen: Callable[[], int], goal: int) -> None:
    """Until so many are seen, or no more come."""
    last, since = seen(), time.monotonic()
    while last < goal and time.monotonic() - since < STALL_S:
        time.sleep(0.2)
        now = seen()
        if now != last:
            last, since = now, time.monotonic()


def attacker_of(kind: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "coordinator.bench.assailant", kind]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=python())


def tell(attacker: subprocess.Popen[bytes], told: dict[str, Any]) -> None:
    assert attacker.stdin is not None
    attacker.stdin.write(json.dumps(told).encode() + b"\n")
    attacker.stdin.flush()


def answer(attacker: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert attacker.stdout is not None
    line = attacker.stdout.readline()
    if not line:
        raise RunFailed(f"the attacker has ended with code {attacker.wait()} before it was through")
    found: dict[str, Any] = json.loads(line)
    return found


def attack(kind: str, told: dict[str, Any]) -> dict[str, Any]:
    with attacker_of(kind) as attacker:
        tell(attacker, told)
        return answer(attacker)


def ring_of(ground: Yard) -> Keyring:
    if ground.ring is None:
        raise RunFailed("these hosts have no keys")
    return ground.ring


def speaker_at(swarm: Swarm, cell: int) -> Speaker:
    life = int(swarm.look().lives[cell])
    return Speaker(cell, life >> 32, life & 0xFFFFFFFF, tag(swarm.run, swarm.info.rule_sha256), 16)


def key_of(ground: Yard, host: str) -> str:
    return HostKeys.load(ground.home / host).own.public


def pid_of(ground: Yard, cell: int) -> int:
    return int(ground.swarm.look().pids[cell])


def home_of(ground: Yard, host: str) -> Path:
    epoch = next(t.epoch for t in RunFolder.open(ground.swarm.folder).state().tenures if t.host == host)
    return ground.runtime(host) / str(epoch)


def port_of(ground: Yard, host: str, cell: int) -> int:
    """Where this cell has bound TCP, as its host's panel shows."""
    mapping, header, pages = panel.map_all(home_of(ground, host) / "panel", writable=False)
    port = int(pages["port"][pages["cell"] == cell][0])
    del header, pages
    mapping.close()
    return port


def sizes_of(before: Size, after: Size) -> Row:
    return {
        "rss_mib": f"{before.rss_mib:g} -> {after.rss_mib:g}",
        "descriptors": f"{before.descriptors} -> {after.descriptors}",
    }


def is_flat(before: Size, after: Size) -> bool:
    return bool(after.rss_mib <= FLAT * before.rss_mib and after.descriptors <= FLAT * before.descriptors)
