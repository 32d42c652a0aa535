"""docs/errors.md names every message of the source, and what to do about each."""

from __future__ import annotations

import ast
import tomllib

import pytest

from tools import errors

TOLD = tomllib.loads(errors.REMEDIES.read_text())
MESSAGES = errors.messages()
AGAIN = "the messages have changed: run python -m tools.errors"


def test_the_page_is_made_from_the_source_of_today() -> None:
    assert errors.PAGE.read_text() == errors.page(), AGAIN


def test_somebody_who_reads_a_message_learns_what_to_do() -> None:
    helpless = [m for m in MESSAGES if not errors.passes_on(m) and not errors.remedy(m, TOLD)]
    assert not helpless, f"say in the message what is expected, or in tools/remedies.toml what to do: {helpless}"


def test_every_raise_in_the_source_is_found() -> None:
    raised = {
        (path.relative_to(errors.ROOT).as_posix(), node.lineno)
        for package in errors.PACKAGES
        for path in (errors.ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        if isinstance(node.exc.func, ast.Name) and node.exc.func.id in ("BadInput", "RunFailed")
    }
    assert {file for file, _ in raised} <= {m.file for m in MESSAGES}
    assert len(raised) > 300


def test_no_remedy_is_kept_for_a_message_that_is_gone() -> None:
    needy = [m.file for m in MESSAGES if m.text not in TOLD["messages"] and errors.remedy(m, NOTHING) is None]
    assert set(TOLD["messages"]) <= {m.text for m in MESSAGES}
    assert not [start for start in TOLD["files"] if not any(file.startswith(start) for file in needy)]


NOTHING: dict[str, dict[str, str]] = {"messages": {}, "files": {}}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("angle is <degrees>, expected degrees", "Expected: degrees."),
        ("MP4 needs PyAV: pip install 'planaria[video]'", "Run: pip install 'planaria[video]'."),
        ("<path>: damaged; export it again", "Export it again."),
        ("<path> cannot be read: <reason>", errors.SYSTEM_SAYS),
        ("<where>: a radius must not be negative", "It must not be negative."),
        ("run folder <path> is gone", None),
    ],
)
def test_a_message_that_says_what_to_do_needs_no_other_words(text: str, remedy: str | None) -> None:
    assert errors.remedy(errors.Message(text, "some.py", 2), NOTHING) == remedy
