"""The power supply of one host: starts, kills, stops and watches the cells of one placement, and tells them what is
wanted.

It computes nothing of the rule. Deaths it did not order are followed by a new life after a pause; a lost zygote by a
new launch of everything that is wanted on. Time is passed in, processes are the zygote's. Never speaks to a
coordinator. May import everything in `cellnode` below the agent.
"""

from __future__ import annotations

import logging
import signal

import numpy as np
from numpy.typing import NDArray

from cellnode.celltable import CellTable, Indices, name_some
from cellnode.control import Post
from cellnode.curve import KeyPair
from cellnode.keeper import Keeper
from cellnode.launch import Launch, Orders, Stage
from cellnode.launches import Launches
from cellnode.leases import Leases
from cellnode.messages import Door, OtherEngine, Placement, RulePayload
from cellnode.panel import Phase
from cellnode.pokes import Pokes
from cellnode.runtime import Runtime
from cellnode.wanted import WantedStates
from cellnode.zygote_link import ZygoteLink
from cellnode.zygote_wire import Birth, Born, News, Plan, Ready, Reaped, Signalled

TCP = "tcp://"
log = logging.getLogger("cellnode.agent")


class Host:
    """The cells of one placement. `tick` does what is due; everything else only notes what happened or is wanted."""

    def __init__(
        self,
        placement: Placement,
        runtime: Runtime,
        zygote: ZygoteLink,
        agent_pid: int,
        address: str = "",
        keys: KeyPair | None = None,
    ) -> None:
        self.placement = placement
        self._keys = keys
        self._address = address  # where cells with neighbours on other hosts bind; "": nowhere
        self.table = CellTable(placement, runtime, agent_pid)
        self._post = Post()
        self.wanted = WantedStates(self.table, self._post)
        self.pokes = Pokes(self.table, self._post)
        self._launches = Launches(self.table.count)
        self.keeper = Keeper(placement, runtime, self.table.cells) if placement.record else None
        self.error = ""  # why no cell can be started
        self.signalled: set[int] = set()  # ids of signal orders that the zygote has carried out
        self._zygote = zygote
        self._others = list(placement.others)
        self._leases = Leases(runtime)
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
            others=self._others,
            rings=str(runtime.rings) if self.keeper is not None else "",
            address=self._address,
            keys=None if self._keys is None else (self._keys.public, self._keys.secret),
        )

    # ---- what is wanted

    def power_on(self, indices: Indices, now_ns: int) -> None:
        """Start those that are off; the others are left alone."""
        table = self.table
        fresh = indices[~table.on[indices] | (~table.alive[indices] & ~self._launches.looked_after()[indices])]
        table.on[indices] = True
        self._launches.start(fresh, now_ns)

    def power_off(self, indices: Indices) -> None:
        """Kill these and keep them off."""
        self.table.on[indices] = False
        self._launches.drop(indices)
        self._kill(indices[self.table.alive[indices]])

    def fit(self, indices: Indices, rule: RulePayload | None, now_ns: int) -> None:
        """Start these anew on another engine, or (None) on that of most cells."""
        cells = self.table.numbers(indices)
        kept = [OtherEngine([cell for cell in other.cells if cell not in cells], other.rule) for other in self._others]
        self._others = [other for other in kept if other.cells]
        if rule is not None:
            self._others.append(OtherEngine(cells, rule))
        self._zygote.outfit(cells, rule)
        self.power_off(indices)
        self.power_on(indices, now_ns)

    @property
    def boards(self) -> list[int]:
        """Cells whose place a board at a serial port has taken."""
        return [cell for other in self._others if other.rule.engine == "board" for cell in other.cells]

    def _give_back_boards(self, now_ns: int) -> None:
        """Those whose bridge is gone become again what they were placed as."""
        for cell in self._leases.lapsed(self.boards, now_ns):
            log.warning("cell %d: its bridge is gone; the cell is given back", cell)
            placed = (other.rule for other in self.placement.others if cell in other.cells)
            rule = next((rule for rule in placed if rule.engine != "board"), None)
            self.fit(self.table.indices([cell]), rule, now_ns)

    def freeze(self, id: int, indices: Indices, frozen: bool) -> None:
        """SIGSTOP or SIGCONT; `id` appears in `signalled` when it is done."""
        living = indices[(self.table.pid[indices] > 0) & ~self.table.dying[indices]]
        self.table.frozen[living] = frozen
        self._zygote.signal(id, living.tolist(), signal.SIGSTOP if frozen else signal.SIGCONT)
        if not frozen:
            self.wanted.hurry(living)

    # ---- what happened

    def hear(self, news: News, now_ns: int) -> None:
        """One message of the zygote."""
        if isinstance(news, Born):
            for index, pid in news.cells:
                self.table.pid[index], self.table.forking[index] = pid, False
                self._launches.born(index, now_ns)
        elif isinstance(news, Reaped):
            looked_after = self._launches.looked_after()
            for index, _ in news.cells:
                self._died(index, bool(looked_after[index]), now_ns)
        elif isinstance(news, Ready):
            self._zygote.ready, self.error = not news.error, news.error
            if not news.error:
                self._launches.begin(np.flatnonzero(self.table.on), now_ns)
        elif isinstance(news, Signalled):
            self.signalled.add(news.id)

    def replace_zygote(self, zygote: ZygoteLink, now_ns: int) -> None:
        """The old zygote and its cells are gone and reaped; what is wanted on is launched again when this is ready."""
        lost = np.flatnonzero(self.table.alive)
        for index in lost.tolist():
            self._died(index, True, now_ns)
        self._launches.reset(lost)
        self._zygote = zygote
        zygote.prepare(self._plan())

    def _died(self, index: int, looked_after: bool, now_ns: int) -> None:
        """A process is reaped. Who starts it again: its launch, `supervision`, or nobody, because it is wanted off."""
        killed = bool(self.table.dying[index])
        if self.keeper is not None:
            self.keeper.died(index, int(self.table.life[index]), now_ns)
        self.table.end_life(index)
        self.pokes.died(index)
        if self.table.on[index] and not (killed or looked_after):
            self._launches.died(index, now_ns)

    # ---- what is due

    def tick(self, now_ns: int) -> None:
        """Start, kill and tell whatever is due."""
        if self.keeper is not None:
            self.keeper.tick(now_ns)
        if not self._zygote.ready:
            return
        self._launches.start_due(now_ns)
        phases = self.table.phases()
        for launch, orders in self._launches.step(now_ns, phases, self.table.alive):
            self._carry_out(launch, orders)
        self._give_back_boards(now_ns)
        self._note_who_is_up(phases)
        self.wanted.deliver(now_ns)
        self.pokes.deliver(now_ns)

    def _carry_out(self, launch: Launch, orders: Orders) -> None:
        table = self.table
        if orders.fork:
            self._zygote.fork([self._birth(index) for index in orders.fork])
        if orders.kill:
            self._zygote.signal(0, orders.kill, signal.SIGKILL)
        if launch.stage > Stage.BINDING:
            members = launch.present
            table.wired[members] = True
            if launch.stage > Stage.CONNECTING:
                self.wanted.start(members[~table.started[members]])
                table.started[members] = True

    def _birth(self, index: int) -> Birth:
        table = self.table
        has_door = bool(self._address) and bool(table.border[index])
        port = int(table.port[index]) if has_door else -1  # the same again, so that nobody need be told
        return Birth(int(table.cells[index]), index, table.begin_life(index), port)

    def doors(self) -> list[Door]:
        """The cells that have neighbours on other hosts, and where they are bound."""
        table = self.table
        shown = table.up & table.border
        table.port[shown] = table.pages["port"][shown]
        return [
            Door(
                int(table.cells[index]),
                f"{TCP}{self._address}:{table.port[index]}",
                self.placement.epoch,
                int(table.announced[index]),
                bool(table.up[index]),
                "" if self._keys is None else self._keys.public,
            )
            for index in np.flatnonzero(table.border & (table.port > 0)).tolist()
        ]

    def _note_who_is_up(self, phases: NDArray[np.uint32]) -> None:
        table = self.table
        up = table.wired & (phases >= Phase.BOUND)
        changed = up != table.up
        if changed.any():
            table.announced[changed & up] = table.life[changed & up]
            table.up = up
            self.wanted.mark(changed)

    def _kill(self, indices: Indices) -> None:
        if len(indices):
            self.table.dying[indices] = True
            self._zygote.signal(0, indices.tolist(), signal.SIGKILL)

    # ---- how far things are

    @property
    def launching(self) -> bool:
        """Some launch has not come to its end."""
        return not self._zygote.ready or self._launches.under_way

    @property
    def busy(self) -> bool:
        """Something is on its way: look again soon."""
        return self.launching or bool(self.pokes.waiting) or bool((self.wanted.behind() & ~self.table.frozen).any())

    @property
    def phase_name(self) -> str:
        return self._launches.phase_name if self._zygote.ready else "forking"

    def not_running(self, indices: Indices) -> Indices:
        """Of these, the ones that do not run with all they were told."""
        phases = self.table.phases()[indices]
        return indices[(phases < Phase.WIRED) | self.wanted.behind()[indices] | ~self.table.started[indices]]

    def hopeless(self, indices: Indices) -> bool:
        """No launch is trying to start any of these."""
        return self._zygote.ready and not self._launches.looked_after()[indices].any()

    def note(self) -> str:
        """One line about what did not come up, or nothing."""
        if self.error:
            return self.error
        if self.keeper is not None and self.keeper.ended:
            return f"the recording has ended: {self.keeper.ended}"
        lost = np.flatnonzero(self.table.on & ~self.table.alive & ~self._launches.looked_after())
        unlinked = np.flatnonzero(self.table.on & self.table.alive & (self.table.phases() < Phase.LINKED))
        parts = []
        if len(lost):
            parts.append(f"{len(lost)} cells are down: {name_some(self.table.numbers(lost))}")
        if len(unlinked) and not self.launching:
            parts.append(
                f"{len(unlinked)} cells have not heard all neighbours: {name_some(self.table.numbers(unlinked))}"
            )
        return "; ".join(parts)

    def close(self, now_ns: int) -> None:
        """All cells are gone."""
        self._post.close()
        if self.keeper is not None:
            self.keeper.close(now_ns)
        self.table.close()
