"""Where the page is served: an address that was asked for, the socket bound there, the hosts it answers to, its URL.

Loopback unless told otherwise. The token stands in the URL's fragment, which browsers send to nobody. May import the
standard library.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass

from firmware_sim.errors import BadInput

PORT = 8360  # tried first when no port was asked for
LOOPBACK = "127.0.0.1"
BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Address:
    """`port` None: 8360 if it is free, else any; 0: any. `names`: further host names by which it may be called."""

    host: str = LOOPBACK
    port: int | None = None
    names: tuple[str, ...] = ()

    @property
    def loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    def bind(self) -> socket.socket:
        """A listening socket there. BadInput when it cannot be had."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for port in [self.port] if self.port is not None else [PORT, 0]:
            listening = socket.socket(family, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((self.host, port))
                listening.listen(BACKLOG)
                return listening
            except OSError as error:
                listening.close()
                trouble = error.strerror
        raise BadInput(f"the page cannot be served at {self.host}:{self.port}: {trouble}; choose another --listen")


def parse(text: str, names: tuple[str, ...] = ()) -> Address:
    """Read `HOST`, `HOST:PORT` or `[V6]:PORT`; HOST is a numeric address or localhost."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text.strip())
    if bracketed:
        host, port = bracketed[1], bracketed[2] or ""
    elif text.count(":") == 1:
        host, _, port = text.strip().partition(":")
    else:
        host, port = text.strip(), ""
    host = LOOPBACK if host in ("", "localhost") else host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise BadInput(
            f"--listen is {text!r}, expected HOST:PORT with a numeric address such as 127.0.0.1:8360"
        ) from None
    if port and not (port.isdigit() and int(port) < 65536):
        raise BadInput(f"--listen is {text!r}: {port!r} is no port, expected 0 to 65535")
    return Address(host, int(port) if port else None, names)


def hosts(listening: socket.socket, names: tuple[str, ...]) -> frozenset[str]:
    """What a Host header may say: the bound address and, on loopback, its names. Never a name of DNS."""
    host, port = listening.getsockname()[:2]
    found = [host, *names]
    if ipaddress.ip_address(host).is_loopback:
        found += ["localhost", "127.0.0.1", "::1"]
    return frozenset(with_port(each, port) for each in found)


def with_port(host: str, port: int) -> str:
    """host:port as a Host header has it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url(listening: socket.socket, token: str, path: str = "/") -> str:
    """What a person opens."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = LOOPBACK  # from elsewhere: by the machine's own numeric address
    return f"http://{with_port(host, port)}{path}#{token}"


def new_token() -> str:
    """Enough that nobody guesses it."""
    return secrets.token_urlsafe(24)
