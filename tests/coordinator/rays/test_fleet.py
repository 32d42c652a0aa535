"""Hosts by Ray: what is refused before anything is started, and what an actor is to its one child. Needs no Ray."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator import wish
from coordinator.rays.fleet import Fleet
from coordinator.wish import Wish
from firmware_sim import folder
from firmware_sim.errors import BadInput, RunFailed

ACTOR = (
    "import time; from coordinator.rays.actor import Host; "
    "host = Host(['--join', 'tcp://127.0.0.1:9', '--name', 'r1', '--capacity', '1', '--once'], 'ray-test-r1'); "
    "print(host.pid(), flush=True); time.sleep(60)"
)


@pytest.fixture
def actor(runtime_root: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """(what Ray would start, its child's process id)."""
    with subprocess.Popen([sys.executable, "-c", ACTOR], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        lock = runtime_root / "ray-test-r1" / "host.lock"
        until(lambda: lock.exists() and lock.read_text().strip() == str(child))
        yield process, child
        process.kill()
    subprocess.run(["rm", "-rf", runtime_root / "ray-test-r1"], check=True)


def until(what: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


@pytest.mark.system
def test_an_actor_whose_child_dies_ends_so_that_ray_starts_it_again(actor: tuple[subprocess.Popen[str], int]) -> None:
    process, child = actor
    os.kill(child, signal.SIGKILL)
    assert process.wait(20) == 1


@pytest.mark.system
def test_the_child_of_an_actor_that_is_killed_is_gone_with_it(actor: tuple[subprocess.Popen[str], int]) -> None:
    process, child = actor
    assert lives(child)
    process.kill()
    process.wait(20)
    until(lambda: not lives(child))


@pytest.mark.system
def test_an_actor_whose_child_has_left_at_the_end_of_its_run_stays(actor: tuple[subprocess.Popen[str], int]) -> None:
    process, child = actor
    os.kill(child, signal.SIGTERM)
    until(lambda: not lives(child))
    time.sleep(0.3)
    assert process.poll() is None


def test_where_ray_hosts_are_to_find_us_must_be_said_and_that_the_network_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    rule = folder.load("dot")
    for given, said in (
        ({}, "say how many with --hosts N"),
        ({"hosts": 2}, r"say where they find this one with --at tcp://ADDRESS:\*"),
        ({"hosts": 2, "join": "tcp://10.0.0.1:*"}, "say --insecure"),
    ):
        with pytest.raises(BadInput, match=said):
            wish.check(Wish(rule="dot", grid=(8, 8), launch="ray", **given), rule)  # type: ignore[arg-type]
    good = Wish(rule="dot", grid=(8, 8), launch="ray", hosts=2, join="tcp://10.0.0.1:*", insecure=True)
    assert wish.check(good, rule) == (8, 8)


def test_hosts_of_ray_have_room_for_a_lost_ones_cells() -> None:
    on_ray = Wish(rule="dot", launch="ray", hosts=4)
    assert wish.room(on_ray, (16, 16)) == 86, "three carry what four did"
    assert wish.room(Wish(rule="dot", hosts=4), (16, 16)) == 64, "elsewhere just a share"
    assert wish.room(Wish(rule="dot", launch="ray", hosts=4, capacity=100), (16, 16)) == 100
    assert wish.room(Wish(rule="dot", launch="ray", hosts=1), (16, 16)) == 256


def test_without_ray_the_extra_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(BadInput, match=r"pip install 'planaria\[ray\]'"):
        wish.check(Wish(rule="dot", launch="ray", hosts=2, join="tcp://10.0.0.1:*", insecure=True), folder.load("dot"))


def test_what_ray_says_when_it_fails_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(code: int) -> object:
        return lambda *_args, **_kwargs: subprocess.CompletedProcess([], code, "", "Traceback\nno such cluster\n")

    monkeypatch.setattr(subprocess, "run", fails(1))
    with pytest.raises(RunFailed, match=r"^Ray: no such cluster$"):
        Fleet("0000abcd", 2, 32).up("tcp://10.0.0.1:7400")
    monkeypatch.setattr(subprocess, "run", fails(2))
    with pytest.raises(BadInput, match=r"^no such cluster$"):
        Fleet("0000abcd", 2, 32).down()
