"""The live page beside a swarm: its cost, its frames, how soon a stroke kills and is seen. Uses the API.

The swarm's numbers stand beside each, with nobody watching as the measure. Viewers are processes of their own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from websockets.sync.client import connect

from cellnode.panel import Counter
from coordinator import Swarm
from coordinator.bench.registry import Options, Row
from coordinator.serve import address, beside, wire

WINDOW_S = 10.0
STROKES = 10
GROWN_T = 40.0
CASES = (("nobody watches", 0), ("one viewer", 1), ("eight viewers", 8), ("one that never reads", -1))


def measure(options: Options) -> Iterator[Row]:
    """One row a case, then the strokes, then the weight."""
    with tempfile.TemporaryDirectory() as home:
        page = beside.Page(address.Address(port=0))
        with Swarm.start(
            options.rule,
            options.grid,
            engine=options.engines[-1],
            interval_s=options.interval_s,
            seed=options.seeds[0],
            out=f"{home}/run",
            on_line=options.say,
        ) as swarm:
            try:
                page.open(swarm.folder)
                swarm.wait_until(GROWN_T)
                for name, count in CASES:
                    yield {"case": name, **_case(swarm, page, count)}
                yield {"case": "stroke", **_strokes(swarm, page.url)}
            finally:
                page.close()
        yield {"case": "weight", **_weight()}


def _case(swarm: Swarm, page: beside.Page, count: int) -> Row:
    before, began = _used(swarm, page), time.monotonic()
    row: Row = {}
    if count:
        words = [sys.executable, "-m", "coordinator.bench.viewers", page.url, str(abs(count)), str(WINDOW_S)]
        told = subprocess.run([*words, *(["deaf"] if count < 0 else [])], capture_output=True, check=True).stdout
        row = {name: round(value, 1) for name, value in json.loads(told).items()} if count > 0 else {}
    else:
        swarm.wait(WINDOW_S / swarm.interval_s)
    after, seconds = _used(swarm, page), time.monotonic() - began
    names = ("coordinator_cpu", "page_cpu", "updates_per_s", "late_ms_per_s")
    gained = [(now - then) / seconds for now, then in zip(after, before, strict=True)]
    return {**row, **{name: round(value, 4 if "cpu" in name else 1) for name, value in zip(names, gained, strict=True)}}


def _used(swarm: Swarm, page: beside.Page) -> tuple[float, float, float, float]:
    """CPU seconds of this coordinator and of the page's server; updates and lateness of all cells."""
    counters = swarm.look().counters.sum(axis=0)
    return (
        time.process_time(),
        _cpu_s(page.pid),
        float(counters[Counter.UPDATES]),
        float(counters[Counter.LATE_NS]) / 1e6,
    )


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _strokes(swarm: Swarm, url: str) -> Row:
    """Kill small discs through the API: until no process is left, and until a frame shows them dark."""
    place, _, token = url.partition("/#")
    height, width = swarm.info.height, swarm.info.width
    killed, seen = [], []
    for number in range(STROKES):
        row, column = height // 2, (number + 1) * width // (STROKES + 1)
        before = swarm.look()
        cells = [cell for cell in (row * width + column, (row - 1) * width + column) if before.on[cell]]
        dark: list[float] = []
        ready = threading.Event()
        watcher = threading.Thread(target=_until_dark, args=(place, token, set(cells), dark, ready))
        watcher.start()
        ready.wait(10)
        body = json.dumps({"do": "kill", "select": f"path:0.5,{row},{column},{row - 1},{column}"}).encode()
        asking = urllib.request.Request(place + "/api/actions", body, {"Authorization": f"Bearer {token}"})
        began = time.monotonic()
        poster = threading.Thread(target=lambda asking=asking: urllib.request.urlopen(asking, timeout=60).read())
        poster.start()
        pids = before.pids[cells].tolist()
        while any(Path(f"/proc/{pid}").exists() for pid in pids):
            time.sleep(0.0005)
        killed.append(time.monotonic() - began)
        poster.join()
        watcher.join(30)
        seen += [at - began for at in dark]
        swarm.revive("dead")
        swarm.wait(2)
    milliseconds = [round(statistics.median(values) * 1000, 1) if values else None for values in (killed, seen)]
    return {"strokes": STROKES, "to_sigkill_ms": milliseconds[0], "to_frame_ms": milliseconds[1]}


def _until_dark(place: str, token: str, cells: set[int], dark: list[float], ready: threading.Event) -> None:
    with connect(place.replace("http", "ws") + "/live", max_size=None, compression=None, open_timeout=60) as line:
        line.send(json.dumps({"token": token}))
        left, ends = set(cells), time.monotonic() + 30
        while left and time.monotonic() < ends:
            data = line.recv(30)
            if isinstance(data, bytes):
                head, chosen, shown = wire.decode(data)
                line.send(json.dumps({"seen": head.number}))
                ready.set()
                left -= set(chosen[shown.phases == 0].tolist())
        if not left:
            dark.append(time.monotonic())


def _weight() -> Row:
    files = [
        path for path in (Path(beside.__file__).parent / "static").rglob("*") if path.suffix not in (".md", ".txt")
    ]
    sizes = [path.stat().st_size for path in files if path.is_file()]
    return {"files": len(sizes), "kib": round(sum(sizes) / 1024, 1)}
