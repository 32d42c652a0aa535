"""Hosts in namespaces: each a porter in a network and a process tree of its own, with a power switch.

The same interface as `LocalHosts`, but the coordinator knows them as it knows any other machine: by what comes over the
network. What faults of hosts need (power, cuts, loss, delay) is here as well. May import coordinator.hosts.local.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from cellnode.hostmessages import Offer
from cellnode.runtime import Runtime
from coordinator.hosts.local import LocalHosts
from coordinator.lab import drops, wire
from coordinator.lab.network import COORDINATOR, Network, end, pids
from coordinator.lab.tools import inside, within
from coordinator.substrate import HostNetwork


class LabHosts(LocalHosts):
    """The hosts `h1` ... `hN` of a network; `network` has been built."""

    near = False
    insecure = True  # nobody but root of this machine can reach the network
    coordinator = COORDINATOR

    def __init__(self, runtime: Runtime, count: int, capacity: int, network: Network) -> None:
        super().__init__(runtime, count, capacity)
        self._network = network
        self.endpoint = f"tcp://{network.address(COORDINATOR)}:*"
        for name in self.names:  # what an earlier coordinator has started
            for pid in filter(_is_switch, pids(network.namespace(name))):
                self._take(name, pid)

    def inside(self) -> AbstractContextManager[None]:
        """Where the coordinator binds what hosts connect to."""
        return inside(self._network.namespace(COORDINATOR))

    def address(self, name: str) -> str:
        return self._network.address(name)

    def start(self, name: str, endpoint: str) -> None:
        if not self._held(name):
            end(self._network.namespace(name))  # nothing of an earlier life
            super().start(name, endpoint)

    def _command(self, words: list[str], name: str) -> list[str]:
        """A process tree of its own: its first process is killed with `unshare`, and with it all others."""
        return within(
            self._network.namespace(name), "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *words
        )

    def adopt(self, offer: Offer) -> None:
        """It is known already, by this machine's number of its process, which the host itself does not know."""

    @property
    def dead(self) -> list[str]:
        return [name for name in self.names if not self.alive(name) and not self._held(name)]

    def kill(self, name: str) -> bool:
        was_alive = bool(pids(self._network.namespace(name)))
        super().kill(name)
        end(self._network.namespace(name))
        return was_alive

    def close(self) -> None:
        super().close()
        self._network.remove()

    # ---- what faults do

    def network(self) -> HostNetwork:
        return self

    def power(self, names: Iterable[str], on: bool, fault: int) -> list[str]:
        """Off: SIGKILL of all its processes at once, and it stays off; on: it may be started again, unless another
        fault holds it. Returns the hosts that had processes and have none left."""
        off = []
        for name in names:
            mark = self._runtime.path / f"{name}.off.{fault}"  # a successor of the coordinator finds it
            if on:
                mark.unlink(missing_ok=True)
            else:
                mark.touch()
                off += [name] if self.kill(name) and not pids(self._network.namespace(name)) else []
        return off

    def _held(self, name: str) -> bool:
        """Whether some fault keeps it off."""
        return any(self._runtime.path.glob(f"{name}.off.*"))

    def drop(self, fault: int, pairs: Iterable[tuple[str, str]], rate: float = 1.0) -> None:
        """Frames from the first to the second of each pair are lost, with this probability."""
        drops.lay(self._network, fault, pairs, rate)

    def pass_again(self, fault: int) -> None:
        drops.lift(self._network, fault)

    def dropped(self, fault: int) -> int:
        return drops.dropped(self._network, fault)

    def slow(self, name: str, delay_s: float) -> None:
        """Each frame from and to this host is so much later; 0: as it was."""
        if delay_s:
            wire.stretch(self._network, name, delay_s)
        else:
            wire.shorten(self._network, name)

    def delayed(self, name: str) -> int:
        return wire.delayed(self._network, name)


def _is_switch(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "unshare"
    except OSError:
        return False
