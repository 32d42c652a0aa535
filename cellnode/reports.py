"""How an agent describes itself to a coordinator: Join, with what it holds, and Beat, with how far it is.

Reads the host's table; changes nothing but the heartbeat in the panel's header. May import `cellnode` below the agent.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from cellnode.hostlimits import host_limit
from cellnode.messages import PROTOCOL_VERSION, Beat, Join
from cellnode.panel import Phase
from cellnode.patchhost import AnyHost
from cellnode.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is speaking, for which run, and from where."""

    agent: str
    run: str
    runtime: Runtime


def join(me: Identity, host: AnyHost | None, coordinator_epoch: int) -> Join:
    """All that a coordinator which has never heard of this host must know."""
    placement = None if host is None else host.placement
    return Join(
        version=PROTOCOL_VERSION,
        agent=me.agent,
        pid=os.getpid(),
        run=me.run,
        coordinator_epoch=coordinator_epoch,
        placement_epoch=0 if placement is None else placement.epoch,
        runtime=str(me.runtime.path),
        panel="" if host is None else str(me.runtime.panel),
        max_cells=host_limit("numpy" if placement is None else placement.rule.engine).cells,
        interval_ns=0 if host is None else host.wanted.interval_ns,
        off=[] if host is None else host.table.numbers(np.flatnonzero(~host.table.on)),
        faults=[] if host is None else list(host.wanted.faults),
    )


def beat(me: Identity, host: AnyHost | None, zygote: tuple[int, int], now_ns: int, *, stopping: bool) -> Beat:
    """Counts of this host's cells; `zygote` is (process id, how many were lost). Also marks the panel's header."""
    pid, losses = zygote
    if host is None:
        return Beat(me.agent, "idle", 0, 0, 0, 0, 0, 0, 0, pid, losses)
    table, phases = host.table, host.table.phases()
    table.header["beat_ns"] = now_ns
    return Beat(
        agent=me.agent,
        phase="stopping" if stopping else host.phase_name,
        placement_epoch=host.placement.epoch,
        wanted=int(table.on.sum()),
        born=int((table.pid > 0).sum()),
        bound=int((phases >= Phase.BOUND).sum()),
        linked=int((phases == Phase.LINKED).sum()),
        dead=int((table.on & ~table.alive).sum()),
        behind=int(host.wanted.behind().sum()),
        zygote_pid=pid,
        zygote_losses=losses,
        note=host.note(),
        boards=host.boards,
    )
