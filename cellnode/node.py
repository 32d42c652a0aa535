"""The process around one cell: its sockets, its page, and the agent's word. Forked from the zygote, it never returns.

Bound, it waits to be wired; wired, to be started; from then on its heart beats (`heart.py`) unless the swarm is paused.
It decides nothing about states: that is `cell.py`. It talks to no coordinator and maps no page but its own. Imports
pyzmq by way of `cellnode.links`, the cell, its page and its control socket.
"""

from __future__ import annotations

import select
import time
from pathlib import Path

import zmq

from cellnode import clockfault, control, draws, harm, links
from cellnode.blackbox import RecordedPage
from cellnode.cell import Cell
from cellnode.control import CellPoke, Wanted
from cellnode.curve import KeyPair
from cellnode.heart import Heart
from cellnode.page import Page
from cellnode.panel import Counter, Phase
from cellnode.prctl import set_process_name
from cellnode.runtime import Runtime
from cellnode.zygote_wire import Birth, Plan
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS

PAUSE_LOOK_MS = 500  # how often a paused cell looks at the header in case the agent's word was lost
CONTROL_BAD = int(Counter.CONTROL_BAD)


def live(plan: Plan, runtime: Runtime, birth: Birth, engine: Engine) -> None:
    """The whole life of a cell, in a process just forked."""
    set_process_name(f"cell-{birth.cell}")
    page = _page(plan, runtime, birth, engine)
    try:
        node = Node(plan, runtime, birth, engine, page)
        node.run()
    except BaseException:
        page.show_phase(Phase.FAILED)
        raise


def _page(plan: Plan, runtime: Runtime, birth: Birth, engine: Engine) -> Page:
    who = (runtime.panel, birth.index, birth.cell, plan.epoch, birth.life)
    if not plan.rings:
        return Page(*who)
    return RecordedPage(*who, Path(plan.rings), CHANNELS * engine.dtype.itemsize)


class Node:
    """One cell with its sockets and its page."""

    def __init__(self, plan: Plan, runtime: Runtime, birth: Birth, engine: Engine, page: Page) -> None:
        self._plan, self._birth, self._engine, self._page = plan, birth, engine, page
        self._known: set[str] = set()  # keys of the hosts on which neighbours live
        self._control = control.bind(runtime.control_path(birth.cell))
        self._context = links.make_context()
        self._mouth = links.Mouth(self._context, runtime.endpoint(birth.cell))
        if birth.port >= 0:
            page.show_port(self._mouth.open_door(plan.address, birth.port, _keys(plan), self._admit))
        self._ears: links.Ears | None = None
        self._heart: Heart | None = None
        self._wanted: Wanted | None = None
        self._command = 0  # id of the last poke applied
        self._alone = select.poll()  # the control socket only
        self._alone.register(self._control.fileno(), select.POLLIN)
        page.show_phase(Phase.BOUND)

    def _admit(self, key: str) -> str | None:
        """Asked on the doorkeeper's thread: who may hear this cell."""
        return key if key in self._known else None

    def run(self) -> None:
        """For ever. First until the agent lets the clock tick, then beat after beat."""
        while self._heart is None:
            self._alone.poll()
            self._hear_agent()
        while True:
            if self._paused():
                self._rest(self._heart)
            elif self._heart.beat():
                self._hear_agent()

    # ---- pause

    def _paused(self) -> bool:
        word = self._page.paused
        if word is not None:
            return word
        return self._wanted is not None and self._wanted.paused

    def _rest(self, heart: Heart) -> None:
        """Stand still until the swarm goes on; for the cell no time has passed then."""
        began_ns = time.monotonic_ns()
        paused = True
        while paused:
            told = self._alone.poll(PAUSE_LOOK_MS)
            paused = self._paused()
            if told or not paused:
                now_ns = time.monotonic_ns()
                heart.shift(now_ns - began_ns)  # before anything new is timed from now
                began_ns = now_ns
            if told:
                self._hear_agent()
                paused = self._paused()

    # ---- the agent's word

    def _hear_agent(self) -> None:
        """Everything that waits on the control socket."""
        while True:
            try:
                data = self._control.recv(control.MAX_DATAGRAM)
            except BlockingIOError:
                return
            message = control.decode(data)
            if message is None or not self._apply(message):
                self._page.counters[CONTROL_BAD] += 1
                self._page.show_counters()

    def _apply(self, message: Wanted | CellPoke) -> bool:
        try:
            if isinstance(message, Wanted):
                self._want(message)
            else:
                self._poke(message)
        except (BadInput, ValueError, zmq.ZMQError):
            return False  # a datagram that no agent of ours sends: counted by the caller, nothing else
        return True

    def _want(self, wanted: Wanted) -> None:
        if self._wanted is not None and wanted.version <= self._wanted.version:
            return
        now_ns = time.monotonic_ns()
        page, plan = self._page, self._plan
        if self._ears is None:
            self._ears = links.Ears(
                self._context, self._birth.cell, plan.tag, wanted.interval_ns, page.counters, _keys(plan)
            )
        before, self._known = self._known, {link.key for link in wanted.links if link.key}
        if before - self._known:  # no neighbour lives there any more, or its key was taken back
            page.show_port(self._mouth.readmit())
        self._ears.wire(wanted.links, wanted.faults, wanted.interval_ns, now_ns)
        if self._heart is None and wanted.running:
            self._heart = self._begin(wanted, self._ears, now_ns)
        self._wanted = wanted
        if self._heart is None:
            page.show_phase(Phase.WIRED)
        else:
            self._heart.listen_anew()
            self._tell(self._heart.cell, wanted, now_ns)
            self._heart.cell.set_clock(self._clock(wanted))
            self._heart.cell.set_faults(wanted.faults, now_ns)
            self._heart.show_linked()
        page.show_version(wanted.version)

    def _begin(self, wanted: Wanted, ears: links.Ears, now_ns: int) -> Heart:
        """Let the clock tick."""
        birth, plan = self._birth, self._plan
        who = draws.wake_entity(birth.cell, plan.epoch, birth.life)
        cell = Cell(
            birth.cell,
            _neighbours(wanted),
            plan.tag,
            plan.epoch,
            birth.life,
            wanted.interval_ns,
            self._engine,
            self._clock(wanted),
            now_ns,
            self._page.counters,
        )
        bits = draws.draw64(plan.rng_seed, who, draws.Purpose.BIRTH, 0)
        first_ns = now_ns + draws.share(bits, wanted.interval_ns)
        return Heart(cell, ears, self._page, self._mouth, self._control.fileno(), now_ns, first_ns)

    def _clock(self, wanted: Wanted) -> clockfault.Intervals:
        """When this life wakes, by an oscillator that may be a bad one."""
        cell, plan, life = self._birth.cell, self._plan, self._birth.life
        intervals = draws.clock(plan.rng_seed, cell, plan.epoch, life)
        return clockfault.bent(intervals, wanted.faults, cell, (plan.epoch, life), self._page.counters)

    def _tell(self, cell: Cell, wanted: Wanted, now_ns: int) -> None:
        if cell.set_wiring(_neighbours(wanted)):
            cell.greet(now_ns)
        for link in wanted.links:
            cell.announce(link.slot, link.epoch, link.life, link.on)
        if cell.interval_ns != wanted.interval_ns:
            cell.set_interval(wanted.interval_ns, now_ns)

    def _poke(self, poke: CellPoke) -> None:
        if poke.id <= self._command:
            return
        now_ns = time.monotonic_ns()
        if self._heart is None or poke.kind not in control.POKES:
            raise BadInput(f"poke {poke.kind!r} is unknown, or came before the cell was started")
        self._command = poke.id
        try:
            self._carry_out(poke, self._heart.cell, now_ns)
        finally:
            self._page.show_counters()
            self._page.show_command(poke.id)  # last: whoever sees it sees what it has done

    def _carry_out(self, poke: CellPoke, cell: Cell, now_ns: int) -> None:
        if poke.kind == "erase":
            if self._ears is not None:
                self._ears.drain(cell.receive, now_ns)  # what has come already is lost with the rest
            cell.erase(now_ns)
        elif poke.kind == "seed":
            cell.seed(poke.state, now_ns)
        elif poke.kind == "harm":
            harm.carry_out(harm.decode(poke.state), cell, self._plan.rule, now_ns)
        elif poke.kind == "unmap":
            self._page.show_command(poke.id)
            self._page.unmap()
        else:
            self._page.map()


def _keys(plan: Plan) -> KeyPair | None:
    return None if plan.keys is None else KeyPair(*plan.keys)


def _neighbours(wanted: Wanted) -> list[int]:
    cells = [-1] * 8
    for link in wanted.links:
        cells[link.slot] = link.cell
    return cells
