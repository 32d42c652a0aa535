"""Patches over several hosts: words cross between them over TCP, with keys and without; a lost host's patches are whole
again elsewhere.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from grown import grown
from labs import needs_netns
from starting import Start

from cellnode.panel import Counter
from cellnode.patchlayout import grid
from coordinator import Swarm
from coordinator.guest import Guest
from coordinator.keyring import Keyring
from coordinator.registrar import Registrar
from coordinator.runfolder import RunFolder

pytestmark = pytest.mark.system
CUT = grid(12, 12, False, (4, 4))


def until(swarm: Swarm, what: Callable[[], bool], why: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s: {why}; {swarm.look().alive} alive"
        time.sleep(0.1)


def patches_of(swarm: Swarm) -> dict[str, list[int]]:
    """Host -> the patches that it carries; every patch is whole."""
    found: dict[str, list[int]] = {}
    for tenure in RunFolder.open(swarm.folder).state().tenures:
        patches = np.unique(CUT.patch_of(np.array(tenure.cells)))
        assert sorted(tenure.cells) == sorted(np.concatenate([CUT.cells_of(int(patch)) for patch in patches]).tolist())
        found.setdefault(tenure.host, []).extend(patches.tolist())
    return found


def drops(swarm: Swarm) -> dict[str, int]:
    counters = swarm.look().counters.sum(axis=0)
    return {each.name: int(counters[each]) for each in Counter if each.name.startswith("DROP_") and counters[each]}


@needs_netns
def test_patches_of_a_host_that_is_cut_off_live_elsewhere_whole_and_its_old_ones_are_fenced(start: Start) -> None:
    swarm = start(
        grid=(12, 12), hosts=3, netns=True, capacity=80, interval_s=0.1, substrate="patches", patch=(4, 4), seed=1
    )
    assert (swarm.measure().substrate, swarm.measure().processes, swarm.measure().hosts) == ("patches", 9, 3)
    guest = Guest(RunFolder.open(Path(swarm.folder)), None)
    assert guest.processes() == 9
    guest.leave()
    assert grown(swarm)
    assert drops(swarm) == {}, "of each other host comes what is needed, and nothing else"

    before = swarm.look().lives.copy()
    mine = np.concatenate([CUT.cells_of(patch) for patch in patches_of(swarm)["h2"]])
    cut = swarm.inject("host_cut", hosts="h2")
    until(swarm, lambda: "h2" not in patches_of(swarm) and swarm.look().alive == 144, "all live on the others")
    now = swarm.look().lives.copy()
    assert (now[mine] > before[mine]).all() and (np.delete(now, mine) == np.delete(before, mine)).all()
    swarm.heal(cut.fault)
    killed = swarm.kill("50%", seed=1)
    assert killed.missing == [] and swarm.look().alive == 72, "every cell obeys"
    assert swarm.revive("dead").missing == [] and swarm.look().alive == 144
    swarm.plant(swarm.centre)
    assert grown(swarm)
    assert swarm.measure().broken == ()


def test_with_keys_patches_hear_each_other_over_encrypted_lines_alone(start: Start, tmp_path: Path) -> None:
    ring = Keyring.make(tmp_path / "keys")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    token = tmp_path / "join.token"
    Registrar(ring).tokens.give("two", ring.pair.public, hours=1, uses=2).save(token)
    hosts = []
    for name in ("cellar", "attic"):
        words = ["agent", "--join", endpoint, "--name", name, "--capacity", "80", "--keys", str(tmp_path / name)]
        command = [sys.executable, "-m", "coordinator.cli.main", *words, "--token", str(token)]
        hosts.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    try:
        swarm = start(
            grid=(12, 12),
            hosts=2,
            join=endpoint,
            keys=ring.path,
            interval_s=0.1,
            substrate="patches",
            patch=(4, 4),
            seed=1,
        )
        assert sorted(map(len, patches_of(swarm).values())) == [4, 5]
        assert grown(swarm)
        assert drops(swarm) == {}
        swarm.stop()
    finally:
        for host in hosts:
            host.terminate()
            host.wait(20)
