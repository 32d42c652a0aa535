"""Tokens that the coordinator has given out: until when each lets hosts onto the list, and how many still.

    KEYS/tokens/NAME.token        public = "...", expires (seconds since 1970), uses (hosts that it still lets on)

Only public halves are kept: the token itself is with whoever is to show it. The clock is passed in. May import
the keyring, cellnode.curve, cellnode.token and firmware_sim.errors.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cellnode.curve import KeyPair, is_key
from cellnode.token import Token
from coordinator.keyring import TICK_NS
from firmware_sim.errors import BadInput

USES_MAX = 100_000
HOURS_MAX = 24.0 * 31
KEPT_S = 7 * 86400.0  # an expired token is known for so long, to be refused by its name
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_FILE = re.compile(r'public = "(?P<public>[^"]*)"\nexpires = (?P<expires>\d{1,12})\nuses = (?P<uses>\d{1,6})\n')


@dataclass(frozen=True, slots=True)
class Given:
    """One token that was given out."""

    name: str
    public: str
    expires_s: int
    uses: int

    def over(self, now_s: float) -> str:
        """Why it lets nobody on any more; "": it does."""
        if now_s >= self.expires_s:
            return f"token {self.name!r} expired {now_s - self.expires_s:.0f} s ago"
        return "" if self.uses > 0 else f"token {self.name!r} is used up"


class Tokens:
    """Those below `folder`; `now_s` is seconds since 1970."""

    def __init__(self, folder: Path, now_s: Callable[[], float]) -> None:
        self._folder, self._now_s = folder, now_s
        self._read_at = -1
        self._known: dict[str, Given] = {}

    def give(self, name: str, coordinator: str, hours: float, uses: int) -> Token:
        """A new one, in place of an older one of that name. Raises BadInput."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"token {name!r}: expected letters, digits, '_', '.' and '-', at most 32")
        if not 0 < hours <= HOURS_MAX:
            raise BadInput(f"--hours is {hours:g}, expected more than 0 and at most {HOURS_MAX:g}")
        if not 1 <= uses <= USES_MAX:
            raise BadInput(f"--uses is {uses}, expected 1 to {USES_MAX} hosts")
        now_s = self._now_s()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in self.known.values():
            if now_s > old.expires_s + KEPT_S:
                self._path(old.name).unlink(missing_ok=True)
        token = Token(coordinator, KeyPair.fresh())
        self._write(Given(name, token.pair.public, round(now_s + hours * 3600), uses))
        return token

    def end(self, name: str) -> None:
        """It lets nobody on any more, and is known no more."""
        self._path(name).unlink(missing_ok=True)
        self._read_at = -1

    def find(self, public: str) -> Given | None:
        """The token with this public half, valid or not."""
        return self.known.get(public)

    def spend(self, given: Given) -> None:
        """One host was let on."""
        self._write(replace(given, uses=given.uses - 1))

    @property
    def known(self) -> dict[str, Given]:
        """By public half, as it is now. Raises BadInput for a file that is none."""
        changed = self._folder.stat().st_mtime_ns if self._folder.is_dir() else 0
        if changed != self._read_at or time.time_ns() - changed < TICK_NS:
            self._known = {given.public: given for given in map(_read, sorted(self._folder.glob("*.token")))}
            self._read_at = changed
        return self._known

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.token"

    def _write(self, given: Given) -> None:
        partial = self._folder / f".{given.name}.{os.getpid()}"
        partial.write_text(f'public = "{given.public}"\nexpires = {given.expires_s}\nuses = {given.uses}\n')
        partial.replace(self._path(given.name))
        self._read_at = -1


def _read(path: Path) -> Given:
    try:
        found = _FILE.fullmatch(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"token file {path} cannot be read: {error}") from error
    if found is None or not is_key(found["public"]):
        raise BadInput(f"{path} is no token file; remove it, and make a token with `planaria keys token`")
    return Given(path.stem, found["public"], int(found["expires"]), int(found["uses"]))
