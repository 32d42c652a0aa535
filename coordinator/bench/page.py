"""The live page beside a swarm: frames in a browser and for many viewers, CPU, what it costs the cells, how soon a
stroke kills and is seen. Uses the API.

The swarm's numbers stand beside each, with nobody watching before and in between as the measure. Browser, viewers and
strokes are processes of their own, so that the coordinator's CPU time is its own; times are of the one monotonic clock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from coordinator import Swarm
from coordinator.bench.pagecost import Cost
from coordinator.bench.patches import plant_tiles
from coordinator.bench.registry import Options, Row
from coordinator.serve import address, beside
from firmware_sim.errors import RunFailed

STROKES_MAX = 40
GROWN_T = 40.0
LARGE_CELLS_A_SECOND = 16384  # T of the large grid: as many wakes as two busy cores bear
LARGE_GROWN_T = 6.0  # pictures grow there, so that there is something to see


def measure(options: Options) -> Iterator[Row]:
    """A row for each who watches, then strokes, then the large grid, then the weight of the page's files."""
    window, strokes = options.window_s, max(3, min(STROKES_MAX, round(2 * options.window_s)))
    with _served(options, options.grid, "processes", options.interval_s) as (swarm, page):
        swarm.wait_until(min(GROWN_T, 2 * window / options.interval_s))
        cases: tuple[tuple[str, Callable[[], Row] | None], ...] = (
            ("nobody watches", None),
            ("one viewer", lambda: _viewers(page.url, 1, window)),
            ("nobody watches, again", None),
            ("a browser", lambda: _browser(page.url, window)),
            ("a browser, by WebGL", lambda: _browser(page.url, window, "webgl2")),
            (f"{options.viewers} viewers", lambda: _viewers(page.url, options.viewers, window)),
            ("one that never reads", lambda: _beside("viewers", page.url, "1", str(window), "deaf") or {}),
            ("nobody watches, at last", None),
        )
        for name, who in cases:
            yield {"case": name, **_case(swarm, page, who, window)}
        yield {"case": "strokes", **_strokes(page.url, strokes)}
    height, width = options.large
    interval_s = max(options.interval_s, height * width / LARGE_CELLS_A_SECOND)
    with _served(options, options.large, "patches", interval_s) as (swarm, page):
        plant_tiles(swarm)
        swarm.wait_until(LARGE_GROWN_T)
        large = f"{height * width:,} cells in patches"
        yield {"case": f"{large}, one viewer", **_case(swarm, page, lambda: _viewers(page.url, 1, window), window)}
        yield {"case": f"{large}, a browser", **_case(swarm, page, lambda: _browser(page.url, window), window)}
    yield {"case": "files", **_weight()}


@contextmanager
def _served(
    options: Options, grid: tuple[int, int], substrate: str, interval_s: float
) -> Iterator[tuple[Swarm, beside.Page]]:
    page = beside.Page(address.Address(port=0))
    with tempfile.TemporaryDirectory() as home:
        try:
            with Swarm.start(
                options.rule,
                grid,
                engine=options.engines[-1],
                interval_s=interval_s,
                seed=options.seeds[0],
                substrate=substrate,
                out=f"{home}/run",
                on_line=options.say,
            ) as swarm:
                page.open(swarm.folder)
                yield swarm, page
        finally:
            page.close()


def _case(swarm: Swarm, page: beside.Page, who: Callable[[], Row] | None, window_s: float) -> Row:
    """What `who` saw, and what it cost meanwhile."""
    with Cost(swarm, page.pid) as cost:
        row: Row = {} if who is None else who()
        if who is None:
            swarm.wait(window_s / swarm.interval_s)
    return {**row, **cost.row}


def _viewers(url: str, count: int, window_s: float) -> Row:
    return _beside("viewers", url, str(count), str(window_s)) or {}


def _browser(url: str, window_s: float, *painter: str) -> Row:
    return _beside("browser", url, str(window_s), *painter) or {}


def _strokes(url: str, count: int) -> Row:
    told = _beside("strokes", url, str(count)) or {}
    row: Row = {"strokes": count}
    for name in ("to_sigkill_ms", "to_frame_ms"):
        for share in (50, 95):
            row[f"{name}_p{share}"] = round(float(np.percentile(told[name], share)), 1)
    return row


def _beside(what: str, url: str, *words: str) -> Any:
    """Run coordinator.bench.WHAT with these words; the address goes through a pipe, since it holds the token."""
    command = [sys.executable, "-m", f"coordinator.bench.{what}", *words]
    ended = subprocess.run(command, input=url.encode(), stdout=subprocess.PIPE, check=False)
    if ended.returncode:
        raise RunFailed(f"coordinator.bench.{what} ended with code {ended.returncode}; what it had to say stands above")
    return json.loads(ended.stdout)


def _weight() -> Row:
    files = [
        path for path in (Path(beside.__file__).parent / "static").rglob("*") if path.suffix not in (".md", ".txt")
    ]
    sizes = [path.stat().st_size for path in files if path.is_file()]
    return {"files": len(sizes), "kib": round(sum(sizes) / 1024, 1)}
