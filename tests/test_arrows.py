"""Imports only point down, torch lives in one place, and every file says what it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "firmware_sim": {"firmware_sim"},
    "cellnode": {"cellnode", "firmware_sim"},
    "coordinator": {"coordinator", "cellnode", "firmware_sim"},
    "trainer": {"trainer", "cellnode", "firmware_sim"},
}
FILES = [path for house in MAY_IMPORT for path in sorted((ROOT / house).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_its_own_floor_and_below(path: Path) -> None:
    house = path.relative_to(ROOT).parts[0]
    reached = imported(path) & set(MAY_IMPORT)
    assert reached <= MAY_IMPORT[house], f"{path.name} reaches {reached - MAY_IMPORT[house]}"
    if house != "trainer":
        assert "torch" not in imported(path), "torch belongs in trainer only"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_opens_with_a_paragraph_that_says_what_it_is(path: Path) -> None:
    opening = ast.get_docstring(ast.parse(path.read_text()))
    assert opening is not None, "every file opens with a docstring"
    assert len(opening) >= 40, f"the opening is only: {opening!r}"


def test_the_state_machine_knows_no_socket_clock_or_random_source() -> None:
    for name in ("cell", "mailbox", "frame", "patch", "draws", "linkfault", "topology"):
        path = ROOT / "cellnode" / f"{name}.py"
        if path.exists():
            assert not imported(path) & {"zmq", "socket", "time", "random", "secrets", "os"}, name


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name not in ("conftest.py", "__init__.py")]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, "pytest finds test modules by their bare names"
