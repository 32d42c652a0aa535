"""A page for each command, made from the command line itself and told.toml (exit codes, keys of --json).

`python -m coordinator.cli.handbook docs/commands` writes them; a test holds them to it. Runs no command. May import
click and the command line.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from coordinator.cli.main import planaria

MADE = "<!-- made by: python -m coordinator.cli.handbook docs/commands -->\n"
TOLD = Path(__file__).with_name("told.toml")
ENDS = {  # what every exit code means where a command says nothing else (docs in coordinator/cli/main.py)
    "0": "done",
    "2": "usage or bad input; nothing was changed",
    "4": "it could not be carried out",
    "130": "interrupted",
}
WIDTH = 200  # of usage lines, so that none is broken


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the command line cannot say of itself."""

    exits: dict[str, str] = {}  # code -> meaning, beside or in place of ENDS
    json: dict[str, str] = {}  # key -> meaning
    json_of: str = ""  # module:Class whose fields are the keys, their comments the meanings
    json_shape: str = "One object."


def told() -> dict[str, Told]:
    """By command."""
    return msgspec.toml.decode(TOLD.read_bytes(), type=dict[str, Told])


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands, with those of groups as `firmware build`."""
    context = click.Context(planaria, info_name="planaria")
    for name in planaria.list_commands(context):
        command = planaria.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {part}", command.commands[part]) for part in command.commands)


def pages() -> dict[str, str]:
    """All pages and their index, by file name."""
    known = told()
    made = {f"{name.replace(' ', '-')}.md": _page(name, one, known.get(name, Told())) for name, one in commands()}
    rows = [
        f"| [`planaria {name}`]({name.replace(' ', '-')}.md) | {_cell(one.get_short_help_str(200))} |"
        for name, one in commands()
    ]
    head = (
        "# Commands\n\nMade from the command line itself; `planaria COMMAND --help` says the same. With `--json` a "
        "command prints\none JSON value on stdout and nothing else there; what a person wants to know meanwhile goes "
        "to stderr.\n\n| command | |\n|---|---|\n"
    )
    made["README.md"] = MADE + "\n" + head + "\n".join(rows) + "\n"
    return made


def _page(name: str, command: click.Command, known: Told) -> str:
    context = click.Context(command, info_name=f"planaria {name}", terminal_width=WIDTH, max_content_width=WIDTH)
    about, examples = read_help(command.help or "")
    pieces = " ".join(command.collect_usage_pieces(context))
    parts = [MADE, f"# planaria {name}\n", "```", f"planaria {name} {pieces}".strip(), "```\n"]
    parts += [paragraph + "\n" for paragraph in about]
    if examples:
        parts += ["## Examples\n", "```sh", *examples, "```\n"]
    if isinstance(command, click.Group):
        links = (f"[`{part}`]({name}-{part}.md)" for part in command.commands)
        parts += [f"Its commands: {', '.join(links)}.\n"]
    options = _options(command, context)
    if options:
        parts += ["## Options\n", "| option | |", "|---|---|"]
        parts += [f"| `{_cell(option)}` | {_cell(text)} |" for option, text in options]
        parts += [""]
    if not isinstance(command, click.Group):
        parts += _ends(known)
    if any("--json" in param.opts for param in command.params):
        parts += _json(known)
    parts += ["[All commands](README.md)"]
    return "\n".join(parts) + "\n"


def read_help(text: str) -> tuple[list[str], list[str]]:
    """(paragraphs, lines of examples) of a command's help; click keeps the lines after a \\b as they are."""
    about, examples = [], []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if not block.startswith("\b"):
            about.append(block.replace("\n", " ").strip())
            continue
        rows = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in block.splitlines()[1:]]
        width = max(len(row[0]) for row in rows)
        examples += [row[0].ljust(width) + f"  # {row[1]}" if len(row) > 1 else row[0] for row in rows]
    return about, examples


def _options(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    """(how it is written, what it means); arguments are explained by the text."""
    named = [param for param in command.params if isinstance(param, click.Option)]
    return [record for record in (param.get_help_record(context) for param in named) if record is not None]


def _ends(known: Told) -> list[str]:
    ends = ENDS | known.exits
    rows = [f"| {code} | {_cell(ends[code])} |" for code in sorted(ends, key=int) if ends[code]]
    return ["## Exit codes\n", "| code | |", "|---|---|", *rows, ""]


def _json(known: Told) -> list[str]:
    meanings = (fields(known.json_of) if known.json_of else {}) | known.json
    rows = [f"| `{key}` | {_cell(text)} |" for key, text in meanings.items()]
    return ["## What --json prints\n", known.json_shape + "\n", "| key | |", "|---|---|", *rows, ""]


def fields(where: str) -> dict[str, str]:
    """The annotated fields of module:Class and the comments behind them; the source is read, nothing is imported."""
    module, _, wanted = where.partition(":")
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, f"told.toml names a module that is not there: {module}"
    lines = Path(spec.origin).read_text().splitlines()
    tree = ast.parse("\n".join(lines))
    (found,) = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == wanted)
    return {
        node.target.id: _comment(lines, node.end_lineno or 0)
        for node in found.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _comment(lines: list[str], number: int) -> str:
    """Behind this line (counted from 1), and on the lines of comment alone that go on with it."""
    _, mark, text = lines[number - 1].partition("  # ")
    said = [text.strip()] if mark else []
    while mark and number < len(lines) and lines[number].lstrip().startswith("# "):
        said.append(lines[number].lstrip()[2:].strip())
        number += 1
    return " ".join(said)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main(folder: Path) -> None:
    """Write all pages anew, and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
