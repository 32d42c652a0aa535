"""The power supply of one host whose processes are patches: `host.py` for processes that carry many cells.

Switching a cell off or on is a word to its patch; a patch no cell of which is wanted on has no process, and one that
dies takes all its cells with it, to be born again together. Time is passed in, processes are the zygote's. May import
everything in `cellnode` below the agent.
"""

from __future__ import annotations

import signal

import numpy as np
from numpy.typing import NDArray

from cellnode.celltable import Indices, name_some
from cellnode.curve import KeyPair
from cellnode.host import TCP, Host
from cellnode.launch import Launch, Orders, Patience, Stage
from cellnode.launches import Launches
from cellnode.messages import Door, Placement, RulePayload
from cellnode.panel import Phase
from cellnode.patchcontrol import Post
from cellnode.patchpokes import PatchPokes
from cellnode.patchtable import PatchTable
from cellnode.patchwanted import PatchWantedStates
from cellnode.runtime import Runtime
from cellnode.zygote_link import ZygoteLink
from cellnode.zygote_wire import Birth, Born, News, Plan, Ready, Reaped
from firmware_sim.errors import BadInput

PATCH_NS, CELL_NS = 20_000_000, 300_000  # of a stage of a launch: some five times what a busy machine takes


class PatchHost:
    """The patches of one placement; the same to its agent as a `Host`."""

    keeper = None  # a patch has no black boxes
    boards: list[int]

    def __init__(
        self,
        placement: Placement,
        runtime: Runtime,
        zygote: ZygoteLink,
        agent_pid: int,
        address: str = "",
        keys: KeyPair | None = None,
    ) -> None:
        self._address, self._keys = address, keys  # where patches beside other hosts' bind; "": nowhere
        if placement.record or placement.others:
            raise BadInput("patches are not recorded, and have no chips in them; use --substrate processes")
        self.placement = placement
        self.table = PatchTable(placement, runtime, agent_pid)
        self._post = Post()
        self.wanted = PatchWantedStates(self.table, self._post)
        self.pokes = PatchPokes(self.table, self._post)
        most = max(map(len, self.table.members))
        self._launches = Launches(self.table.patches, Patience(each_ns=PATCH_NS + most * CELL_NS))
        self.boards = []
        self.error = ""
        self.signalled: set[int] = set()  # ids of freezes that have been carried out
        self._freezing: dict[int, Indices] = {}
        self._zygote = zygote
        zygote.prepare(self._plan())

    def _plan(self) -> Plan:
        placement, runtime = self.placement, self.table.runtime
        return Plan(
            runtime=str(runtime.path),
            panel=str(runtime.panel),
            epoch=placement.epoch,
            tag=placement.tag,
            rng_seed=placement.rng_seed,
            rule=placement.rule,
            address=self._address,
            keys=None if self._keys is None else (self._keys.public, self._keys.secret),
            cut=(placement.height, placement.width, placement.torus, placement.patch),
            cells=self.table.cells.tobytes(),
        )

    # ---- what is wanted

    def power_on(self, indices: Indices, now_ns: int) -> None:
        """Start those that are off; the others are left alone."""
        table = self.table
        fresh = indices[~table.on[indices]]
        table.on[fresh] = True
        running = table.unit_alive & ~table.unit_dying
        inside = fresh[running[table.unit_of[fresh]]]
        table.life[inside] += 1  # the others begin theirs with their process
        table.pid[inside] = table.unit_pid[table.unit_of[inside]]
        self._changed(table.units(inside))
        units = table.units(indices)
        self._launches.start(units[~running[units] & ~self._launches.looked_after()[units]], now_ns)

    def power_off(self, indices: Indices) -> None:
        """Take the power from these; a patch that is left without any cell ends."""
        table = self.table
        table.on[indices] = False
        table.still[indices] = False
        table.pid[indices] = 0
        units = table.units(indices)
        empty = units[~table.unit_on[units]]
        self._launches.drop(empty)
        self._kill(empty[table.unit_alive[empty]])
        self._changed(units)

    def fit(self, indices: Indices, rule: RulePayload | None, now_ns: int) -> None:
        raise BadInput("a chip cannot take a place in a patch; use --substrate processes")

    def doors(self) -> list[Door]:
        """The cells that have neighbours on other hosts, and where their patches are bound."""
        table = self.table
        table.note_ports()
        key = "" if self._keys is None else self._keys.public
        doors = []
        for index in np.flatnonzero(table.border & (table.unit_port > 0)[table.unit_of]).tolist():
            unit = table.unit_of[index]
            endpoint = f"{TCP}{self._address}:{table.unit_port[unit]}"
            on = bool(table.on[index] and table.unit_up[unit])
            doors.append(Door(int(table.cells[index]), endpoint, self.placement.epoch, int(table.life[index]), on, key))
        return doors

    def freeze(self, id: int, indices: Indices, frozen: bool) -> None:
        """Let these cells stand still, or go on; `id` appears in `signalled` when it is done."""
        table = self.table
        living = indices[table.on[indices]]
        table.still[living] = frozen
        self._freezing[id] = table.units(living)
        self.wanted.mark(self._freezing[id])

    def _changed(self, units: Indices) -> None:
        if len(units):
            self.wanted.mark(self.table.around_units(units))

    # ---- what happened

    def hear(self, news: News, now_ns: int) -> None:
        """One message of the zygote."""
        if isinstance(news, Born):
            for unit, pid in news.cells:
                self.table.born(unit, pid)
                self._launches.born(unit, now_ns)
        elif isinstance(news, Reaped):
            looked_after = self._launches.looked_after()
            for unit, _ in news.cells:
                self._died(unit, bool(looked_after[unit]), now_ns)
        elif isinstance(news, Ready):
            self._zygote.ready, self.error = not news.error, news.error
            if not news.error:
                self._launches.begin(np.flatnonzero(self.table.unit_on), now_ns)

    def replace_zygote(self, zygote: ZygoteLink, now_ns: int) -> None:
        """The old zygote and its patches are gone and reaped; what is wanted on is launched again."""
        lost = np.flatnonzero(self.table.unit_alive)
        for unit in lost.tolist():
            self._died(unit, True, now_ns)
        self._launches.reset(lost)
        self._zygote = zygote
        zygote.prepare(self._plan())

    def _died(self, unit: int, looked_after: bool, now_ns: int) -> None:
        table = self.table
        was_up = bool(table.unit_up[unit])
        table.end_process(unit)
        self.pokes.died(unit)
        if was_up:
            self._changed(np.array([unit], np.intp))
        if table.unit_on[unit] and not looked_after:
            self._launches.died(unit, now_ns)

    # ---- what is due

    def tick(self, now_ns: int) -> None:
        """Start, kill and tell whatever is due."""
        if not self._zygote.ready:
            return
        table = self.table
        self._launches.start_due(now_ns)
        if self._launches.under_way or not table.unit_up[table.unit_on].all():
            phases = table.unit_phases()
            for launch, orders in self._launches.step(now_ns, phases, table.unit_alive):
                self._carry_out(launch, orders)
            self._note_who_is_up(phases)
        self.wanted.deliver(now_ns)
        self.pokes.deliver(now_ns)
        for id, units in list(self._freezing.items()):
            if self.wanted.shown_by(units).all():
                self.signalled.add(id)
                del self._freezing[id]

    def _carry_out(self, launch: Launch, orders: Orders) -> None:
        table = self.table
        if orders.fork:
            births = []
            for unit in orders.fork:
                port = int(table.unit_port[unit]) if self._address and table.unit_border[unit] else -1
                births.append(Birth(int(table.numbers_of_patches[unit]), unit, table.begin_process(unit), port))
            self._zygote.fork(births)
        if orders.kill:
            self._zygote.signal(0, orders.kill, signal.SIGKILL)
        if launch.stage > Stage.BINDING:
            members = launch.present
            table.unit_wired[members] = True
            if launch.stage > Stage.CONNECTING:
                fresh = members[~table.unit_started[members]]
                table.unit_started[members] = True
                self.wanted.mark(fresh)

    def _note_who_is_up(self, phases: NDArray[np.uint32]) -> None:
        table = self.table
        up = table.unit_wired & (phases >= Phase.BOUND)
        changed = np.flatnonzero(up != table.unit_up)
        if len(changed):
            table.unit_up = up
            self._changed(changed)

    def _kill(self, units: Indices) -> None:
        if len(units):
            self.table.unit_dying[units] = True
            self._zygote.signal(0, units.tolist(), signal.SIGKILL)

    # ---- how far things are

    @property
    def launching(self) -> bool:
        """Some launch has not come to its end."""
        return not self._zygote.ready or self._launches.under_way

    @property
    def busy(self) -> bool:
        """Something is on its way: look again soon."""
        return self.launching or bool(self.pokes.waiting) or bool(self._freezing) or bool(self.wanted.behind().any())

    @property
    def phase_name(self) -> str:
        return self._launches.phase_name if self._zygote.ready else "forking"

    def not_running(self, indices: Indices) -> Indices:
        """Of these, the ones that do not run with all they were told."""
        table = self.table
        started = table.unit_started[table.unit_of[indices]]
        return indices[(table.phases()[indices] < Phase.WIRED) | self.wanted.behind()[indices] | ~started]

    def hopeless(self, indices: Indices) -> bool:
        """No launch is trying to start any of these, and no patch that runs."""
        units = self.table.units(indices)
        return self._zygote.ready and not (self._launches.looked_after()[units] | self.table.unit_up[units]).any()

    def note(self) -> str:
        """One line about what did not come up, or nothing."""
        if self.error:
            return self.error
        table = self.table
        lost = np.flatnonzero(table.unit_on & ~table.unit_alive & ~self._launches.looked_after())
        phases = table.phases()
        unlinked = np.flatnonzero(table.on & (phases > Phase.OFF) & (phases < Phase.LINKED))
        parts = []
        if len(lost):
            parts.append(f"{len(lost)} patches are down: {name_some(table.numbers_of_patches[lost])}")
        if len(unlinked) and not self.launching:
            parts.append(f"{len(unlinked)} cells have not heard all neighbours: {name_some(table.numbers(unlinked))}")
        return "; ".join(parts)

    def close(self, now_ns: int) -> None:
        """All patches are gone."""
        self._post.close()
        self.table.close()


AnyHost = Host | PatchHost


def host_for(
    placement: Placement,
    runtime: Runtime,
    zygote: ZygoteLink,
    agent_pid: int,
    address: str = "",
    keys: KeyPair | None = None,
) -> AnyHost:
    """What carries this placement: a process a cell, or a process a patch."""
    if any(placement.patch):
        return PatchHost(placement, runtime, zygote, agent_pid, address, keys)
    return Host(placement, runtime, zygote, agent_pid, address, keys)
