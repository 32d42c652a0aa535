"""The folder of one run: everything needed to repeat it, every event, every loss, the frames and what must survive a
crash.

    runs/<rule>/<YYYYmmdd-HHMMSS>/      run.json  rule/  state.json  events.jsonl  loss.csv  frames/  maps/  report.html
                                        recording/ (where every update is recorded)
    runs/<rule>/latest                  link to the newest

`run.json` never changes; `state.json` (epochs, clock, faults) is replaced durably before its content is used. This file
starts nothing. It may import msgspec, the standard library and firmware_sim.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from coordinator.clock import NEVER
from coordinator.faults.base import Record
from coordinator.faults.plans import Plan
from coordinator.hosts.roster import Tenure
from firmware_sim.errors import BadInput

Decoded = TypeVar("Decoded")
RUNS = Path("runs")
EXPERIMENTS = RUNS / "experiments"
LOSS_COLUMNS = ("t", "loss_log10", "loss_log10_shift1", "gain_log10", "alive", "living")


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """run.json: what is needed to repeat the run."""

    run: str  # 8 hex digits, also the name of the runtime directory
    rule: str
    rule_sha256: str
    substrate: str
    engine: str
    height: int
    width: int
    torus: bool
    degrees: float
    interval_s: float  # as asked; the calibrated one stands in state.json
    rng_seed: int
    command: list[str]
    started: str  # local time with offset
    runtime: str  # "" on virtual
    versions: dict[str, str]
    within: float = 100.0  # T after the last harm by which the picture must be back
    record: bool = False  # every update is written into recording/
    patch: tuple[int, int] = (0, 0)  # rows and columns of cells that one process carries; (0, 0): no patches
    chips: dict[str, list[int]] = {}  # kind of chip -> the cells that run on it; all others run `engine`
    hosts: int = 0  # how many carry it; 0: this machine, without an address of its own for each
    joined: bool = False  # they have come by themselves, from anywhere; False: started on this machine
    launch: str = ""  # who starts them elsewhere
    netns: bool = False  # they have a network of their own, of namespaces
    keys: str = ""  # the coordinator's folder of keys; "": none are needed
    capacity: int = 0  # cells a host of this machine has room for


class RunState(msgspec.Struct, kw_only=True):
    """state.json: what a successor must know. Times are CLOCK_MONOTONIC of `boot_id`."""

    coordinator_epoch: int = 0
    placement_epoch: int = 0
    interval_ns: int = 0
    boot_id: str = ""
    zero_ns: int = NEVER  # t = 0, -1 before the seed
    paused_ns: int = 0  # all pauses that are over, since zero
    paused_since_ns: int = NEVER  # -1 when not paused
    actions: int = 0
    next_fault: int = 1
    faults: list[Record] = []
    plans: list[Plan] = []  # faults that are to begin
    off: list[int] = []  # cells wanted off
    boards: dict[int, str] = {}  # cell -> the serial port of the board that has taken its place
    stopped: bool = False
    endpoint: str = ""  # where hosts join
    tenures: list[Tenure] = []  # which host carries which block


class RunFolder:
    """One run's folder, opened for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = path / "frames"
        self.maps = path / "maps"
        self.recording = path / "recording"

    @staticmethod
    def create(out: Path | None, info: RunInfo, rule_source: Path, runs: Path = RUNS) -> RunFolder:
        """Make the folder with run.json and a copy of the rule. Raises BadInput if `out` exists and is not empty."""
        if out is not None:
            path = out
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise BadInput(f"run folder {path} exists and is not empty: choose another --out, or remove it")
        else:
            path = _fresh(runs / info.rule)
        folder = RunFolder(path)
        try:
            folder.frames.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"run folder {path} cannot be made: {error}") from error
        if rule_source.is_dir():
            shutil.copytree(rule_source, path / "rule", dirs_exist_ok=True)
        else:
            (path / "rule").mkdir(exist_ok=True)
            shutil.copy2(rule_source, path / "rule" / rule_source.name)
        _write(path / "run.json", _pretty(info), True)
        folder.write_state(RunState())
        if out is None:
            _point_latest(path)
        return folder

    @staticmethod
    def open(path: Path) -> RunFolder:
        """Open an existing run's folder. Raises BadInput if it is none."""
        if not (path / "run.json").is_file():
            raise BadInput(f"{path} is no run folder (it has no run.json)")
        return RunFolder(path)

    @property
    def info(self) -> RunInfo:
        return _decode(self.path / "run.json", RunInfo)

    def state(self) -> RunState:
        return _decode(self.path / "state.json", RunState)

    def write_state(self, state: RunState, *, durably: bool = True) -> None:
        """Replace state.json, at once for whoever reads it and whatever becomes of us; `durably`: so that it survives a
        crash of the machine, too (fsync of file and folder, which can take longer than a stroke may)."""
        _write(self.path / "state.json", _pretty(state), durably)

    def event(self, name: str, t: float | None, **details: Any) -> dict[str, Any]:
        """Append one event; `t` in T since the seed, None before it. Returns what was written."""
        line = {"time": _now(), "t": None if t is None else round(t, 3), "event": name, **details}
        with (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":"), default=str) + "\n")
        return line

    def events(self) -> Iterator[dict[str, Any]]:
        """All whole lines of events.jsonl."""
        path = self.path / "events.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue  # a line cut off by a crash

    def loss_row(self, **values: float | int | None) -> None:
        """Append one row to loss.csv (columns as in LOSS_COLUMNS)."""
        path = self.path / "loss.csv"
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, LOSS_COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow({name: "" if value is None else value for name, value in values.items()})

    def losses(self) -> list[dict[str, float | None]]:
        """All rows of loss.csv."""
        path = self.path / "loss.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {key: float(value) if value else None for key, value in row.items()} for row in csv.DictReader(file)
            ]

    def save_json(self, name: str, value: Any) -> None:
        """Write another JSON file of the run, e.g. measure.json."""
        _write(self.path / name, _pretty(value), True)


def boot_id() -> str:
    """Names this boot, so that stored monotonic times are never compared across a restart of the machine."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _fresh(parent: Path) -> Path:
    stamp, number = time.strftime("%Y%m%d-%H%M%S"), 1
    path = parent / stamp
    while True:
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            number += 1
            path = parent / f"{stamp}-{number}"
        except OSError as error:
            raise BadInput(f"run folder {path} cannot be made: {error}") from error


def _point_latest(path: Path) -> None:
    link = path.parent / "latest"
    partial = path.parent / f".latest-{os.getpid()}"
    partial.unlink(missing_ok=True)
    partial.symlink_to(path.name)
    partial.replace(link)


def _write(path: Path, data: bytes, durably: bool) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        file.write(data)
        if durably:
            file.flush()
            os.fsync(file.fileno())
    partial.replace(path)
    if not durably:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _pretty(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _decode(path: Path, kind: type[Decoded]) -> Decoded:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S") + f".{time.time_ns() // 1_000_000 % 1000:03d}"
