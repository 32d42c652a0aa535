"""Frames that must not count: from the place of a cell that an attacker has taken, to its neighbours on another host,
and into a swarm that is recorded and then verified update by update.

May import the coordinator and cellnode.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from cellnode.panel import Counter
from cellnode.topology import neighbours
from coordinator import Swarm
from coordinator.bench.attacking import (
    GRID,
    RULE,
    Place,
    answer,
    attacker_of,
    await_,
    home_of,
    is_flat,
    key_of,
    port_of,
    sizes_of,
    speaker_at,
    tell,
)
from coordinator.bench.forge import Kind, forge
from coordinator.bench.registry import Row, Say
from coordinator.bench.yard import Size, Yard, size_of
from coordinator.opening import copy_of_rule
from coordinator.runfolder import RunFolder
from coordinator.verify import verify

DROPS = [int(counter) for counter in Counter if counter.name.startswith("DROP_")]


def frames(ground: Yard, place: Place, count: int) -> Iterator[Row]:
    """The attacker has taken host `b`: it speaks from the place of one of its cells, with its key."""
    swarm = ground.swarm
    sight = swarm.look()
    speaker = speaker_at(swarm, place.cell)
    kinds = forge(speaker, place.listeners[0], 1, far=True)
    bind = f"tcp://127.0.0.1:{port_of(ground, 'b', place.cell)}"
    told = {"bind": bind, "keys": str(ground.home / "b"), "admit": [key_of(ground, "a")], "listeners": 3}
    words = _overheard(ground, place, swarm)
    swarm.inject("link_loss", select="all", rate=0.0)  # nothing is lost, and every message is looked at
    swarm.kill(f"cell:{place.cell // GRID[1]},{place.cell % GRID[1]}")
    swarm.wait(15)  # until its last word is forgotten
    pids = [int(sight.pids[cell]) for cell in place.listeners] + list(ground.agents.values())
    _flood(swarm, place.listeners, told, kinds, 1)
    before = size_of(pids)
    yield _counted(swarm, place, told, kinds, count // 3, "malformed frames, non-conflating, by CURVE", pids, before)
    replay = [Kind("replayed", Counter.DROP_SEQUENCE, [[word] for word in words])]
    near = neighbours(*GRID, False)[place.beside].tolist()
    deaf = [cell for cell in place.listeners if cell not in near]  # the replayed cell is none of theirs
    told["deaf"] = deaf
    yield _counted(swarm, place, told, replay, max(300, count // 100), "replayed words of a neighbour", pids, before)


def _counted(
    swarm: Swarm,
    place: Place,
    told: dict[str, Any],
    kinds: Sequence[Kind],
    count: int,
    name: str,
    pids: list[int],
    before: Size,
) -> Row:
    size = sum(len(kind.messages) for kind in kinds)
    rounds = max(1, count // size)
    first = swarm.look().counters[place.listeners].astype(np.int64)
    seconds = _flood(swarm, place.listeners, told, kinds, rounds)
    last = swarm.look().counters[place.listeners].astype(np.int64)
    found = (last - first)[:, DROPS].sum(axis=0)
    expected = dict.fromkeys(DROPS, 0)
    for kind in kinds:
        for cell in place.listeners:
            counter = Counter.DROP_SPOOFED if cell in told.get("deaf", ()) else kind.counter
            expected[int(counter)] += rounds * len(kind.messages)
    after = size_of(pids)
    exact = {Counter(number).name[5:].lower(): int(value) for number, value in zip(DROPS, found, strict=True) if value}
    return {
        "attack": name,
        "tried": 3 * rounds * size,
        "kinds": len(kinds),
        "counted": exact,
        "per_s": round(3 * rounds * size / seconds),
        "wakes": int((last - first)[:, Counter.UPDATES].sum()),
        "missed_wakes": int((last - first)[:, Counter.MISSED_WAKES].sum()),
        **sizes_of(before, after),
        "holds": found.tolist() == [expected[number] for number in DROPS] and is_flat(before, after),
    }


def _flood(swarm: Swarm, listeners: list[int], told: dict[str, Any], kinds: Sequence[Kind], rounds: int) -> float:
    """Send all, and wait until as many were dropped; seconds from the first to the last."""
    messages = [[part.hex() for part in parts] for kind in kinds for parts in kind.messages]
    total = rounds * len(messages)
    goal = _dropped(swarm, listeners) + len(listeners) * total
    began = time.monotonic()
    with attacker_of("flood") as attacker:
        tell(attacker, told | {"messages": messages, "count": total})
        answer(attacker)
        await_(lambda: _dropped(swarm, listeners), goal)
        took = time.monotonic() - began
        attacker.communicate(b"", 30)
    return took


def _dropped(swarm: Swarm, listeners: list[int]) -> int:
    return int(swarm.look().counters[listeners][:, DROPS].sum())


def _overheard(ground: Yard, place: Place, swarm: Swarm) -> list[bytes]:
    """Words of the taken cell's living neighbour, which came to their end long ago when they are said again."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    ear = context.socket(zmq.SUB)
    ear.setsockopt(zmq.SUBSCRIBE, b"")
    ear.connect(f"ipc://{home_of(ground, 'b')}/c/{place.beside}")
    swarm.wait(20)
    words = []
    while ear.poll(0):
        words.append(ear.recv())
    context.destroy(0)
    return words


def verified(interval_s: float, count: int, say: Say) -> Row:
    """The same frames into a recorded swarm, all of whose updates are computed again."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "run"
        with Swarm.start(RULE, GRID, interval_s=interval_s, record=True, seed=1, out=folder, on_line=say) as swarm:
            swarm.wait(20)
            cell = GRID[0] // 2 * GRID[1] + GRID[1] // 2 - 2
            around = neighbours(*GRID, False)[cell].tolist()
            kinds = forge(speaker_at(swarm, cell), 0, 1, far=False)
            swarm.inject("link_loss", select="all", rate=0.0)
            swarm.kill(f"cell:{cell // GRID[1]},{cell % GRID[1]}")
            swarm.wait(15)
            told = {"bind": f"ipc://{swarm.info.runtime}/c/{cell}", "keys": "", "listeners": len(around)}
            size = sum(len(kind.messages) for kind in kinds)
            rounds = max(1, count // len(around) // size)
            before = _dropped(swarm, around)
            _flood(swarm, around, told, kinds, rounds)
            counted = _dropped(swarm, around) - before
        files = RunFolder.open(folder)
        found = verify(files, copy_of_rule(files))
    return {
        "attack": "malformed frames into a recorded swarm",
        "tried": len(around) * rounds * size,
        "counted": {"all": counted},
        "updates_verified": found.recomputed,
        "mismatches": found.mismatches,
        "holds": counted == len(around) * rounds * size and found.verdict == "pass",
    }
