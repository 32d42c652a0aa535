"""The WebSocket: one viewer's connection. Its first word is the token; then frames and notes go out, receipts in.

    page  -> {"token": "..."}                       within 5 s
    we    -> {"type": "hello", ...}                 the run, its grid, its target
    we    -> binary frames (wire.py); {"type": "numbers" | "whereabouts" | "event" | "trouble" | "over", ...}
    page  -> {"seen": 17}                           after it has drawn frame 17; at most two are on the way

Anything else closes the connection. May import starlette and serve's watch.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from coordinator.serve.guard import same
from coordinator.serve.viewer import Viewer
from coordinator.serve.watch import FullError, Watch

MESSAGE_MAX = 4096
TOKEN_WITHIN_S = 5.0
BAD_TOKEN, MALFORMED, TOO_MANY = 4401, 4400, 4429  # close codes


class MalformedError(Exception):
    """Not what the page says."""


async def serve(socket: WebSocket, watch: Watch, token: str) -> None:
    """From handshake to goodbye."""
    await socket.accept()
    try:
        given = _field(await asyncio.wait_for(socket.receive_text(), TOKEN_WITHIN_S), "token", str)
        if not same(given, token):
            await socket.close(BAD_TOKEN, "the token is wrong")
            return
        viewer, stirred = watch.join()
    except FullError as error:
        await socket.close(TOO_MANY, str(error))
        return
    except (MalformedError, TimeoutError, KeyError):
        await socket.close(MALFORMED, "expected a token first")
        return
    except WebSocketDisconnect:
        return
    sending = asyncio.create_task(_send(socket, watch, viewer, stirred))
    try:
        while True:
            viewer.seen(_field(await socket.receive_text(), "seen", int))
            stirred.set()
    except WebSocketDisconnect:
        return
    except (MalformedError, KeyError):  # KeyError: starlette was sent bytes
        await socket.close(MALFORMED, 'expected {"seen": number}')
    finally:
        watch.leave(viewer)
        sending.cancel()


async def _send(socket: WebSocket, watch: Watch, viewer: Viewer, stirred: asyncio.Event) -> None:
    hello = await watch.ask(watch.source.hello)
    await socket.send_text(json.dumps({"type": "hello", **hello}, separators=(",", ":")))
    while True:
        await stirred.wait()
        stirred.clear()
        for text in viewer.notes():
            await socket.send_text(text)
        base = viewer.next_base(watch.stage.number)
        if base is not None:
            data = watch.stage.since(base)
            viewer.sent(watch.stage.number)
            await socket.send_bytes(data)


def _field(text: str, name: str, kind: type[Any]) -> Any:
    if len(text) > MESSAGE_MAX:
        raise MalformedError
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedError from error
    value = message.get(name) if isinstance(message, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MalformedError
    return value
