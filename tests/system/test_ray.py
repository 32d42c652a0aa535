"""Hosts that Ray starts, on a head and two workers that are machines of a network: one loses its power, one is cut off.

Needs root, the tools of networks, and Ray (`pip install 'planaria[ray]'`).
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
from labs import mine, needs_netns

from coordinator import Swarm
from coordinator.lab import drops
from coordinator.lab.network import Network, end
from coordinator.lab.tools import within
from coordinator.runfolder import RunFolder

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    needs_netns,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
]
RAY = str(Path(sys.executable).with_name("ray"))
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
        ray += ["--object-store-memory=80000000", "--disable-usage-stats"]
        if name != "c":
            ray = ["sh", "-c", f"mount --bind {private} {sessions}; while :; do {' '.join(ray)}; sleep 1; done"]
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
            asked = within(self.network.namespace("c"), sys.executable, "-c", code)
            done = subprocess.run(asked, capture_output=True, text=True, env=self.environment, check=False)
            if done.returncode == 0 and json.loads(done.stdout.splitlines()[-1]) == count:
                return
            assert time.monotonic() < deadline, f"not {count} nodes: {done.stdout} {done.stderr[-400:]}"
            time.sleep(0.5)


@pytest.fixture
def cluster(tmp_path: Path, runtime_root: Path) -> Iterator[Cluster]:
    network = Network(os.urandom(4).hex(), os.getpid(), ("h1", "h2"))
    network.build()
    try:
        made = Cluster(network, tmp_path, runtime_root)
        yield made
    finally:
        network.remove()
        subprocess.run(["rm", "-rf", *(str(runtime_root / name) for name in ("c", "h1", "h2"))], check=True)
    assert mine() == []


@contextlib.contextmanager
def swarm_on(cluster: Cluster, folder: Path) -> Iterator[Swarm]:
    """A guest of a coordinator in the coordinator's namespace."""
    words = ["run", "dot", "--grid", "8x8", "--interval", "0.2", "--hosts", "2", "--launch", "ray", "--insecure"]
    words += ["--at", f"tcp://{cluster.network.address('c')}:*", "--no-view", "--seed", "1", "--out", str(folder)]
    command = within(cluster.network.namespace("c"), sys.executable, "-m", "coordinator.cli.main", *words)
    with subprocess.Popen(command, env=cluster.environment) as coordinator:
        try:
            events = folder / "events.jsonl"
            until(lambda: events.exists() and '"event":"seed"' in events.read_text(), "it lives", 120)
            with Swarm.attach(str(folder)) as guest:
                yield guest
        finally:
            coordinator.send_signal(signal.SIGINT)
            assert coordinator.wait(120) == 130


def until(what: Callable[[], bool], why: str, seconds: float = 60) -> float:
    """Seconds that it took."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s: {why}"
        time.sleep(0.1)
    return time.monotonic() - begun


def test_a_host_that_ray_started_comes_back_elsewhere_and_a_machine_cut_off_does_no_harm_when_it_returns(
    cluster: Cluster, tmp_path: Path
) -> None:
    folder, network = tmp_path / "run", cluster.network
    with swarm_on(cluster, folder) as swarm:
        assert {tenure.host for tenure in RunFolder.open(folder).state().tenures} == {"r1", "r2"}
        swarm.wait(25)
        loss = swarm.loss()
        assert loss is not None and loss < -2.8
        cluster.off("h1")
        dark_s = until(lambda: swarm.look().alive == 32, "what was there is gone")
        back_s = dark_s + until(lambda: swarm.look().alive == 64, "its cells live again on the other machine")
        print(f"power off: dark after {dark_s:.1f} s, all live again after {back_s:.1f} s")
        cluster.on("h1")
        cluster.until_nodes(3)
        swarm.wait(20)

        lives = swarm.look().lives.copy()
        others = [(a, b) for x in ("h1", "c") for a, b in (("h2", x), (x, "h2"))]
        drops.lay(network, 1, others)
        until(lambda: swarm.look().alive == 0, "both hosts were there")
        cut_s = until(lambda: swarm.look().alive == 64, "all live again on the other machine")
        print(f"cut off: all live again {cut_s:.1f} s after they were seen dark")
        drops.lift(network, 1)
        now = swarm.look().lives.copy()
        assert (now >> np.uint64(32) > lives >> np.uint64(32)).all(), "under higher placement epochs"
        time.sleep(10)
        assert (swarm.look().lives == now).all() and swarm.look().alive == 64, "the old ones came back to nothing"
        assert swarm.measure().broken == ()
