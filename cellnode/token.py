"""A token: a key pair that lets a host's own key onto a coordinator's list, once or a few times, for a short while.

Its secret half never crosses the network: whoever shows it has proved it in the CURVE handshake. The file also names
the coordinator that it is for. May import cellnode.curve and firmware_sim.errors.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from cellnode.curve import KeyPair, is_key
from firmware_sim.errors import BadInput

PARTS = ("coordinator", "public", "secret")


@dataclass(frozen=True, slots=True)
class Token:
    """What a host that wants to be put on the list needs."""

    coordinator: str  # its public key
    pair: KeyPair

    @property
    def text(self) -> str:
        """As it stands in a file; a secret."""
        return (
            "# secret: lets a host onto the coordinator's list while it is valid\n"
            f'coordinator = "{self.coordinator}"\npublic = "{self.pair.public}"\nsecret = "{self.pair.secret}"\n'
        )

    def save(self, path: Path) -> None:
        """Write it, readable by its owner alone, in place of whatever is there."""
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.text)
        partial.replace(path)

    @staticmethod
    def load(path: Path) -> Token:
        """Raises BadInput for a file that is none, or that everybody can read."""
        try:
            text, mode = path.read_text(), stat.S_IMODE(path.stat().st_mode)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"token {path} cannot be read: {error}; `planaria keys token KEYS --out FILE` makes one"
            ) from error
        if mode & 0o027:  # its group may read it: that is how secrets are mounted
            raise BadInput(f"token {path} can be read by everybody (mode {mode:03o}): chmod 600 {path}")
        found = dict(re.findall(r'^(coordinator|public|secret) = "([^"]*)"$', text, re.MULTILINE))
        if set(found) != set(PARTS) or not all(map(is_key, found.values())):
            raise BadInput(f"{path} is no token; expected one as `planaria keys token KEYS --out FILE` makes it")
        return Token(found["coordinator"], KeyPair(found["public"], found["secret"]))
