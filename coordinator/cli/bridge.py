"""`planaria bridge`: a board at a serial port takes a cell's place until Ctrl-C, when the cell is given back.

The agent opens the port, in that cell's own process; this command asks for it, watches, and tells. Thin over
coordinator.swarm.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from pathlib import Path

import click

from cellnode.leases import Lease
from cellnode.panel import Counter
from cellnode.runtime import Runtime
from coordinator.camera import Sight
from coordinator.cli.live import uninterrupted
from coordinator.cli.options import json_option, show_json
from coordinator.swarm import Swarm
from firmware_sim.boards.serial import SerialPort
from firmware_sim.errors import BadInput, RunFailed

LOOK_S = 0.2
LOG_TAIL = 1 << 16


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@click.command(short_help="A board at a serial port becomes a cell of a run.")
@click.argument("port")
@click.option("--run", "run", default="latest", show_default=True, help="Run folder, id, rule's name or `latest`.")
@click.option("--cell", required=True, metavar="R,C", help="Row and column of the cell whose place it takes.")
@click.option("--for", "length", type=float, default=None, help="End after this many T. Default: until Ctrl-C.")
@json_option
def bridge(port: str, run: str, cell: str, length: float | None, as_json: bool) -> int:
    """Let the board at PORT be cell R,C of a run: its machine code computes, its neighbours cannot tell.

    \b
    planaria bridge /dev/ttyUSB0 --run latest --cell 20,20
    planaria firmware desk dot --link /tmp/uno       a simulated board, for those who have none

    The board carries the image of the run's rule (`planaria firmware build`). Unplugged, its cell falls silent, and
    comes back within ten seconds of being plugged in again. Ctrl-C gives the cell back; so does the agent, where this
    command is killed.
    """
    row, column = _place(cell)
    path = os.path.abspath(port)  # noqa: PTH100 - not resolved: a name in /dev/serial/by-id outlives the device
    SerialPort(path).close()
    with Swarm.attach(run, on_line=_tell) as swarm:
        watch = _Watch(swarm, path, row, column)
        with Lease(Runtime(Path(swarm.info.runtime)), row * swarm.info.width + column):
            outcome = swarm.bridge(path, f"cell:{row},{column}")
            try:
                if outcome.missing:
                    raise RunFailed(f"cell {row},{column} did not come up: {watch.last_words()}")
                interrupted = watch.run(length)
            finally:
                with uninterrupted():
                    _give_back(swarm, row, column)
    if as_json:
        show_json({"port": path, "cell": [row, column], "updates": watch.updates, "lost": watch.lost})
    return 130 if interrupted else 0


def _place(cell: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", cell)
    if match is None:
        raise BadInput(f"--cell is {cell!r}, expected ROW,COLUMN such as 20,20")
    return int(match[1]), int(match[2])


def _give_back(swarm: Swarm, row: int, column: int) -> None:
    if swarm.ended:
        return
    try:
        swarm.unbridge(f"cell:{row},{column}")
        _tell(f"cell {row},{column} is given back")
    except RunFailed as error:
        _tell(f"the run is over ({error})")


class _Watch:
    """Tells once when the board computes, when it is gone, and when it is back."""

    def __init__(self, swarm: Swarm, port: str, row: int, column: int) -> None:
        info = swarm.info
        self._swarm, self._port, self._cell = swarm, port, row * info.width + column
        self._name, self._log = f"cell {row},{column}", Path(info.runtime) / "agent.log"
        self.updates = self.lost = 0
        self._life, self._now = 0, 0
        self._talks: bool | None = None

    def run(self, length: float | None) -> bool:
        """Until `length` T have passed (False), the run is over (False), or somebody interrupts (True)."""
        end = None if length is None else self._swarm.t + length
        try:
            while not self._swarm.ended and (end is None or self._swarm.t < end):
                self._see(self._swarm.look())
                time.sleep(LOOK_S)
        except RunFailed:
            return False
        except KeyboardInterrupt:
            self._see_last()
            return True
        self._see_last()
        return False

    def _see_last(self) -> None:
        with contextlib.suppress(RunFailed):
            self._see(self._swarm.look())

    def _see(self, sight: Sight) -> None:
        life, count = int(sight.lives[self._cell]), int(sight.counters[self._cell, Counter.UPDATES])
        if life != self._life:
            self._life, self._now = life, 0
        self.updates += max(0, count - self._now)
        self._now = max(self._now, count)
        if count > 0 and self._talks is not True and sight.on[self._cell]:
            _tell(f"{self._name} is {'again ' if self._talks is False else ''}computed by the board at {self._port}")
            self._talks = True
        elif self._talks is not False and not sight.on[self._cell]:
            _tell(f"{self._name} is silent until the board at {self._port} is back: {self.last_words()}")
            self._talks = False
            self.lost += 1

    def last_words(self) -> str:
        """What the cell's process said last, as the agent logged it."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - LOG_TAIL))
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return "the board does not answer"
        mine = [line for line in lines if line.startswith(f"cell {self._cell} life")]
        return mine[-1].split(": ", 2)[-1] if mine else "the board does not answer"
