"""The HTTP API: what can be asked and done, in JSON, with the vocabulary of the command line. No state of its own.

Errors are {"error": line}: 400 bad input, 404 no such thing, 413 too large, 429 too many, 503 the run could not. May
import starlette, msgspec and serve's watch.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from coordinator import scenario
from coordinator.actions import Action
from coordinator.serve import metrics, openapi, patterns
from coordinator.serve.guard import TooLargeError
from coordinator.serve.inside import Inside, Shown
from coordinator.serve.pace import Wished
from coordinator.serve.vocabulary import vocabulary
from coordinator.serve.watch import FullError, Watch
from coordinator.succession import Begin
from firmware_sim.errors import BadInput, PlanariaError, RunFailed


class MissingError(Exception):
    """There is no such thing here: answered 404."""


Handler = Callable[[Request], Awaitable[Response]]
Read = TypeVar("Read")
_actions: msgspec.json.Decoder[Action] = msgspec.json.Decoder(Action)
_begins = msgspec.json.Decoder(Begin)
_paces = msgspec.json.Decoder(Wished)


def routes(watch: Watch) -> list[Route]:
    """Everything below /api that is about now, and /metrics."""
    source = watch.source

    async def run(_request: Request) -> Response:
        return answer(await watch.ask(source.hello))

    async def numbers(_request: Request) -> Response:
        return answer(await watch.ask(source.numbers))

    async def faults(_request: Request) -> Response:
        return answer(await watch.act(source.faults))

    async def losses(_request: Request) -> Response:
        return answer(await watch.ask(source.folder.losses))

    async def events(request: Request) -> Response:
        after = whole(request.query_params.get("after", "-1"), "after")
        watch.catch_up()
        found = watch.story.events.after(after)
        body = ",".join(f'{{"number":{number},"event":{line}}}' for number, line in found)
        return Response(f"[{body}]", media_type="application/json")

    async def acts(_request: Request) -> Response:
        """The log as a scenario file."""
        steps = await watch.ask(lambda: scenario.acted(source.folder.events()))
        return Response(scenario.dump(steps), media_type="application/toml")

    async def scrape(_request: Request) -> Response:
        numbers = await watch.ask(source.numbers_of_run)
        found = await watch.act(source.faults)
        return Response(metrics.text(numbers, found, watch.about()), media_type="text/plain; version=0.0.4")

    async def cell(request: Request) -> Response:
        number = cell_number(request, watch)
        await watch.look_once()
        found = await watch.peer(lambda: source.cell(number))
        return answer(None if found is None else {**found, "log": watch.story.of_cell(number)})

    async def words(_request: Request) -> Response:
        return answer(vocabulary())

    async def document(_request: Request) -> Response:
        return answer(openapi.document())

    async def act(request: Request) -> Response:
        action = _body(_actions, await request.body(), "action")
        return answer(await watch.act(lambda: source.perform(action)))

    async def pace(request: Request) -> Response:
        wished = _body(_paces, await request.body(), "pace").t_per_s
        _virtual(source).pace.wish(wished)
        return answer({"t_per_s": wished})

    async def step(_request: Request) -> Response:
        inside = _virtual(source)
        await watch.act(inside.step)
        return answer({"t": inside.t})

    async def offered(_request: Request) -> Response:
        return answer(await watch.ask(patterns.patterns))

    async def pictured(request: Request) -> Response:
        data = await watch.ask(lambda: patterns.picture(request.path_params["name"]))
        return Response(data, media_type="image/png")

    async def begin(request: Request) -> Response:
        """Answered when it can be, before it is: the page of the next run follows at the same address."""
        wanted = _body(_begins, await request.body(), "beginning")
        await watch.act(lambda: source.begin(wanted))
        return answer({"rule": wanted.rule})

    table: list[tuple[str, str, Handler]] = [
        ("/api/run", "GET", run),
        ("/api/numbers", "GET", numbers),
        ("/api/faults", "GET", faults),
        ("/api/losses", "GET", losses),
        ("/api/events", "GET", events),
        ("/api/cells/{number}", "GET", cell),
        ("/api/scenario", "GET", acts),
        ("/api/vocabulary", "GET", words),
        ("/api/openapi.json", "GET", document),
        ("/api/actions", "POST", act),
        ("/api/pace", "POST", pace),
        ("/api/step", "POST", step),
        ("/api/patterns", "GET", offered),
        ("/api/patterns/{name}/picture", "GET", pictured),
        ("/api/begin", "POST", begin),
        ("/metrics", "GET", scrape),
    ]
    return [Route(path, told(handler), methods=[method]) for path, method, handler in table]


def _body(decoder: msgspec.json.Decoder[Read], data: bytes, what: str) -> Read:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInput(f"this is no {what}: {error}") from error


def _virtual(source: Shown) -> Inside:
    if not isinstance(source, Inside):
        raise BadInput("the time of real processes passes by itself: slow them down with the fault clock_drift")
    return source


def told(handler: Handler) -> Handler:
    """Every error of ours becomes an answer."""

    async def wrapped(request: Request) -> Response:
        try:
            return await handler(request)
        except BadInput as error:
            return fail(400, str(error))
        except MissingError as error:
            return fail(404, str(error))
        except FullError as error:
            return fail(429, str(error))
        except TooLargeError as error:
            return fail(413, str(error))
        except (RunFailed, PlanariaError) as error:
            return fail(503, str(error))

    return wrapped


def cell_number(request: Request, watch: Watch) -> int:
    """The cell of the path."""
    cells, number = watch.source.info.height * watch.source.info.width, whole(request.path_params["number"], "cell")
    if not 0 <= number < cells:
        raise MissingError(f"there is no cell {number}: this run has 0 to {cells - 1}")
    return number


def binary(data: bytes, headers: dict[str, str] | None = None) -> Response:
    """A frame of wire.py."""
    return Response(data, media_type="application/octet-stream", headers=headers)


def answer(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def fail(status: int, error: str) -> Response:
    return Response(msgspec.json.encode({"error": error}), status, media_type="application/json")


def whole(text: str, name: str) -> int:
    """A whole number from the address line."""
    try:
        if len(text) > 20:
            raise ValueError
        return int(text)
    except ValueError:
        raise BadInput(f"{name} is {text[:40]!r}, expected a whole number") from None


def number(text: str, name: str) -> float:
    """A finite number from the address line."""
    try:
        value = float(text) if len(text) <= 20 else math.nan
    except ValueError:
        value = math.nan
    if not abs(value) < 1e9:
        raise BadInput(f"{name} is {text[:40]!r}, expected a number")
    return value
