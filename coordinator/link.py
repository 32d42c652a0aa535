"""The coordinator's end of the line: a ROUTER in a thread of its own, to which agents and other commands connect; and
a second one, on TCP, for hosts elsewhere and their agents.

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

from cellnode import hostmessages
from cellnode.curve import Doorkeeper, readmit, serve
from cellnode.hostmessages import Offer, Refused, Tend
from cellnode.messages import (
    PROTOCOL_VERSION,
    Beat,
    Command,
    Done,
    Doors,
    Join,
    Report,
    Sheet,
    Show,
    Superseded,
    Welcome,
    decode_report,
    encode,
)
from coordinator import clientmessages
from coordinator.clientmessages import Answer, Ask
from coordinator.keyring import Watch
from coordinator.registrar import BY_TOKEN, Registrar
from firmware_sim.errors import RunFailed

WELCOME_EVERY_S = 1.0
REPEAT_EVERY_S = 2.0
BACKLOG = 4096
REPORT_MAX = 8 << 20  # bytes; a sheet of the largest host fits
HEARD_S = 15.0  # a host that has spoken since so long ago lives
WAITING = 64  # reports of one host that are not taken yet; with REPORT_MAX it bounds what a host can fill
AGENTS_MAX = 64  # of one host; a host that names more loses the one not heard for longest
HOSTS_MAX = 16384
PULSE_MS, DEAD_MS = 500, 2000  # ZMTP heartbeats over TCP

Router = zmq.Socket[bytes]


@dataclass(frozen=True, slots=True)
class Line:
    """Where somebody is reached."""

    socket: Router
    identity: bytes


@dataclass(slots=True)
class Agent:
    """What is known of one agent."""

    line: Line
    join: Join
    beat: Beat | None = None
    heard_at_s: float = 0.0
    joins: int = 1
    doors: Doors | None = None


@dataclass(slots=True)
class HostLine:
    """What is known of a host elsewhere."""

    line: Line
    offer: Offer
    heard_at_s: float


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
        on_sheet: Callable[[Sheet], None] | None = None,
        on_offer: Callable[[Offer, HostLine | None], Refused | None] | None = None,
        on_lapsed: Callable[[list[str], bool], None] | None = None,
    ) -> None:
        self.epoch = epoch
        self.agents: dict[str, Agent] = {}
        self.hosts: dict[str, HostLine] = {}
        self._on_sheet, self._on_offer, self._on_lapsed = on_sheet, on_offer, on_lapsed
        self._sockets: list[Router] = []
        self._registrar: Registrar | None = None
        self._watch: Watch | None = None
        self.garbage = 0
        self.spoofed = 0  # messages in the name of another host
        self.superseded_by = 0
        self.misfits: dict[str, int] = {}  # agents that speak another version of the protocol, and which
        self._endpoint, self._on_join, self._on_ask = endpoint, on_join, on_ask
        self._pending: dict[int, _Pending] = {}
        self._counter = 0
        self._lock = threading.Lock()
        self._outbox: queue.SimpleQueue[tuple[Line, bytes]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._running = self._closed = False
        self._context = zmq.Context(io_threads=1)
        self._thread = threading.Thread(target=self._loop, name="planaria-link", daemon=True)
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="planaria-ask")
        self._changed = threading.Condition()

    def start(self) -> None:
        """Bind and begin to listen. Raises RunFailed when the endpoint cannot be bound."""
        self._sockets.insert(0, self._bind(self._endpoint))
        self._running = True
        self._thread.start()

    def listen(self, endpoint: str, registrar: Registrar | None = None) -> str:
        """Before `start`: hosts and agents come here, too; no commands. With `registrar`, only those on its list, each
        as itself alone, and who shows a token, to be listed. Returns the endpoint, with its port."""
        if registrar is not None:
            Doorkeeper(self._context, registrar.who)
            self._registrar, self._watch = registrar, Watch(registrar.keyring)
        router = self._bind(endpoint, registrar)
        self._sockets.append(router)
        return router.getsockopt_string(zmq.LAST_ENDPOINT)

    def _bind(self, endpoint: str, registrar: Registrar | None = None) -> Router:
        router = self._context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, 200)
        router.setsockopt(zmq.BACKLOG, BACKLOG)
        router.setsockopt(zmq.ROUTER_HANDOVER, 1)
        router.setsockopt(zmq.MAXMSGSIZE, REPORT_MAX)
        if endpoint.startswith("tcp://"):
            router.setsockopt(zmq.RCVHWM, WAITING)
            router.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS)
            router.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
        if registrar is not None:
            serve(router, registrar.keyring.pair)
        try:
            router.bind(endpoint)
        except zmq.ZMQError as error:
            router.close(0)
            raise RunFailed(
                f"{endpoint} cannot be bound: {error}; is another coordinator there, or is that no address of this "
                "machine?"
            ) from error
        return router

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
        for router in self._sockets:
            router.close()  # if the thread never ran
        self._context.term()  # which a doorkeeper notices, and lets go
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
        return self._post(agent, lambda number: encode(make(number)))

    def tend(self, host: str, run: str, blocks: list[int], *, over: bool = False) -> Future[Done]:
        """Tell a host which blocks are its own; an order before that it has not answered is taken back."""
        self.forget(host)
        return self._post(host, lambda number: hostmessages.encode(Tend(number, run, blocks, over)))

    def forget(self, name: str) -> None:
        """Nobody waits for what this agent or host was told."""
        with self._lock:
            gone = [number for number, each in self._pending.items() if each.agent == name]
            for number in gone:
                self._pending.pop(number).future.cancel()

    def show(self, agent: str, asked_ns: int, base: int) -> None:
        """Ask an agent for a sheet; nothing is repeated."""
        found = self.agents.get(agent)
        if found is not None:
            self._outbox.put((found.line, encode(Show(asked_ns, base))))
            self._nudge()

    def _post(self, name: str, make: Callable[[int], bytes]) -> Future[Done]:
        with self._lock:
            self._counter += 1
            number = (self.epoch << 32) + self._counter
            pending = self._pending[number] = _Pending(make(number), name)
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
        for router in self._sockets:
            poller.register(router, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        next_welcome_s = 0.0
        while self._running:
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
                lines = [agent.line for agent in self.agents.values()] + [host.line for host in self.hosts.values()]
                for line in lines:
                    self._send(line, encode(Welcome(self.epoch)))
            self._send_pending(now_s)
            while not self._outbox.empty():
                self._send(*self._outbox.get())
        while not self._outbox.empty():
            self._send(*self._outbox.get())
        for router in self._sockets:
            router.close()

    def _cut_lapsed(self) -> None:
        """Whose key was taken back is let in no more, and what stands is cut: all are asked at the door again."""
        if self._watch is None or self._registrar is None:
            return
        gone, anew = self._watch.lapsed()
        if not gone and not anew:
            return
        for router in self._sockets[1:]:
            serve(router, self._registrar.keyring.pair)
            readmit(router, router.getsockopt_string(zmq.LAST_ENDPOINT))
        for name in gone:
            self.hosts.pop(name, None)
            for agent in self._agents_of(name):
                del self.agents[agent]
        if self._on_lapsed is not None:
            self._on_lapsed(gone, anew)

    def _agents_of(self, host: str) -> list[str]:
        return [name for name in self.agents if name.partition("/")[0] == host]

    def _send(self, line: Line, data: bytes) -> None:
        try:
            line.socket.send_multipart([line.identity, data], zmq.NOBLOCK)
        except zmq.ZMQError:
            return  # the peer is gone or does not read; commands are repeated, the rest is news

    def _send_pending(self, now_s: float) -> None:
        with self._lock:
            due = [each for each in self._pending.values() if now_s - each.sent_at_s >= REPEAT_EVERY_S]
        for pending in due:
            known = self.agents.get(pending.agent) or self.hosts.get(pending.agent)
            if known is not None:
                pending.sent_at_s = now_s
                self._send(known.line, pending.data)

    def _receive(self, router: Router) -> None:
        for _ in range(1000):
            try:
                frames = router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            who = str(frames[-1].get("User-Id")) if self._registrar and router is not self._sockets[0] else None
            self._take(router, [frame.bytes for frame in frames], who)
        with self._changed:
            self._changed.notify_all()

    def _take(self, router: Router, parts: list[bytes], who: str | None = None) -> None:
        """`who`: the host whose key it is at the other end; None: nobody had to show one."""
        if len(parts) != 2:
            self.garbage += 1
            return
        line, data = Line(router, parts[0]), parts[1]
        if who is not None and who.startswith(BY_TOKEN):
            self._take_enrol(line, data, who)
            return
        try:
            report = decode_report(data)
        except msgspec.DecodeError:
            self._take_other(line, data, who)
            return
        if who is not None and not self._is_its_own(report, who):
            self.spoofed += 1
            return
        if isinstance(report, Join):
            self._joined(line, report)
        elif isinstance(report, Beat | Doors | Sheet):
            agent = self.agents.get(report.agent)
            if agent is None or agent.line != line:
                return
            agent.heard_at_s = time.monotonic()
            if isinstance(report, Beat):
                agent.beat = report
            elif isinstance(report, Doors):
                agent.doors = report
            elif self._on_sheet is not None:
                self._on_sheet(report)
        elif isinstance(report, Done):
            with self._lock:
                pending = self._pending.pop(report.id, None)
            if pending is not None and not pending.future.done():
                pending.future.set_result(report)
        elif isinstance(report, Superseded):
            self._superseded(report)

    def _is_its_own(self, report: Report, who: str) -> bool:
        """A host speaks for its own agents, answers what they were asked, and shows their own blocks."""
        if isinstance(report, Done | Superseded):
            with self._lock:
                asked = self._pending.get(report.id)
            if asked is not None and asked.agent.partition("/")[0] != who:
                return False
        if isinstance(report, Superseded):
            return True
        name, _, epoch = report.agent.partition("/")
        return name == who and (not isinstance(report, Sheet | Doors) or epoch == str(report.placement_epoch))

    def _joined(self, line: Line, join: Join) -> None:
        if join.version != PROTOCOL_VERSION:
            self.misfits[join.agent] = join.version
            return
        mine = self._agents_of(join.agent.partition("/")[0])
        if join.agent not in self.agents and len(mine) >= AGENTS_MAX:
            del self.agents[min(mine, key=lambda name: self.agents[name].heard_at_s)]
        before = self.agents.get(join.agent)
        joins = 1 if before is None else before.joins + 1
        doors = before.doors if before is not None and before.join.pid == join.pid else None
        self.agents[join.agent] = Agent(line, join, None, time.monotonic(), joins, doors)
        self._send(line, encode(Welcome(self.epoch)))
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

    def _take_other(self, line: Line, data: bytes, who: str | None) -> None:
        """An offer of a host, or what another command asks; the latter on this machine only."""
        try:
            offer = hostmessages.decode_offer(data)
        except msgspec.DecodeError:
            if line.socket is self._sockets[0]:
                self._take_ask(line, data)
            else:
                self.garbage += 1
            return
        if self._on_offer is None:
            self.garbage += 1
            return
        if who is not None and offer.host != who:
            self.spoofed += 1
            line_back = f"the key is that of host {who!r}, not of {offer.host!r}: say --name {who}"
            self._send(line, hostmessages.encode(Refused(line_back, True)))
            return
        if offer.host not in self.hosts and len(self.hosts) >= HOSTS_MAX:
            self.garbage += 1
            return
        refused = self._on_offer(offer, self.hosts.get(offer.host))
        if refused is not None:
            self._send(line, hostmessages.encode(refused))
            return
        self.hosts[offer.host] = HostLine(line, offer, time.monotonic())
        if offer.coordinator_epoch < self.epoch:
            self._send(line, encode(Welcome(self.epoch)))

    def _take_enrol(self, line: Line, data: bytes, who: str) -> None:
        """All that a token is good for."""
        try:
            wish = hostmessages.decode_enrol(data)
        except msgspec.DecodeError:
            self.garbage += 1
            return
        if self._registrar is not None:
            self._send(line, hostmessages.encode(self._registrar.enrol(who, wish, self._is_heard)))

    def _is_heard(self, host: str) -> bool:
        found = self.hosts.get(host)
        return found is not None and time.monotonic() - found.heard_at_s <= HEARD_S

    def _take_ask(self, line: Line, data: bytes) -> None:
        try:
            ask = clientmessages.decode_ask(data)
        except msgspec.DecodeError:
            self.garbage += 1
            return
        handler = self._on_ask
        if handler is None:
            self._outbox.put((line, clientmessages.encode(Answer(ask.id, error="no commands are taken here"))))
            return

        def work() -> None:
            self._outbox.put((line, clientmessages.encode(handler(ask))))
            self._nudge()

        self._workers.submit(work)
