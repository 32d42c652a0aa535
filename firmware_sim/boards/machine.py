"""A 32-bit board under Unicorn: the image's machine code, many updates at once, or the whole firmware with its line.

Real instructions, no cycles: those are counted by cycles.py.  Peripherals are as much of the chip's as the firmware
touches, and their time is counted in polls, so that a run is the same every time.  BadInput names the package when
Unicorn is missing.  Imports: numpy, image, stand, errors, limits; unicorn when a machine is made.
"""

from __future__ import annotations

import importlib
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.boards.image import Image
from firmware_sim.boards.stand import ORIGIN, stand
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.limits import CHANNELS

PAGE = 0x1000
RAM = 0x2000_0000
RETURN = 0x0020_0000
BUFFERS = 0x3000_0000
BATCH = 256  # cells handed over at once
CELL_BYTES = 9 * CHANNELS
PAINT = 0xA5
WFE = bytes.fromhex("20bf")
POLLS_PER_MS = 4
UPDATE_TIMEOUT_US = 60_000_000


class Machine:
    """One chip.  `update` for many cells; `boot` and `run` for the whole image; `line` is what the chip says to."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._arm = image.board.family == "arm"
        self._uc, self._names = _processor(self._arm)
        self._map(0, image.board.flash_bytes, image.flash)
        self._map(RAM, image.board.memory_bytes)
        self._ready = False
        self._stopped = False

    # ---- many updates

    def update(self, neighbourhood: NDArray[np.int8]) -> NDArray[np.int8]:
        """[n, 3, 3, 16] -> [n, 16], each by the image's begin, hear and step."""
        if not self._ready:
            self._map(ORIGIN, PAGE, stand(self.image))
            self._map(RETURN, PAGE, bytes(PAGE))
            self._map(BUFFERS, BATCH * (CELL_BYTES + CHANNELS))
            self._ready = True
        new = np.empty((len(neighbourhood), CHANNELS), np.int8)
        for start in range(0, len(neighbourhood), BATCH):
            cells = np.ascontiguousarray(neighbourhood[start : start + BATCH], np.int8)
            self._uc.mem_write(BUFFERS, cells.tobytes())
            out = BUFFERS + BATCH * CELL_BYTES
            self.call(ORIGIN, BUFFERS, out, len(cells))
            new[start : start + len(cells)] = np.frombuffer(
                self._uc.mem_read(out, len(cells) * CHANNELS), np.int8
            ).reshape(-1, CHANNELS)
        return new

    def call(self, address: int, *arguments: int) -> None:
        """Call machine code with up to four arguments; RunFailed when it faults."""
        for name, value in zip(self._names["arguments"], arguments, strict=False):
            self._uc.reg_write(name, value)
        self._uc.reg_write(self._names["link"], RETURN | self._arm)
        self._uc.reg_write(self._names["stack"], self.image.address("planaria_stack_top"))
        self._start(address, RETURN)
        if self._uc.reg_read(self._names["pc"]) != RETURN:
            raise RunFailed(f"{self.image.board.name}: the machine code did not return within a minute")

    # ---- memory

    def read(self, address: int, count: int) -> bytes:
        return bytes(self._uc.mem_read(address, count))

    def write(self, address: int, data: bytes) -> None:
        self._uc.mem_write(address, data)

    def read_flash(self, address: int, count: int) -> bytes:
        return self.read(address, count)

    def write_flash(self, address: int, data: bytes) -> None:
        self.write(address, data)
        self._uc.ctl_remove_cache(address, address + len(data))

    # ---- what a hardware fault may lay hands on

    @property
    def ram_span(self) -> tuple[int, int]:
        return self.image.ram_start, self.image.static_ram_bytes

    @property
    def flash_span(self) -> tuple[int, int]:
        start, end = self.image.genome_span()
        return start, end - start

    @property
    def register_count(self) -> int:
        return len(self._names["arguments"])

    def flip_register(self, number: int, bit: int) -> None:
        name = self._names["arguments"][number]
        self._uc.reg_write(name, self._uc.reg_read(name) ^ 1 << bit)

    def reset(self) -> None:
        """Back to the reset vector; RAM keeps what it held."""
        self._uc.reg_write(self._names["stack"], self.image.address("planaria_stack_top"))
        self._uc.reg_write(self._names["pc"], self.image.address("planaria_reset") | self._arm)

    # ---- the whole image

    def attach(self, line: Callable[[bytes], bytes]) -> None:
        """Connect the line: `line` takes each byte the chip sends and answers with what it is to hear."""
        waiting: deque[int] = deque()

        def said(byte: int) -> None:
            waiting.extend(line(bytes([byte])))

        for base, size, read, write in _peripherals(self._arm, waiting, said):
            self._uc.mmio_map(base, size, read, None, write, None)

    def boot(self) -> None:
        """Power on: paint the memory and stand at the reset vector."""
        end = RAM + self.image.board.memory_bytes
        self._uc.mem_write(self.image.ram_end, bytes([PAINT]) * (end - self.image.ram_end))
        self.reset()

    def run(self, instructions: int) -> None:
        """Go on from where it stood; `stop` from within the line ends it early.

        Unicorn calls WFE an invalid instruction: it is stepped over, so `instructions` counts anew after each sleep.
        """
        self._stopped = False
        while not self._stopped:
            pc = self._uc.reg_read(self._names["pc"])
            try:
                self._start(pc, 0xFFFF_FFF0, instructions)
                return
            except RunFailed:
                pc = self._uc.reg_read(self._names["pc"])
                if self._arm and self.read(pc, 2) == WFE:
                    pc += 2
                elif not self._arm or self.read(pc - 2, 2) != WFE:
                    raise
                self._uc.reg_write(self._names["pc"], pc | 1)

    def stop(self) -> None:
        self._stopped = True
        self._uc.emu_stop()

    def painted_stack_bytes(self) -> int:
        end = RAM + self.image.board.memory_bytes
        rest = np.frombuffer(self.read(self.image.ram_end, end - self.image.ram_end), np.uint8)
        touched = np.flatnonzero(rest != PAINT)
        return 0 if not len(touched) else len(rest) - int(touched[0])

    def on_block(self, hook: Callable[[int, int], None]) -> None:
        """Call `hook(address, bytes)` at each basic block; must come before the first run, later hooks never fire."""
        unicorn: Any = importlib.import_module("unicorn")
        self._uc.hook_add(unicorn.UC_HOOK_BLOCK, lambda uc, address, size, data: hook(address, size))

    def _start(self, address: int, until: int, count: int = 0) -> None:
        unicorn: Any = importlib.import_module("unicorn")
        try:
            self._uc.emu_start(address | self._arm, until, timeout=UPDATE_TIMEOUT_US, count=count)
        except unicorn.UcError as error:
            where = self._uc.reg_read(self._names["pc"])
            raise RunFailed(f"{self.image.board.name}: the machine code faulted at {where:#x} ({error})") from error

    def _map(self, base: int, size: int, content: bytes = b"") -> None:
        self._uc.mem_map(base, -(-size // PAGE) * PAGE)
        self._uc.mem_write(base, content)


def require() -> tuple[Any, Any, Any]:
    """Load the emulator and its names of ARM's and RISC-V's registers; BadInput where it is missing."""
    try:
        names = ("unicorn", "unicorn.arm_const", "unicorn.riscv_const")
        unicorn, arm_const, riscv_const = (importlib.import_module(name) for name in names)
    except ImportError as error:
        raise BadInput("the emulator Unicorn is missing: pip install 'planaria[firmware]'") from error
    return unicorn, arm_const, riscv_const


def _processor(arm: bool) -> tuple[Any, dict[str, Any]]:
    unicorn, arm_const, riscv_const = require()
    if arm:
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M0)
        names = [arm_const.UC_ARM_REG_R0 + i for i in range(4)]
        stack, link, pc = arm_const.UC_ARM_REG_SP, arm_const.UC_ARM_REG_LR, arm_const.UC_ARM_REG_PC
    else:
        uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        names = [riscv_const.UC_RISCV_REG_A0 + i for i in range(4)]
        stack, link, pc = riscv_const.UC_RISCV_REG_SP, riscv_const.UC_RISCV_REG_RA, riscv_const.UC_RISCV_REG_PC
    return uc, {"arguments": names, "stack": stack, "link": link, "pc": pc}


def _peripherals(arm: bool, waiting: deque[int], said: Callable[[int], None]) -> list[tuple[int, int, Any, Any]]:
    """(base, bytes, read, write) of what the firmware touches; every other register swallows and reads as zero."""
    polls = 0

    def tick() -> int:
        nonlocal polls
        polls += 1
        return int(polls % POLLS_PER_MS == 0)

    def receive() -> int:
        return waiting.popleft() if waiting else 0

    def nrf_read(uc: Any, offset: int, size: int, data: Any) -> int:
        if offset == 0x2108:  # RXDRDY
            return int(bool(waiting))
        if offset == 0x2518:  # RXD
            return receive()
        if offset == 0x8140:  # the tick
            return tick()
        return int(offset == 0x211C)  # TXDRDY: sent at once

    def nrf_write(uc: Any, offset: int, size: int, value: int, data: Any) -> None:
        if offset == 0x251C:
            said(value & 0xFF)

    def wch_read(uc: Any, offset: int, size: int, data: Any) -> int:
        if offset == 0x13800:  # STATR: room to send, and a byte?
            return 1 << 7 | bool(waiting) << 5
        if offset == 0x13804:
            return receive()
        return tick() if offset == 0x10 else 0

    def wch_write(uc: Any, offset: int, size: int, value: int, data: Any) -> None:
        if offset == 0x13804:
            said(value & 0xFF)

    def nothing(uc: Any, offset: int, size: int, data: Any) -> int:
        return 0

    def swallow(uc: Any, offset: int, size: int, value: int, data: Any) -> None:
        return None

    if arm:
        gpio, system = (0x5000_0000, PAGE), (0xE000_E000, PAGE)
        return [(0x4000_0000, 0x20000, nrf_read, nrf_write), (*gpio, nothing, swallow), (*system, nothing, swallow)]
    return [(0x4000_0000, 0x30000, wch_read, wch_write)]
