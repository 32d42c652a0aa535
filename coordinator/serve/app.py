"""The server of one run's page: routes, door and rounds in one ASGI application, and the loop that serves it.

May import starlette, uvicorn and the rest of serve.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from coordinator.serve import address, api, live, then
from coordinator.serve.guard import Guard
from coordinator.serve.inside import Shown
from coordinator.serve.watch import Watch

STATIC = Path(__file__).parent / "static"
CLOSED = ("/api", "/metrics")  # need the token
HEAD_MAX = 16 * 1024
CONNECTIONS_MAX = 256


def page_of(name: str) -> Response:
    """One of our pages, with the head that all of them have."""
    return HTMLResponse((STATIC / name).read_text().replace("<!-- head.html -->\n", (STATIC / "head.html").read_text()))


async def _missing(_request: Request, _error: Exception) -> Response:
    return api.fail(404, "there is nothing here")


async def _not_so(_request: Request, _error: Exception) -> Response:
    return api.fail(405, "not by this method")


REFUSALS: dict[Any, Any] = {404: _missing, 405: _not_so}


def make(watch: Watch, hosts: frozenset[str], token: str) -> ASGIApp:
    """The application, rounds included."""

    async def page(_request: Request) -> Response:
        return page_of("index.html")

    async def socket_of(websocket: WebSocket) -> None:
        await live.serve(websocket, watch, token)

    @contextlib.asynccontextmanager
    async def rounds(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(watch.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    routes = [
        Route("/", page),
        *api.routes(watch),
        *then.routes(watch),
        WebSocketRoute("/live", socket_of),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    inner = Starlette(routes=routes, lifespan=rounds, exception_handlers=REFUSALS)
    inner.router.redirect_slashes = False
    return Guard(inner, hosts, token, CLOSED)


def serve(
    source: Shown,
    listening: socket.socket,
    token: str,
    names: tuple[str, ...] = (),
    ended: Callable[[uvicorn.Server], None] = lambda _server: None,
) -> None:
    """Serve until a signal or until somebody sets `should_exit` of the server that `ended` is given."""
    watch = Watch(source)
    try:
        live_on(make(watch, address.hosts(listening, names), token), listening, ended)
    finally:
        watch.close()


def live_on(app: ASGIApp, listening: socket.socket, ended: Callable[[uvicorn.Server], None]) -> None:
    """Serve this application until a signal, with the limits that hold for all of ours."""
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # a request that is no HTTP is answered, not told of
    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        lifespan="auto",
        ws="websockets-sansio",
        ws_max_size=live.MESSAGE_MAX,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=HEAD_MAX,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    ended(server)
    server.run(sockets=[listening])
