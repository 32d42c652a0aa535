"""The porter of a host: `planaria agent --join tcp://HOST:PORT --name NAME --capacity N`.

It offers room to a coordinator, and for each block of the grid that it is given starts an ordinary agent, which speaks
to the coordinator itself. A block that is not (or no longer) wanted is killed before anything else is done: after a
partition it may have been given to another host. Knows no cell. May import all of `cellnode`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zmq

from cellnode.blockagents import BlockAgents
from cellnode.coordinatorlink import CoordinatorLink
from cellnode.enrolment import Enrolment
from cellnode.hatch import Hatch
from cellnode.hostmessages import Offer, Refused, Tend, decode_order, encode
from cellnode.keywatch import KeyWatch
from cellnode.messages import PROTOCOL_VERSION, Done, Superseded
from cellnode.runtime import Runtime
from cellnode.signals import Wakeup
from cellnode.whereabouts import boot_id, own_address
from firmware_sim.errors import BadInput, PlanariaError

OFFER_NS = 500_000_000
LOOK_MS = 100
SILENT_NS = 5_000_000_000  # without a word: it is said that the coordinator is away
SAY_AGAIN_NS = 30_000_000_000
REFUSED_NS = 15_000_000_000  # a refusal that may pass is borne for so long
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
        words = ["--connect", config.endpoint, *([] if config.keys is None else ["--keys", str(config.keys)])]
        self._agents = BlockAgents(config.home, words)
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
        wakeup = Wakeup(self._on_signal)
        hatch = Hatch(self._config.home)
        try:
            while not self._stopping:
                ready = self._link.poll({wakeup.fileno(): zmq.POLLIN, hatch.fileno(): zmq.POLLIN}, LOOK_MS)
                if hatch.fileno() in ready:
                    hatch.answer({"host": self._config.name, "joined": self._known, "blocks": len(self._agents.blocks)})
                wakeup.drain()
                self._agents.reap(self._on_death)
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
            self._agents.end_all()
            hatch.close()
            self._end_enrolment()
            self._link.close()
            Runtime(self._config.home).remove()

    def _on_signal(self) -> None:
        self._stopping = True

    def _on_death(self, epoch: int, last_words: str) -> None:
        self._offered_ns = 0
        if not self._stopping:
            self._say(f"{self._config.name}: the agent of block {epoch} has ended; {last_words}")

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
        self._agents.end_all()
        self._agents.forget()
        self._instance = os.urandom(8).hex()

    def _tend(self, order: Tend) -> None:
        if self._answered is None or self._answered.id != order.id:
            error = ""
            try:
                self._carry(order)
            except (PlanariaError, OSError) as problem:
                error = str(problem)
            self._answered = Done(order.id, not error, error, [], self._config.name)
            self._offered_ns = 0
            self._stopping |= order.over and self._config.once
        self._send(self._answered)

    def _carry(self, order: Tend) -> None:
        """Just the blocks that are ours now."""
        name = self._config.name
        if order.run != self._run:  # its blocks have numbers of their own
            self._agents.forget()
            for epoch in self._agents.blocks:
                self._say(f"{name}: block {epoch} of run {self._run} is given up for another run")
                self._agents.end(epoch)
        self._run = order.run
        for epoch in self._agents.blocks:
            if epoch not in order.blocks:
                if not order.over:
                    self._say(f"{name}: block {epoch} is no longer ours; its cells are killed")
                self._agents.end(epoch)
        for epoch in order.blocks:
            self._agents.begin(epoch, self._run, f"{name}/{epoch}", self._address)

    def _speak(self, now_ns: int) -> None:
        if self._address and now_ns - self._offered_ns >= OFFER_NS and self._send(self._offer()):
            self._offered_ns = now_ns
        silent = now_ns - self._heard_ns > SILENT_NS and not self._refusal
        if silent and (not self._told_ns or now_ns - self._told_ns > SAY_AGAIN_NS):
            self._told_ns = now_ns
            seconds = (now_ns - (self._heard_ns if self._known else self._began_ns)) / 1e9
            cells = f"; the cells of {len(self._agents.blocks)} blocks go on" if self._agents.blocks else ""
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
            blocks=self._agents.blocks,
            ended=self._agents.spent[-ENDED_TOLD:],
        )

    def _send(self, message: Offer | Done | Superseded) -> bool:
        return self._link.send_bytes(encode(message))
