"""The keeper of a host's recording: fetches what the black boxes hold, and appends it to the run folder in chunks.

It waits for nobody and stops nobody: when the disk is full or the recording has its largest size, recording ends, with
a word about it, and the cells go on. What lies in the rings or in its own memory when it is killed is lost; every whole
chunk remains. Time is passed in. May import json, numpy, the rings, rows and chunks, and messages.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellnode.chunks import Kind, Writer
from cellnode.messages import Placement
from cellnode.rings import Rings
from cellnode.rows import GAP_DTYPE, ROWS_MAX, Flag, Gaps, Rows, pack, row_dtype
from cellnode.runtime import Runtime
from firmware_sim.engines import FAMILIES
from firmware_sim.errors import BadInput

FETCH_NS = 250_000_000  # between two looks at the rings, or ...
FETCH_INTERVALS = 4  # ... so many T, if that is less: a ring holds 21 rows
CHUNK_NS = 4_000_000_000  # what a kill -9 of the agent can cost
CHUNK_ROWS = 1 << 16
SIZE_MAX = 2 << 30
NEVER_NS = (1 << 63) - 1


class Keeper:
    """The recording of one placement on one host."""

    def __init__(
        self, placement: Placement, runtime: Runtime, cells: NDArray[np.int64], size_max: int = SIZE_MAX
    ) -> None:
        self._epoch, self._size_max = placement.epoch, size_max
        self._fetch_ns = min(FETCH_NS, FETCH_INTERVALS * placement.interval_ns)
        self._values = 16 if FAMILIES[placement.rule.engine] == "int8" else 64
        self._cells = cells.astype(np.uint32)
        folder = Path(placement.record)
        path = folder / f"{placement.epoch:06d}-{int(cells[0])}.rec"
        try:
            self._rings = Rings(runtime.rings, cells, self._values)
            folder.mkdir(parents=True, exist_ok=True)
            self._file = Writer(path)
            self._file.write(Kind.HEAD, head(placement, self._values))
        except OSError as error:
            raise BadInput(f"recording {path} cannot be made: {error.strerror}") from error
        self.ended = ""  # why nothing more is recorded
        self._rows: list[Rows] = []
        self._gaps: list[Gaps] = []
        self._count = 0  # of rows that wait for their chunk
        self._next_ns = 0
        self._from_ns = 0  # of the chunk that is being gathered
        self._until_ns = 0
        self._total, self._lost = 0, 0

    def tick(self, now_ns: int) -> None:
        """Fetch, and write a chunk, if it is time."""
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + self._fetch_ns
        self._from_ns = self._from_ns or now_ns
        self._until_ns = max(now_ns, self._until_ns)  # a cell that has died since may have said something later
        self._take(*self._rings.fetch(self._until_ns, now_ns))
        if now_ns - self._from_ns >= CHUNK_NS or self._count >= CHUNK_ROWS:
            self._write_chunk(now_ns)

    def next_ms(self, now_ns: int) -> int:
        """How long the agent may sleep before the next `tick`."""
        return max(1, (self._next_ns - now_ns) // 1_000_000)

    def died(self, index: int, life: int, now_ns: int) -> None:
        """The process of this page is reaped: take the last it wrote, and note its end."""
        rows, gaps = self._rings.fetch(NEVER_NS, now_ns, index)
        self._until_ns = max([self._until_ns, *rows["at_ns"].tolist()])
        self._take(rows, gaps)
        end = np.zeros(1, row_dtype(self._values))
        end["cell"], end["life"], end["flags"], end["at_ns"] = self._cells[index], life, Flag.OFF, now_ns
        self._take(end, np.zeros(0, GAP_DTYPE))
        self._rings.clear(index)

    def close(self, now_ns: int) -> None:
        """The last chunk; all cells are gone."""
        self._take(*self._rings.fetch(NEVER_NS, now_ns))
        self._until_ns = now_ns
        self._write_chunk(now_ns)
        self._end("stopped")
        self._rings.close()

    def _take(self, rows: Rows, gaps: Gaps) -> None:
        if self.ended:
            return
        if len(rows):
            self._rows.append(rows)
            self._count += len(rows)
        if len(gaps):
            self._gaps.append(gaps)

    def _write_chunk(self, now_ns: int) -> None:
        rows = np.concatenate(self._rows) if self._rows else np.zeros(0, row_dtype(self._values))
        gaps = np.concatenate(self._gaps) if self._gaps else np.zeros(0, GAP_DTYPE)
        from_ns, self._from_ns = self._from_ns, now_ns
        self._rows, self._gaps, self._count = [], [], 0
        if self.ended or not (len(rows) or len(gaps)):
            return
        try:
            for begin in range(0, max(len(rows), 1), ROWS_MAX):
                part = rows[begin : begin + ROWS_MAX]
                body = pack(part, gaps if not begin else gaps[:0], self._epoch, from_ns)
                if self._file.size + len(body) > self._size_max:
                    self._end(f"it reached {self._size_max >> 20} MiB")
                    return
                self._file.write(Kind.ROWS, body, len(part), from_ns, self._until_ns)
        except OSError as error:
            self._file.close()
            self.ended = f"it could not be written: {error.strerror}"
            return
        self._total += len(rows)
        self._lost += int(gaps["lost"].sum())

    def _end(self, why: str) -> None:
        if self.ended:
            return
        self.ended = why
        try:
            facts = {"why": why, "rows": self._total, "lost": self._lost}
            self._file.write(Kind.END, json.dumps(facts).encode(), 0, self._until_ns, self._until_ns)
        except OSError as error:
            self.ended = f"it could not be written: {error.strerror}"
        self._file.close()


def head(placement: Placement, values: int) -> bytes:
    """The first chunk: what was recorded, of whom, and by which arithmetic."""
    facts = {
        "run": placement.run,
        "rule_sha256": placement.rule.sha256,
        "engine": placement.rule.engine,
        "degrees": placement.rule.degrees,
        "epoch": placement.epoch,
        "height": placement.height,
        "width": placement.width,
        "torus": placement.torus,
        "cells": placement.cells,
        "tag": placement.tag,
        "values": values,
        "machine": arithmetic(),
    }
    return json.dumps(facts).encode()


def arithmetic() -> str:
    """Names what float results depend on beside the rule: where it is the same, they are the same to the bit."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{model}; numpy {np.__version__}"
