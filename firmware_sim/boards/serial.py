"""A serial port as the near end of a board's line: raw bytes at 115,200 baud, by the system's own termios.

Opens the port it is told and nothing else; BadInput when that is no terminal.  Imports: the standard library, errors.
"""

from __future__ import annotations

import os
import select
import termios
from pathlib import Path

from firmware_sim.errors import BadInput, RunFailed

WAIT_S = 0.05
CHUNK = 4096


class SerialPort:
    """Line of engine.BoardEngine over a device such as /dev/ttyUSB0, or a pseudo-terminal."""

    def __init__(self, path: str | Path, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._path = Path(path)
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise BadInput(f"{path}: cannot be opened ({error.strerror}); is it the board's serial port?") from error
        try:
            _make_raw(self._file)
        except termios.error as error:
            os.close(self._file)
            raise BadInput(f"{path}: no serial port ({error.args[-1]})") from error

    def read(self) -> bytes:
        """What has come, after at most `wait_s`."""
        return self._take(self._wait_s)

    def _take(self, wait_s: float) -> bytes:
        ready, _, _ = select.select([self._file], [], [], wait_s)
        if not ready:
            return b""
        try:
            data = os.read(self._file, CHUNK)
        except OSError as error:
            raise RunFailed(f"{self._path}: gone ({error.strerror})") from error
        if not data:
            raise RunFailed(f"{self._path}: closed")
        return data

    def missed(self) -> bytes:
        """What came while nobody listened: the chip asks all the time."""
        return b"".join(iter(lambda: self._take(0.0), b""))

    def write(self, data: bytes) -> None:
        while data:
            _, ready, _ = select.select([], [self._file], [], 1.0)
            if not ready:
                raise RunFailed(f"{self._path}: takes no bytes")
            try:
                data = data[os.write(self._file, data) :]
            except OSError as error:
                raise RunFailed(f"{self._path}: gone ({error.strerror})") from error

    def close(self) -> None:
        os.close(self._file)


def _make_raw(file: int) -> None:
    settings = termios.tcgetattr(file)
    settings[0] = 0
    settings[1] = 0
    settings[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    settings[3] = 0
    settings[4] = settings[5] = termios.B115200
    settings[6][termios.VMIN] = 0
    settings[6][termios.VTIME] = 0
    termios.tcsetattr(file, termios.TCSANOW, settings)
