"""A host's folder of keys, looked at once a second: whether it holds others than it did.

Speaks to nobody and decides nothing. May import `cellnode.curve` and firmware_sim.errors.
"""

from __future__ import annotations

from pathlib import Path

from cellnode.curve import HostKeys
from firmware_sim.errors import BadInput

LOOK_NS = 1_000_000_000


class KeyWatch:
    """`keys` are those in use; without a folder there are none, ever."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.keys = None if folder is None else HostKeys.load(folder)
        self.trouble = ""  # why the folder cannot be read now; what was read before goes on
        self._looked_ns = 0

    def renewed(self, now_ns: int) -> HostKeys | None:
        """The keys that were in use, where others are from now on; None: nothing has changed."""
        if self._folder is None or now_ns - self._looked_ns < LOOK_NS:
            return None
        self._looked_ns = now_ns
        try:
            found = HostKeys.load(self._folder)
        except BadInput as error:
            self.trouble = str(error)
            return None
        self.trouble = ""
        before, self.keys = self.keys, found
        return None if before == found else before
