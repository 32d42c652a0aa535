"""Which tools are here: marks that skip a test with the package that is missing."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from firmware_sim.boards.catalog import BOARDS


def missing(name: str) -> str | None:
    """Why a board can be neither built nor run here; None if it can."""
    board = BOARDS[name]
    if shutil.which(board.compiler) is None:
        return f"{board.compiler} is missing: apt-get install {board.package}"
    if importlib.util.find_spec("elftools") is None:
        return "pyelftools is missing: pip install 'planaria[firmware]'"
    if board.family == "avr" and not Path("/usr/include/simavr/sim_avr.h").exists():
        return "simavr is missing: apt-get install libsimavr-dev libelf-dev"
    if board.family != "avr" and importlib.util.find_spec("unicorn") is None:
        return "Unicorn is missing: pip install 'planaria[firmware]'"
    return None


def needs(name: str) -> pytest.MarkDecorator:
    reason = missing(name)
    return pytest.mark.skipif(reason is not None, reason=reason or "")


def boards(*names: str) -> list[object]:
    """Parameters, one a board, each with its own reason to be skipped."""
    return [pytest.param(name, marks=needs(name)) for name in names]
