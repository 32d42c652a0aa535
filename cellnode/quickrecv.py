"""Taking a waiting message from a ZeroMQ socket, or nothing, without the exception that pyzmq raises for nothing.

Every wake of every cell ends with "nothing more", and with cold caches (thousands of processes take turns) pyzmq's
`Again` costs 42 us of the 250 us that a wake takes, this 11 us (measured). It calls the `zmq_recv` of the very libzmq
that pyzmq has loaded. Where that cannot be found, pyzmq does the same, slower. May import pyzmq and ctypes only.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import zmq

MESSAGE_MAX = 4096  # bytes, the sockets' MAXMSGSIZE; well above a frame: at the limit libzmq would cut the peer

Take = Callable[[], bytes | None]


def taker(socket: zmq.Socket[bytes]) -> Take:
    """A function that returns the next waiting message of `socket`, or None."""
    receive = _RECEIVE
    if receive is None:
        return _slow(socket)
    handle = int(socket.underlying)
    buffer = ctypes.create_string_buffer(MESSAGE_MAX)
    address, view = ctypes.addressof(buffer), memoryview(buffer)

    def take() -> bytes | None:
        size = receive(handle, address, MESSAGE_MAX, zmq.DONTWAIT)
        return None if size < 0 else bytes(view[:size])

    return take


def _zmq_recv() -> Any | None:
    """libzmq's function, looked up through pyzmq's own extension module, which is linked to it."""
    try:
        from zmq.backend.cython import _zmq

        receive = ctypes.PyDLL(_zmq.__file__).zmq_recv  # PyDLL: it never waits, so the lock need not be released
    except (ImportError, OSError, AttributeError):
        return None
    receive.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    receive.restype = ctypes.c_int
    return receive


_RECEIVE = _zmq_recv()  # looked up once, before the fork


def _slow(socket: zmq.Socket[bytes]) -> Take:
    def take() -> bytes | None:
        try:
            return socket.recv(zmq.DONTWAIT)
        except zmq.Again:
            return None

    return take
