"""Folders of keys: the coordinator's, with its allow list, and a host's. Read anew when a file in it changes.

    KEYS/coordinator.key  coordinator.pub  hosts/NAME.pub        HOST/host.key  coordinator.pub

A change of the folder of hosts, as every new file is, makes a living coordinator read it anew. Speaks to nobody. May
import cellnode.curve and firmware_sim.errors.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from cellnode.curve import HostKeys, KeyPair, is_key, load_public
from firmware_sim.errors import BadInput

TICK_NS = 50_000_000  # two changes so close may bear one time
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


class Keyring:
    """The coordinator's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "coordinator.key").is_file():
            raise BadInput(f"{path} holds no coordinator.key: make one with `planaria keys new {path}`")
        self.pair = KeyPair.load(path / "coordinator.key")
        self._read_at = -1
        self._names: dict[str, str] = {}

    @staticmethod
    def make(path: Path) -> Keyring:
        """A new folder with a new key. BadInput if there is one."""
        if (path / "coordinator.key").exists():
            raise BadInput(f"{path} has a key already: `planaria keys rotate {path}` makes another")
        (path / "hosts").mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
        KeyPair.fresh().put(path, "coordinator")
        return Keyring(path)

    def rotate(self) -> None:
        """A new key in place of the old one: every host needs the new coordinator.pub."""
        KeyPair.fresh().put(self.path, "coordinator")
        self.pair = KeyPair.load(self.path / "coordinator.key")

    def allow(self, name: str, key: str, *, by_token: str = "") -> None:
        """Put a host on the list, or give it another key; `by_token`: by which token it came, instead of by hand."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"host {name!r}: expected letters, digits, '_', '.' and '-', at most 32")
        if not is_key(key):
            raise BadInput(f"{key!r} is no public key; expected 40 characters, as `planaria keys host` prints them")
        known = self.hosts.get(key)
        if known not in (None, name):
            raise BadInput(f"this key is that of host {known!r} already: every host has a key of its own")
        listed = self.path / "hosts" / f"{name}.pub"
        partial = listed.with_name(f".{name}.{os.getpid()}")
        partial.write_text(f'public = "{key}"\ntoken = "{by_token}"\n' if by_token else key + "\n")
        partial.replace(listed)

    def by_token(self, name: str) -> bool:
        """Whether this host was put on the list by a token."""
        try:
            return 'token = "' in (self.path / "hosts" / f"{name}.pub").read_text()
        except OSError:
            return False

    def came_by(self, token: str) -> list[str]:
        """Hosts that this token has put on the list."""
        files = sorted((self.path / "hosts").glob("[!.]*.pub"))
        return [path.stem for path in files if f'\ntoken = "{token}"\n' in path.read_text()]

    def refuse(self, name: str) -> None:
        """Take a host off the list."""
        try:
            (self.path / "hosts" / f"{name}.pub").unlink()
        except FileNotFoundError:
            raise BadInput(f"host {name!r} is not on the list of {self.path}") from None

    @property
    def hosts(self) -> dict[str, str]:
        """Public key -> name of every host on the list, as it is now."""
        folder = self.path / "hosts"
        changed = folder.stat().st_mtime_ns if folder.is_dir() else 0
        if changed != self._read_at or time.time_ns() - changed < TICK_NS:
            self._names = {load_public(path): path.stem for path in sorted(folder.glob("[!.]*.pub"))}
            self._read_at = changed
        return self._names

    def reread(self) -> None:
        """Also what was changed within a file. Raises BadInput for what can be read no more."""
        self.pair = KeyPair.load(self.path / "coordinator.key")
        self._read_at = -1

    def who(self, key: str) -> str | None:
        """Whose key that is; None: nobody's on the list."""
        try:
            return self.hosts.get(key)
        except (BadInput, OSError):
            return None  # a broken list lets nobody in

    def key_of(self, name: str) -> str:
        """Public key of a host on the list, "" for others."""
        return next((key for key, host in self.hosts.items() if host == name), "")


class Watch:
    """What has been taken back of a keyring since it was last asked."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._hosts, self._own = dict(ring.hosts), ring.pair

    def lapsed(self) -> tuple[list[str], bool]:
        """Hosts that were taken off the list or got another key, and whether the coordinator has another key itself.
        As long as the folder cannot be read, nothing has changed."""
        try:
            self._ring.reread()
            hosts = dict(self._ring.hosts)
        except (BadInput, OSError):
            return [], False
        gone = sorted({name for key, name in self._hosts.items() if hosts.get(key) != name})
        anew = self._ring.pair != self._own
        self._hosts, self._own = hosts, self._ring.pair
        return gone, anew


def make_host(path: Path, coordinator: str) -> KeyPair:
    """A host's folder: its own key, and whom it obeys."""
    return HostKeys.make(path, coordinator).own


def rotate_host(path: Path) -> KeyPair:
    """A new key for a host; the coordinator's list needs its public half."""
    KeyPair.load(path / "host.key")
    return KeyPair.fresh().put(path, "host")
