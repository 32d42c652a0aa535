"""Tables beside a report: CSV always, the same as Parquet where pyarrow is installed. Computes nothing.

May import the standard library, and pyarrow when it is there.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Columns = Mapping[str, Sequence[Any]]  # equally long; None: nothing known


def write(stem: Path, columns: Columns) -> list[Path]:
    """STEM.csv, and STEM.parquet; returns what was written."""
    return [comma_separated(stem, columns), *parquet(stem, columns)]


def comma_separated(stem: Path, columns: Columns) -> Path:
    """STEM.csv alone."""
    path = stem.with_name(f"{stem.name}.csv")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow(["" if value is None else value for value in row])
    partial.replace(path)
    return path


def parquet(stem: Path, columns: Columns) -> list[Path]:
    """STEM.parquet alone; nothing without pyarrow (in the extra `experiment`)."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return []
    path = stem.with_name(f"{stem.name}.parquet")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), partial)
    partial.replace(path)
    return [path]
