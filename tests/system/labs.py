"""What tests of networks of namespaces share: whether this machine has them, and that none is left."""

from __future__ import annotations

import os

import pytest

from coordinator.lab.tools import NAMESPACES, check
from firmware_sim.errors import BadInput


def why_not() -> str:
    """Why there can be no networks here; "": there can."""
    try:
        check()
    except BadInput as error:
        return str(error)
    return ""


needs_netns = pytest.mark.skipif(bool(why_not()), reason=why_not())


def mine() -> list[str]:
    """Namespaces that this process has made, and that are still there."""
    found = NAMESPACES.glob(f"planaria-*-{os.getpid()}-*") if NAMESPACES.is_dir() else ()
    return sorted(path.name for path in found)
