"""The gate of the coordinator: how its sockets are bound, and who comes in by a key, as whom.

The doorkeeper asks the registrar about every key; whoever is in speaks for itself alone, and whoever's key was taken
back is cut off. May import zmq, cellnode's curve and messages, the keyring and the registrar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import zmq

from cellnode import hostmessages
from cellnode.curve import Doorkeeper, KeyPair, readmit, serve
from cellnode.messages import REPORT_MAX, Done, Doors, Report, Sheet, Superseded
from coordinator.contacts import Router, host_of
from coordinator.keyring import Watch
from coordinator.registrar import BY_TOKEN, Registrar
from firmware_sim.errors import RunFailed

BACKLOG = 4096
WAITING = 64  # reports of one host that are not taken yet; with REPORT_MAX it bounds what a host can fill
PULSE_MS, DEAD_MS = 500, 2000  # ZMTP heartbeats over TCP


class Gate:
    """Where a key must be shown; `registrar` knows whose it is."""

    def __init__(self, context: zmq.Context[Router], registrar: Registrar) -> None:
        Doorkeeper(context, registrar.who)
        self._registrar, self._watch = registrar, Watch(registrar.keyring)

    @property
    def pair(self) -> KeyPair:
        return self._registrar.keyring.pair

    def cut_lapsed(self, routers: Sequence[Router]) -> tuple[list[str], bool]:
        """Whose key was taken back is let in no more, and what stands is cut: all are asked at the door again. Returns
        those hosts, and whether our own key is another one."""
        gone, anew = self._watch.lapsed()
        if gone or anew:
            for router in routers:
                serve(router, self.pair)
                readmit(router, router.getsockopt_string(zmq.LAST_ENDPOINT))
        return gone, anew

    def enrol(self, who: str, data: bytes, lives: Callable[[str], bool]) -> bytes | None:
        """The answer to somebody whom a token let in: all that it is good for. None: that is no request."""
        try:
            wish = hostmessages.decode_enrol(data)
        except msgspec.DecodeError:
            return None
        return hostmessages.encode(self._registrar.enrol(who, wish, lives))


def bind(context: zmq.Context[Router], endpoint: str, pair: KeyPair | None = None) -> Router:
    """A ROUTER there, with a limit on whatever can pile up; `pair`: the key that it shows. Raises RunFailed."""
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 200)
    router.setsockopt(zmq.BACKLOG, BACKLOG)
    router.setsockopt(zmq.ROUTER_HANDOVER, 1)
    router.setsockopt(zmq.MAXMSGSIZE, REPORT_MAX)
    if endpoint.startswith("tcp://"):
        router.setsockopt(zmq.RCVHWM, WAITING)
        router.setsockopt(zmq.HEARTBEAT_IVL, PULSE_MS)
        router.setsockopt(zmq.HEARTBEAT_TIMEOUT, DEAD_MS)
    if pair is not None:
        serve(router, pair)
    try:
        router.bind(endpoint)
    except zmq.ZMQError as error:
        router.close(0)
        raise RunFailed(
            f"{endpoint} cannot be bound: {error}; is another coordinator there, or is that no address of this machine?"
        ) from error
    return router


def by_token(who: str) -> bool:
    """Whether it was a token that let this one in."""
    return who.startswith(BY_TOKEN)


def is_its_own(report: Report, who: str, whom: Callable[[int], str | None]) -> bool:
    """A host speaks for its own agents, answers what they were asked, and shows their own blocks. `whom`: who was asked
    the question of this number."""
    if isinstance(report, Done | Superseded):
        asked = whom(report.id)
        if asked is not None and host_of(asked) != who:
            return False
    if isinstance(report, Superseded):
        return True
    name, _, epoch = report.agent.partition("/")
    return name == who and (not isinstance(report, Sheet | Doors) or epoch == str(report.placement_epoch))
