"""The page's own files: what a browser is told to fetch, before it could find out by itself."""

from __future__ import annotations

import re

from coordinator.serve.app import STATIC


def needed(module: str, known: set[str]) -> set[str]:
    """Every module that one needs, itself included."""
    if module not in known:
        known.add(module)
        for other in re.findall(r'from "\./([\w.]+)"', (STATIC / module).read_text()):
            needed(other, known)
    return known


def test_every_module_of_the_live_page_is_asked_for_at_once() -> None:
    page = (STATIC / "index.html").read_text()
    asked = re.findall(r'<link rel="modulepreload" href="/static/([\w.]+)">', page)
    assert len(asked) == len(set(asked))
    assert {*asked, "main.js"} == needed("main.js", set())
