"""A frame: what the whole grid showed at one moment. Knows its time and colours, and how to save itself; reads no
panel.

May import firmware_sim, numpy and, when a picture is asked for, coordinator.render.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firmware_sim.errors import BadInput
from firmware_sim.rule import rgb_on_black, rgb_on_white

LOOKS = ("led", "paper")  # LED on black: as the boards would shine; paper white: as the article prints it


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """`states` float32 [H, W, 16] in units of value, `on` bool [H, W] (has a process), `t` in T since the seed."""

    t: float
    states: NDArray[np.float32]
    on: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"Frame({self.height}x{self.width} at {self.t:.1f} T, {int(self.on.sum())} cells on)"

    @property
    def height(self) -> int:
        return int(self.states.shape[0])

    @property
    def width(self) -> int:
        return int(self.states.shape[1])

    def rgb(self, look: str = "led") -> NDArray[np.uint8]:
        """Colours, uint8 [H, W, 3]. A dead cell's LED is dark; on paper it leaves the paper white."""
        if look not in LOOKS:
            raise BadInput(f"look is {look!r}, expected {' or '.join(LOOKS)}")
        lit = np.where(self.on[..., None], self.states, np.float32(0))
        colours = rgb_on_black(lit) if look == "led" else rgb_on_white(lit)
        return np.rint(colours * 255).astype(np.uint8)

    def save(self, path: str | Path, *, look: str = "led", scale: int | None = None) -> Path:
        """Write a picture (format by ending: .png, .webp, .gif), each cell a crisp square of `scale` pixels."""
        from coordinator import render

        return render.save(self.rgb(look), Path(path), scale)

    def _repr_png_(self) -> bytes:
        """A notebook shows the frame as a picture."""
        from coordinator import render

        return render.png(self.rgb())
