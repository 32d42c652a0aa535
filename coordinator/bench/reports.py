"""What a coordinator pays for what hosts tell it: processor time and bytes of a beat, an offer, doors, a sheet.

One host on the list, a process of its own, says each kind many times by CURVE; the time is that of the whole process
that listens, input thread and decryption included. May import the coordinator and cellnode.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cellnode import hostmessages, panel
from cellnode.hostmessages import Offer
from cellnode.messages import PROTOCOL_VERSION, Beat, Door, Doors, Join, Sheet, encode
from cellnode.sheets import Sheets
from coordinator.bench.attacking import answer, attacker_of, tell
from coordinator.bench.registry import Options, Row
from coordinator.hosts.mosaic import Mosaic
from coordinator.hosts.roster import Tenure
from coordinator.keyring import Keyring, make_host
from coordinator.link import Link
from coordinator.registrar import Registrar
from firmware_sim.errors import RunFailed

CELLS = 1024  # of the sheet
DOORS = 1000
AGENT, EPOCH = "b/4", 4
PATIENCE_S = 120.0
COUNTS = {"beat": 20_000, "offer": 20_000, "doors": 300, "sheet": 60}


def measure(options: Options) -> Iterator[Row]:
    """A row a kind. `us`: of processor time; `us_per_item`: of a door, or of a page of a sheet."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ring = Keyring.make(home / "keys")
        ring.allow("b", make_host(home / "b", ring.pair.public).public)
        mosaic = Mosaic(home / "panel", CELLS, 16, os.getpid())
        mosaic.add(Tenure(EPOCH, "b", "x", list(range(CELLS))), same_clock=True)

        def take(sheet: Sheet) -> None:
            mosaic.take(sheet, time.monotonic_ns())

        link = Link(f"ipc://{home}/x", 1, on_offer=lambda _offer, _known: None, on_sheet=take)
        endpoint = link.listen("tcp://127.0.0.1:*", Registrar(ring))
        link.start()
        try:
            told = {"connect": endpoint, "keys": str(home / "b"), "first": [[encode(_join()).hex()]]}
            for kind, message in _messages().items():
                yield _row(link, told, kind, message)
        finally:
            link.close()
            mosaic.close()


def _row(link: Link, told: dict[str, Any], kind: str, message: bytes) -> Row:
    count, items = COUNTS[kind], {"doors": DOORS, "sheet": CELLS}.get(kind)
    link.agents.clear()
    last = [[encode(_beat("stopping")).hex()]]
    with attacker_of("flood") as host:
        began = time.process_time()
        tell(host, told | {"messages": [[message.hex()]], "last": last, "count": count})
        answer(host)
        if not link.wait(lambda: _ended(link), PATIENCE_S):
            raise RunFailed(f"{count} reports ({kind}) were not heard within {PATIENCE_S:g} s")
        us = 1e6 * (time.process_time() - began) / count
        host.communicate(b"", 30)
    row: Row = {"report": kind, "bytes": len(message), "us": round(us, 1)}
    return row | ({} if items is None else {"items": items, "us_per_item": round(us / items, 3)})


def _ended(link: Link) -> bool:
    agent = link.agents.get(AGENT)
    return agent is not None and agent.beat is not None and agent.beat.phase == "stopping"


def _messages() -> dict[str, bytes]:
    doors = [Door(cell, f"tcp://10.11.12.13:{32768 + cell}", EPOCH, 1, True, "k" * 40) for cell in range(DOORS)]
    offer = Offer(PROTOCOL_VERSION, "b", "0" * 16, 12345, "m" * 36, "10.11.12.13", 4096, 1, "0" * 8, [EPOCH], [])
    return {
        "beat": encode(_beat("running")),
        "offer": hostmessages.encode(offer),
        "doors": encode(Doors(AGENT, EPOCH, doors)),
        "sheet": encode(Sheets(AGENT, EPOCH, _pages()).answer(1, 0, 2)),
    }


def _pages() -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """A panel on which every cell has spoken, drawn by chance."""
    random, pages = np.random.default_rng(1), np.zeros(CELLS, panel.SLOT_DTYPE)
    pages["cell"], pages["epoch"], pages["life"] = np.arange(CELLS), EPOCH, 1
    pages["pid"], pages["phase"] = random.integers(1000, 60_000, CELLS), 4
    pages["counters"][:, :8] = random.integers(0, 1000, (CELLS, 8))
    states = random.integers(0, 255, (CELLS, 2, 16), np.uint8)
    raw = pages["copies"]["state"].copy().view(np.uint8).reshape(CELLS, 2, 64)
    raw[:, :, :16] = states
    pages["copies"]["state"] = raw.view("V64").reshape(CELLS, 2)
    pages["say_times"] = 10**12 + random.integers(0, 10**11, (CELLS, panel.RING))
    return pages


def _join() -> Join:
    return Join(PROTOCOL_VERSION, AGENT, 1, "r", 0, EPOCH, "", "", 4096, 0, [], [])


def _beat(phase: str) -> Beat:
    return Beat(AGENT, phase, EPOCH, 4096, 4096, 4096, 4096, 0, 0, 12345, 0)
