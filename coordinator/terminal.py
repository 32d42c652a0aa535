"""The live view: the grid in half blocks with a few lines of numbers; without a terminal, one plain line a second.

Everything goes to stderr, so that stdout stays free for results. Reads a swarm through its API only. May import rich.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cellnode.panel import Phase
from coordinator.camera import Sight
from coordinator.frames import Frame
from coordinator.measure import Measure
from coordinator.substrate import Progress

DRAW_EVERY_S = 0.15
PHASE_LIGHT = {Phase.OFF: 0, Phase.BORN: 45, Phase.BOUND: 90, Phase.WIRED: 150, Phase.LINKED: 235, Phase.FAILED: 0}


def half_blocks(colours: NDArray[np.uint8], colour: bool = True) -> Text:
    """uint8 [H, W, 3] as text: two cells a character, the upper as foreground; without colour, shades of one sign."""
    if not colour:
        return _shades(colours)
    if colours.shape[0] % 2:
        colours = np.concatenate([colours, np.zeros_like(colours[:1])])
    text = Text()
    for upper, lower in zip(colours[::2], colours[1::2], strict=True):
        pairs = np.concatenate([upper, lower], axis=1)
        edges = np.flatnonzero(np.any(pairs[1:] != pairs[:-1], axis=1)) + 1
        for run in np.split(pairs, edges):  # one style a run of equal cells keeps the stream short
            top, bottom = run[0, :3], run[0, 3:]
            style = f"rgb({top[0]},{top[1]},{top[2]}) on rgb({bottom[0]},{bottom[1]},{bottom[2]})"
            text.append("▀" * len(run), style=style)
        text.append("\n")
    text.right_crop(1)
    return text


def phase_colours(sight: Sight) -> NDArray[np.uint8]:
    """How far each cell's process is, as light: dark when there is none, warm while it comes up, white when linked."""
    table = np.zeros((len(Phase), 3), np.uint8)
    for phase, light in PHASE_LIGHT.items():
        table[phase] = (light, light * 3 // 4, light // 3) if phase != Phase.LINKED else (light, light, light)
    table[Phase.FAILED] = (160, 20, 20)
    colours: NDArray[np.uint8] = table[np.minimum(sight.phases, len(Phase) - 1)].reshape(*sight.states.shape[:2], 3)
    return colours


def _shades(colours: NDArray[np.uint8]) -> Text:
    signs = np.array(list(" .:-=+*#%@"))
    light = colours.max(axis=2).astype(int) * (len(signs) - 1) // 255
    return Text("\n".join("".join(row) for row in signs[light]))


class View:
    """A context manager. `draw` is cheap to call often: it draws a few times a second at most."""

    def __init__(self, look: str = "led", *, live: bool | None = None, every_s: float = DRAW_EVERY_S) -> None:
        self._console = Console(stderr=True, highlight=False)
        self.live = self._console.is_terminal if live is None else live
        self._look, self._every_s = look, every_s if self.live else 1.0
        self._colour = self._console.color_system is not None and "NO_COLOR" not in os.environ
        self._next_s, self._headline, self._said = 0.0, "", ""
        self._display = Live(console=self._console, auto_refresh=False, transient=False) if self.live else None

    def __enter__(self) -> View:
        if self._display is not None:
            self._display.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._display is not None:
            self._display.stop()

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._display is not None:
            self._console.print(Text(line, style="bold"))
        else:
            print(line, file=sys.stderr, flush=True)

    def headline(self, text: str) -> None:
        """What is going on, shown above the numbers until the next one."""
        self._headline = text
        if not self.live:
            self.say(text)

    def due(self) -> bool:
        """Whether it is time to draw again."""
        return time.monotonic() >= self._next_s

    def launch(self, progress: Progress) -> None:
        """The cells' processes lighting up."""
        if not self.due() and progress.phase != "running":
            return
        counts = f"{progress.born} born, {progress.bound} bound, {progress.linked} linked of {progress.wanted}"
        line = f"{progress.phase}: {counts}{', ' + progress.note if progress.note else ''}"
        sight = progress.look() if self.live else None
        colours = phase_colours(sight) if sight is not None else None
        self._draw(colours, line)

    def swarm(self, frame: Frame, measure: Measure, faults: int) -> None:
        """The picture and its numbers."""
        dead = frame.on.size - int(frame.on.sum())
        lines = [measure.line]
        if dead:
            lines.append(f"{dead} dead processes")
        if faults:
            lines.append(f"{faults} fault{'s' if faults > 1 else ''} active")
        self._draw(frame.rgb(self._look), ", ".join(lines))

    def picture(self, frame: Frame, line: str, headline: str) -> None:
        """A picture of any time, with a line below it."""
        if self.due():
            self._headline = headline
            self._draw(frame.rgb(self._look), line)

    def _draw(self, colours: NDArray[np.uint8] | None, line: str) -> None:
        self._next_s = time.monotonic() + self._every_s
        if self._display is None:
            if line != self._said:
                self._said = line
                print(line, file=sys.stderr, flush=True)
            return
        parts = [half_blocks(colours, self._colour)] if colours is not None and self._fits(colours) else []
        parts += [Text(self._headline, style="bold")] if self._headline else []
        self._display.update(Group(*parts, Text(line)), refresh=True)

    def _fits(self, colours: NDArray[np.uint8]) -> bool:
        height, width = colours.shape[:2]
        rows = height if not self._colour else (height + 1) // 2
        return bool(self._console.width >= width and self._console.height >= rows + 3)
