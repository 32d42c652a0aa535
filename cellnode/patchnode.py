"""The process around one patch: its sockets, its cells' pages, and the agent's word. Forked from the zygote.

The same stages as a single cell's process (`node.py`): bound, it waits to be wired; wired, to be started; then it ticks
(`patchheart.py`) unless the swarm is paused. It talks to no coordinator and maps no page but its cells' own. Imports
pyzmq by way of `patchsockets`, the realm, its pages and its control socket.
"""

from __future__ import annotations

import select
import time
from functools import partial
from pathlib import Path

import numpy as np
import zmq

from cellnode import control, harm, patchcontrol
from cellnode.curve import KeyPair
from cellnode.messages import LIVES_AHEAD
from cellnode.panel import Counter, Phase
from cellnode.patchcontrol import PatchPoke, PatchWanted, flags_of, lives_of
from cellnode.patchheart import PatchHeart
from cellnode.patchlayout import grid, layout
from cellnode.patchpages import PatchPages
from cellnode.patchsockets import Ears, Mouths, make_context
from cellnode.prctl import set_process_name
from cellnode.realm import Realm, state_size
from cellnode.runtime import Runtime
from cellnode.zygote_wire import Birth, Plan
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput

PAUSE_LOOK_MS = 500
MILLISECOND = 1_000_000


def live(plan: Plan, runtime: Runtime, birth: Birth, engine: Engine) -> None:
    """The whole life of a patch, in a process just forked; `birth.cell` is its number."""
    set_process_name(f"patch-{birth.cell}")
    PatchNode(plan, runtime, birth, engine).run()


class PatchNode:
    """One patch with its sockets and pages."""

    def __init__(self, plan: Plan, runtime: Runtime, birth: Birth, engine: Engine) -> None:
        self._plan, self._engine = plan, engine
        assert plan.cut is not None, "a plan for patches says how the grid is cut"
        self._layout = layout(grid(*plan.cut), birth.cell)
        cells = self._layout.cells
        indices = np.searchsorted(np.frombuffer(plan.cells, np.int64), cells)
        self._pages = PatchPages(Path(plan.panel), indices, cells, plan.epoch)
        self._control = control.bind(runtime.control_path(birth.cell))
        context = make_context()
        here = np.frombuffer(plan.cells, np.int64)
        hears = self._layout.hears
        near = [peer for peer in self._layout.peers if np.isin(hears[peer], here).all()]
        self._mouths = Mouths(
            context,
            {peer: runtime.edge_endpoint(birth.cell, peer) for peer in near},
            hears.keys() - set(near),
        )
        keys = None if plan.keys is None else KeyPair(*plan.keys)
        self._known: set[str] = set()  # keys of the hosts on which patches around live
        if birth.port >= 0:
            self._pages.show_port(self._mouths.open_door(plan.address, birth.port, keys, self._admit))
        self._ears = Ears(context, hears, plan.tag, state_size(engine), keys)
        self._heart: PatchHeart | None = None
        self._wanted: PatchWanted | None = None
        self._command = 0
        self._alone = select.poll()
        self._alone.register(self._control.fileno(), select.POLLIN)
        self._both = self._all_ears()
        nobody = np.zeros(len(cells), np.bool_)
        self._pages.show_phases(Phase.BOUND, nobody, ~nobody)

    def _admit(self, key: str) -> str | None:
        """Asked on the doorkeeper's thread: who may hear this patch."""
        return key if key in self._known else None

    def _all_ears(self) -> select.poll:
        both = select.poll()
        for descriptor in (self._control.fileno(), *self._ears.descriptors()):
            both.register(descriptor, select.POLLIN)
        return both

    def run(self) -> None:
        """For ever. First until the agent lets the clocks tick, then tick after tick."""
        while self._heart is None:
            self._alone.poll()
            self._hear_agent()
        while True:
            if self._pages.paused:
                self._rest(self._heart)
                continue
            now_ns = time.monotonic_ns()
            due_ns = self._heart.tick(now_ns)
            tick_at_ns = now_ns + self._heart.tick_ns
            if self._alone.poll(_ms(tick_at_ns if due_ns is None else min(due_ns, tick_at_ns), now_ns)):
                self._hear_agent()
            elif due_ns is None or due_ns > tick_at_ns:  # nothing to do, unless somebody speaks
                self._wait(self._heart, due_ns)

    def _wait(self, heart: PatchHeart, due_ns: int | None) -> None:
        now_ns = time.monotonic_ns()
        heart.tick(now_ns)  # takes what has come: the socket tells of nothing twice
        ready = self._both.poll(None if due_ns is None else _ms(due_ns, now_ns))
        if any(descriptor == self._control.fileno() for descriptor, _ in ready):
            self._hear_agent()

    def _rest(self, heart: PatchHeart) -> None:
        """Stand still until the swarm goes on; for the cells no time has passed then."""
        began_ns = time.monotonic_ns()
        while self._pages.paused:
            told = self._alone.poll(PAUSE_LOOK_MS)
            now_ns = time.monotonic_ns()
            heart.stand(now_ns - began_ns)
            began_ns = now_ns
            if told:
                self._hear_agent()

    # ---- the agent's word

    def _hear_agent(self) -> None:
        while True:
            try:
                data = self._control.recv(patchcontrol.MAX_DATAGRAM)
            except BlockingIOError:
                return
            message = patchcontrol.decode(data)
            good = message is not None and self._apply(message)
            if not good and self._heart is not None:
                self._heart.realm.side.add(Counter.CONTROL_BAD, np.zeros(1, np.int64))

    def _apply(self, message: PatchWanted | PatchPoke) -> bool:
        try:
            if isinstance(message, PatchWanted):
                self._want(message)
            else:
                self._poke(message)
        except (BadInput, ValueError, IndexError, zmq.ZMQError):
            return False  # a datagram that no agent of ours sends: counted by the caller, nothing else
        return True

    def _want(self, wanted: PatchWanted) -> None:
        if self._wanted is not None and wanted.version <= self._wanted.version:
            return
        here, around = len(self._layout.cells), len(self._layout.around)
        lives, still = lives_of(wanted.lives, here), flags_of(wanted.still, here)
        theirs, on = lives_of(wanted.around, around), flags_of(wanted.around_on, around)
        before, self._known = self._known, {peer.key for peer in wanted.peers if peer.key}
        if before - self._known:  # no neighbour lives there any more, or its key was taken back
            self._pages.show_port(self._mouths.readmit())
        self._ears.wire(wanted.peers, wanted.interval_ns)
        self._both = self._all_ears()
        if self._heart is None and wanted.running:
            self._heart = self._begin(wanted)
        self._wanted = wanted
        if self._heart is None:
            self._pages.show_phases(Phase.WIRED, np.zeros(here, np.bool_), lives > 0)
            self._pages.show_dark(np.flatnonzero(lives == 0).tolist())
        else:
            realm = self._heart.realm
            self._heart.tick(time.monotonic_ns())
            realm.set_interval(wanted.interval_ns)
            if wanted.around_epochs:
                epochs = lives_of(wanted.around_epochs, around)
                realm.meet(theirs, on, epochs, np.where(epochs == self._plan.epoch, 0, LIVES_AHEAD))
            else:
                realm.meet(theirs, on)
            dark, born = realm.power(lives)
            self._pages.show_dark(dark[lives[dark] == 0].tolist())
            self._pages.show_birth(born.tolist(), lives)
            realm.freeze(still)
            realm.set_faults(wanted.faults)
            self._pages.show_counters(realm.counters(), np.flatnonzero(lives > 0).tolist())
            self._heart.look_anew()
            self._heart.show_linked()
        self._pages.show_version(wanted.version)

    def _begin(self, wanted: PatchWanted) -> PatchHeart:
        """Let the clocks tick."""
        plan, now_ns = self._plan, time.monotonic_ns()
        realm = Realm(
            self._layout,
            self._engine,
            plan.tag,
            plan.epoch,
            plan.rng_seed,
            wanted.interval_ns,
            now_ns,
            self._pages.show_said,
        )
        realm.side.show_on(self._pages.addresses)
        self._ears.on_spoofed = partial(realm.drop, Counter.DROP_SPOOFED)
        return PatchHeart(realm, self._pages, self._mouths.say, self._ears.drain, time.process_time_ns)

    def _poke(self, poke: PatchPoke) -> None:
        if poke.id <= self._command:
            return
        if self._heart is None or poke.kind not in patchcontrol.POKES:
            raise BadInput(f"poke {poke.kind!r} is unknown, or came before the cells were started")
        self._command = poke.id
        heart, realm = self._heart, self._heart.realm
        heart.tick(time.monotonic_ns())
        cells = [cell for cell in poke.cells if realm.lives[cell] > 0 and not realm.frozen[cell]]
        try:
            if poke.kind == "erase":
                realm.erase(cells)
            elif poke.kind == "seed":
                realm.seed(cells, poke.state)
            else:
                realm.harm(harm.decode(poke.state), cells, self._plan.rule)
        finally:
            self._pages.show_counters(realm.counters(), cells)
            self._pages.show_command(cells, poke.id)


def _ms(at_ns: int, now_ns: int) -> int:
    return max(0, (at_ns - now_ns + MILLISECOND - 1) // MILLISECOND)
