"""The board layer's C on this machine, with a mailbox in Python at the other end of its line."""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections import deque
from collections.abc import Callable

import numpy as np
from firmware_inputs import States, ordinary_genome

from firmware_sim import native_build
from firmware_sim.boards.mailbox import Event, Mailbox
from firmware_sim.native import FIRMWARE, STRICT

PUT, GET = ctypes.CFUNCTYPE(None, ctypes.c_uint8), ctypes.CFUNCTYPE(ctypes.c_int16)
UNDEFINED = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")


RULE = ordinary_genome(6, hidden=16)


@functools.cache
def library(*defines: str) -> ctypes.CDLL:
    """Built under the undefined-behaviour sanitiser, which ends the process at its first find; its rule is RULE."""
    blob = RULE.to_bytes()
    rule = native_build.cache_dir() / f"test-rule-{hashlib.sha256(blob).hexdigest()[:20]}.bin"
    if not rule.exists():
        rule.write_bytes(blob)
    files = sorted(path for path in FIRMWARE.rglob("*.[ch]"))
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:15]
    defines = (*defines, f'-DPLANARIA_HOST_GENOME="{rule}"')
    flags = (*UNDEFINED, *STRICT, *defines, f"-DPLANARIA_SOURCES=0x{sources}")
    lib = native_build.load(FIRMWARE / "host" / "board.c", flags=flags)
    lib.planaria_board_sleep.restype = ctypes.c_uint32
    lib.planaria_board_own.restype = ctypes.POINTER(ctypes.c_int8)
    lib.planaria_board_rgb.restype = ctypes.POINTER(ctypes.c_uint8)
    return lib


class BoardHere:
    """A chip's node without its chip.  `damage` harms what the mailbox answers to the chip's n-th ask of this wake."""

    def __init__(self, mailbox: Mailbox, cell: int = 1, defines: tuple[str, ...] = ()) -> None:
        self.mailbox = mailbox
        self.damage: Callable[[int, bytes], bytes] = lambda ask, data: data
        self.events: list[Event] = []
        self.silences = 0
        self._asks = 0
        self._waiting: deque[int] = deque()
        self._lib = library(*defines)
        self._callbacks = PUT(self._put), GET(self._get)
        self._lib.planaria_board_start(cell, 500, *self._callbacks)

    def wake(self, own: States | None = None) -> list[Event]:
        """One wake, from a state if given; what the mailbox learned by it."""
        self.events, self._asks = [], 0
        self._lib.planaria_board_wake(None if own is None else own.tobytes())
        return self.events

    def sleep_ms(self) -> int:
        return int(self._lib.planaria_board_sleep())

    @property
    def asks(self) -> int:
        return self._asks

    @property
    def own(self) -> States:
        return np.array(self._lib.planaria_board_own()[:16], np.int8)

    @property
    def rgb(self) -> list[int]:
        return list(self._lib.planaria_board_rgb()[:3])

    def _put(self, byte: int) -> None:
        answer, events = self.mailbox.receive(bytes([byte]))
        self.events += events
        if answer:
            self._waiting.extend(self.damage(self._asks, answer))
            self._asks += 1

    def _get(self) -> int:
        if self._waiting:
            return self._waiting.popleft()
        self.silences += 1
        return -1
