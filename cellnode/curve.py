"""Keys and who may come in: CURVE on every TCP socket, with one key pair a host and an allow list.

A process that binds answers for itself who may connect (ZAP): its doorkeeper is bound before the socket is, and without
one libzmq lets nobody in. Files of secret keys must be readable by their owner alone. May import pyzmq, the standard
library and firmware_sim.errors.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils import z85

from firmware_sim.errors import BadInput, RunFailed

DOMAIN = b"planaria"
ZAP = "inproc://zeromq.zap.01"
_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
HANDSHAKE_MS = 3000  # who is not let in is left waiting by libzmq; after so long both try again
STACK_BYTES = 256 << 10
REBIND_S = 2.0

Socket = zmq.Socket[bytes]
Admit = Callable[[str], str | None]  # public key (Z85) -> who that is, None: nobody we know
NEVER = ""  # ... and of whom we know that it may come in no more


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Both halves in Z85, 40 characters each."""

    public: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair({self.public})"  # the other half is for no log

    @staticmethod
    def fresh() -> KeyPair:
        public, secret = zmq.curve_keypair()
        return KeyPair(public.decode(), secret.decode())

    def save(self, path: Path) -> None:
        """Write it where nobody else can read it, in place of whatever is there."""
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f'# secret: keep it on this machine\npublic = "{self.public}"\nsecret = "{self.secret}"\n')
        partial.replace(path)

    def put(self, folder: Path, name: str) -> KeyPair:
        """As NAME.key, and its public half as NAME.pub."""
        self.save(folder / f"{name}.key")
        (folder / f"{name}.pub").write_text(self.public + "\n")
        return self

    @staticmethod
    def load(path: Path) -> KeyPair:
        """Raises BadInput for a file that is none, or that others can read."""
        text = _read(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise BadInput(
                f"key file {path} can be read by others (mode {mode:03o}): chmod 600 {path}, or make a new key"
            )
        found = dict(re.findall(r'^(public|secret) = "([^"]*)"$', text, re.MULTILINE))
        if set(found) != {"public", "secret"} or not all(map(_KEY.fullmatch, found.values())):
            raise BadInput(f"{path} is no key file; expected a public and a secret key of 40 characters each")
        pair = KeyPair(found["public"], found["secret"])
        if zmq.curve_public(pair.secret.encode()).decode() != pair.public:
            raise BadInput(f"{path}: the two keys do not belong together")
        return pair


@dataclass(frozen=True, slots=True)
class HostKeys:
    """What a host has: its own pair, and the public key of whom it obeys."""

    own: KeyPair
    coordinator: str

    @staticmethod
    def load(folder: Path) -> HostKeys:
        """From `host.key` and `coordinator.pub` there."""
        return HostKeys(KeyPair.load(folder / "host.key"), load_public(folder / "coordinator.pub"))

    @staticmethod
    def make(folder: Path, coordinator: str) -> HostKeys:
        """A new pair there, and `coordinator` as whom to obey. BadInput when there is a key already."""
        if not is_key(coordinator):
            raise BadInput(f"{coordinator!r} is no public key; expected the coordinator's, as in its coordinator.pub")
        if (folder / "host.key").exists():
            raise BadInput(f"{folder} has a key already: `planaria keys rotate {folder}` makes another")
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
            (folder / "coordinator.pub").write_text(coordinator + "\n")
            return HostKeys(KeyPair.fresh().put(folder, "host"), coordinator)
        except OSError as error:
            raise BadInput(f"no key can be written to {folder} ({error.strerror}): choose another folder") from error


def load_public(path: Path) -> str:
    """A public key on a line of its own, or that of a key file. BadInput when there is none."""
    text = _read(path)
    found = re.search(r'^public = "([^"]*)"$', text, re.MULTILINE)
    key = found[1] if found else text.strip()
    if not _KEY.fullmatch(key):
        raise BadInput(f"{path} holds no public key; expected 40 characters (Z85)")
    return key


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def is_loopback(address: str) -> bool:
    """Whether nobody but this machine can reach it."""
    return address.startswith("127.") or address in ("localhost", "::1")


def serve(socket: Socket, keys: KeyPair) -> None:
    """Before it is bound: only who is admitted by the context's doorkeeper comes in, encrypted."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt_string(zmq.CURVE_SECRETKEY, keys.secret)
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)


def call(socket: Socket, keys: KeyPair, server: str) -> None:
    """Before it is connected: speak to whoever holds the secret half of `server`, and to nobody else."""
    socket.setsockopt_string(zmq.CURVE_SERVERKEY, server)
    socket.setsockopt_string(zmq.CURVE_PUBLICKEY, keys.public)
    socket.setsockopt_string(zmq.CURVE_SECRETKEY, keys.secret)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)


def readmit(socket: Socket, endpoint: str) -> None:
    """Everyone who is connected to this socket, bound to `endpoint`, is cut, and asked for at the door again.

    libzmq asks once a connection, when it begins; those a listener has taken in end with it. Who is still known is back
    with its next attempt. Raises zmq.ZMQError when the endpoint cannot be bound again.
    """
    socket.unbind(endpoint)
    deadline = time.monotonic() + REBIND_S
    while True:
        try:
            socket.bind(endpoint)
        except zmq.ZMQError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)  # the old listener is closed by another thread
        else:
            return


class Doorkeeper:
    """Answers libzmq, in a thread of its own, whether a key may come in. RunFailed where another one answers."""

    def __init__(self, context: zmq.Context[Socket], admit: Admit) -> None:
        self._admit = admit
        self.refused = 0
        self._socket = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        try:
            self._socket.bind(ZAP)
        except zmq.ZMQError as error:
            self._socket.close(0)
            raise RunFailed(f"no doorkeeper can be set up: {error}; nothing is bound without one") from error
        before = threading.stack_size(STACK_BYTES)
        self._thread = threading.Thread(target=self._loop, name="planaria-zap", daemon=True)
        self._thread.start()
        threading.stack_size(before)

    def _loop(self) -> None:
        """Until its context ends."""
        while True:
            try:
                request = self._socket.recv_multipart()
                self._socket.send_multipart(self._answer(request))
            except zmq.ZMQError:
                self._socket.close(0)
                return

    def _answer(self, request: list[bytes]) -> list[bytes]:
        number = request[1] if len(request) > 1 else b""
        who = None
        if len(request) == 7 and request[0] == b"1.0" and request[2] == DOMAIN and request[5] == b"CURVE":
            who = self._admit(z85.encode(request[6]).decode())
        if who == NEVER:
            self.refused += 1
            return [b"1.0", number, b"400", b"not any more", b"", b""]  # which the other end is told
        if who is None:
            self.refused += 1
            return [b"1.0", number, b"300", b"not on the list", b"", b""]  # "for now": it may be put there
        return [b"1.0", number, b"200", b"OK", who.encode(), b""]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"key file {path} cannot be read: {error}") from error
