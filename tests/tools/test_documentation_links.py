"""Every link inside the documentation leads to something: a file, and where it names one, a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("*.md", "docs/**/*.md", "trainer/**/*.md", "firmware_sim/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(folder)
)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: str) -> list[str]:
    """Relative ones, outside of code."""
    text = CODE.sub("", (ROOT / page).read_text())
    return [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_of_a_page_leads_somewhere(page: str) -> None:
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / file).resolve() if file else ROOT / page
        assert target.exists(), f"{page} links to {link}, which is not there"
        assert not anchor or anchor in anchors(target), f"{page} links to {link}; no heading makes that anchor"


def test_the_index_names_every_page_of_docs_that_stands_at_its_top() -> None:
    named = {link.partition("#")[0] for link in links("docs/README.md")}
    there = {Path(page).name for page in PAGES if Path(page).parent == Path("docs")} - {"README.md"}
    assert there <= named, f"docs/README.md does not name {sorted(there - named)}"


def test_the_readme_leads_to_the_index() -> None:
    assert "docs/README.md" in links("README.md")
