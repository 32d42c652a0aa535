"""docs/faults.md holds the catalogue: its table is made from it, and each kind has a section with an example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coordinator import faults
from coordinator.faults import handbook

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()


def section(kind: str) -> str:
    """The text under the kind's own heading."""
    match = re.search(rf"^### {kind}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


def test_the_table_is_made_from_the_catalogue() -> None:
    again = "python -m coordinator.faults.handbook docs/faults.md"
    assert handbook.with_table(PAGE) == PAGE, f"the catalogue has changed: run {again}"


@pytest.mark.parametrize("kind", list(faults.KINDS))
def test_every_kind_has_a_section_with_a_command_that_is_understood(kind: str) -> None:
    text = section(kind)
    examples = re.findall(r"^    planaria inject latest (.+)$", text, re.MULTILINE)
    assert examples, f"docs/faults.md has no section with an example for {kind}"
    for example in examples:
        words = [word.strip("'") for word in re.findall(r"\S*'[^']*'|\S+", example)]
        assert faults.parse([word.replace("'", "") for word in words]).fault == kind
    assert "Counted:" in text


def test_no_section_is_about_a_kind_that_is_not_there() -> None:
    assert set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)) == set(faults.KINDS)
