"""A swarm over containers, from compose file to nothing left: grown, and whole again after whatever happens to one.

One project for all of them, on an engine that the tests start: `dot` on 8x8 over two hosts, each with room for
its half; a third is a spare. Every test leaves all three alive and the picture whole.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from composed import Project
from engine import ROOT, Engine, open_engine
from grown import GROWN

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
CELLS, HALF = 64, 32
SETTINGS = {
    "PLANARIA_RULE": "dot",
    "PLANARIA_GRID": "8x8",
    "PLANARIA_HOSTS": "2",
    "PLANARIA_CAPACITY": str(HALF),
    "PLANARIA_INTERVAL": "1",  # a host that is lost is missed for 5 s, and `dot` bears 15 T without a half
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = open_engine()
    yield engine
    engine.stop()
    assert not engine.namespace.exists() and not engine.alive, "no namespace and no daemon is left"


@pytest.fixture(scope="module")
def swarm(engine: Engine) -> Iterator[Project]:
    project = Project(engine, **SETTINGS)
    project.down()
    project.up("--scale", "host=3")
    yield project
    project.down()


def is_whole(found: dict[str, Any]) -> bool:
    return bool(found["alive"] == CELLS and (found["loss_log10"] or 0) < GROWN)


def whole(swarm: Project, why: str) -> None:
    """All cells live, each once, the picture is there, and all hosts have joined."""
    swarm.until(is_whole, why)
    hosts = swarm.containers("host")
    everybody = [*hosts, *swarm.containers("coordinator")]
    end = time.monotonic() + 300
    while sum(map(swarm.cells, hosts)) != CELLS or {swarm.health(each) for each in everybody} != {"healthy"}:
        assert time.monotonic() < end, [(swarm.cells(each), swarm.health(each)) for each in everybody]
        time.sleep(0.5)


def carriers(swarm: Project) -> list[str]:
    """The hosts that carry cells."""
    return [host for host in swarm.containers("host") if swarm.cells(host) == HALF]


def moved(swarm: Project, away_from: str) -> None:
    """Wait until all cells live on hosts other than this one, and the picture is there."""
    others = [host for host in swarm.containers("host") if host != away_from]

    def elsewhere(found: dict[str, Any]) -> bool:
        return sum(map(swarm.cells, others)) == CELLS and is_whole(found)

    swarm.until(elsewhere, "its cells live elsewhere")


def nothing_is_left(engine: Engine) -> None:
    assert engine.docker("ps", "-aq") == ""
    assert engine.docker("volume", "ls", "-q") == ""
    assert set(engine.docker("network", "ls", "--format", "{{.Name}}").split()) == {"bridge", "host", "none"}


def test_on_a_fresh_clone_compose_brings_up_hosts_that_list_themselves_and_grow(swarm: Project) -> None:
    found = swarm.until(lambda found: found["alive"] == CELLS and (found["loss_log10"] or 0) < GROWN, "it has grown")
    whole(swarm, "and everybody is well")
    assert (found["alive"], found["hosts"]) == (CELLS, 2)
    assert sorted(map(swarm.cells, swarm.containers("host"))) == [0, HALF, HALF]
    said = swarm.compose("logs", "coordinator")
    assert said.count("was put on the list by token 'compose'") == 3


def test_nothing_runs_as_root_no_secret_is_built_in_and_hosts_see_no_other_s(swarm: Project, engine: Engine) -> None:
    coordinator, host = swarm.containers("coordinator")[0], swarm.containers("host")[0]
    for container in (coordinator, host):
        assert engine.docker("exec", container, "id", "-u") == "10001"
        assert engine.inspect(container)["HostConfig"]["CapDrop"] == ["ALL"]
    image = f"planaria:{swarm.settings['PLANARIA_TAG']}"
    words = ["run", "--rm", "--network", "none", "--entrypoint", "ls", image, "-A", "/keys", "/join", "/data"]
    made = engine.docker(*words)
    assert made.split() == ["/data:", "/join:", "/keys:"]
    assert engine.docker("exec", host, "ls", "-A", "/keys") == "", "the coordinator's key is the coordinator's alone"
    assert engine.docker("exec", coordinator, "ls", "/keys").split() == [
        "coordinator.key",
        "coordinator.pub",
        "hosts",
        "tokens",
    ]


def test_the_page_is_published_on_loopback_only(swarm: Project, engine: Engine) -> None:
    ports = engine.inspect(swarm.containers("coordinator")[0])["NetworkSettings"]["Ports"]
    published = [binding["HostIp"] for bindings in ports.values() for binding in bindings or ()]
    assert published == ["127.0.0.1"]
    assert swarm.get("/api/run")["rule"] == "dot"


def test_a_killed_host_s_cells_live_on_elsewhere_and_it_comes_back_when_started(swarm: Project, engine: Engine) -> None:
    host = carriers(swarm)[0]
    engine.docker("kill", host)
    moved(swarm, host)
    engine.docker("start", host)
    whole(swarm, "it has come back")


def test_a_host_that_dies_by_itself_is_started_again(swarm: Project, engine: Engine) -> None:
    host = carriers(swarm)[0]
    before = engine.inspect(host)["RestartCount"]
    os.kill(swarm.pid(host), signal.SIGKILL)
    swarm.until(lambda _found: engine.inspect(host)["RestartCount"] == before + 1, "it is started again")
    whole(swarm, "all live again")


def test_a_coordinator_that_dies_goes_on_with_the_same_run_and_no_cell_notices(swarm: Project, engine: Engine) -> None:
    run, lives = swarm.get("/api/run")["run"], swarm.settled(CELLS)
    os.kill(swarm.pid(swarm.containers("coordinator")[0]), signal.SIGKILL)
    time.sleep(1)
    whole(swarm, "there is a coordinator again")
    assert swarm.get("/api/run")["run"] == run
    assert swarm.settled(CELLS) == lives


def test_a_host_that_stands_still_is_replaced_and_gives_its_old_cells_up_when_it_goes_on(
    swarm: Project, engine: Engine
) -> None:
    host = carriers(swarm)[0]
    engine.docker("pause", host)
    moved(swarm, host)
    engine.docker("unpause", host)
    whole(swarm, "each cell lives once")
    assert swarm.cells(host) == 0


def test_a_host_cut_off_the_network_is_replaced_and_comes_back_under_another_address(
    swarm: Project, engine: Engine
) -> None:
    host = carriers(swarm)[0]
    engine.docker("network", "disconnect", "planaria_swarm", host)
    moved(swarm, host)
    engine.docker("network", "connect", "planaria_swarm", host)
    whole(swarm, "each cell lives once")
    assert swarm.cells(host) == 0


def test_a_cut_in_one_direction_between_two_hosts_kills_no_cell_and_heals(swarm: Project) -> None:
    deaf, other = carriers(swarm)
    lives = swarm.settled(CELLS)
    rule = ("INPUT", "-s", swarm.address(other), "-j", "DROP")
    swarm.iptables(deaf, "-I", *rule)
    time.sleep(6)
    assert swarm.dropped(deaf) > 20, "nothing was cut"
    assert swarm.measure()["alive"] == CELLS
    swarm.iptables(deaf, "-D", *rule)
    whole(swarm, "both halves are one picture again")
    assert swarm.settled(CELLS) == lives


def test_a_third_of_all_packets_between_two_hosts_lost_is_borne(swarm: Project) -> None:
    host, other = carriers(swarm)
    lives = swarm.settled(CELLS)
    rule = ("INPUT", "-s", swarm.address(other), "-m", "statistic", "--mode", "random", "--probability", "0.33")
    swarm.iptables(host, "-I", *rule, "-j", "DROP")
    time.sleep(6)
    assert swarm.dropped(host) > 20, "nothing was lost"
    found = swarm.measure()
    assert found["alive"] == CELLS and found["loss_log10"] < -2.0
    swarm.iptables(host, "-D", *rule, "-j", "DROP")
    whole(swarm, "all is as it was")
    assert swarm.settled(CELLS) == lives


def test_scaled_up_and_down_during_the_run_cells_move_to_the_hosts_that_are_there(swarm: Project) -> None:
    swarm.up("--no-recreate", "--scale", "host=4")
    assert len(swarm.containers("host")) == 4
    whole(swarm, "a fourth has joined")
    swarm.up("--no-recreate", "--scale", "host=2")
    assert len(swarm.containers("host")) == 2
    whole(swarm, "the two that are left carry all")


def test_brought_down_nothing_is_left(engine: Engine, swarm: Project) -> None:
    swarm.down()
    nothing_is_left(engine)


def test_one_command_runs_in_containers_brings_its_folder_home_and_leaves_nothing(
    engine: Engine, swarm: Project, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ["run", "dot", "--launch", "compose", "--grid", "8x8", "--hosts", "2", "--capacity", str(HALF)]
    words += ["--for", "30", "--interval", "0.4", "--json", "--out", str(out)]
    environment = {**engine.environment, "PLANARIA_TAG": swarm.settings["PLANARIA_TAG"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "coordinator.cli.main", *words], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert (found["hosts"], found["processes"], found["verdict"], found["out"]) == (2, CELLS, "pass", str(out))
    assert found["loss_log10"] < GROWN
    assert (out / "report.html").is_file() and (out / "run.json").is_file()
    nothing_is_left(engine)
