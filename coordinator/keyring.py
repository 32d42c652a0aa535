"""Folders of keys: the coordinator's, with its allow list, and a host's. Read anew when a file in it changes.

    KEYS/coordinator.key  coordinator.pub  hosts/NAME.pub        HOST/host.key  coordinator.pub

Speaks to nobody. May import cellnode.curve and firmware_sim.errors.
"""

from __future__ import annotations

import re
from pathlib import Path

from cellnode.curve import KeyPair, is_key, load_public
from firmware_sim.errors import BadInput

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
        _put(path, "coordinator", KeyPair.fresh())
        return Keyring(path)

    def rotate(self) -> None:
        """A new key in place of the old one: every host needs the new coordinator.pub."""
        _put(self.path, "coordinator", KeyPair.fresh())
        self.pair = KeyPair.load(self.path / "coordinator.key")

    def allow(self, name: str, key: str) -> None:
        """Put a host on the list, or give it another key."""
        if not _NAME.fullmatch(name):
            raise BadInput(f"host {name!r}: expected letters, digits, '_', '.' and '-', at most 32")
        if not is_key(key):
            raise BadInput(f"{key!r} is no public key; expected 40 characters, as `planaria keys host` prints them")
        known = self.hosts.get(key)
        if known not in (None, name):
            raise BadInput(f"this key is that of host {known!r} already: every host has a key of its own")
        listed = self.path / "hosts" / f"{name}.pub"
        listed.unlink(missing_ok=True)  # a change of the folder is what makes a living coordinator read it anew
        listed.write_text(key + "\n")

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
        if changed != self._read_at:
            self._names = {load_public(path): path.stem for path in sorted(folder.glob("*.pub"))}
            self._read_at = changed
        return self._names

    def who(self, key: str) -> str | None:
        """Whose key that is; None: nobody's on the list."""
        try:
            return self.hosts.get(key)
        except (BadInput, OSError):
            return None  # a broken list lets nobody in

    def key_of(self, name: str) -> str:
        """Public key of a host on the list, "" for others."""
        return next((key for key, host in self.hosts.items() if host == name), "")


def make_host(path: Path, coordinator: str) -> KeyPair:
    """A host's folder: its own key, and whom it obeys."""
    if not is_key(coordinator):
        raise BadInput(f"{coordinator!r} is no public key; expected the coordinator's, as in its coordinator.pub")
    if (path / "host.key").exists():
        raise BadInput(f"{path} has a key already: `planaria keys rotate {path}` makes another")
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    (path / "coordinator.pub").write_text(coordinator + "\n")
    return _put(path, "host", KeyPair.fresh())


def rotate_host(path: Path) -> KeyPair:
    """A new key for a host; the coordinator's list needs its public half."""
    KeyPair.load(path / "host.key")
    return _put(path, "host", KeyPair.fresh())


def _put(path: Path, name: str, pair: KeyPair) -> KeyPair:
    pair.save(path / f"{name}.key")
    (path / f"{name}.pub").write_text(pair.public + "\n")
    return pair
