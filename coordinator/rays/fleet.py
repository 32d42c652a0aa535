"""The hosts of one run on a Ray cluster: an actor each in a SPREAD placement group, started again for ever.

    python -m coordinator.rays.fleet up RUN ENDPOINT HOSTS CAPACITY      ...down RUN      a token: on stdin

Actors and group are detached: they outlive this command and the coordinator, until `down`. The cluster is Ray's own
choice: $RAY_ADDRESS, or the one on this machine. `Fleet` runs these as processes of their own, so that no coordinator
becomes a Ray driver. May import Ray, when it is asked to do something.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coordinator
from coordinator.registrar import Registrar
from coordinator.tokens import HOURS_MAX, USES_MAX
from firmware_sim.errors import BadInput, PlanariaError, RunFailed

SPACE = "planaria"  # Ray's namespace, where actors are found by name
READY_S = 60.0  # a busy machine takes its time
UP_S, DOWN_S = 180.0, 90.0
BAD_INPUT = 2  # exit code
STARTS = 1000  # of a host, anew wherever Ray takes it, that a token is good for


def check() -> None:
    """BadInput where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise BadInput("--launch ray needs Ray: install it with: pip install 'planaria[ray]'")


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts `r1` ... `rN` of a run, with room for `capacity` cells each.

    With a `registrar` each makes a key of its own, wherever Ray starts it, and shows a token of the run's to be listed.
    """

    run: str
    hosts: int
    capacity: int
    registrar: Registrar | None = None

    def up(self, endpoint: str) -> None:
        """Start them; they join at `endpoint`. BadInput without a cluster, or without room in it; RunFailed with Ray's
        own words."""
        token = ""
        if self.registrar is not None:
            pair, uses = self.registrar.keyring.pair, min(USES_MAX, STARTS * self.hosts)
            token = self.registrar.tokens.give(self._token, pair.public, HOURS_MAX, uses).text
        self._ask(UP_S, "up", self.run, endpoint, str(self.hosts), str(self.capacity), stdin=token)

    def down(self) -> None:
        """End them for good, wherever they are; their keys and their token are worth nothing any more."""
        if self.registrar is not None:
            self.registrar.tokens.end(self._token)
            for name in self.registrar.keyring.came_by(self._token):
                self.registrar.keyring.refuse(name)
        self._ask(DOWN_S, "down", self.run)

    @property
    def _token(self) -> str:
        return f"ray-{self.run}"

    @staticmethod
    def _ask(limit_s: float, *words: str, stdin: str = "") -> None:
        command = [sys.executable, "-m", "coordinator.rays.fleet", *words]
        try:
            done = subprocess.run(
                command,
                input=stdin,  # not among the words, which every user of the machine can read
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
                env=_environment(),
            )
        except subprocess.TimeoutExpired as error:
            raise RunFailed(f"Ray has not answered within {limit_s:g} s: look at `ray status`") from error
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            if done.returncode == BAD_INPUT and lines:
                raise BadInput(lines[-1])
            raise RunFailed(f"Ray: {lines[-1] if lines else f'exit code {done.returncode}'}")


def _environment() -> dict[str, str]:
    """This planaria, for whoever is started."""
    home = str(Path(coordinator.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"}


# ---- as a process of its own


def _name(run: str, number: int) -> str:
    return f"planaria-{run}-r{number}"


def up(run: str, endpoint: str, hosts: int, capacity: int, token: str) -> None:
    """Raises BadInput when the cluster has no room, or cannot be found."""
    from coordinator.rays.actor import Host

    ray, groups = _connect(), _module("ray.util.placement_group")
    strategies = _module("ray.util.scheduling_strategies")
    free = int(ray.cluster_resources().get("CPU", 0))
    if free < hosts:
        raise BadInput(
            f"the cluster has {free} CPUs, {hosts} hosts need one each, and some to spare for when a machine is lost: "
            "start more workers, or say less --hosts"
        )
    group = groups.placement_group([{"CPU": 1}] * hosts, strategy="SPREAD", name=f"planaria-{run}", lifetime="detached")
    try:
        if not group.wait(READY_S):
            raise BadInput(f"the cluster has no room for {hosts} hosts with a CPU each now: look at `ray status`")
        actors = []
        for number in range(1, hosts + 1):
            words = ["--join", endpoint, "--name", f"r{number}", "--capacity", str(capacity), "--once"]
            words += [] if token else ["--insecure"]
            options = ray.remote(Host).options(
                name=_name(run, number),
                lifetime="detached",
                num_cpus=1,
                max_restarts=-1,
                scheduling_strategy=strategies.PlacementGroupSchedulingStrategy(
                    group, placement_group_bundle_index=number - 1
                ),
                runtime_env={"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}},
            )
            actors.append(options.remote(words, f"ray-{run}-r{number}", token))
        ray.get([actor.pid.remote() for actor in actors], timeout=READY_S)
    except BaseException:
        _end(ray, run)
        raise


def down(run: str) -> None:
    _end(_connect(), run)


def _end(ray: Any, run: str) -> None:
    groups = _module("ray.util.placement_group")
    number = 1
    with contextlib.suppress(ValueError):  # there is none of that name (any more)
        while True:
            ray.kill(ray.get_actor(_name(run, number)), no_restart=True)
            number += 1
    with contextlib.suppress(ValueError):
        groups.remove_placement_group(groups.get_placement_group(f"planaria-{run}"))


def _module(name: str) -> Any:
    """Ray has no types of its own that could be relied on, and may not be installed."""
    return importlib.import_module(name)


def _connect() -> Any:
    """Ray, as a driver on the cluster. BadInput when there is none."""
    ray = _module("ray")
    try:
        ray.init(address="auto", namespace=SPACE, logging_level=logging.ERROR, log_to_driver=False)
    except ConnectionError as error:
        raise BadInput(
            "no Ray cluster is found: start one with `ray start --head`, or say where it is with RAY_ADDRESS=HOST:PORT"
        ) from error
    return ray


def main(words: list[str]) -> int:
    """Entry point. The last line of stderr says what went wrong."""
    try:
        if words[0] == "up":
            up(words[1], words[2], int(words[3]), int(words[4]), sys.stdin.read())
        else:
            down(words[1])
    except PlanariaError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
