"""How a host comes onto a coordinator's list by itself: it shows a token once, and says which key is its own.

A line of its own to the coordinator, under the token's key, beside the host's ordinary one; it ends as soon as either
is let in. A token that is refused is looked at again when its file has changed. May import pyzmq, cellnode.curve,
cellnode.token and cellnode.hostmessages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import zmq
from zmq.utils.monitor import recv_monitor_message

from cellnode import curve
from cellnode.curve import HostKeys, load_public
from cellnode.hostmessages import Enrol, Enrolled, Refused, decode_answer, encode
from cellnode.messages import PROTOCOL_VERSION
from cellnode.token import Token
from firmware_sim.errors import BadInput

ASK_NS = 1_000_000_000
MAX_MESSAGE = 1024  # bytes of an answer


def prepare(folder: Path, token: Token, say: Callable[[str], None]) -> None:
    """Make this host's key in `folder` unless it has one, and obey the token's coordinator. Raises BadInput."""
    obeyed = folder / "coordinator.pub"
    if not (folder / "host.key").exists():
        HostKeys.make(folder, token.coordinator)
    elif not obeyed.exists() or load_public(obeyed) != token.coordinator:
        obeyed.write_text(token.coordinator + "\n")
        say(f"the token is of another coordinator than {obeyed} named: this host obeys that one now")


class Enrolment:
    """Shows the token at `path` to `endpoint` and asks to have `public` listed as the key of `host`."""

    def __init__(self, endpoint: str, path: Path, host: str, public: str, say: Callable[[str], None]) -> None:
        self._endpoint, self._path, self._say = endpoint, path, say
        self._ask = encode(Enrol(PROTOCOL_VERSION, host, public))
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._dealer: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._read_at = self._asked_ns = 0
        self._connect(Token.load(path))

    @property
    def waits(self) -> bool:
        """The token was refused, and there is no other yet."""
        return self._dealer is None

    def step(self, now_ns: int) -> Enrolled | Refused | None:
        """Ask when it is time to; what was answered, if anything was."""
        if self._dealer is None or self._monitor is None:
            self._look_again()
            return None
        while self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._say(
                    f"the token {self._path} was refused: it has expired or was used up; "
                    "make another with `planaria keys token`, in its place"
                )
                self._drop()
                return None
        if now_ns - self._asked_ns >= ASK_NS:
            with contextlib.suppress(zmq.Again):
                self._dealer.send(self._ask, zmq.NOBLOCK)
                self._asked_ns = now_ns
        with contextlib.suppress(zmq.Again, msgspec.DecodeError):
            return decode_answer(self._dealer.recv(zmq.NOBLOCK))
        return None

    def close(self) -> None:
        self._drop()
        self._context.term()

    def _connect(self, token: Token) -> None:
        self._read_at = self._path.stat().st_mtime_ns
        dealer = self._context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.IMMEDIATE, 1)
        dealer.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
        dealer.setsockopt(zmq.RECONNECT_IVL, 100)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 400)
        curve.call(dealer, token.pair, token.coordinator)
        self._monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        dealer.connect(self._endpoint)
        self._dealer = dealer

    def _drop(self) -> None:
        if self._dealer is not None and self._monitor is not None:
            self._dealer.disable_monitor()
            self._monitor.close(0)
            self._dealer.close(0)
        self._dealer = self._monitor = None

    def _look_again(self) -> None:
        """Another token may lie there by now."""
        with contextlib.suppress(BadInput, OSError):
            if self._path.stat().st_mtime_ns != self._read_at:
                self._connect(Token.load(self._path))
