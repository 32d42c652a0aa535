"""Hosts that Ray starts, on a head and four workers that are machines of a network: one is cut off, one loses power.

Needs root, the tools of networks, and Ray (`pip install 'planaria[ray]'`). Five Ray nodes take minutes to come up on
two cores, and do not where others keep these busy, so it runs when it is asked for: PLANARIA_RAY=1.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from grown import GROWN, grown, loss_of
from labs import mine, needs_netns

from coordinator import Swarm
from coordinator.keyring import Keyring
from coordinator.lab import drops
from coordinator.lab.network import Network, end, pids
from coordinator.lab.tools import within
from coordinator.runfolder import RunFolder

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    needs_netns,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.skipif(not os.environ.get("PLANARIA_RAY"), reason="takes minutes: PLANARIA_RAY=1 runs it"),
]
RAY = str(Path(sys.executable).with_name("ray"))
# Ray waits 15 s for its helpers to choose these, and gives up; where they are given it need not wait.
PORTS = ["--dashboard-agent-listen-port=7001", "--dashboard-agent-grpc-port=7002", "--runtime-env-agent-port=7003"]
PORTS += ["--metrics-export-port=7004"]
HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}


class Cluster:
    """A head in the coordinator's namespace, without room for hosts, and a worker at each host of the network."""

    def __init__(self, network: Network, folder: Path, runtime_root: Path) -> None:
        self.network, self._folder = network, folder
        self.address = f"{network.address('c')}:6379"
        home = str(Path(__file__).parents[2])
        self.environment = {**os.environ, **HEALTH, "RAY_ADDRESS": self.address, "PYTHONPATH": home}
        self._root = runtime_root
        self._start("c", "--head", "--port=6379", "--num-cpus=0", "--include-dashboard=false")
        self.until_nodes(1)
        for number, name in enumerate(network.hosts):
            self.on(name)
            self.until_nodes(2 + number)

    def on(self, name: str) -> None:
        """A worker starts, with folders of its own as machines have them, and again when it ends."""
        self._start(name, f"--address={self.address}", "--num-cpus=4")

    def off(self, name: str) -> None:
        end(self.network.namespace(name))

    def _start(self, name: str, *words: str) -> None:
        private, sessions = self._folder / name, Path("/tmp/ray")
        private.mkdir(exist_ok=True)
        sessions.mkdir(exist_ok=True)
        ray = [RAY, "start", *words, f"--node-ip-address={self.network.address(name)}", "--block"]
        ray += ["--object-store-memory=80000000", "--disable-usage-stats", *PORTS]
        own = "" if name == "c" else f"mount --bind {private} {sessions}; "  # whoever asks the head shares its folder
        ray = ["sh", "-c", f"{own}while :; do {' '.join(ray)}; sleep 1; done"]
        command = within(self.network.namespace(name), "unshare", "-p", "-f", "--kill-child", "--mount-proc", *ray)
        environment = {name: value for name, value in self.environment.items() if name != "RAY_ADDRESS"}
        environment["PLANARIA_RUNTIME_DIR"] = f"{self._root}/{name}"
        with (self._folder / f"{name}.log").open("ab") as log:
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def until_nodes(self, count: int) -> None:
        """So many nodes are alive, asked of the head."""
        code = (
            "import json, ray; ray.init(address='auto', logging_level=40, log_to_driver=False); "
            "print(json.dumps(sum(node['Alive'] for node in ray.nodes())))"
        )
        deadline = time.monotonic() + 120
        while True:
            asked = within(self.network.namespace("c"), "timeout", "30", sys.executable, "-c", code)
            done = subprocess.run(asked, capture_output=True, text=True, env=self.environment, check=False)
            if done.returncode == 0 and json.loads(done.stdout.splitlines()[-1]) == count:
                return
            assert time.monotonic() < deadline, f"not {count} nodes: {done.stdout} {done.stderr[-400:]}"
            time.sleep(0.5)


@pytest.fixture
def cluster(tmp_path: Path, runtime_root: Path) -> Iterator[Cluster]:
    network = Network(os.urandom(4).hex(), os.getpid(), ("h1", "h2", "h3", "h4"))
    network.build()
    try:
        made = Cluster(network, tmp_path, runtime_root)
        yield made
    finally:
        network.remove()
        subprocess.run(["rm", "-rf", *(str(runtime_root / name) for name in ("c", "h1", "h2", "h3", "h4"))], check=True)
    assert mine() == []


@contextlib.contextmanager
def swarm_on(cluster: Cluster, folder: Path) -> Iterator[Swarm]:
    """A guest of a coordinator in the coordinator's namespace; with keys, as beyond one machine."""
    ring = Keyring.make(folder.with_name("keys"))
    words = ["run", "dot", "--grid", "16x16", "--interval", "0.5", "--hosts", "4", "--launch", "ray"]
    words += ["--keys", str(folder.with_name("keys"))]
    words += ["--at", f"tcp://{cluster.network.address('c')}:*", "--no-view", "--seed", "1", "--out", str(folder)]
    command = within(cluster.network.namespace("c"), sys.executable, "-m", "coordinator.cli.main", *words)
    with subprocess.Popen(command, env=cluster.environment) as coordinator:
        try:
            events = folder / "events.jsonl"
            until(lambda: events.exists() and '"event":"seed"' in events.read_text(), "it lives", 120)
            with Swarm.attach(str(folder)) as guest:
                assert set(ring.hosts.values()) == {"r1", "r2", "r3", "r4"}, "each with a key of its own making"
                yield guest
        finally:
            coordinator.send_signal(signal.SIGINT)
            assert coordinator.wait(120) == 130
    assert ring.hosts == {} and not list((ring.path / "tokens").glob("*.token")), "what it let in, it has taken back"


def until(what: Callable[[], bool], why: str, seconds: float = 60) -> float:
    """Seconds that it took."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s: {why}"
        time.sleep(0.1)
    return time.monotonic() - begun


def test_a_machine_cut_off_does_no_harm_when_it_returns_and_one_without_power_is_replaced(
    cluster: Cluster, tmp_path: Path
) -> None:
    folder, network = tmp_path / "run", cluster.network
    with swarm_on(cluster, folder) as swarm:
        assert {tenure.host for tenure in RunFolder.open(folder).state().tenures} == {"r1", "r2", "r3", "r4"}
        assert grown(swarm)
        machines = {name: len(hosts_at(cluster, name)) for name in network.hosts}
        assert machines == dict.fromkeys(network.hosts, 1), "spread over the machines"

        lives, ring = swarm.look().lives.copy(), Keyring(folder.with_name("keys"))
        keys = set(ring.hosts)
        others = [name for name in (*network.hosts, "c") if name != "h1"]
        drops.lay(network, 1, [pair for name in others for pair in (("h1", name), (name, "h1"))])
        dark_s = until(lambda: swarm.look().alive == 192, "what was there is not seen")
        back_s = dark_s + until(lambda: swarm.look().alive == 256, "its cells live on other machines", 150)
        print(f"cut off: dark after {dark_s:.1f} s, all live after {back_s:.1f} s")
        now = swarm.look().lives.copy()
        moved = now != lives
        assert moved.sum() == 64 and (now[moved] >> np.uint64(32) > lives[moved] >> np.uint64(32)).all()
        assert len(hosts_at(cluster, "h1")) == 1, "where it is cut off the old ones live on"
        more_s = until(lambda: sum(len(hosts_at(cluster, name)) for name in others) == 4, "Ray has another host", 150)
        more_s += until(lambda: set(ring.hosts) != keys, "its key is on the list", 60)
        print(f"Ray had another host, let in, after {back_s + more_s:.1f} s")
        drops.lift(network, 1)
        time.sleep(5)
        assert (swarm.look().lives == now).all() and swarm.look().alive == 256, "the old ones came back to nothing"
        until(lambda: loss_of(swarm) < GROWN, "the picture is whole again", 60)

        cluster.off("h2")
        dark_s = until(lambda: swarm.look().alive < 256, "what was there is gone")
        back_s = dark_s + until(lambda: swarm.look().alive == 256, "its cells live on other machines", 150)
        print(f"power off: dark after {dark_s:.1f} s, all live again after {back_s:.1f} s")
        assert swarm.measure().broken == ()


def hosts_at(cluster: Cluster, name: str) -> list[int]:
    """Porters at this machine."""
    found = []
    for pid in pids(cluster.network.namespace(name)):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "planaria-host":
                found.append(pid)
    return found
