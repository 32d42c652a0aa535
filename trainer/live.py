"""`planaria train --live`: a folder to look at while a rule is learned, the pool and the batch before and after.

Open index.html in a browser; it loads itself anew. Pictures are written at most every two seconds, by rename, so that
nobody sees half of one. What is shown never touches the training: with and without it the weights are the same bits.
Imports numpy, trainer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np

from firmware_sim.errors import RunFailed
from trainer.episode import Floats
from trainer.pictures import sheet
from trainer.pool import Pool

EVERY_S = 2.0
POOL_SHOWN, POOL_COLUMNS = 48, 16
SCALE_PX = 120  # about how wide a grid of the batch is shown

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 24px; max-width: 1100px; }}
img {{ max-width: 100%; image-rendering: pixelated; }} h2 {{ font-size: 16px; margin: 20px 0 6px; }}
</style></head><body><h1>{title}</h1><p>{line}</p><h2>The batch before the episode and after it</h2>
<img src="batch.png?{stamp}" alt="batch before and after"><h2>{shown} samples of the pool</h2>
<img src="pool.png?{stamp}" alt="pool"></body></html>
"""


class Live:
    """Writes the folder; a `Watch` of train.py."""

    def __init__(self, folder: Path, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self._title, self._clock = folder, title, clock
        self._next = 0.0

    def __call__(self, step: int, loss_log10: float, pool: Pool, before: Floats, after: Floats) -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY_S
        entries = np.arange(0, len(pool), max(1, len(pool) // POOL_SHOWN))[:POOL_SHOWN]
        scale = max(1, SCALE_PX // before.shape[1])
        line = f"step {step:,}, log10 loss of this batch {loss_log10:.2f}"
        page = PAGE.format(title=escape(self._title), line=line, stamp=step, shown=len(entries))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write("batch.png", sheet([*before, *after], len(before), scale))
            self._write("pool.png", sheet(list(pool.read(entries)[0]), POOL_COLUMNS, max(1, scale // 2)))
            self._write("index.html", page.encode())
        except OSError as error:
            raise RunFailed(f"could not write {self.folder}: {error}; train without --live") from error

    def _write(self, name: str, content: bytes) -> None:
        part = self.folder / f"{name}.part"
        part.write_bytes(content)
        part.replace(self.folder / name)
