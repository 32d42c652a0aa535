"""The network of namespaces by itself: who reaches whom, what is dropped, what is late, and that nothing is left."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from labs import mine, needs_netns

from coordinator.lab import drops, wire
from coordinator.lab.network import Network
from coordinator.lab.tools import NAMESPACES, check, inside
from firmware_sim.errors import BadInput

pytestmark = [pytest.mark.system, needs_netns]
NAMES = ("h1", "h2", "h3")


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network(os.urandom(4).hex(), os.getpid(), NAMES)
    made.build()
    yield made
    made.remove()
    assert mine() == []


@contextlib.contextmanager
def end_at(network: Network, name: str) -> Iterator[socket.socket]:
    """A UDP socket at this host."""
    with inside(network.namespace(name)):
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with bound:
        bound.bind((network.address(name), 7000))
        bound.settimeout(0.3)
        yield bound


def reaches(network: Network, sender: str, hearer: str) -> bool:
    with end_at(network, sender) as mouth, end_at(network, hearer) as ear:
        mouth.sendto(b"word", (network.address(hearer), 7000))
        try:
            return ear.recv(16) == b"word"
        except TimeoutError:
            return False


def test_all_hosts_and_the_coordinator_reach_each_other_and_nobody_else_does(network: Network) -> None:
    assert reaches(network, "h1", "h3") and reaches(network, "h3", "c") and reaches(network, "c", "h2")
    with end_at(network, "h1") as ear, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
        with contextlib.suppress(OSError):  # no route is as good
            outside.sendto(b"word", (network.address("h1"), 7000))
        with pytest.raises(TimeoutError):
            ear.recv(16)
        with pytest.raises(OSError, match="unreachable"):
            ear.sendto(b"word", ("192.0.2.1", 7000))


def test_a_cut_is_one_way_if_wanted_is_counted_and_ends(network: Network) -> None:
    assert reaches(network, "h1", "h2") and reaches(network, "h2", "h1"), "they know each other's addresses"
    drops.lay(network, 3, [("h1", "h2")])
    assert not reaches(network, "h1", "h2") and reaches(network, "h2", "h1") and reaches(network, "h1", "h3")
    assert drops.dropped(network, 3) >= 1
    drops.lay(network, 4, [("h2", "h1")])
    assert not reaches(network, "h2", "h1")
    drops.lift(network, 3)
    assert reaches(network, "h1", "h2") and not reaches(network, "h2", "h1"), "each ends by itself"
    drops.lift(network, 4)
    drops.lift(network, 4)
    assert reaches(network, "h2", "h1") and drops.dropped(network, 4) == 0


def test_a_share_of_the_frames_is_lost_by_chance(network: Network) -> None:
    assert reaches(network, "h1", "h2")
    drops.lay(network, 1, [("h1", "h2")], 0.5)
    with end_at(network, "h1") as mouth, end_at(network, "h2") as ear:
        for _ in range(400):
            mouth.sendto(b"word", (network.address("h2"), 7000))
        heard = 0
        with contextlib.suppress(TimeoutError):
            while ear.recv(16):
                heard += 1
    assert 120 < heard < 280, "half of 400, give or take 8 sigma"
    assert drops.dropped(network, 1) >= 400 - heard


def test_on_a_slow_line_no_frame_comes_before_its_time_and_cuts_still_hold(network: Network) -> None:
    assert reaches(network, "h1", "h2")
    wire.stretch(network, "h2", 0.08)
    with end_at(network, "h1") as here, end_at(network, "h2") as there:
        here.settimeout(5)
        there.settimeout(5)
        began = time.monotonic()
        here.sendto(b"ask", (network.address("h2"), 7000))
        there.sendto(b"answer", there.recvfrom(16)[1])
        assert here.recv(16) == b"answer" and time.monotonic() - began >= 0.16
    assert wire.delayed(network, "h2") >= 2
    drops.lay(network, 1, [("h1", "h2")])
    assert not reaches(network, "h1", "h2")
    drops.lift(network, 1)
    wire.shorten(network, "h2")
    assert reaches(network, "h1", "h2") and wire.delayed(network, "h2") == 0


def test_what_a_killed_maker_left_is_swept_by_the_next_and_what_a_living_one_made_is_not(network: Network) -> None:
    code = (
        "import os, time; from coordinator.lab.network import Network; "
        "Network('dead0001', os.getpid(), ('h1', 'h2')).build(); print('built', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None and maker.stdout.readline() == b"built\n"
        os.kill(maker.pid, signal.SIGKILL)
    assert len(list(NAMESPACES.glob("planaria-dead0001-*"))) == 4
    other = Network(os.urandom(4).hex(), os.getpid(), ("h1",))
    other.build()
    try:
        assert not list(NAMESPACES.glob("planaria-dead0001-*"))
        assert reaches(network, "h1", "h2")
    finally:
        other.remove()


def test_without_root_the_refusal_says_who_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(BadInput, match="only root may"):
        check()


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None if name == "nft" else f"/usr/bin/{name}")
    with pytest.raises(BadInput, match=r"--netns needs nft; apt-get install nftables"):
        check()
