"""Viewers for `bench page`, in a process of their own: watch a page for some seconds, say as JSON what came.

`python -m coordinator.bench.viewers COUNT SECONDS [deaf]`, the page's address on standard input; a deaf one asks for
frames, never reads. May import websockets and serve's wire.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from websockets.asyncio.client import ClientConnection, connect

from coordinator.serve import wire

OPEN_S = 60.0


class Seen:
    """What one viewer got in its window."""

    def __init__(self) -> None:
        self.frames = self.bytes = self.cells = 0
        self.seconds = 0.0


async def watch(address: str, seconds: float, ready: asyncio.Barrier) -> Seen:
    """Read and acknowledge as a page does; the window begins when every viewer has its first, whole frame, and is
    longer where there was none other in it: a rate needs a frame."""
    seen = Seen()
    async with _line(address) as line:
        await line.send(_token(address))
        await _frame(line)
        await ready.wait()
        began = time.monotonic()
        while (left := began + seconds - time.monotonic()) > 0 or not seen.frames:
            try:
                async with asyncio.timeout(left if seen.frames else OPEN_S):
                    head, size = await _frame(line)
            except TimeoutError:
                break
            seen.frames, seen.bytes, seen.cells = seen.frames + 1, seen.bytes + size, seen.cells + head.count
        seen.seconds = time.monotonic() - began
    return seen


async def deaf(address: str, seconds: float) -> None:
    """Open the line, say the token, and read nothing."""
    async with _line(address, max_queue=1) as line:
        await line.send(_token(address))
        await asyncio.sleep(seconds)
        line.transport.abort()


def _line(address: str, max_queue: int = 16) -> connect:
    place = address.partition("/#")[0].replace("http", "ws") + "/live"
    return connect(place, max_size=None, compression=None, open_timeout=OPEN_S, max_queue=max_queue)


def _token(address: str) -> str:
    return json.dumps({"token": address.partition("/#")[2]})


async def _frame(line: ClientConnection) -> tuple[wire.Head, int]:
    """The next frame, acknowledged; other messages are passed over."""
    while True:
        data = await line.recv()
        if isinstance(data, bytes):
            head = wire.decode(data)[0]
            await line.send(json.dumps({"seen": head.number}))
            return head, len(data)


async def all_of(address: str, count: int, seconds: float) -> dict[str, float]:
    """Means of all viewers, and the slowest."""
    ready = asyncio.Barrier(count)
    found = await asyncio.gather(*(watch(address, seconds, ready) for _ in range(count)))
    rates = [seen.frames / seen.seconds for seen in found]
    return {
        "frames_per_s": round(sum(rates) / count, 2),
        "slowest_frames_per_s": round(min(rates), 2),
        "cells_a_frame": round(sum(seen.cells for seen in found) / max(sum(seen.frames for seen in found), 1), 1),
        "kib_per_s": round(sum(seen.bytes / seen.seconds for seen in found) / 1024 / count, 1),
    }


def main(arguments: list[str], address: str) -> None:
    """As the command line says."""
    count, seconds = int(arguments[0]), float(arguments[1])
    if "deaf" in arguments:
        asyncio.run(deaf(address, seconds))
        print("{}")
    else:
        print(json.dumps(asyncio.run(all_of(address, count, seconds))))


if __name__ == "__main__":
    main(sys.argv[1:], sys.stdin.read().strip())
