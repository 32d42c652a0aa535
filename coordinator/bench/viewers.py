"""Viewers for `bench page`, in a process of their own: watch a page for some seconds, say as JSON what came.

`python -m coordinator.bench.viewers ADDRESS COUNT SECONDS [deaf]`; a deaf one asks for frames, never reads. May import
websockets and serve's wire.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from websockets.sync.client import connect

from coordinator.serve import wire


def watch(address: str, seconds: float, told: dict[str, float]) -> None:
    """Read and acknowledge as a page does."""
    place, _, token = address.partition("/#")
    with connect(place.replace("http", "ws") + "/live", max_size=None, compression=None, open_timeout=60) as line:
        line.send(json.dumps({"token": token}))
        frames, size, ends = 0, 0, 0.0
        while not ends or time.monotonic() < ends:
            try:
                data = line.recv(1.0)
            except TimeoutError:
                continue
            if isinstance(data, bytes):
                line.send(json.dumps({"seen": wire.decode(data)[0].number}))
                if not ends:
                    ends = time.monotonic() + seconds  # the first, whole frame is not counted
                    continue
                frames, size = frames + 1, size + len(data)
    told.update(frames=told["frames"] + frames, bytes=told["bytes"] + size)


def deaf(address: str, seconds: float) -> None:
    """Open the line, say the token, and read nothing."""
    place, _, token = address.partition("/#")
    with connect(place.replace("http", "ws") + "/live", max_size=None, max_queue=1, open_timeout=60) as line:
        line.send(json.dumps({"token": token}))
        time.sleep(seconds)


def main(arguments: list[str]) -> None:
    """As the command line says."""
    address, count, seconds = arguments[0], int(arguments[1]), float(arguments[2])
    told: dict[str, Any] = {"frames": 0, "bytes": 0}
    if "deaf" in arguments:
        deaf(address, seconds)
    else:
        threads = [threading.Thread(target=watch, args=(address, seconds, told)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(
        json.dumps(
            {"frames_per_s": told["frames"] / count / seconds, "kib_per_s": told["bytes"] / 1024 / count / seconds}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
