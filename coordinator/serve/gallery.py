"""The page of past runs and experiments: their lists with verdicts, each run's film to scrub through, and reports.

Changes nothing. May import starlette and serve's app, api, past and tickets.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from coordinator.serve import address, api, app
from coordinator.serve.guard import Guard
from coordinator.serve.past import Past
from coordinator.serve.tickets import Tickets

REPORT_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"


def make(past: Past, hosts: frozenset[str], token: str) -> ASGIApp:
    """The application."""
    tickets = Tickets()

    async def home(_request: Request) -> Response:
        return app.page_of("runs.html")

    async def film(_request: Request) -> Response:
        return app.page_of("past.html")

    async def pair(_request: Request) -> Response:
        return app.page_of("compare.html")

    async def listed(_request: Request) -> Response:
        return api.answer(await run_in_threadpool(past.list))

    async def one(request: Request) -> Response:
        return api.answer(await run_in_threadpool(past.one, request.path_params["run"]))

    async def still(request: Request) -> Response:
        place = api.whole(request.path_params["place"], "still")
        data = await run_in_threadpool(past.still, request.path_params["run"], place)
        return Response(data, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})

    async def hello(request: Request) -> Response:
        return api.answer(await run_in_threadpool(past.hello, request.path_params["run"]))

    async def frame(request: Request) -> Response:
        t = api.number(request.path_params["t"], "t")
        data = await run_in_threadpool(past.frame, request.path_params["run"], t)
        return Response(data, media_type="application/octet-stream")

    async def ticket(request: Request) -> Response:
        """A link to a report, good once."""
        run = request.path_params["run"]
        await run_in_threadpool(past.one, run)
        return api.answer({"path": f"/reports/{tickets.issue(run, time.monotonic())}"})

    async def trials(_request: Request) -> Response:
        return api.answer(await run_in_threadpool(past.trials.list))

    async def trial_ticket(request: Request) -> Response:
        """The same for the report of an experiment."""
        name, moment = request.path_params["name"], request.path_params["moment"]
        await run_in_threadpool(past.trials.report, name, moment)
        return api.answer({"path": f"/reports/{tickets.issue(f'{name}/{moment}', time.monotonic())}"})

    async def report(request: Request) -> Response:
        run = tickets.redeem(request.path_params["ticket"], time.monotonic())
        if run is None:
            return api.fail(404, "this link has been used, or is too old: open the report from the list again")
        name, slash, moment = run.partition("/")  # an id of a run has none
        reading = (past.trials.report, name, moment) if slash else (past.report, run)
        data = await run_in_threadpool(*reading)
        return Response(data, media_type="text/html", headers={"Content-Security-Policy": REPORT_CSP})

    table: list[tuple[str, str, api.Handler]] = [
        ("/", "GET", home),
        ("/past", "GET", film),
        ("/compare", "GET", pair),
        ("/api/runs", "GET", listed),
        ("/api/runs/{run}", "GET", one),
        ("/api/runs/{run}/stills/{place}", "GET", still),
        ("/api/runs/{run}/hello", "GET", hello),
        ("/api/runs/{run}/frames/{t}", "GET", frame),
        ("/api/runs/{run}/report", "POST", ticket),
        ("/api/experiments", "GET", trials),
        ("/api/experiments/{name}/{moment}/report", "POST", trial_ticket),
        ("/reports/{ticket}", "GET", report),
    ]
    routes: list[Any] = [Route(path, api.told(handler), methods=[method]) for path, method, handler in table]
    routes.append(Mount("/static", StaticFiles(directory=app.STATIC)))
    inner = Starlette(routes=routes, exception_handlers=app.REFUSALS)
    inner.router.redirect_slashes = False
    return Guard(inner, hosts, token, app.CLOSED)


def serve(
    past: Past,
    listening: socket.socket,
    token: str,
    names: tuple[str, ...] = (),
    ended: Callable[[Any], None] = lambda _server: None,
) -> None:
    """Serve until a signal."""
    app.live_on(make(past, address.hosts(listening, names), token), listening, ended)
