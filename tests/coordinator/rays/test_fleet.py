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

from cellnode import hatch
from cellnode.curve import HostKeys, KeyPair
from cellnode.hostmessages import Enrol, Enrolled
from cellnode.messages import PROTOCOL_VERSION
from cellnode.token import Token
from coordinator import wish
from coordinator.keyring import Keyring
from coordinator.rays.fleet import Fleet
from coordinator.registrar import Registrar
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
        until(lambda: (runtime_root / "ray-test-r1" / hatch.NAME).exists(), 60)  # from then on it hears signals
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


@pytest.mark.system
def test_an_actor_with_a_token_has_its_host_make_a_key_there_and_leaves_neither_behind(runtime_root: Path) -> None:
    token = Token(KeyPair.fresh().public, KeyPair.fresh()).text
    code = ACTOR.replace("'ray-test-r1')", f"'ray-test-r1', {token!r})")
    keys = runtime_root / "ray-test-r1-keys"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        until(lambda: (runtime_root / "ray-test-r1" / hatch.NAME).exists(), 60)  # from then on it hears signals
        assert keys.stat().st_mode & 0o777 == 0o700
        assert all((keys / name).stat().st_mode & 0o777 == 0o600 for name in ("join.token", "host.key"))
        assert HostKeys.load(keys).coordinator == Token.load(keys / "join.token").coordinator
        words = Path(f"/proc/{child}/cmdline").read_text()
        assert Token.load(keys / "join.token").pair.secret not in words and "--insecure" not in words
        os.kill(child, signal.SIGTERM)
        until(lambda: not keys.exists())
        process.kill()
    subprocess.run(["rm", "-rf", runtime_root / "ray-test-r1"], check=True)


def test_hosts_get_a_token_that_ends_with_their_run_and_so_do_the_keys_it_let_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[list[str], str]] = []

    def runs(command: list[str], input: str, **_more: object) -> object:
        calls.append((command, input))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", runs)
    registrar = Registrar(Keyring.make(tmp_path / "keys"))
    fleet = Fleet("0000abcd", 2, 32, registrar)
    fleet.up("tcp://10.0.0.1:7400")
    command, token = calls[0]
    (tmp_path / "token").write_text(token)
    (tmp_path / "token").chmod(0o600)
    shown = Token.load(tmp_path / "token")
    assert shown.pair.secret not in " ".join(command), "other users of this machine can read a command"
    who = registrar.who(shown.pair.public)
    assert who == "token/ray-0000abcd"
    for name in ("r1", "r2", "r1"):  # once more, when Ray has taken it elsewhere
        enrolled = registrar.enrol(who, Enrol(PROTOCOL_VERSION, name, KeyPair.fresh().public), lambda _host: False)
        assert isinstance(enrolled, Enrolled)
    registrar.keyring.allow("attic", KeyPair.fresh().public)
    assert sorted(registrar.keyring.hosts.values()) == ["attic", "r1", "r2"]
    fleet.down()
    assert registrar.who(shown.pair.public) is None
    assert sorted(Keyring(tmp_path / "keys").hosts.values()) == ["attic"], "who came by it, and nobody else"


def test_where_ray_hosts_are_to_find_us_must_be_said_and_that_the_network_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    rule = folder.load("dot")
    for given, said in (
        ({}, "say how many with --hosts N"),
        ({"hosts": 2}, r"say where they find this one with --at tcp://ADDRESS:\*"),
        ({"hosts": 2, "join": "tcp://10.0.0.1:*"}, "no keys are given"),
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
