"""What a page must know of a run before its first frame: grid, engines, target. May import run folder and picture."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from cellnode.panel import Phase
from coordinator import chips
from coordinator.picture import Picture
from coordinator.runfolder import RunInfo
from firmware_sim.engines import FAMILIES
from firmware_sim.limits import CHANNELS

PRIVATE = ("runtime", "command", "versions", "rule_sha256")  # a page need not know them


def value_bytes(info: RunInfo) -> int:
    """How many bytes a value has in a frame: int8 engines exactly one."""
    return 1 if FAMILIES[info.engine] == "int8" else 2


def hello(
    info: RunInfo, picture: Picture | None, boards: Mapping[int, str], spent: list[dict[str, Any]]
) -> dict[str, Any]:
    """What does not change while one looks. `target`: premultiplied RGBA of 0 to 255, row-major, in base64;
    `spent`: as spent.chips_of says."""
    facts = msgspec.structs.asdict(info)
    for name in PRIVATE:
        facts.pop(name, None)
    engines = chips.engines(info.chips, boards, info.height * info.width, info.engine)
    target = None
    if picture is not None:
        bytes_of = np.rint(np.clip(picture.on_grid(), 0, 1) * 255).astype(np.uint8).tobytes()
        target = base64.b64encode(bytes_of).decode()
    return {
        **facts,
        "cells": info.height * info.width,
        "channels": CHANNELS,
        "value_bytes": value_bytes(info),
        "engines": engines if len(set(engines)) > 1 else info.engine,
        "spent": spent,
        "phases": [phase.name.lower() for phase in Phase],
        "target": target,
    }
