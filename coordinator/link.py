"""The coordinator's end of the line: one ROUTER in a thread of its own, to which agents and other commands connect.

Commands are repeated until their one Done arrives, so a reconnecting agent misses none; garbage is counted and dropped.
Knows messages, not swarms. May import zmq, msgspec, cellnode.messages and coordinator.clientmessages.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field

import msgspec
import zmq

from cellnode.messages import Beat, Command, Done, Join, Superseded, Welcome, decode_report, encode
from coordinator import clientmessages
from coordinator.clientmessages import Answer, Ask
from firmware_sim.errors import RunFailed

WELCOME_EVERY_S = 1.0
REPEAT_EVERY_S = 2.0
BACKLOG = 4096


@dataclass(slots=True)
class Agent:
    """What is known of one agent."""

    identity: bytes
    join: Join
    beat: Beat | None = None
    heard_at_s: float = 0.0


@dataclass(slots=True)
class _Pending:
    data: bytes
    agent: str
    future: Future[Done] = field(default_factory=Future)
    sent_at_s: float = 0.0


class Link:
    """Start it with `start()`; `request` may be called from any thread, callbacks run on a worker thread."""

    def __init__(
        self,
        endpoint: str,
        epoch: int,
        *,
        on_join: Callable[[Join], None] | None = None,
        on_ask: Callable[[Ask], Answer] | None = None,
    ) -> None:
        self.epoch = epoch
        self.agents: dict[str, Agent] = {}
        self.garbage = 0
        self.superseded_by = 0
        self._endpoint, self._on_join, self._on_ask = endpoint, on_join, on_ask
        self._pending: dict[int, _Pending] = {}
        self._counter = 0
        self._lock = threading.Lock()
        self._outbox: queue.SimpleQueue[tuple[bytes, bytes]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._running = self._closed = False
        self._context = zmq.Context(io_threads=1)
        self._thread = threading.Thread(target=self._loop, name="planaria-link", daemon=True)
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="planaria-ask")
        self._changed = threading.Condition()

    def start(self) -> None:
        """Bind and begin to listen. Raises RunFailed when the endpoint cannot be bound."""
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 200)
        self._socket.setsockopt(zmq.BACKLOG, BACKLOG)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        try:
            self._socket.bind(self._endpoint)
        except zmq.ZMQError as error:
            raise RunFailed(f"{self._endpoint} cannot be bound: {error}") from error
        self._running = True
        self._thread.start()

    def close(self) -> None:
        """Stop listening; what was not answered is cancelled. Closing twice is closing once."""
        if self._closed:
            return
        self._closed = True
        if self._running:
            self._running = False
            self._nudge()
            self._thread.join(5)
        self._workers.shutdown(wait=False, cancel_futures=True)
        for pending in self._pending.values():
            pending.future.cancel()
        self._context.destroy(linger=200)
        for end in (self._wake_read, self._wake_write):
            os.close(end)

    def wait(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Block until `ready()`, looked at whenever something arrived; False when it took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: ready() or not self._running, timeout_s) and ready()

    def post(self, agent: str, make: Callable[[int], Command]) -> Future[Done]:
        """Send a command (made from its id) to an agent, and again until it is done; the answer will be in the
        future.
        """
        with self._lock:
            self._counter += 1
            number = (self.epoch << 32) + self._counter
            pending = self._pending[number] = _Pending(encode(make(number)), agent)
        self._nudge()
        return pending.future

    def request(self, agent: str, make: Callable[[int], Command], timeout_s: float) -> Done:
        """Send a command and wait for its Done. Raises RunFailed when there is none in time or it was refused."""
        future = self.post(agent, make)
        try:
            done = future.result(timeout_s)
        except FutureTimeoutError:
            with self._lock:
                self._pending = {number: each for number, each in self._pending.items() if each.future is not future}
            raise RunFailed(f"agent {agent} has not answered within {timeout_s:g} s") from None
        if not done.ok and done.error and not done.missing:
            raise RunFailed(f"agent {agent}: {done.error}")
        return done

    def _nudge(self) -> None:
        try:
            os.write(self._wake_write, b"x")
        except BlockingIOError:
            return  # it is already nudged

    def _loop(self) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        next_welcome_s = 0.0
        while self._running:
            ready = dict(poller.poll(200))
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            if self._socket in ready:
                self._receive()
            now_s = time.monotonic()
            if now_s >= next_welcome_s:
                next_welcome_s = now_s + WELCOME_EVERY_S
                for agent in self.agents.values():
                    self._send(agent.identity, encode(Welcome(self.epoch)))
            self._send_pending(now_s)
            while not self._outbox.empty():
                self._send(*self._outbox.get())
        while not self._outbox.empty():
            self._send(*self._outbox.get())
        self._socket.close()

    def _send(self, identity: bytes, data: bytes) -> None:
        try:
            self._socket.send_multipart([identity, data], zmq.NOBLOCK)
        except zmq.ZMQError:
            return  # the peer is gone or does not read; commands are repeated, the rest is news

    def _send_pending(self, now_s: float) -> None:
        with self._lock:
            due = [each for each in self._pending.values() if now_s - each.sent_at_s >= REPEAT_EVERY_S]
        for pending in due:
            agent = self.agents.get(pending.agent)
            if agent is not None:
                pending.sent_at_s = now_s
                self._send(agent.identity, pending.data)

    def _receive(self) -> None:
        for _ in range(1000):
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            self._take(parts)
        with self._changed:
            self._changed.notify_all()

    def _take(self, parts: list[bytes]) -> None:
        if len(parts) != 2:
            self.garbage += 1
            return
        identity, data = parts
        try:
            report = decode_report(data)
        except msgspec.DecodeError:
            self._take_ask(identity, data)
            return
        if isinstance(report, Join):
            self._joined(identity, report)
        elif isinstance(report, Beat):
            agent = self.agents.get(report.agent)
            if agent is not None and agent.identity == identity:
                agent.beat, agent.heard_at_s = report, time.monotonic()
        elif isinstance(report, Done):
            with self._lock:
                pending = self._pending.pop(report.id, None)
            if pending is not None and not pending.future.done():
                pending.future.set_result(report)
        elif isinstance(report, Superseded):
            self._superseded(report)

    def _joined(self, identity: bytes, join: Join) -> None:
        self.agents[join.agent] = Agent(identity, join, None, time.monotonic())
        self._send(identity, encode(Welcome(self.epoch)))
        with self._lock:
            for pending in self._pending.values():
                pending.sent_at_s = 0.0  # it may have missed them
        if self._on_join is not None:
            self._workers.submit(self._on_join, join)

    def _superseded(self, report: Superseded) -> None:
        self.superseded_by = max(self.superseded_by, report.coordinator_epoch)
        with self._lock:
            pending = self._pending.pop(report.id, None)
        if pending is not None and not pending.future.done():
            error = f"a newer coordinator (epoch {report.coordinator_epoch}) has taken over"
            pending.future.set_exception(RunFailed(error))

    def _take_ask(self, identity: bytes, data: bytes) -> None:
        try:
            ask = clientmessages.decode_ask(data)
        except msgspec.DecodeError:
            self.garbage += 1
            return
        handler = self._on_ask
        if handler is None:
            self._outbox.put((identity, clientmessages.encode(Answer(ask.id, error="no commands are taken here"))))
            return

        def work() -> None:
            self._outbox.put((identity, clientmessages.encode(handler(ask))))
            self._nudge()

        self._workers.submit(work)
