"""The coordinator's end of the line: a ROUTER in a thread of its own, to which agents and other commands connect; and
a second one, on TCP, for hosts elsewhere and their agents.

Commands are repeated until their one Done arrives, so a reconnecting agent misses none; garbage is counted and dropped.
Knows messages, not swarms. May import zmq, msgspec, cellnode's messages, and the coordinator's contacts, earshot, gate,
hearing, pending and clientmessages.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

import msgspec
import zmq

from cellnode import hostmessages
from cellnode.hostmessages import Offer, Refused, Tend
from cellnode.messages import Command, Done, Sheet, Show, Welcome, encode
from coordinator import clientmessages
from coordinator.clientmessages import Answer, Ask
from coordinator.contacts import Contacts, HostLine, Line, Router
from coordinator.earshot import Earshot
from coordinator.gate import Gate, bind
from coordinator.hearing import Hearing
from coordinator.pending import Pending
from coordinator.registrar import Registrar
from firmware_sim.errors import RunFailed

WELCOME_EVERY_S = 1.0


class Link:
    """Start it with `start()`; `request` may be called from any thread, callbacks run on a worker thread."""

    def __init__(
        self,
        endpoint: str,
        epoch: int,
        *,
        on_ask: Callable[[Ask], Answer] | None = None,
        on_sheet: Callable[[Sheet], None] | None = None,
        on_offer: Callable[[Offer, HostLine | None], Refused | None] | None = None,
        on_lapsed: Callable[[list[str], bool], None] | None = None,
    ) -> None:
        self.epoch = epoch
        self._contacts, self._pending = Contacts(), Pending()
        self.agents, self.hosts, self.misfits = self._contacts.agents, self._contacts.hosts, self._contacts.misfits
        self._hearing = Hearing(
            self._contacts, self._pending, self._send, lambda: self.epoch, self._take_ask, on_sheet, on_offer
        )
        self._endpoint, self._on_ask, self._on_lapsed = endpoint, on_ask, on_lapsed
        self._sockets: list[Router] = []
        self._gate: Gate | None = None
        self._outbox: queue.SimpleQueue[tuple[Line, bytes]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._running = self._closed = False
        self._context = zmq.Context(io_threads=1)
        self._thread = threading.Thread(target=self._loop, name="planaria-link", daemon=True)
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="planaria-ask")
        self._changed = threading.Condition()
        self.earshot = Earshot(time.monotonic())

    @property
    def garbage(self) -> int:
        """Messages that nobody could have meant."""
        return self._hearing.garbage

    @property
    def spoofed(self) -> int:
        """Messages in the name of another host."""
        return self._hearing.spoofed

    def start(self) -> None:
        """Bind and begin to listen. Raises RunFailed when the endpoint cannot be bound."""
        self._sockets.insert(0, bind(self._context, self._endpoint))
        self._running = True
        self._thread.start()

    def listen(self, endpoint: str, registrar: Registrar | None = None) -> str:
        """Before `start`: hosts and agents come here, too; no commands. With `registrar`, only those on its list, each
        as itself alone, and who shows a token, to be listed. Returns the endpoint, with its port."""
        if registrar is not None:
            self._gate = Gate(self._context, registrar)
        router = bind(self._context, endpoint, None if self._gate is None else self._gate.pair)
        self._sockets.append(router)
        return router.getsockopt_string(zmq.LAST_ENDPOINT)

    def close(self) -> None:
        """Stop listening; what was not answered is cancelled. Closing twice is closing once."""
        if self._closed:
            return
        self._closed = True
        if self._running:
            self._running = False
            self._nudge()
            if self._thread.is_alive():
                self._thread.join(5)
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._pending.cancel()
        for router in self._sockets:
            router.close()  # if the thread never ran
        self._context.term()  # which a doorkeeper notices, and lets go
        for end in (self._wake_read, self._wake_write):
            os.close(end)

    def wait(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Block until `ready()`, looked at whenever something arrived; False when it took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: ready() or not self._running, timeout_s) and ready()

    # ---- what we say

    def post(self, agent: str, make: Callable[[int], Command]) -> Future[Done]:
        """Send a command (made from its id) to an agent, and again until it is done; the answer will be in the
        future.
        """
        return self._post(agent, lambda number: encode(make(number)))

    def tend(self, host: str, run: str, blocks: list[int], *, over: bool = False) -> Future[Done]:
        """Tell a host which blocks are its own; an order before that it has not answered is taken back."""
        self.forget(host)
        return self._post(host, lambda number: hostmessages.encode(Tend(number, run, blocks, over)))

    def _post(self, name: str, make: Callable[[int], bytes]) -> Future[Done]:
        future = self._pending.post(name, self.epoch, make)
        self._nudge()
        return future

    def forget(self, name: str) -> None:
        """Nobody waits for what this agent or host was told."""
        self._pending.forget(name)

    def show(self, agent: str, asked_ns: int, base: int) -> None:
        """Ask an agent for a sheet; nothing is repeated."""
        found = self.agents.get(agent)
        if found is not None:
            self._outbox.put((found.line, encode(Show(asked_ns, base))))
            self._nudge()

    def request(self, agent: str, make: Callable[[int], Command], timeout_s: float) -> Done:
        """Send a command and wait for its Done. Raises RunFailed when there is none in time or it was refused."""
        future = self.post(agent, make)
        try:
            done = future.result(timeout_s)
        except FutureTimeoutError:
            self._pending.give_up(future)
            raise RunFailed(f"agent {agent} has not answered within {timeout_s:g} s") from None
        if not done.ok and done.error and not done.missing:
            raise RunFailed(f"agent {agent}: {done.error}")
        return done

    # ---- the thread

    def _nudge(self) -> None:
        try:
            os.write(self._wake_write, b"x")
        except BlockingIOError:
            return  # it is already nudged

    def _loop(self) -> None:
        poller = zmq.Poller()
        for router in self._sockets:
            poller.register(router, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        next_welcome_s = 0.0
        while self._running:
            self.earshot.listening(time.monotonic())
            ready = dict(poller.poll(200))
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            for router in self._sockets:
                if router in ready:
                    self._receive(router)
            now_s = time.monotonic()
            if now_s >= next_welcome_s:
                next_welcome_s = now_s + WELCOME_EVERY_S
                self._cut_lapsed()
                for line in self._contacts.lines():
                    self._send(line, encode(Welcome(self.epoch)))
            self._send_pending(now_s)
            self._empty_outbox()
        self._empty_outbox()
        for router in self._sockets:
            router.close()

    def _cut_lapsed(self) -> None:
        if self._gate is None:
            return
        gone, anew = self._gate.cut_lapsed(self._sockets[1:])
        for name in gone:
            self._contacts.forget(name)
        if (gone or anew) and self._on_lapsed is not None:
            self._on_lapsed(gone, anew)

    def _send(self, line: Line, data: bytes) -> None:
        try:
            line.socket.send_multipart([line.identity, data], zmq.NOBLOCK)
        except zmq.ZMQError:
            return  # the peer is gone or does not read; commands are repeated, the rest is news

    def _send_pending(self, now_s: float) -> None:
        for order in self._pending.due(now_s):
            line = self._contacts.line_of(order.to)
            if line is not None:
                order.sent_at_s = now_s
                self._send(line, order.data)

    def _empty_outbox(self) -> None:
        while not self._outbox.empty():
            self._send(*self._outbox.get())

    # ---- what we hear

    def _receive(self, router: Router) -> None:
        for _ in range(1000):
            try:
                frames = router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            self._hear(router, frames)
        with self._changed:
            self._changed.notify_all()

    def _hear(self, router: Router, frames: list[zmq.Frame]) -> None:
        if len(frames) != 2:
            self._hearing.garbage += 1
            return
        line, data = Line(router, frames[0].bytes), frames[1].bytes
        if router is self._sockets[0]:
            self._hearing.local(line, data)
        else:
            who = None if self._gate is None else str(frames[1].get("User-Id"))
            self._hearing.remote(line, data, who, self._gate)

    def _take_ask(self, line: Line, data: bytes) -> bool:
        """What another command asks is answered by a worker; False: that is no question."""
        try:
            ask = clientmessages.decode_ask(data)
        except msgspec.DecodeError:
            return False
        handler = self._on_ask
        if handler is None:
            self._outbox.put((line, clientmessages.encode(Answer(ask.id, error="no commands are taken here"))))
            return True

        def work() -> None:
            self._outbox.put((line, clientmessages.encode(handler(ask))))
            self._nudge()

        self._workers.submit(work)
        return True
