"""A recording as a reader sees it: every update of a run in memory, and what the grid showed at any time.

    recording = Recording.open(folder)
    first, last = recording.span                 # in T
    recording.frame(37.5).save("then.png")

Reads the run folder only; of a run that goes on, up to its last whole chunk. Takes about 50 bytes a row in int8, 100 in
float. May import cellnode's chunks, rows and topology, the run folder, frames and numpy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellnode import chunks
from cellnode.chunks import Damaged, Kind
from cellnode.rows import GAP_DTYPE, NO_WAKE, Flag, Gaps, Rows, row_dtype, unpack
from coordinator.clock import NEVER
from coordinator.frames import Frame
from coordinator.runfolder import RunFolder, RunInfo
from firmware_sim.errors import BadInput
from firmware_sim.limits import CHANNELS, STATE_STEP

KEPT = ("cell", "life", "sequence", "flags", "at_ns", "state")  # of each row; what it used is read again from disk


@dataclass(slots=True)
class Segment:
    """One file: one placement epoch on one host."""

    path: Path
    head: dict[str, Any]
    end: dict[str, Any] | None = None  # how it ended, None: it was cut off (or goes on)
    rows: int = 0
    from_ns: int = 0  # of its first rows
    seal: str = ""  # of its last chunk

    @property
    def epoch(self) -> int:
        return int(self.head["epoch"])


@dataclass(frozen=True, slots=True)
class Times:
    """Nanoseconds of the cells' clock to T since the seed, pauses left out."""

    zero_ns: int
    interval_ns: int
    pauses: tuple[tuple[int, int], ...] = ()  # (from, to) in ns, in order

    def t(self, at_ns: int) -> float:
        passed = at_ns - self.zero_ns
        for began, ended in self.pauses:
            passed -= max(0, min(at_ns, ended) - began)
        return passed / self.interval_ns

    def ns(self, t: float) -> int:
        at_ns = self.zero_ns + round(t * self.interval_ns)
        for began, ended in self.pauses:
            if at_ns > began:
                at_ns += ended - began
        return at_ns


@dataclass(slots=True)
class Recording:
    """All whole chunks of a run. `rows` holds, in the order of the files, what KEPT names and the `epoch`."""

    info: RunInfo
    times: Times
    segments: list[Segment]
    rows: NDArray[Any]
    gaps: Gaps
    damage: tuple[Damaged, ...] = ()  # what follows it in its file was not read
    _shown: tuple[NDArray[np.uint64], NDArray[np.int64]] | None = field(default=None, repr=False)

    @staticmethod
    def open(folder: RunFolder) -> Recording:
        """BadInput when nothing was recorded."""
        paths = sorted(folder.recording.glob("*.rec"))
        if not paths:
            raise BadInput(f"{folder.path}: this run was not recorded; start it with `planaria run RULE --record`")
        segments: list[Segment] = []
        parts: list[NDArray[Any]] = []
        gaps, damage = [np.zeros(0, GAP_DTYPE)], []
        for path in paths:
            try:
                for _ in _read(path, folder.info, segments, parts, gaps):
                    pass
            except Damaged as found:
                damage.append(found)
        if not segments:
            raise damage[0] if damage else BadInput(f"{folder.recording}: the recording has no whole chunk yet")
        parts += [_darkness(later) for later in segments[1:]]  # last, so that places in the files are places here
        rows, times = np.concatenate(parts), _times(folder)
        return Recording(folder.info, times, segments, rows, np.concatenate(gaps), tuple(damage))

    @property
    def values(self) -> int:
        """Bytes of a state: 16 (int8) or 64 (float32)."""
        return int(self.segments[0].head["values"])

    @property
    def closed(self) -> bool:
        """Every segment ends as it was meant to; else some agent was killed, or the run goes on."""
        return all(segment.end is not None for segment in self.segments)

    def blocks(self) -> Iterator[tuple[int, Segment, Rows]]:
        """Whole rows, chunk by chunk from disk, with the place of the first in `rows`."""
        at = 0
        for segment in self.segments:
            left, found = segment.rows, chunks.read(segment.path)
            while left > 0:  # a damaged chunk may follow
                chunk = next(found)
                if chunk.kind is Kind.ROWS:
                    rows, _ = unpack(chunk.body, self.values, segment.epoch, chunk.from_ns)
                    yield at, segment, rows
                    at, left = at + len(rows), left - len(rows)

    # ---- what was to be seen

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last moment recorded, in T."""
        at_ns = self.rows["at_ns"]
        return (self.times.t(int(at_ns.min())), self.times.t(int(at_ns.max()))) if len(at_ns) else (0.0, 0.0)

    def frame(self, t: float) -> Frame:
        """What the grid showed at `t` T: of each cell the last state said by then; dark where no process lived."""
        height, width = self.info.height, self.info.width
        keys, order = self._by_cell_and_time()
        cells = np.arange(height * width, dtype=np.uint64)
        since = (self.times.ns(t) - int(self.rows["at_ns"].min())) // 1000
        wanted = cells << np.uint64(40) | np.uint64(max(since, 0))
        place = np.searchsorted(keys, wanted, side="right") - 1
        found = (since >= 0) & (place >= 0) & (keys[np.maximum(place, 0)] >> np.uint64(40) == cells)
        rows = self.rows[order[np.maximum(place, 0)]]
        on = found & (rows["flags"] & Flag.OFF == 0)
        states = decoded(rows["state"]) * on[:, None]
        return Frame(t, states.reshape(height, width, CHANNELS), on.reshape(height, width))

    def _by_cell_and_time(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """(cell << 40 | microseconds since the first row) of every row, ascending, and where those rows are."""
        if self._shown is None:
            if not len(self.rows):
                raise BadInput("the recording has no rows yet")
            true = np.flatnonzero(self.rows["flags"] & Flag.LIED == 0)  # a light shows the state, not the word
            at = (self.rows["at_ns"][true] - self.rows["at_ns"].min()) // np.uint64(1000)
            keys = self.rows["cell"][true].astype(np.uint64) << np.uint64(40) | at
            order = np.argsort(keys, kind="stable")
            self._shown = keys[order], true[order]
        return self._shown


def decoded(states: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[n, bytes of a state] -> float32 [n, 16] in units of value."""
    flat = np.ascontiguousarray(states)
    if flat.shape[1] == CHANNELS:
        return flat.view(np.int8).astype(np.float32) * np.float32(STATE_STEP)
    return flat.view("<f4").astype(np.float32)


def is_wake(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are wakes, and not a state given from outside, a lie, or the end of a life."""
    wakes: NDArray[np.bool_] = rows["flags"] & NO_WAKE == 0
    return wakes


def seals(folder: RunFolder) -> dict[str, str]:
    """File -> the seal of its last chunk, for every file that was ended as it was meant to; for the run's own log."""
    found = {}
    for path in sorted(folder.recording.glob("*.rec")):
        kind, seal = chunks.last(path) or (0, b"")
        if kind == Kind.END:
            found[path.name] = seal.hex()
    return found


def _read(
    path: Path, info: RunInfo, segments: list[Segment], parts: list[NDArray[Any]], gaps: list[Gaps]
) -> Iterator[None]:
    """One file, chunk by chunk, so that what lies before a damaged one counts."""
    segment: Segment | None = None
    for chunk in chunks.read(path):
        if segment is None:
            segment = Segment(path, _head(path, chunk, info))
            segments.append(segment)
            parts.append(_kept(np.zeros(0, row_dtype(segment.head["values"])), segment.epoch))
        elif chunk.kind is Kind.ROWS:
            rows, lost = unpack(chunk.body, segment.head["values"], segment.epoch, chunk.from_ns)
            parts.append(_kept(rows, segment.epoch))
            gaps.append(lost)
            segment.rows += len(rows)
            segment.from_ns = segment.from_ns or chunk.from_ns
        elif chunk.kind is Kind.END:
            segment.end = json.loads(chunk.body)
        segment.seal = chunk.seal.hex()
        yield


def _darkness(segment: Segment) -> NDArray[Any]:
    """Where a new segment begins, the processes that the one before told of are gone."""
    rows = np.zeros(len(segment.head["cells"]), row_dtype(segment.head["values"]))
    rows["cell"], rows["flags"], rows["at_ns"] = segment.head["cells"], Flag.OFF, segment.from_ns
    return _kept(rows if segment.from_ns else rows[:0], segment.epoch)


def _head(path: Path, chunk: chunks.Chunk, info: RunInfo) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(chunk.body)
    told = (head["run"], head["rule_sha256"], head["height"], head["width"], head["torus"])
    if told != (info.run, info.rule_sha256, info.height, info.width, info.torus):
        raise BadInput(f"{path}: this is the recording of run {head['run']}, the folder is of run {info.run}")
    return head


def _kept(rows: Rows, epoch: int) -> NDArray[Any]:
    fields = [(name, rows.dtype[name]) for name in KEPT]
    kept = np.empty(len(rows), np.dtype([*fields, ("epoch", "<u4")]))
    for name in KEPT:
        kept[name] = rows[name]
    kept["epoch"] = epoch
    return kept


def _times(folder: RunFolder) -> Times:
    state = folder.state()
    if state.zero_ns == NEVER:
        raise BadInput(f"{folder.path}: this run ended before its seed was planted")
    pauses, since = [], NEVER
    for event in folder.events():
        if event["event"] == "pause" and since == NEVER:
            since = int(event["ns"])
        elif event["event"] == "resume" and since != NEVER:
            pauses.append((since, int(event["ns"])))
            since = NEVER
    return Times(state.zero_ns, state.interval_ns or round(folder.info.interval_s * 1e9), tuple(pauses))
