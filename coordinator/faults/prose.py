"""What the documentation says of each kind of fault beside the catalogue itself: prose.toml, read and checked.

Applies nothing. May import msgspec and the shape of an action.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import msgspec

FILE = Path(__file__).with_name("prose.toml")
FOREVER_T = 50.0  # an example without an end is healed after so long where it is tried


class Prose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one kind; `example` are the words that follow `planaria inject latest`."""

    about: str
    counted: str
    example: str
    expect: str

    @property
    def words(self) -> list[str]:
        """The example as `faults.parse` takes it."""
        return shlex.split(self.example)


def prose() -> Mapping[str, Prose]:
    """By kind, in the order of the file."""
    return msgspec.toml.decode(FILE.read_bytes(), type=dict[str, Prose])
