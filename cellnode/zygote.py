"""The zygote: `python -m cellnode.zygote`, the warm single-threaded process that every cell of a host is forked from.

It imports everything a cell needs and makes the engine once, never opens a ZeroMQ context, and then forks, signals and
reaps on its agent's word: only its own unreaped children, so a process id can never mean another process. When the
agent dies the kernel kills it, and when it dies the kernel kills its cells. May import all of `cellnode` below the
agent.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import select
import signal
import socket
import sys
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

from cellnode import node, runtime
from cellnode import zygote_wire as wire
from cellnode.payload import Outfit, engine_from, outfits
from cellnode.prctl import die_with_parent, raise_descriptor_limit, set_process_name
from cellnode.warmup import warm_up
from cellnode.zygote_wire import (
    Birth,
    Born,
    Fork,
    Framed,
    Order,
    Plan,
    Prepare,
    Ready,
    Reaped,
    Signal,
    Signalled,
    decode_order,
)
from firmware_sim.engines import Engine
from firmware_sim.errors import PlanariaError

FORKS_A_TURN = 16  # between two looks at the agent's orders


class Zygote:
    """The loop around one plan and its children."""

    def __init__(self, link: Framed) -> None:
        self._link = link
        self._pid = os.getpid()
        self._plan: Plan | None = None
        self._engine: Engine | None = None
        self._others: dict[int, Outfit] = {}  # by cell
        self._runtime = runtime.Runtime(Path())
        self._cells_lock = -1
        self._queue: deque[Birth] = deque()
        self._index_of: dict[int, int] = {}  # pid -> index of its page, for children not yet reaped
        self._pid_of: dict[int, int] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def run(self) -> None:
        """Until the agent is gone; does not return in a child."""
        signal.signal(signal.SIGCHLD, _ignore)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self._wake_read, select.POLLIN)
        while True:
            poller.register(self._link.fileno(), select.POLLIN | (select.POLLOUT if self._link.wants_write else 0))
            ready = dict(poller.poll(0 if self._queue else None))
            if self._wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
                self._reap()
            if self._link.fileno() in ready:
                self._link.flush()
                messages, alive = self._link.receive()
                if not alive:
                    return  # PR_SET_PDEATHSIG does the rest for the cells
                for message in messages:
                    self._obey(decode_order(message))
            self._fork_some()

    def _obey(self, order: Order) -> None:
        if isinstance(order, Prepare):
            self._prepare(order.plan)
        elif isinstance(order, Fork):
            self._queue.extend(order.births)
        elif isinstance(order, wire.Outfit):
            self._outfit(order)
        else:
            self._signal(order)

    def _prepare(self, plan: Plan) -> None:
        try:
            self._engine = engine_from(plan.rule, any_channels=plan.cut is not None)
            self._others = outfits(plan.others)
        except PlanariaError as error:
            self._link.send(Ready(error=str(error)))
            return
        self._plan = plan
        self._runtime = runtime.Runtime(Path(plan.runtime))
        if plan.cut is None:
            warm_up(plan, self._runtime, self._engine)
        else:
            from cellnode import patchwarmup  # half a MiB that a process of one cell does not carry

            patchwarmup.warm_up(plan, self._engine)
        lock = runtime.try_lock(self._runtime.cells_lock, shared=True)
        if lock is None:
            self._link.send(Ready(error=f"cells of an earlier agent still live in {plan.runtime}"))
            return
        self._cells_lock = lock  # the cells inherit it: it is free when the last of them is gone
        gc.collect()
        gc.freeze()  # a collection in a child touches, and so copies, none of what is shared
        self._link.send(Ready())

    def _outfit(self, order: wire.Outfit) -> None:
        for cell in order.cells:
            self._others.pop(cell, None)
        if order.rule is not None:
            self._others.update(dict.fromkeys(order.cells, partial(engine_from, order.rule)))

    def _fork_some(self) -> None:
        births = [self._queue.popleft() for _ in range(min(FORKS_A_TURN, len(self._queue)))]
        pids: list[int] = []
        # Every page that the zygote writes between two forks is copied once more, and stays with the child just forked:
        # so nothing but forking happens in this loop.
        try:
            for birth in births:
                pid = os.fork()
                if pid == 0:
                    self._become(birth)
                pids.append(pid)
        except OSError:  # no more processes or memory: the agent decides what now
            self._link.send(Reaped([(birth.index, -1) for birth in births[len(pids) :]]))
        for birth, pid in zip(births, pids, strict=False):
            self._index_of[pid] = birth.index
            self._pid_of[birth.index] = pid
        if pids:
            self._link.send(Born([(birth.index, pid) for birth, pid in zip(births, pids, strict=False)]))

    def _become(self, birth: Birth) -> None:
        """The child's whole life; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent(self._pid)
            self._link.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            assert self._plan is not None and self._engine is not None, "forked before Prepare"
            if self._plan.cut is not None:
                from cellnode import patchwarmup

                patchwarmup.live(self._plan, self._runtime, birth, self._engine)
            other = self._others.get(birth.cell)
            node.live(self._plan, self._runtime, birth, self._engine if other is None else other())
            status = 0
        except BaseException as error:
            print(f"cell {birth.cell} life {birth.life}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)

    def _reap(self) -> None:
        reaped: list[tuple[int, int]] = []
        while self._index_of:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            index = self._index_of.pop(pid)
            self._pid_of.pop(index, None)
            reaped.append((index, status))
        if reaped:
            self._link.send(Reaped(reaped))

    def _signal(self, order: Signal) -> None:
        wanted = set(order.indices)
        if order.number == signal.SIGKILL and self._queue:  # switched off before it was forked
            kept = [birth for birth in self._queue if birth.index not in wanted]
            unborn = [(birth.index, -1) for birth in self._queue if birth.index in wanted]
            self._queue = deque(kept)
            if unborn:
                self._link.send(Reaped(unborn))
        for index in order.indices:
            pid = self._pid_of.get(index)
            if pid is not None:
                os.kill(pid, order.number)
        self._link.send(Signalled(order.id))


def _ignore(*_: Any) -> None:
    """A handler that does nothing: the wake-up descriptor does the work."""


def main() -> None:
    """Entry point; the agent passes the number of its socket and its own process id."""
    parser = argparse.ArgumentParser(prog="cellnode.zygote", description="forks cells for an agent; not for people")
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--agent", type=int, required=True)
    arguments = parser.parse_args()
    die_with_parent(arguments.agent)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # 6 % less CPU an update: fewer switches, measured
    set_process_name("zygote")
    raise_descriptor_limit()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    link = Framed(socket.socket(fileno=arguments.socket))
    with contextlib.suppress(OSError):  # the agent is gone: so are we
        Zygote(link).run()
    os._exit(0)


if __name__ == "__main__":
    main()
