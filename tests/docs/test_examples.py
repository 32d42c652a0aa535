"""The examples of scenario and experiment files in the documentation are good files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tutorialpage import Block, blocks

from coordinator import scenario
from coordinator.experiment import spec

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(blocks(page.read_text()))
    if block.kind in ("toml", "yaml")
]


def test_there_are_examples_of_both_kinds_and_in_both_languages() -> None:
    found: list[Block] = [parameter.values[0] for parameter in EXAMPLES]
    assert {block.kind for block in found} == {"toml", "yaml"}
    assert len({"hypothesis" in block.text for block in found}) == 2


@pytest.mark.parametrize("block", EXAMPLES)
def test_an_example_is_read_without_complaint(block: Block, tmp_path: Path) -> None:
    file = tmp_path / f"example.{block.kind}"
    file.write_text(block.text.replace('rule = "boat"', 'rule = "dot"'))
    if "hypothesis" in block.text:
        assert spec.load(file).points()
    else:
        assert scenario.load(file)
