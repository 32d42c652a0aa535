"""A minimal coordinator for tests of real processes: one ROUTER, one agent, and eyes on the panel.

It starts an agent in a directory of its own, sends commands, waits for their answers, and at the end makes sure that
nothing is left. Not a test itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray

from cellnode import messages, panel, topology
from cellnode.messages import Beat, Command, Done, Join, Placement, Report, RulePayload, Superseded
from cellnode.panel import Counter, Phase
from cellnode.payload import weights
from firmware_sim.limits import ALPHA, CHANNELS, Limits
from firmware_sim.rule import Rule

RUN = "7e57ab1e"
INTERVAL_NS = 60_000_000


def spreading_rule() -> Rule:
    """Alpha grows by 0.25 an update wherever something is alive nearby, up to 1: one seed fills any grid, and stays."""
    w1 = np.zeros((3 * CHANNELS, 4), np.float32)
    b1 = np.array([1, 0, 0, 0], np.float32)
    w2 = np.zeros((4, CHANNELS), np.float32)
    w2[0, ALPHA] = 0.25
    return Rule(w1, b1, w2, np.zeros(CHANNELS, np.float32), Limits("clamp", state_max=1.0))


def payload(rule: Rule | None = None) -> RulePayload:
    rule = rule or spreading_rule()
    return RulePayload("numpy", "ab" * 32, weights(rule), rule.channels, rule.hidden, rule.limits.to_dict(), 0.0)


def seed_state() -> bytes:
    state = np.zeros(CHANNELS, np.float32)
    state[ALPHA:] = 1
    return state.tobytes()


class RouterClient:
    """One agent of one run, driven by messages alone."""

    def __init__(self, folder: Path, epoch: int = 1) -> None:
        self.runtime = folder / "r"
        self.endpoint = f"ipc://{folder}/x.sock"
        self.agent: subprocess.Popen[bytes] | None = None
        self.identity = b""
        self.joins: list[Join] = []
        self.beat: Beat | None = None
        self.done: dict[int, Done] = {}
        self.superseded: list[Superseded] = []
        self.cells = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.bind(epoch)

    def bind(self, epoch: int) -> None:
        """Become a (new) coordinator with this epoch."""
        self.epoch, self._counter, self._welcomed = epoch, 0, 0.0
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.bind(self.endpoint)

    def unbind(self) -> None:
        """As if killed."""
        self._router.close(0)
        self.joins.clear()

    def start_agent(self, **environment: str) -> int:
        command = [sys.executable, "-m", "cellnode.agent", "--run", RUN, "--runtime", str(self.runtime)]
        command += ["--connect", self.endpoint, "--name", "host0"]
        self.agent = subprocess.Popen(command, env={**os.environ, **environment})
        self.joins.clear()
        self.until(lambda: bool(self.joins), 10, "the agent to join")
        return self.agent.pid

    # ---- messages

    def hear(self, wait_ms: int = 20) -> None:
        """Take what has come, greet once a second."""
        if time.monotonic() - self._welcomed > 1 and self.identity:
            self._welcomed = time.monotonic()
            self._send(messages.encode(messages.Welcome(self.epoch)))
        while self._router.poll(wait_ms):
            identity, data = self._router.recv_multipart()
            self._take(identity, messages.decode_report(data))
            wait_ms = 0

    def _take(self, identity: bytes, report: Report) -> None:
        self.identity = identity
        if isinstance(report, Join):
            self.joins.append(report)
        elif isinstance(report, Beat):
            self.beat = report
        elif isinstance(report, Done):
            assert report.id not in self.done, "exactly one answer to a command"
            self.done[report.id] = report
        else:
            self.superseded.append(report)

    def _send(self, data: bytes) -> None:
        self._router.send_multipart([self.identity, data])

    def next_id(self) -> int:
        self._counter += 1
        return (self.epoch << 32) + self._counter

    def post(self, command: Command) -> int:
        self._send(messages.encode(command))
        return command.id

    def order(self, command: Command, wait_s: float = 20, *, ok: bool | None = True) -> Done:
        """Send a command and wait for its answer."""
        id = self.post(command)
        self.until(lambda: id in self.done, wait_s, f"the answer to {type(command).__name__}")
        done = self.done.pop(id)
        assert ok is None or done.ok is ok, done
        return done

    def until(self, fact: Callable[[], bool], wait_s: float, what: str) -> None:
        """Wait for a fact while listening; fails loudly."""
        deadline = time.monotonic() + wait_s
        while not fact():
            assert time.monotonic() < deadline, f"waited {wait_s} s in vain for {what}; last beat {self.beat}"
            self.hear()

    # ---- shorthands

    def place(self, height: int, width: int, *, wait_s: float = 60, **changes: Any) -> Done:
        self.cells = height * width
        values: dict[str, Any] = {
            "run": RUN,
            "epoch": 1,
            "height": height,
            "width": width,
            "torus": False,
            "cells": list(range(self.cells)),
            "rule": payload(),
            "tag": topology.tag(RUN, "ab" * 32),
            "rng_seed": 7,
            "interval_ns": INTERVAL_NS,
        }
        return self.order(messages.Place(self.next_id(), Placement(**(values | changes))), wait_s)

    def power(self, cells: list[int], on: bool, **options: Any) -> Done:
        return self.order(messages.Power(self.next_id(), cells, on), **options)

    def poke(self, kind: str, cells: list[int], state: bytes = b"", **options: Any) -> Done:
        return self.order(messages.Poke(self.next_id(), kind, cells, state), **options)

    def seed(self, *cells: int) -> Done:
        return self.poke("seed", list(cells), seed_state())

    def stop(self) -> int:
        """Order the end; returns the agent's exit code."""
        self.order(messages.Stop(self.next_id()))
        assert self.agent is not None
        return self.agent.wait(10)

    # ---- eyes

    def pages(self) -> NDArray[Any]:
        """A copy of all pages."""
        mapping, header, pages = panel.map_all(self.runtime / "panel", writable=False)
        copy = pages.copy()
        del header, pages
        mapping.close()
        return copy

    def alphas(self) -> NDArray[np.float32]:
        """Alpha on each cell's LED, float32[cells]."""
        pages = self.pages()
        copies = pages["copies"][np.arange(len(pages)), pages["flip"]]
        states = np.frombuffer(copies["state"].tobytes(), "<f4").reshape(len(pages), CHANNELS)
        return states[:, ALPHA]

    def pids(self) -> list[int]:
        return [int(pid) for pid in self.pages()["pid"]]

    def counter(self, which: Counter) -> NDArray[np.uint64]:
        counts: NDArray[np.uint64] = self.pages()["counters"][:, which]
        return counts

    def phases(self) -> NDArray[np.uint32]:
        phases: NDArray[np.uint32] = self.pages()["phase"]
        return phases

    def grown(self) -> bool:
        return bool((self.alphas() > 0.9).all())

    def until_grown(self, wait_s: float = 10) -> None:
        self.until(self.grown, wait_s, "the grid to fill")

    def until_linked(self, wait_s: float = 20) -> None:
        self.until(lambda: bool((self.phases() == Phase.LINKED).all()), wait_s, "all cells to be linked")

    # ---- the end

    def close(self) -> None:
        """Whatever happened: no process stays."""
        if self.agent is not None and self.agent.poll() is None:
            self.agent.send_signal(signal.SIGTERM)
            try:
                self.agent.wait(10)
            except subprocess.TimeoutExpired:
                self.agent.kill()
                self.agent.wait()
        self._router.close(0)
        self._context.term()


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pids: list[int], wait_s: float = 5) -> bool:
    deadline = time.monotonic() + wait_s
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def router_client() -> Iterator[RouterClient]:
    """A client with a private folder under /dev/shm; both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/dev/shm") as folder:
        client = RouterClient(Path(folder))
        try:
            yield client
        finally:
            client.close()
