"""The door: who may come in, how much they may bring, and what every answer carries. An ASGI wrapper, before any route.

A page of another site must reach nothing: Host must be a name of ours (no DNS rebinding), Origin must be ours, and all
but the page's own files needs the token, compared in constant time and never logged. Everything refused is answered.
May import starlette's types only.
"""

from __future__ import annotations

import hmac
import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator.serve.address import with_port

BODY_MAX = 64 * 1024
PATH_MAX = 1024
FREE_SITES = ("same-origin", "none")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def same(given: str, token: str) -> bool:
    """Constant time, whatever was given."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


class TooLargeError(Exception):
    """More was sent than is read; whoever reads the body answers 413."""


class Guard:
    """`hosts`: what a Host header may say; `closed`: path prefixes that need the token."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], token: str, closed: tuple[str, ...]) -> None:
        self._app, self._hosts, self._token, self._closed = app, hosts, token, closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._app(scope, receive, send)
            return
        if refusal is not None:
            await _answer(send, *refusal)
            return
        await self._guarded(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in self._known(scope):
            return 421, "this server does not answer to that name"
        origin = headers.get("origin")
        if origin is not None and not (origin.startswith("http://") and origin[7:].lower() in self._known(scope)):
            return 403, "this origin may not ask"
        if len(scope["path"]) > PATH_MAX:
            return 414, f"a path has at most {PATH_MAX} characters"
        if scope["type"] == "websocket" or not scope["path"].startswith(self._closed):
            return None  # a viewer says its token first thing after the handshake
        if headers.get("sec-fetch-site", "none") not in FREE_SITES:
            return 403, "this site may not ask"
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not same(given.strip(), self._token):
            return 401, "the token is missing or wrong: it stands behind # in the address that was printed"
        if int(length) > BODY_MAX if (length := headers.get("content-length", "0")).isdigit() else True:
            return 413, f"a body has at most {BODY_MAX} bytes"
        return None

    def _known(self, scope: Scope) -> frozenset[str]:
        """Also the numeric address at which this very connection arrived, when bound to all of the machine's."""
        server = scope.get("server")
        return self._hosts | {with_port(server[0], server[1])} if server else self._hosts

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY_MAX:
                raise TooLargeError(f"a body has at most {BODY_MAX} bytes")
            return message

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, counted, marked)


async def _answer(send: Send, status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
