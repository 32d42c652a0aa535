"""Several seeds on one grid: the same rule with the picture that all of them together should grow.

The picture is as large as the grid, with a copy of the rule's own around each seed and around the cell in the middle,
where the first seed is planted. Plants nothing. May import numpy and firmware_sim.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from firmware_sim import targets
from firmware_sim.errors import BadInput
from firmware_sim.folder import INFO, TARGET, RuleFolder
from firmware_sim.ruleinfo import TargetInfo

Place = tuple[int, int]  # row, column


def together(source: RuleFolder, grid: Place, seeds: Sequence[Place]) -> RuleFolder:
    """`source` with the picture of all seeds; BadInput where one hangs over the grid or over another."""
    own = source.target()
    if own is None:
        raise BadInput(f"rule {source.name} has no target picture, so nothing can be judged")
    height, width = grid
    whole = np.zeros((height, width, 4), np.float32)
    for row, column in ((height // 2, width // 2), *seeds):
        rows, columns = np.nonzero(own[..., 3])
        at_rows, at_columns = rows - len(own) // 2 + row, columns - own.shape[1] // 2 + column
        if at_rows.min() < 0 or at_columns.min() < 0 or at_rows.max() >= height or at_columns.max() >= width:
            raise BadInput(f"seeds: the picture around cell {row},{column} hangs over the grid of {height}x{width}")
        if whole[at_rows, at_columns, 3].any():
            raise BadInput(f"seeds: the picture around cell {row},{column} lies over that of another seed")
        whole[at_rows, at_columns] = own[rows, columns]
    blob = targets.to_png(whole)
    files = {**source.info.files, TARGET: hashlib.sha256(blob).hexdigest()}
    info = msgspec.structs.replace(source.info, target=TargetInfo(height=height, width=width), files=files)
    text = msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n"
    return dataclasses.replace(source, info=info, files={**source.files, TARGET: blob, INFO: text})


def written(rule: RuleFolder, out: Path) -> Path:
    """The rule as a folder, for those who want to read it from one."""
    out.mkdir(parents=True)
    for name, blob in rule.files.items():
        (out / name).write_bytes(blob)
    return out
