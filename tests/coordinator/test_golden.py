"""One seed gives the same bytes under every fault: on every machine, with and without C, vectors and threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import golden
import pytest

LIVES: dict[str, str] = json.loads(golden.KEPT.read_text())


@pytest.mark.parametrize("name", LIVES)
def test_a_life_under_a_fault_has_the_bytes_it_always_had(name: str) -> None:
    """Pinned: a change means that old runs can no longer be repeated."""
    assert golden.life(name) == LIVES[name]


def test_each_kind_is_another_life() -> None:
    bare = {name: digest for name, digest in LIVES.items() if " " not in name}
    assert len(bare) >= 21 and len(set(bare.values())) == len(bare), "none of them is a life without a fault"
    assert set(golden.names()) >= set(LIVES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"PLANARIA_SIMD": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        {"PLANARIA_NATIVE": "0", "OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"},
    ],
    ids=["no vectors, one thread", "no C, three threads"],
)
def test_neither_vectors_nor_c_nor_threads_change_a_byte(settings: dict[str, str]) -> None:
    root = str(Path(__file__).parents[2])
    again = subprocess.run(
        [sys.executable, golden.__file__],
        env={**os.environ, "PYTHONPATH": root, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(again.stdout)
    assert {name: found[name] for name in LIVES} == LIVES
