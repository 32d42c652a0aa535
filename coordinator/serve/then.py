"""The HTTP API about other times: what the grid showed earlier, what was lost and healed, and what a twin would show.

May import starlette, numpy and serve's watch, api, wire and twins.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from coordinator.serve import api, wire
from coordinator.serve.twins import ABOUT, Twin
from coordinator.serve.watch import FullError, Watch
from firmware_sim.errors import BadInput

TWINS_QUEUE = 8


class Twins:
    """Those that were asked for, computed in a thread of their own."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._made = watch, dict[str, Twin]()
        self._thread, self._waiting = ThreadPoolExecutor(1, "planaria-twins"), 0

    async def frame(self, kind: str, t: float) -> tuple[bytes, float | None]:
        """Raises FullError when too many wait."""
        if self._waiting >= TWINS_QUEUE:
            raise FullError(f"{TWINS_QUEUE} are waiting for twins already")
        if kind not in ABOUT:
            raise BadInput(f"there is no twin {kind[:40]!r}, expected {' or '.join(ABOUT)}")
        self._waiting += 1
        try:
            return await self._watch.in_thread(self._thread, lambda: self._at(kind, t))
        finally:
            self._waiting -= 1

    def _at(self, kind: str, t: float) -> tuple[bytes, float | None]:
        if kind not in self._made:
            source = self._watch.source
            self._made[kind] = Twin(kind, source.folder, source.picture)
        return self._made[kind].frame(t)

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)


def routes(watch: Watch) -> list[Route]:
    """Everything below /api that is about then."""
    twins = Twins(watch)
    watch.at_close(twins.close)

    async def values(request: Request) -> Response:
        number, unit = api.cell_number(request, watch), wire.UNITS[watch.source.value_bytes]
        return api.answer([[t, [value * unit for value in state]] for t, state in watch.history.values(number)])

    async def frame(request: Request) -> Response:
        return api.binary(watch.history.frame(api.number(request.path_params["t"], "t")))

    async def recoveries(_request: Request) -> Response:
        watch.catch_up()
        return api.answer(watch.story.wounds(watch.source.interval_s))

    async def kinds(_request: Request) -> Response:
        return api.answer(ABOUT)

    async def twin(request: Request) -> Response:
        t = min(api.number(request.path_params["t"], "t"), await watch.peer(lambda: watch.source.t))
        data, loss = await twins.frame(request.path_params["kind"], t)
        return api.binary(data, {} if loss is None else {"X-Loss-Log10": f"{loss:.3f}"})

    table: list[tuple[str, api.Handler]] = [
        ("/api/cells/{number}/values", values),
        ("/api/frames/{t}", frame),
        ("/api/recoveries", recoveries),
        ("/api/twins", kinds),
        ("/api/twins/{kind}/frames/{t}", twin),
    ]
    return [Route(path, api.told(handler), methods=["GET"]) for path, handler in table]
