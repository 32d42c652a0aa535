"""The registrar: who comes in by a key on the list, who by a token, and what a token may do: list one host's key.

Asked by the doorkeeper's thread (`who`) and by the link's (`enrol`). A name that somebody was given by hand, or whose
host lives, is never given to another key. Reads and writes the folder of keys alone. May import the keyring, the tokens
and cellnode's messages.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from cellnode.curve import NEVER, is_key
from cellnode.hostmessages import Enrol, Enrolled, Refused
from cellnode.messages import PROTOCOL_VERSION
from coordinator.keyring import Keyring
from coordinator.tokens import Tokens
from firmware_sim.errors import BadInput

BY_TOKEN = "token/"  # begins the user id of a line opened by a token; no host's name has a "/"
HOSTS_MAX = 65_536  # on the list, before tokens let nobody on any more
SAY_AGAIN_S = 30.0


class Registrar:
    """`say` is for lines that a person should see; `now_s` is seconds since 1970."""

    def __init__(
        self, keyring: Keyring, say: Callable[[str], None] = lambda _line: None, now_s: Callable[[], float] = time.time
    ) -> None:
        self.keyring, self._say, self._now_s = keyring, say, now_s
        self.tokens = Tokens(keyring.path / "tokens", now_s)
        self.enrolled = 0  # hosts put on the list
        self.refused = 0  # tokens shown in vain, and names that were not to be had
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def who(self, key: str) -> str | None:
        """For the doorkeeper: a host's name, "token/NAME", NEVER for a token that is over, None for a stranger."""
        host = self.keyring.who(key)
        if host is not None:
            return host
        with self._lock:
            try:
                given = self.tokens.find(key)
            except (BadInput, OSError):
                return None  # a broken list lets nobody in
            if given is None:
                return None
            over = given.over(self._now_s())
            if over:
                self._refuse(f"{over}; `planaria keys token` makes another")
                return NEVER
            return BY_TOKEN + given.name

    def enrol(self, who: str, wish: Enrol, lives: Callable[[str], bool]) -> Enrolled | Refused:
        """Put the key on the list for whoever is `who`; `lives`: whether the host of that name is heard."""
        with self._lock:
            answer = self._enrol(who.removeprefix(BY_TOKEN), wish, lives)
            if isinstance(answer, Refused):
                self._refuse(answer.reason)
            return answer

    def _enrol(self, token: str, wish: Enrol, lives: Callable[[str], bool]) -> Enrolled | Refused:
        if wish.version != PROTOCOL_VERSION:
            return Refused(
                f"host {wish.host} speaks protocol {wish.version}, the coordinator {PROTOCOL_VERSION}: install the "
                "same planaria on both",
                True,
            )
        if not is_key(wish.public):
            return Refused(f"host {wish.host} sent no public key", True)
        try:
            listed = self.keyring.hosts
            if listed.get(wish.public) == wish.host:
                return Enrolled(wish.host)
            given = next((each for each in self.tokens.known.values() if each.name == token), None)
            over = f"token {token!r} was taken back" if given is None else given.over(self._now_s())
            if given is None or over:
                return Refused(f"{over}; `planaria keys token` makes another", False)
            if wish.host in listed.values() and (lives(wish.host) or not self.keyring.by_token(wish.host)):
                return Refused(
                    f"the name {wish.host!r} is another key's on the coordinator's list: choose another --name, or "
                    f"take that one off with `planaria keys refuse KEYS {wish.host}`",
                    False,
                )
            if len(listed) >= HOSTS_MAX:
                return Refused(f"the coordinator's list is full ({HOSTS_MAX} hosts): take some off it", False)
            self.keyring.allow(wish.host, wish.public, by_token=token)
            self.tokens.spend(given)
        except (BadInput, OSError) as error:
            return Refused(f"host {wish.host} cannot be put on the list: {error}", False)
        self.enrolled += 1
        self._say(f"host {wish.host} was put on the list by token {token!r} ({given.uses - 1} uses left)")
        return Enrolled(wish.host)

    def _refuse(self, line: str) -> None:
        self.refused += 1
        now_s, about = self._now_s(), re.sub(r"\d+ s ago", "", line)[:40]
        if now_s - self._said.get(about, float("-inf")) >= SAY_AGAIN_S:
            self._said = {**self._said, about: now_s} if len(self._said) < 100 else {about: now_s}
            self._say(f"refused: {line}")
