"""The porter of a host: `planaria agent --join tcp://HOST:PORT --name NAME --capacity N`.

It offers room to a coordinator, and for each block of the grid that it is given starts an ordinary agent, which speaks
to the coordinator itself. A block that is not (or no longer) wanted is killed before anything else is done: after a
partition it may have been given to another host. Knows no cell. When it dies, the kernel kills its agents, and they
their cells. May import all of `cellnode`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zmq

from cellnode.coordinatorlink import CoordinatorLink
from cellnode.enrolment import Enrolment
from cellnode.hatch import Hatch
from cellnode.hostmessages import Offer, Refused, Tend, decode_order, encode
from cellnode.keywatch import KeyWatch
from cellnode.messages import PROTOCOL_VERSION, Done, Superseded
from cellnode.runtime import Runtime
from firmware_sim.errors import BadInput, PlanariaError, RunFailed

OFFER_NS = 500_000_000
LOOK_MS = 100
SILENT_NS = 5_000_000_000  # without a word: it is said that the coordinator is away
SAY_AGAIN_NS = 30_000_000_000
REFUSED_NS = 15_000_000_000  # a refusal that may pass is borne for so long
SWEEP_S = 10.0
ENDED_TOLD = 64

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HostConfig:
    """Who this host is; `endpoint`: where its coordinator is; `address`: where its cells bind TCP."""

    name: str
    endpoint: str
    address: str
    capacity: int
    home: Path  # private directory: one below it for each block
    keys: Path | None = None  # folder with its key; None: on this machine alone
    token: Path | None = None  # shown to be put on the coordinator's list
    once: bool = False  # leave when the coordinator ends the run


class Porter:
    """One host's loop; construct it only while holding the lock in its home."""

    def __init__(self, config: HostConfig, say: Say) -> None:
        self._config, self._say = config, say
        self._instance, self._machine = os.urandom(8).hex(), boot_id()
        self._address = config.address or own_address(config.endpoint)
        self._watch = KeyWatch(config.keys)
        keys = self._watch.keys
        self._link = CoordinatorLink(config.endpoint, keys)
        self._enrolment: Enrolment | None = None
        if config.token is not None and keys is not None:
            self._enrolment = Enrolment(config.endpoint, config.token, config.name, keys.own.public, say)
        self._agents: dict[int, subprocess.Popen[bytes]] = {}  # by placement epoch
        self._spent: set[int] = set()  # epochs whose agent has died: they do not come again
        self._run = ""
        self._coordinator_epoch = 0
        self._answered: Done | None = None
        self._stopping = False
        self._began_ns = self._heard_ns = time.monotonic_ns()
        self._known = False  # a coordinator has spoken
        self._told_ns = 0
        self._offered_ns = 0
        self._refused_ns = 0
        self._refusal = ""

    def run(self) -> None:
        """Until SIGTERM, or the end of the run if it lives for one only. Raises BadInput when refused for good."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        hatch = Hatch(self._config.home)
        try:
            while not self._stopping:
                ready = self._link.poll({wake_read: zmq.POLLIN, hatch.fileno(): zmq.POLLIN}, LOOK_MS)
                if hatch.fileno() in ready:
                    hatch.answer({"host": self._config.name, "joined": self._known, "blocks": len(self._agents)})
                if wake_read in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake_read, 4096)
                self._reap()
                now_ns = time.monotonic_ns()
                self._renew(now_ns)
                if self._link.connected_anew():
                    self._offered_ns = 0
                    self._look_at_address()
                for data in self._link.receive():
                    self._hear(data, now_ns)
                self._enrol(now_ns)
                self._speak(now_ns)
        finally:
            for epoch in list(self._agents):
                self._end(epoch)
            hatch.close()
            self._end_enrolment()
            self._link.close()
            Runtime(self._config.home).remove()

    def _on_signal(self, *_: object) -> None:
        self._stopping = True

    def _renew(self, now_ns: int) -> None:
        """Other keys are used as soon as they are there. With another key of its own this is another host to its
        neighbours: the cells go, and come back under the new one."""
        trouble = self._watch.trouble
        before = self._watch.renewed(now_ns)
        if self._watch.trouble not in ("", trouble):
            self._say(f"{self._config.name}: {self._watch.trouble}; the keys read before are used on")
        keys = self._watch.keys
        if before is None or keys is None:
            return
        if before.own != keys.own:
            self._begin_anew("another key of this host; its cells are killed and start anew with it")
        else:
            self._say(f"{self._config.name}: another key of the coordinator; calling it anew")
        self._link.renew(keys)
        self._offered_ns = 0

    # ---- the coordinator

    def _hear(self, data: bytes, now_ns: int) -> None:
        try:
            message = decode_order(data)
        except msgspec.DecodeError:
            return
        if isinstance(message, Refused):
            self._refuse(message, now_ns)
            return
        epoch = message.id >> 32 if isinstance(message, Tend) else message.coordinator_epoch
        if epoch < self._coordinator_epoch:
            self._send(Superseded(message.id if isinstance(message, Tend) else 0, self._coordinator_epoch))
            return
        self._coordinator_epoch, self._heard_ns, self._refusal = epoch, now_ns, ""
        if not self._known or self._told_ns:
            self._known, self._told_ns = True, 0
            config = self._config
            self._say(f"{config.name}: joined {config.endpoint}, with room for {config.capacity} cells")
        if isinstance(message, Tend):
            self._tend(message)

    def _refuse(self, refused: Refused, now_ns: int) -> None:
        if not self._refusal:
            self._refused_ns = now_ns
        if refused.for_good or now_ns - self._refused_ns > REFUSED_NS:
            raise BadInput(refused.reason)
        if refused.reason != self._refusal:
            self._say(f"{refused.reason}; trying again")
        self._refusal = refused.reason

    def _enrol(self, now_ns: int) -> None:
        """Show the token, until a coordinator has put this host on its list or lets it in anyway."""
        answer = None if self._enrolment is None or self._known else self._enrolment.step(now_ns)
        if isinstance(answer, Refused):
            self._refuse(answer, now_ns)
        elif answer is not None:
            self._say(f"{self._config.name}: the coordinator at {self._config.endpoint} has this host on its list now")
            if self._watch.keys is not None:
                self._link.renew(self._watch.keys)  # it would try again only seconds later
        if self._known or (answer is not None and not isinstance(answer, Refused)):
            self._end_enrolment()

    def _end_enrolment(self) -> None:
        if self._enrolment is not None:
            self._enrolment.close()
            self._enrolment = None

    def _look_at_address(self) -> None:
        """Cells cannot be reached under an address that this host has lost: they end, and it begins anew."""
        before, now = self._address, self._config.address or own_address(self._config.endpoint)
        self._address = now or before
        if not before or self._address == before:
            return
        self._begin_anew(f"this host was {before} and is {self._address} now; its cells start anew there")

    def _begin_anew(self, why: str) -> None:
        """As a host that nobody has seen before."""
        self._say(f"{self._config.name}: {why}")
        for epoch in list(self._agents):
            self._end(epoch)
        self._spent.clear()
        self._instance = os.urandom(8).hex()

    def _tend(self, order: Tend) -> None:
        if self._answered is None or self._answered.id != order.id:
            error = ""
            try:
                if order.run != self._run:  # its blocks have numbers of their own
                    self._spent.clear()
                    for epoch in list(self._agents):
                        self._say(f"{self._config.name}: block {epoch} of run {self._run} is given up for another run")
                        self._end(epoch)
                self._run = order.run
                for epoch in [epoch for epoch in self._agents if epoch not in order.blocks]:
                    if not order.over:
                        self._say(f"{self._config.name}: block {epoch} is no longer ours; its cells are killed")
                    self._end(epoch)
                for epoch in order.blocks:
                    if epoch not in self._agents and epoch not in self._spent:
                        self._begin(epoch)
            except (PlanariaError, OSError) as problem:
                error = str(problem)
            self._answered = Done(order.id, not error, error, [], self._config.name)
            self._offered_ns = 0
            self._stopping |= order.over and self._config.once
        self._send(self._answered)

    def _speak(self, now_ns: int) -> None:
        if self._address and now_ns - self._offered_ns >= OFFER_NS and self._send(self._offer()):
            self._offered_ns = now_ns
        silent = now_ns - self._heard_ns > SILENT_NS and not self._refusal
        if silent and (not self._told_ns or now_ns - self._told_ns > SAY_AGAIN_NS):
            self._told_ns = now_ns
            seconds = (now_ns - (self._heard_ns if self._known else self._began_ns)) / 1e9
            cells = f"; the cells of {len(self._agents)} blocks go on" if self._agents else ""
            self._say(
                f"{self._config.name}: no coordinator has answered at {self._config.endpoint} for {seconds:.0f} s, "
                f"still trying{self._hint()}{cells}"
            )

    def _hint(self) -> str:
        if not own_address(self._config.endpoint):
            return " (no way to that address, or its name, is known here)"
        return "" if self._config.keys is None or self._known else " (is this host's key on the coordinator's list?)"

    def _offer(self) -> Offer:
        config = self._config
        return Offer(
            version=PROTOCOL_VERSION,
            host=config.name,
            instance=self._instance,
            pid=os.getpid(),
            machine=self._machine,
            address=self._address,
            capacity=config.capacity,
            coordinator_epoch=self._coordinator_epoch,
            run=self._run,
            blocks=sorted(self._agents),
            ended=sorted(self._spent)[-ENDED_TOLD:],
        )

    def _send(self, message: Offer | Done | Superseded) -> bool:
        return self._link.send_bytes(encode(message))

    # ---- its agents

    def _begin(self, epoch: int) -> None:
        runtime, config = self._runtime(epoch), self._config
        runtime.create()
        command = [sys.executable, "-m", "cellnode.agent", "--run", self._run, "--runtime", str(runtime.path)]
        command += ["--connect", config.endpoint, "--name", f"{config.name}/{epoch}", "--address", self._address]
        command += ["--parent", str(os.getpid()), "--foreground"]
        command += [] if config.keys is None else ["--keys", str(config.keys)]
        with runtime.log.open("ab") as log:
            self._agents[epoch] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _end(self, epoch: int) -> None:
        """SIGKILL the agent, and so its cells; returns when none is left."""
        agent = self._agents.pop(epoch)
        if agent.returncode is None:
            agent.kill()
            agent.wait()
        self._sweep(epoch)

    def _sweep(self, epoch: int) -> None:
        runtime = self._runtime(epoch)
        if runtime.path.is_dir():
            runtime.sweep(SWEEP_S)
            shutil.rmtree(runtime.path, ignore_errors=True)

    def _reap(self) -> None:
        """Notice agents that died. As process 1 of a container, reap strangers, too."""
        by_pid = {agent.pid: epoch for epoch, agent in self._agents.items()}
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0] != 0:
                epoch = by_pid.get(found[0])
                if epoch is None:
                    continue
                self._agents.pop(epoch).returncode = os.waitstatus_to_exitcode(found[1])
                self._spent.add(epoch)
                self._offered_ns = 0
                if not self._stopping:
                    self._say(f"{self._config.name}: the agent of block {epoch} has ended; {self._last_words(epoch)}")
                self._sweep(epoch)

    def _last_words(self, epoch: int) -> str:
        try:
            lines = self._runtime(epoch).log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        return f"its last words: {lines[-1]}" if lines else "it left no word"

    def _runtime(self, epoch: int) -> Runtime:
        return Runtime(self._config.home / str(epoch))


def own_address(endpoint: str) -> str:
    """The address from which this host reaches the coordinator, "" when there is no way to it; nothing is sent."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, int(port)))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def boot_id() -> str:
    """Names this boot of this machine, and its clock: in a time namespace CLOCK_MONOTONIC is another one."""
    boot, clock = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/timens_offsets")
    shift = [line.split() for line in clock.read_text().splitlines()] if clock.exists() else []
    moved = [word for line in shift if line[:1] == ["monotonic"] and line[1:] != ["0", "0"] for word in line[1:]]
    return "+".join([boot.read_text().strip() if boot.exists() else "", *moved])


def sweep_home(home: Path) -> None:
    """Remove what a porter that was killed has left, once its last cell is gone. Only while holding the lock."""
    for path in sorted(home.iterdir()) if home.is_dir() else ():
        if path.is_dir():
            runtime = Runtime(path)
            with contextlib.suppress(FileNotFoundError):
                runtime.sweep(SWEEP_S)
            shutil.rmtree(path, ignore_errors=True)
    if any(path.is_dir() for path in home.iterdir()):
        raise RunFailed(f"{home} holds blocks of an earlier agent that cannot be removed")
