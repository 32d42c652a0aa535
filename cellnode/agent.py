"""The agent of a host: `python -m cellnode.agent --run R --runtime DIR --connect ENDPOINT --name host0`, a daemon.

A single-threaded loop around three things: the coordinator's word (a DEALER that reconnects for ever), the zygote's
news, and signals. It is no child of the coordinator's life: without one, nothing changes for the cells. When it dies
the kernel kills zygote and cells, and the next agent sweeps what they left. SIGTERM means Stop. May import all of
`cellnode`.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
import time
from pathlib import Path

import msgspec
import zmq

from cellnode import celltable
from cellnode.coordinatorlink import CoordinatorLink
from cellnode.desk import Desk
from cellnode.keywatch import KeyWatch
from cellnode.messages import Beat, Command, Door, Doors, Place, Show, Stop, Welcome, decode_command
from cellnode.patchhost import AnyHost, host_for
from cellnode.prctl import become_subreaper, die_with_parent, raise_descriptor_limit, set_process_name
from cellnode.reports import Identity, beat, join
from cellnode.runtime import Runtime, try_lock
from cellnode.sheets import Sheets
from cellnode.signals import Wakeup
from cellnode.zygote_link import ZygoteLink
from firmware_sim.errors import BadInput, PlanariaError

BEAT_NS = 250_000_000
JOIN_AFTER_NS = 2_000_000_000  # of silence
DOORS_NS = 2_000_000_000  # between two times that the unchanged list is said
BUSY_MS = 20  # between two looks while something is on its way
log = logging.getLogger("cellnode.agent")


class Agent:
    """One host's loop. Construct it only while holding the runtime directory's agent lock."""

    def __init__(
        self, run: str, runtime: Runtime, endpoint: str, name: str, address: str = "", keys: Path | None = None
    ) -> None:
        self._run, self._runtime, self._me = run, runtime, Identity(name, run, runtime)
        self._watch = KeyWatch(keys)
        self._link = CoordinatorLink(endpoint, self._watch.keys)
        self._keys = None if self._watch.keys is None else self._watch.keys.own
        self._desk = Desk(name)
        self._address = address
        self._host: AnyHost | None = None
        self._sheets: Sheets | None = None
        self._doors: list[Door] = []  # as last said
        self._doors_ns = 0
        self._zygote = ZygoteLink()
        self._zygote_losses = 0
        self._quick_losses = 0  # in a row, of zygotes that never became ready
        self._stop_id: int | None = None  # of the command to answer before leaving
        self._stopping = False
        self._heard_ns = 0  # when a coordinator last spoke
        self._joined_ns = 0
        self._beat_ns = 0

    def run(self) -> None:
        """Until Stop or SIGTERM."""
        wakeup = Wakeup(self._on_signal)
        while not self._stopping:
            ready = self._link.poll(
                {wakeup.fileno(): zmq.POLLIN, self._zygote.fileno(): self._zygote.poll_events}, self._timeout_ms()
            )
            now_ns = time.monotonic_ns()
            if wakeup.fileno() in ready:
                wakeup.drain()
                self._zygote.reap()
            self._renew(now_ns)
            if self._link.connected_anew():
                self._heard_ns = self._joined_ns = 0
            for data in self._link.receive():
                self._hear_coordinator(data, now_ns)
            self._hear_zygote(now_ns)
            if self._host is not None:
                self._host.tick(now_ns)
            self._desk.tick(now_ns)
            self._speak(now_ns)
        self._leave()

    def _timeout_ms(self) -> int:
        host = self._host
        busy = self._desk.waiting or (host is not None and host.busy)
        longest_ms = BUSY_MS if busy else BEAT_NS // 1_000_000
        if host is None or host.keeper is None:
            return longest_ms
        return min(longest_ms, host.keeper.next_ms(time.monotonic_ns()))

    def _on_signal(self) -> None:
        self._stopping = True

    def _renew(self, now_ns: int) -> None:
        """Another coordinator's key is used at once. Another one of this host is its porter's business, who ends us."""
        before, keys = self._watch.renewed(now_ns), self._watch.keys
        if before is not None and keys is not None and before.own == keys.own:
            log.info("another key of the coordinator: calling it anew")
            self._link.renew(keys)

    # ---- the coordinator

    def _hear_coordinator(self, data: bytes, now_ns: int) -> None:
        try:
            message = decode_command(data)
        except msgspec.DecodeError as error:
            log.warning("dropped what is no command: %s", error)
            return
        if isinstance(message, Welcome):
            if self._desk.greets(message.coordinator_epoch):
                self._heard_ns = now_ns
        elif isinstance(message, Show):
            if self._sheets is not None:
                self._link.send(self._sheets.answer(message.asked_ns, message.base, time.monotonic_ns()))
        elif self._desk.admits(message):
            self._heard_ns = now_ns
            self._obey(message, now_ns)

    def _obey(self, command: Command, now_ns: int) -> None:
        if isinstance(command, Stop):
            self._stop_id, self._stopping = command.id, True
        elif isinstance(command, Place):
            try:
                self._place(command, now_ns)
            except PlanariaError as error:
                self._desk.answer(command.id, str(error))
        else:
            self._desk.obey(command, self._host, now_ns)

    def _place(self, command: Place, now_ns: int) -> None:
        placement = command.placement
        celltable.check(placement)
        if placement.run != self._run:
            raise BadInput(f"placement is of run {placement.run!r}, this agent serves {self._run!r}")
        if self._host is not None:
            present = self._host.placement
            if placement.epoch < present.epoch or (placement.epoch == present.epoch and placement != present):
                raise BadInput(f"placement epoch is {placement.epoch}, expected more than {present.epoch}")
            if placement.epoch > present.epoch:
                self._clear("replaced by a newer placement")
        if self._host is None:
            self._host = host_for(placement, self._runtime, self._zygote, os.getpid(), self._address, self._keys)
            self._sheets = Sheets(self._me.agent, placement.epoch, self._host.table.pages)
            log.info(
                "placed %d cells, epoch %d, engine %s", len(placement.cells), placement.epoch, placement.rule.engine
            )
        self._desk.placed(command, self._host, now_ns)

    def _clear(self, why: str) -> None:
        """No cells, no placement, a fresh zygote."""
        self._desk.abandon(f"not carried out: {why}")
        self._zygote.end()
        self._close_host()
        self._runtime.sweep()
        self._zygote = ZygoteLink()

    def _close_host(self) -> None:
        self._sheets = None
        if self._host is not None:
            self._host.close(time.monotonic_ns())
        self._host = None

    # ---- the zygote

    def _hear_zygote(self, now_ns: int) -> None:
        for news in self._zygote.news():
            if self._host is not None:
                self._host.hear(news, now_ns)
        if self._zygote.lost:
            self._zygote_losses += 1
            log.warning("zygote %d is lost; its cells are reborn from a new one", self._zygote.pid)
            self._zygote.end()
            self._quick_losses = 0 if self._zygote.ready else self._quick_losses + 1
            time.sleep(min(1.0, 0.1 * self._quick_losses))  # one that cannot even start is not tried in a tight loop
            self._zygote = ZygoteLink()
            if self._host is not None:
                self._host.replace_zygote(self._zygote, time.monotonic_ns())
        if self._host is not None and self._host.error:
            error = self._host.error
            log.error("placement refused: %s", error)
            self._clear(error)

    # ---- what it says

    def _speak(self, now_ns: int) -> None:
        if now_ns - max(self._heard_ns, self._joined_ns) >= JOIN_AFTER_NS and self._link.send(
            join(self._me, self._host, self._desk.coordinator_epoch)
        ):
            self._joined_ns = now_ns
        if now_ns - self._beat_ns >= BEAT_NS:
            self._beat_ns = now_ns
            self._link.send(self._beat(now_ns))
        if self._host is not None and self._address:
            self._tell_doors(self._host, now_ns)
        reports, self._desk.reports = self._desk.reports, []
        for report in reports:
            self._link.send(report)

    def _tell_doors(self, host: AnyHost, now_ns: int) -> None:
        doors = host.doors()
        if (doors != self._doors or now_ns - self._doors_ns >= DOORS_NS) and self._link.send(
            Doors(self._me.agent, host.placement.epoch, doors)
        ):
            self._doors, self._doors_ns = doors, now_ns

    def _beat(self, now_ns: int) -> Beat:
        return beat(self._me, self._host, (self._zygote.pid, self._zygote_losses), now_ns, stopping=self._stopping)

    # ---- the end

    def _leave(self) -> None:
        """Kill all, answer, and leave no process, socket or shared memory behind."""
        self._link.send(self._beat(time.monotonic_ns()))
        self._desk.abandon("not carried out: the agent was stopped")
        self._zygote.end()
        self._close_host()
        if self._stop_id is not None:
            self._desk.answer(self._stop_id)
        for report in self._desk.reports:
            self._link.send(report)
        self._link.close()
        self._runtime.remove()
        log.info("stopped")


def start(arguments: argparse.Namespace) -> None:
    """Become the daemon, under the lock of the runtime directory. Raises PlanariaError before anything has begun."""
    if arguments.parent:
        die_with_parent(arguments.parent)
    keys = Path(arguments.keys) if arguments.keys else None
    runtime = Runtime(Path(arguments.runtime).absolute())
    runtime.create()
    lock = try_lock(runtime.agent_lock)
    if lock is None:
        raise BadInput(f"another agent serves {runtime.path}; stop it first, or choose another --runtime")
    runtime.sweep()
    if not arguments.foreground:
        _detach(runtime)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    become_subreaper()
    set_process_name("planaria-agent")
    raise_descriptor_limit()
    log.info("agent %s of run %s, process %d", arguments.name, arguments.run, os.getpid())
    Agent(arguments.run, runtime, arguments.connect, arguments.name, arguments.address, keys).run()
    os.close(lock)


def _detach(runtime: Runtime) -> None:
    """A session of its own, and no hold on the terminal or on a pipe that somebody waits at."""
    with contextlib.suppress(PermissionError):  # leads a session already
        os.setsid()
    sink = os.open(runtime.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    source = os.open(os.devnull, os.O_RDONLY)
    os.dup2(source, 0)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)
    os.close(source)


def main() -> None:
    """Entry point. Exit codes: 0 stopped, 2 bad input, 4 the run failed."""
    parser = argparse.ArgumentParser(prog="cellnode.agent", description="the agent of one host")
    parser.add_argument("--run", required=True, help="name of the run, as in the placement")
    parser.add_argument("--runtime", required=True, help="private directory for sockets and shared memory")
    parser.add_argument("--connect", required=True, help="the coordinator's endpoint, ipc:// or tcp://")
    parser.add_argument("--name", default="host0", help="what this host is called")
    parser.add_argument("--foreground", action="store_true", help="keep session, output and terminal (for containers)")
    parser.add_argument("--address", default="", help="where cells with neighbours on other hosts bind TCP")
    parser.add_argument("--keys", default="", help="folder with host.key and coordinator.pub")
    parser.add_argument("--parent", type=int, default=0, help="end when this process does, our parent")
    arguments = parser.parse_args()
    try:
        start(arguments)
    except PlanariaError as error:
        print(f"cellnode.agent: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, BadInput) else 4)


if __name__ == "__main__":
    main()
