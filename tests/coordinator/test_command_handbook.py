"""docs/commands is made from the command line; what told.toml adds to it is true."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest

from coordinator.cli import handbook
from coordinator.cli.main import invoke

FOLDER = Path(__file__).parents[2] / "docs" / "commands"
AGAIN = "the command line has changed: run python -m coordinator.cli.handbook docs/commands"
COMMANDS = dict(handbook.commands())
UNREAD = {"agent"}  # its options are its own, and nobody types it


def test_there_is_a_page_for_every_command_and_it_is_the_one_made_today() -> None:
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == handbook.pages(), AGAIN


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - UNREAD))
def test_the_help_of_a_command_shows_examples_of_it_and_explains_every_option(name: str) -> None:
    command = COMMANDS[name]
    _, examples = handbook.read_help(command.help or "")
    assert any(line.startswith(f"planaria {name}") for line in examples)
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{option.opts[0]} of planaria {name} says nothing"


def test_what_is_told_is_told_of_commands_that_exist() -> None:
    assert set(handbook.told()) <= set(COMMANDS)


def test_every_json_option_and_every_key_is_explained() -> None:
    for name, command in COMMANDS.items():
        if any("--json" in option.opts for option in command.params):
            known = handbook.told()[name]
            meanings = (handbook.fields(known.json_of) if known.json_of else {}) | known.json
            assert meanings and all(meanings.values()), f"planaria {name} --json: {meanings}"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one recorded run in it."""
    home = tmp_path_factory.mktemp("lived")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setenv("PLANARIA_RUNTIME_DIR", str(home / "rt"))
        assert invoke(shlex.split("run dot --substrate virtual --grid 8x8 --for 20 --record --out recorded")) == 0
    return home


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("run", "dot --substrate virtual --grid 8x8 --for 4 --check"),
        ("ps", "--all"),
        ("verify", "recorded"),
        ("replay", "recorded --out film.webp --speed 20"),
        ("report", "recorded"),
        ("rules", ""),
        ("firmware boards", ""),
        ("bench", "update --rule dot --engine chip"),
    ],
)
def test_a_command_prints_the_keys_that_its_page_names(
    name: str, words: str, lived: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(lived)
    monkeypatch.setenv("PLANARIA_RUNTIME_DIR", str(lived / "rt"))
    capfd.readouterr()
    invoke(shlex.split(f"{name} {words} --json"))
    printed = json.loads(capfd.readouterr().out)
    known = handbook.told()[name]
    if known.json_shape != "One object.":
        ((printed, *_),) = printed.values()
    assert set(printed) == set((handbook.fields(known.json_of) if known.json_of else {}) | known.json)
