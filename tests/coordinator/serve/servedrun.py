"""A run to serve, without a swarm: a run folder, a synthetic panel, and a coordinator that answers on the real link."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from cellnode import panel
from cellnode.panel import Counter, Phase
from cellnode.runtime import Runtime, try_lock
from coordinator import Swarm
from coordinator.clientmessages import Answer, Ask
from coordinator.link import Link
from coordinator.runfolder import RunFolder, RunInfo
from coordinator.serve import address, app, gallery
from coordinator.serve.inside import Inside
from coordinator.serve.pace import Pace
from coordinator.serve.past import Past
from coordinator.serve.source import Source

TOKEN = "the-token-of-this-test"
HEIGHT, WIDTH = 4, 5


class ServedRun:
    """Cells write through `say`; `answer` is what the coordinator does when it is asked."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.runtime = Runtime(root / "00c0ffee")
        self.runtime.create()
        source = folder / "source"
        source.mkdir(parents=True)
        (source / "rule.json").write_text("{}")
        self.folder = RunFolder.create(folder / "run", info(str(self.runtime.path)), source)
        panel.create(self.runtime.panel, HEIGHT * WIDTH, 1, 16)
        self._mapping, _, self.pages = panel.map_all(self.runtime.panel, writable=True)
        for cell in range(HEIGHT * WIDTH):
            self.start(cell)

    def start(self, cell: int, life: int = 1) -> None:
        page = self.pages[cell : cell + 1]
        page["cell"], page["pid"], page["epoch"], page["life"], page["phase"] = cell, 1000 + cell, 1, life, Phase.LINKED

    def reap(self, cell: int) -> None:
        self.pages[cell : cell + 1] = np.zeros(1, panel.SLOT_DTYPE)

    def say(self, cell: int, sequence: int, *values: int) -> None:
        """The cell shows these int8 values, the rest 0, and one update more."""
        page = self.pages[cell : cell + 1]
        copy = np.zeros((), panel.COPY_DTYPE)
        copy["begin"] = copy["end"] = copy["sequence"] = sequence
        copy["state"] = np.void(np.asarray([*values, *[0] * (64 - len(values))], np.int8).tobytes())
        idle = 1 - (int(page["flip"][0]) & 1)
        page["copies"][0, idle] = copy
        page["flip"] = idle
        page["counters"][0, Counter.UPDATES] += 1

    @contextmanager
    def coordinator(self, answer: Callable[[Ask], Answer]) -> Iterator[None]:
        """Somebody who holds the lock and answers."""
        descriptor = try_lock(self.runtime.coordinator_lock)
        assert descriptor is not None
        link = Link(self.runtime.coordinator_endpoint, 1, on_ask=answer)
        link.start()
        try:
            yield
        finally:
            link.close()
            os.close(descriptor)

    def remove(self) -> None:
        del self.pages
        self._mapping.close()
        self.runtime.remove()


class Client:
    """Asks over HTTP, with the token unless told otherwise."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, path: str, body: Any = None, *, method: str | None = None, raw: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        found = {"Authorization": f"Bearer {TOKEN}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method or ("GET" if data is None else "POST"), path, data, found)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, path: str, body: Any = None) -> Any:
        status, _, data = self.ask(path, body)
        assert status == 200, data
        return json.loads(data)

    def error(self, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        status, _, data = self.ask(path, body, **more)
        return status, json.loads(data)["error"]


def served(run: ServedRun) -> AbstractContextManager[Client]:
    """A real server of this run on a free port of loopback."""
    return _server(app.serve, Source(run.folder, None))


def served_virtual(swarm: Swarm, pace: Pace) -> AbstractContextManager[Client]:
    """The same for a run in virtual time."""
    return _server(app.serve, Inside(swarm, pace))


def served_past(past: Past) -> AbstractContextManager[Client]:
    """The same for past runs."""
    return _server(gallery.serve, past)


@contextmanager
def _server(serve: Callable[..., None], what: object) -> Iterator[Client]:
    listening = address.Address(port=0).bind()
    port = listening.getsockname()[1]
    ends: list[uvicorn.Server] = []
    thread = threading.Thread(target=serve, args=(what, listening, TOKEN, (), ends.append))
    thread.start()
    try:
        yield Client(port)
    finally:
        ends[0].should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()


def info(runtime: str = "", run: str = "00c0ffee") -> RunInfo:
    """A run.json."""
    return RunInfo(
        run=run,
        rule="dot",
        rule_sha256="ab" * 32,
        substrate="processes",
        engine="chip",
        height=HEIGHT,
        width=WIDTH,
        torus=False,
        degrees=0.0,
        interval_s=0.5,
        rng_seed=3,
        command=["planaria", "run", "dot"],
        started="2026-01-01T00:00:00+0000",
        runtime=runtime,
        versions={},
    )
