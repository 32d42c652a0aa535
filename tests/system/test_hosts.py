"""A swarm over several hosts: cells speak over TCP where a neighbour lives elsewhere; a host that dies is no end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from grown import GROWN, grown, loss_of
from starting import Start

from cellnode.curve import load_public
from cellnode.panel import Counter
from cellnode.whereabouts import boot_id
from coordinator import Swarm
from coordinator.hosts.steward import LOST_S
from coordinator.keyring import Keyring, make_host, rotate_host
from coordinator.registrar import Registrar
from coordinator.runfolder import RunFolder

pytestmark = pytest.mark.system


def until(swarm: Swarm, what: Callable[[], bool], why: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s: {why}; {swarm.look().alive} alive"
        time.sleep(0.2)


def epochs(swarm: Swarm) -> list[int]:
    """Placement epochs of the cells that live."""
    sight = swarm.look()
    return np.unique(sight.lives[sight.on] >> np.uint64(32)).tolist()


def sockets(root: Path) -> list[Path]:
    """One for each cell, in its host's directory."""
    return list(root.glob("*/h*/*/c/*"))


def test_two_hosts_grow_one_picture_and_grow_it_back_after_one_was_killed(start: Start, runtime_root: Path) -> None:
    swarm = start(grid=(10, 20), hosts=2, interval_s=0.2)
    assert len(sockets(runtime_root)) == 200
    assert grown(swarm)
    assert swarm.measure().hosts == 2 and swarm.measure().processes == 200
    before = swarm.look()
    assert swarm.inject("agent_kill", select="all").proof["hits"] == 1
    until(swarm, lambda: swarm.look().alive == 100, "half of the cells are gone")
    until(swarm, lambda: swarm.look().alive == 200, "they are there again")
    assert epochs(swarm) == [2, 3], "under a higher placement epoch"
    other = before.lives >> np.uint64(32) == 2
    assert (swarm.look().lives[other] == before.lives[other]).all(), "the other host has not noticed"
    swarm.wait(30)
    measure = swarm.measure()
    assert measure.verdict == "pass" and measure.broken == ()
    assert loss_of(swarm) < GROWN
    assert swarm.look().counters[:, Counter.DROP_FUTURE_INCARNATION].sum() == 0


def test_where_there_is_room_a_killed_host_s_cells_are_started_on_the_others(start: Start) -> None:
    swarm = start(hosts=2, capacity=64)
    swarm.wait(20)
    swarm.inject("agent_kill", select="all")
    until(swarm, lambda: swarm.look().alive == 64 and epochs(swarm) == [2, 3], "all live, on one host")
    assert {tenure.host for tenure in RunFolder.open(swarm.folder).state().tenures} == {"h2"}
    killed = swarm.kill("50%")
    assert killed.missing == [] and swarm.look().alive == 32, "every cell still obeys"
    assert swarm.revive("dead").missing == [] and swarm.look().alive == 64


def test_without_a_coordinator_the_hosts_go_on_and_a_new_one_finds_all_as_it_was(start: Start) -> None:
    swarm = start(hosts=2, grid=(8, 8))
    swarm.kill("cell:0,0")
    swarm.inject("link_loss", select="all", rate=0.1)
    swarm.wait(20)
    before, epoch = swarm.look(), RunFolder.open(swarm.folder).state().coordinator_epoch
    swarm.leave()
    with Swarm.attach(str(swarm.folder)) as other:
        assert other.coordinates
        until(other, lambda: other.look().alive == 63, "all are seen again")
        assert (other.look().lives[before.on] == before.lives[before.on]).all(), "no cell has noticed"
        assert [fault.kind for fault in other.faults() if not fault.over] == ["link_loss"]
        assert RunFolder.open(swarm.folder).state().coordinator_epoch > epoch
        assert other.revive("dead").missing == []
        assert other.look().alive == 64
        assert grown(other)
        other.stop()


def test_hosts_on_the_list_or_with_a_token_join_and_grow_and_one_with_neither_does_not(
    start: Start, runtime_root: Path, tmp_path: Path
) -> None:
    ring = Keyring.make(tmp_path / "keys")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    hosts = []
    token = tmp_path / "join.token"
    Registrar(ring).tokens.give("once", ring.pair.public, hours=1, uses=1).save(token)
    for name in ("cellar", "attic", "street"):
        words = ["agent", "--join", endpoint, "--name", name, "--capacity", "32", "--keys", str(tmp_path / name)]
        if name == "attic":
            words += ["--token", str(token)]  # it makes its own key
        else:
            pair = make_host(tmp_path / name, ring.pair.public)
            if name == "cellar":
                ring.allow(name, pair.public)
        hosts.append(
            subprocess.Popen([sys.executable, "-m", "coordinator.cli.main", *words], stderr=subprocess.DEVNULL)
        )
    try:
        swarm = start(hosts=2, join=endpoint, keys=ring.path, interval_s=0.2)
        assert grown(swarm)
        assert {tenure.host for tenure in RunFolder.open(swarm.folder).state().tenures} == {"cellar", "attic"}
        assert swarm.look().counters[:, Counter.DROP_SPOOFED].sum() == 0
        assert ring.by_token("attic") and not ring.by_token("cellar")
        _take_back_and_renew(swarm, ring, tmp_path)
        swarm.stop()
        assert [host.poll() for host in hosts] == [None] * 3, "they wait for another run"
    finally:
        for host in hosts:
            host.terminate()
            host.wait(20)


def _take_back_and_renew(swarm: Swarm, ring: Keyring, folder: Path) -> None:
    """Keys change while the swarm lives."""
    born = swarm.look().lives.copy()
    ring.refuse("attic")
    until(swarm, lambda: swarm.look().alive == 32, "the refused host is cut", 15)
    ring.allow("attic", load_public(folder / "attic" / "host.pub"))
    until(swarm, lambda: swarm.look().alive == 64, "allowed again, it is back", 30)
    assert (swarm.look().lives == born).all(), "and its cells have lived all along"
    ring.rotate()
    for name in ("attic", "cellar"):
        (folder / name / "coordinator.pub").write_text(ring.pair.public)
    until(swarm, lambda: swarm.look().alive == 64, "the hosts call the new key", 30)
    assert swarm.kill("cell:0,0").missing == [] and swarm.revive("dead").missing == []
    ring.allow("attic", rotate_host(folder / "attic").public)
    until(swarm, lambda: swarm.look().alive == 64 and epochs(swarm) == [2, 3], "its cells start with another key", 40)
    assert grown(swarm), "and the picture is there again"


def porter(endpoint: str, name: str, *before: str) -> subprocess.Popen[bytes]:
    words = ["agent", "--join", endpoint, "--name", name, "--capacity", "32"]
    return subprocess.Popen([*before, sys.executable, "-m", "coordinator.cli.main", *words], stderr=subprocess.DEVNULL)


def free_endpoint() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def test_a_coordinator_whose_folder_is_lost_is_followed_by_one_above_what_the_hosts_have_obeyed(
    start: Start, runtime_root: Path
) -> None:
    endpoint = free_endpoint()
    host = porter(endpoint, "attic")
    try:
        first = start(grid=(4, 4), hosts=1, join=endpoint, interval_s=0.2)
        first.leave()
        with Swarm.attach(str(first.folder)) as second:
            assert RunFolder.open(second.folder).state().coordinator_epoch == 2
            until(second, lambda: second.look().alive == 16, "the successor sees all")
            second.leave()
        for lost in (first.folder, runtime_root / first.run):  # as if on a machine that burnt down
            shutil.rmtree(lost)
        third = start(grid=(5, 5), hosts=1, join=endpoint, interval_s=0.2)
        assert third.look().alive == 25, "another run, and its block is the host's first, too"
        assert RunFolder.open(third.folder).state().coordinator_epoch > 2
        assert third.kill("cell:0,0").missing == []
        third.stop()
    finally:
        host.terminate()
        host.wait(20)


def test_a_host_in_another_time_is_told_by_its_clock_and_no_time_of_it_is_taken_for_ours() -> None:
    if subprocess.run([*AHEAD, "true"], capture_output=True).returncode != 0:
        pytest.skip("no time namespaces here (root)")
    words = [sys.executable, "-c", "from cellnode.whereabouts import boot_id; print(boot_id())"]
    there = subprocess.run([*AHEAD, *words], capture_output=True, text=True, check=True).stdout.strip()
    assert there == f"{boot_id()}+7200+0"


AHEAD = ("unshare", "--time", "--monotonic", "7200", "--boottime", "7200", "--fork", "--kill-child")


@pytest.mark.skipif(
    subprocess.run([*AHEAD, "true"], capture_output=True).returncode != 0, reason="no time namespaces here (root)"
)
def test_hosts_whose_clocks_differ_by_hours_grow_one_picture_and_are_seen_in_one_time(start: Start) -> None:
    endpoint = free_endpoint()
    hosts = [porter(endpoint, "attic"), porter(endpoint, "cellar", *AHEAD)]
    try:
        swarm = start(hosts=2, join=endpoint, interval_s=0.2)
        assert grown(swarm)
        said = swarm.look(ages=False)
        assert said.alive == 64
        stale = swarm.measure().stale_age_p99
        assert stale is None or stale < 10, "in T: hours apart, and it does not show"
        swarm.stop()
    finally:
        hosts[0].terminate()
        for child in Path(f"/proc/{hosts[1].pid}/task/{hosts[1].pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)  # `unshare` itself waits for it, and hears nothing
        for host in hosts:
            host.wait(20)


def test_a_coordinator_that_stood_still_takes_no_host_for_lost(tmp_path: Path) -> None:
    endpoint = free_endpoint()
    hosts = [porter(endpoint, name) for name in ("attic", "cellar", "shed")]
    words = ["run", "dot", "--grid", "8x8", "--hosts", "2", "--at", endpoint, "--interval", "0.2", "--no-view"]
    command = [sys.executable, "-m", "coordinator.cli.main", *words, "--out", str(tmp_path / "run")]
    coordinator = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not (losses := tmp_path / "run" / "loss.csv").exists() or len(losses.read_text().splitlines()) < 5:
            assert coordinator.poll() is None and time.monotonic() < end, "it has not begun to live"
            time.sleep(0.2)
        run = RunFolder.open(tmp_path / "run")
        before = run.state().tenures
        for _ in range(2):  # who wakes first, the one who listens or the one who judges, is chance
            coordinator.send_signal(signal.SIGSTOP)
            time.sleep(1.5 * LOST_S)
            coordinator.send_signal(signal.SIGCONT)
            time.sleep(2)
        assert run.state().tenures == before, "nothing has moved, though the shed has room"
        assert {row["alive"] for row in run.losses()} == {64}
    finally:
        coordinator.send_signal(signal.SIGINT)
        coordinator.wait(30)
        for host in hosts:
            host.terminate()
            host.wait(20)
