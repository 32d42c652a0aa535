"""The porter of a host, driven by messages: it offers room, carries what it is told to and nothing else, and leaves
nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import zmq
from routerclient import alive, gone

from cellnode import hatch
from cellnode.hostmessages import Offer, Refused, Tend, decode_offer, encode
from cellnode.messages import Done, Join, Superseded, Welcome, decode_report

pytestmark = pytest.mark.system
RUN = "7e57ab1e"


class Desk:
    """A coordinator that knows hosts only."""

    def __init__(self, home: Path) -> None:
        self.home, self.epoch, self.count = home, 2, 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self.endpoint = f"tcp://127.0.0.1:{self._router.bind_to_random_port('tcp://127.0.0.1')}"
        self.offer: Offer | None = None
        self.line = b""
        self.done: dict[int, Done] = {}
        self.joins: list[Join] = []
        self.superseded: list[Superseded] = []
        self.porters: list[subprocess.Popen[str]] = []

    def start(self, *more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cellnode.porterdoor", "--join", self.endpoint, "--name", "shed"]
        command += ["--capacity", "50", "--runtime", str(self.home / "shed"), *more]
        porter = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.porters.append(porter)
        return porter

    def until(self, fact: Callable[[], bool], what: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}; last offer {self.offer}"
            if self._router.poll(50):
                self._take(*self._router.recv_multipart())

    def _take(self, line: bytes, data: bytes) -> None:
        try:
            report = decode_report(data)
        except msgspec.DecodeError:
            self.offer, self.line = decode_offer(data), line
            return
        if isinstance(report, Done):
            self.done[report.id] = report
        elif isinstance(report, Join):
            self.joins.append(report)
        elif isinstance(report, Superseded):
            self.superseded.append(report)

    def say(self, message: Tend | Refused | Welcome) -> None:
        self._router.send_multipart([self.line, encode(message)])

    def tend(self, *blocks: int, over: bool = False, run: str = RUN) -> Done:
        self.count += 1
        number = (self.epoch << 32) + self.count
        self.say(Tend(number, run, list(blocks), over))
        self.until(lambda: number in self.done, "the answer")
        return self.done[number]

    def close(self) -> None:
        for porter in self.porters:
            if porter.poll() is None:
                porter.send_signal(signal.SIGTERM)
                porter.wait(20)
            if porter.stderr is not None:
                porter.stderr.close()
        self._context.destroy(0)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/dev/shm") as folder:
        desk = Desk(Path(folder))
        yield desk
        desk.close()
        assert not (desk.home / "shed").exists(), "it leaves nothing behind"


@pytest.fixture
def joined(desk: Desk) -> Desk:
    desk.start()
    desk.until(lambda: desk.offer is not None, "an offer")
    return desk


def agent_of(desk: Desk, epoch: int) -> int:
    """Process id of the agent of a block, once it has called."""
    desk.until(lambda: any(join.agent == f"shed/{epoch}" for join in desk.joins), "the agent to call")
    return next(join.pid for join in desk.joins if join.agent == f"shed/{epoch}")


def test_it_offers_its_room_and_carries_no_block_yet(joined: Desk) -> None:
    offer = joined.offer
    assert offer is not None
    assert (offer.host, offer.capacity, offer.address, offer.blocks) == ("shed", 50, "127.0.0.1", [])


def test_whoever_asks_at_its_hatch_learns_how_it_is_and_commands_nothing(joined: Desk) -> None:
    home = joined.home / "shed"
    assert hatch.ask(home) == {"host": "shed", "joined": False, "blocks": 0}, "no coordinator has spoken yet"
    joined.tend(3)
    assert hatch.ask(home) == {"host": "shed", "joined": True, "blocks": 1}
    for _ in range(8):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as rude:
            rude.connect(str(home / hatch.NAME))
            with contextlib.suppress(BrokenPipeError):  # it has answered and hung up already
                rude.send(b"x" * 1000)
    assert hatch.ask(home)["blocks"] == 1


def test_a_coordinator_whose_name_is_not_known_yet_is_waited_for(desk: Desk) -> None:
    porter = desk.start("--join", "tcp://no-such-host.invalid:7400", "--insecure")
    assert porter.stderr is not None
    assert "no way to that address, or its name, is known here" in porter.stderr.readline()
    assert porter.poll() is None


def test_it_carries_the_blocks_it_is_told_to_and_kills_the_others_first(joined: Desk) -> None:
    assert joined.tend(3).ok
    first = agent_of(joined, 3)
    joined.until(lambda: joined.offer is not None and joined.offer.blocks == [3], "the offer to say so")
    assert joined.tend(4).ok
    assert not alive(first), "when the answer comes it is dead already"
    assert not (joined.home / "shed" / "3").exists()
    assert alive(agent_of(joined, 4))


def test_another_run_s_block_of_the_same_number_is_another_block(joined: Desk) -> None:
    joined.tend(3)
    first = agent_of(joined, 3)
    joined.joins.clear()
    assert joined.tend(3, run="0ther0ne").ok
    assert not alive(first)
    assert agent_of(joined, 3) != first and joined.joins[0].run == "0ther0ne"


def test_an_agent_that_dies_is_reported_and_not_started_again(joined: Desk) -> None:
    joined.tend(3)
    os.kill(agent_of(joined, 3), signal.SIGKILL)
    joined.until(lambda: joined.offer is not None and joined.offer.ended == [3], "its end to be told")
    joined.tend(3)
    joined.until(lambda: joined.offer is not None, "another offer")
    assert joined.offer is not None and joined.offer.blocks == []


def test_an_older_coordinator_is_told_so_and_not_obeyed(joined: Desk) -> None:
    joined.tend(3)
    joined.epoch = 1
    joined.say(Tend((1 << 32) + 9, RUN, []))
    joined.until(lambda: bool(joined.superseded), "a refusal")
    assert joined.superseded[0].coordinator_epoch == 2
    joined.epoch = 2
    assert alive(agent_of(joined, 3))


def test_killed_it_takes_its_agents_along_and_its_successor_sweeps(joined: Desk) -> None:
    joined.tend(3)
    agent = agent_of(joined, 3)
    first = joined.offer
    joined.porters[0].kill()
    joined.porters[0].wait()
    assert gone([agent])
    joined.offer = None
    joined.start()
    joined.until(lambda: joined.offer is not None, "the successor to call")
    assert first is not None and joined.offer is not None
    assert joined.offer.instance != first.instance
    assert joined.offer.blocks == []


def test_two_hosts_of_one_name_on_one_machine_are_one_too_many(joined: Desk) -> None:
    other = joined.start()
    assert other.wait(20) == 2
    assert other.stderr is not None
    assert "another agent named 'shed' runs on this machine" in other.stderr.read()


def test_refused_for_good_it_says_why_and_leaves(joined: Desk) -> None:
    joined.say(Refused("host shed speaks protocol 1, we speak 2: install the same planaria on both", True))
    assert joined.porters[0].wait(20) == 2
    assert joined.porters[0].stderr is not None
    assert "install the same planaria on both" in joined.porters[0].stderr.read()


def test_over_is_the_end_for_one_that_lives_for_a_single_run(desk: Desk) -> None:
    desk.start("--once")
    desk.until(lambda: desk.offer is not None, "an offer")
    desk.tend(3)
    agent = agent_of(desk, 3)
    desk.tend(over=True)
    assert desk.porters[0].wait(20) == 0
    assert not alive(agent)


def test_an_unreachable_coordinator_is_said_to_be_so_and_tried_again(desk: Desk) -> None:
    porter = desk.start()
    assert porter.stderr is not None
    line = porter.stderr.readline()
    assert f"no coordinator has answered at {desk.endpoint}" in line and "still trying" in line
    desk.until(lambda: desk.offer is not None, "an offer")
    desk.say(Welcome(2))
    assert "joined" in porter.stderr.readline()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--join", "tcp://nowhere"], "expected tcp://HOST:PORT"),
        (["--join", "tcp://127.0.0.1:1", "--name", "a/b"], "--name is 'a/b'"),
        (["--join", "tcp://127.0.0.1:1", "--capacity", "-1"], "--capacity is -1"),
    ],
)
def test_bad_words_are_one_line(words: list[str], expected: str) -> None:
    found = subprocess.run([sys.executable, "-m", "cellnode.porterdoor", *words], capture_output=True, text=True)
    assert found.returncode == 2
    assert expected in found.stderr and found.stderr.count("\n") == 1
