"""The page's own files: what a browser is told to fetch, before it could find out by itself."""

from __future__ import annotations

import re

import pytest

from coordinator.serve.app import STATIC, page_of


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


@pytest.mark.parametrize("name", ["index.html", "runs.html", "past.html", "compare.html"])
def test_every_page_begins_as_all_do(name: str) -> None:
    page = bytes(page_of(name).body).decode()
    assert page.startswith("<!doctype html>") and page.index('charset="utf-8"') < 1024
    assert page.count('href="/static/style.css"') == page.count('name="viewport"') == page.count("<title>") == 1
    assert "head.html" not in page
    head = page.partition("</head>")[0]
    assert "uplot.css" not in head.partition('href="/static/style.css"')[2], "ours is the last word"
