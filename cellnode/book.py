"""The book of a recording: gathers rows and gaps, and appends them to its file in sealed chunks.

It stops nobody: when the disk is full, or the file has its largest size, the book ends, says why, and takes everything
that still comes without keeping it. What was not yet written when its process is killed is lost; every whole chunk
remains. Time is passed in. May import json, numpy, the rows, the chunks and messages.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np

from cellnode.chunks import Kind, Writer
from cellnode.messages import Placement
from cellnode.rows import GAP_DTYPE, ROWS_MAX, Gaps, Rows, pack, row_dtype
from firmware_sim.engines import FAMILIES
from firmware_sim.errors import BadInput

CHUNK_ROWS = 1 << 16  # a chunk is due at latest then
SIZE_MAX = 2 << 30


class Book:
    """One file, for one placement. BadInput when it cannot be made."""

    def __init__(self, placement: Placement, size_max: int = SIZE_MAX) -> None:
        self.values = state_bytes(placement)
        self.ended = ""  # why nothing more is kept
        self.waiting = 0  # rows that are not yet written
        self._epoch, self._size_max = placement.epoch, size_max
        self._rows: list[Rows] = []
        self._gaps: list[Gaps] = []
        self._written, self._lost = 0, 0
        path = Path(placement.record) / f"{placement.epoch:06d}-{placement.cells[0]}.rec"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = Writer(path)
            self._file.write(Kind.HEAD, head(placement))
        except OSError as error:
            raise BadInput(f"recording {path} cannot be made: {error.strerror}") from error

    def take(self, rows: Rows, gaps: Gaps | None = None) -> None:
        """Keep these for the next chunk."""
        if self.ended:
            return
        if len(rows):
            self._rows.append(rows)
            self.waiting += len(rows)
        if gaps is not None and len(gaps):
            self._gaps.append(gaps)

    def write(self, from_ns: int, until_ns: int) -> None:
        """A chunk of all that was taken."""
        rows = np.concatenate([np.zeros(0, row_dtype(self.values)), *self._rows])
        gaps = np.concatenate([np.zeros(0, GAP_DTYPE), *self._gaps])
        self._rows, self._gaps, self.waiting = [], [], 0
        if self.ended or not (len(rows) or len(gaps)):
            return
        try:
            for begin in range(0, max(len(rows), 1), ROWS_MAX):
                part = rows[begin : begin + ROWS_MAX]
                body = pack(part, gaps if not begin else gaps[:0], self._epoch, from_ns)
                if self._file.size + len(body) > self._size_max:
                    self.end(f"it reached {self._size_max >> 20} MiB", until_ns)
                    return
                self._file.write(Kind.ROWS, body, len(part), from_ns, until_ns)
                self._written += len(part)
        except OSError as error:
            self._break(error)
            return
        self._lost += int(gaps["lost"].sum())

    def end(self, why: str, until_ns: int) -> None:
        """The last chunk, which says how it ended."""
        if self.ended:
            return
        self.ended = why
        facts = {"why": why, "rows": self._written, "lost": self._lost}
        try:
            self._file.write(Kind.END, json.dumps(facts).encode(), 0, until_ns, until_ns)
        except OSError as error:
            self._break(error)
            return
        self._file.close()

    def _break(self, error: OSError) -> None:
        self.ended = f"it could not be written: {error.strerror}"
        self._file.close()


def state_bytes(placement: Placement) -> int:
    """Of each state of this placement's cells."""
    return 16 if FAMILIES[placement.rule.engine] == "int8" else 64


def head(placement: Placement) -> bytes:
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
        "values": state_bytes(placement),
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
