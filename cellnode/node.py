"""The process around one cell: real sockets, real time, one page of shared memory. Forked from the zygote, it never
returns.

    awake       waits on the control socket alone until the cell's next wake, then drains its links, wakes, speaks once
    stretched   the same, and drains its links once a T in between, in case something has changed
    newborn     watches its links until it has heard every neighbour, so that being linked is soon a fact
    asleep      watches its links, without any timeout
    paused      waits until the word in the panel's header says otherwise

It decides nothing about states: that is `cell.py`. It talks to no coordinator and maps no page but its own. Imports
pyzmq by way of `cellnode.links`, the cell, its page and its control socket.
"""

from __future__ import annotations

import select
import time

import zmq

from cellnode import control, draws, harm, links
from cellnode.cell import Cell
from cellnode.control import CellPoke, Wanted
from cellnode.page import Page
from cellnode.panel import Counter, Phase
from cellnode.prctl import set_process_name
from cellnode.runtime import Runtime
from cellnode.zygote_wire import Birth, Plan
from firmware_sim.engines import Engine
from firmware_sim.errors import BadInput

MILLISECOND = 1_000_000
NEVER_NS = 1 << 62
PAUSE_LOOK_MS = 500  # how often a paused cell looks at the header in case the agent's word was lost
NEWBORN_MAX = 4  # in T: after this long a newborn no longer waits by its links for neighbours that do not speak
CPU_NS, RECEIVED, CONTROL_BAD = int(Counter.CPU_NS), int(Counter.RECEIVED), int(Counter.CONTROL_BAD)


def live(plan: Plan, runtime: Runtime, birth: Birth, engine: Engine) -> None:
    """The whole life of a cell, in a process just forked."""
    set_process_name(f"cell-{birth.cell}")
    page = Page(runtime.panel, birth.index, birth.cell, plan.epoch, birth.life)
    try:
        node = Node(plan, runtime, birth, engine, page)
        node.run()
    except BaseException:
        page.show_phase(Phase.FAILED)
        raise


class Node:
    """One cell with its sockets and its page."""

    def __init__(self, plan: Plan, runtime: Runtime, birth: Birth, engine: Engine, page: Page) -> None:
        self._plan, self._birth, self._engine, self._page = plan, birth, engine, page
        self._control = control.bind(runtime.control_path(birth.cell))
        self._context = links.make_context()
        self._publisher = links.bind_publisher(self._context, runtime.endpoint(birth.cell))
        self._ears: links.Ears | None = None
        self._cell: Cell | None = None
        self._wanted: Wanted | None = None
        self._command = 0  # id of the last poke applied
        self._alone = select.poll()  # the control socket only
        self._alone.register(self._control.fileno(), select.POLLIN)
        self._both = self._alone
        self._control_fd = self._control.fileno()
        self._first_wake_ns = NEVER_NS
        self._newborn_until_ns = 0
        page.show_phase(Phase.BOUND)

    def run(self) -> None:
        """For ever. First until the agent lets the clock tick, then wake after wake."""
        while self._cell is None or self._ears is None:
            self._alone.poll()
            self._hear_agent()
        while True:
            if self._paused():
                self._rest()
            else:
                self._wait_and_wake(self._cell, self._ears)

    def _wait_and_wake(self, cell: Cell, ears: links.Ears) -> None:
        """One wait, and one wake if its time has come. The hot path."""
        now_ns = time.monotonic_ns()
        watching = False
        due_ns = self._due_ns(cell)
        until_ns = due_ns
        held_ns = ears.next_due_ns
        if cell.listening or held_ns is not None or now_ns < self._newborn_until_ns:
            self._look(cell, ears, now_ns)
            due_ns, held_ns = self._due_ns(cell), ears.next_due_ns
            until_ns = due_ns
            watching = due_ns is None or now_ns < self._newborn_until_ns
            if due_ns is not None and not watching:
                # Every word of a neighbour would wake us: 8 times an update. Once a T is as soon as if awake.
                until_ns = min(due_ns, now_ns + cell.interval_ns)
            if held_ns is not None and (until_ns is None or held_ns < until_ns):
                until_ns = held_ns
        poller = self._both if watching else self._alone
        if until_ns is None:
            ready = poller.poll()
        else:
            ready = poller.poll(max(0, (until_ns - now_ns + MILLISECOND - 1) // MILLISECOND))
        if ready and (not watching or any(descriptor == self._control_fd for descriptor, _ in ready)):
            self._hear_agent()
        elif due_ns is not None:
            now_ns = time.monotonic_ns()
            if now_ns >= due_ns:
                self._wake(cell, ears, now_ns)

    def _wake(self, cell: Cell, ears: links.Ears, now_ns: int) -> None:
        """Drain, step, show, say; in this order, so that whatever anyone has heard is on the panel already."""
        ears.drain(cell.receive, now_ns)
        frame = cell.wake(now_ns)
        self._first_wake_ns = NEVER_NS
        if frame is None:
            return
        page = self._page
        page.counters[CPU_NS] = time.process_time_ns()
        page.show_state(cell, time.monotonic_ns(), now_ns)
        self._publisher.send(frame, zmq.NOBLOCK)
        if page.phase is not Phase.LINKED:
            self._show_linked(cell)

    def _look(self, cell: Cell, ears: links.Ears, now_ns: int) -> None:
        """Take what has come between two wakes, and show what was counted."""
        counters = self._page.counters
        before = counters[RECEIVED]
        ears.drain(cell.receive, now_ns)
        if counters[RECEIVED] != before:
            self._page.show_counters()
            if self._page.phase is not Phase.LINKED:
                self._show_linked(cell)

    def _due_ns(self, cell: Cell) -> int | None:
        """When to wake: as the cell says; but a newborn speaks for the first time within one T, see `_begin`."""
        due_ns = cell.next_wake_ns
        return due_ns if due_ns is None or due_ns < self._first_wake_ns else self._first_wake_ns

    def _show_linked(self, cell: Cell) -> None:
        if cell.linked:
            self._page.show_phase(Phase.LINKED)
            self._newborn_until_ns = 0
        else:
            self._page.show_phase(Phase.WIRED)

    # ---- pause

    def _paused(self) -> bool:
        word = self._page.paused
        if word is not None:
            return word
        return self._wanted is not None and self._wanted.paused

    def _rest(self) -> None:
        """Stand still until the swarm goes on; for the cell no time has passed then."""
        began_ns = time.monotonic_ns()
        paused = True
        while paused:
            told = self._alone.poll(PAUSE_LOOK_MS)
            paused = self._paused()
            if told or not paused:
                now_ns = time.monotonic_ns()
                if self._cell is not None:
                    self._cell.shift(now_ns - began_ns)  # before anything new is timed from now
                self._first_wake_ns += now_ns - began_ns
                self._newborn_until_ns += now_ns - began_ns
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
            self._ears = links.Ears(self._context, self._birth.cell, plan.tag, wanted.interval_ns, page.counters)
        self._ears.wire(wanted.links, wanted.faults, wanted.interval_ns)
        self._both = select.poll()
        self._both.register(self._control.fileno(), select.POLLIN)
        self._both.register(self._ears.fileno(), select.POLLIN)
        if self._cell is None and wanted.running:
            self._cell = self._begin(wanted, now_ns)
        if self._cell is not None:
            self._tell(self._cell, wanted, now_ns)
        self._wanted = wanted
        if self._cell is not None:
            self._show_linked(self._cell)
        else:
            page.show_phase(Phase.WIRED)
        page.show_version(wanted.version)

    def _begin(self, wanted: Wanted, now_ns: int) -> Cell:
        """Let the clock tick. Everyone waits for a newborn's first word, so that is said within one T: an exponential
        clock alone would take up to 8 T for the slowest of thousands."""
        birth, plan = self._birth, self._plan
        clock = draws.clock(plan.rng_seed, birth.cell, plan.epoch, birth.life)
        who = draws.wake_entity(birth.cell, plan.epoch, birth.life)
        bits = draws.draw64(plan.rng_seed, who, draws.Purpose.BIRTH, 0)
        self._first_wake_ns = now_ns + draws.share(bits, wanted.interval_ns)
        self._newborn_until_ns = now_ns + NEWBORN_MAX * wanted.interval_ns
        return Cell(
            birth.cell,
            _neighbours(wanted),
            plan.tag,
            plan.epoch,
            birth.life,
            wanted.interval_ns,
            self._engine,
            clock,
            now_ns,
            self._page.counters,
        )

    def _tell(self, cell: Cell, wanted: Wanted, now_ns: int) -> None:
        cell.set_wiring(_neighbours(wanted))
        for link in wanted.links:
            cell.announce(link.slot, link.epoch, link.life, link.on)
        if cell.interval_ns != wanted.interval_ns:
            cell.set_interval(wanted.interval_ns, now_ns)

    def _poke(self, poke: CellPoke) -> None:
        if poke.id <= self._command:
            return
        now_ns = time.monotonic_ns()
        if self._cell is None or poke.kind not in control.POKES:
            raise BadInput(f"poke {poke.kind!r} is unknown, or came before the cell was started")
        self._command = poke.id
        try:
            self._carry_out(poke, self._cell, now_ns)
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


def _neighbours(wanted: Wanted) -> list[int]:
    cells = [-1] * 8
    for link in wanted.links:
        cells[link.slot] = link.cell
    return cells
