"""docs/errors.md: every message that ends a command, found in the source, with what to do about it.

`python -m tools.errors` writes the page anew; a test holds it to the source. A message that says itself what to do
needs nothing else; for the others tools/remedies.toml has a line, by message or by file. Runs nothing of what it reads.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "errors.md"
REMEDIES = Path(__file__).with_name("remedies.toml")
PACKAGES = ("firmware_sim", "cellnode", "coordinator", "trainer")
EXIT_CODES = {"BadInput": 2, "UsageError": 2, "fail": 2, "RunFailed": 4}

VERBS = (
    "add|apt-get install|build|choose|drop|expected?|export|flash|give|heal|install|leave|let|look for|pip install|"
    "raise|remove|resume|run|see|set|start|stop|train|try|use|wait"
)
IN_ITSELF = re.compile(rf"(?:[;:,(.?] |\band )((?:{VERBS})\b.*)$", re.IGNORECASE)
AT_MOST = re.compile(r"\b((?:at most|at least|must) .*)$")
SYSTEM = re.compile(
    r"cannot be (?:read|written|made|opened|bound)|cannot write|could not (?:be read|write)|needs .* bytes"
)
SYSTEM_SAYS = "The system's own reason stands in the message: look at the path, its rights and the space that is left."


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """Its text, with <names> where values stand; `file` from the root."""

    text: str
    file: str
    exit_code: int


def messages() -> list[Message]:
    """All of the four packages, each once a file."""
    found: set[Message] = set()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found.update(_of_file(path))
    return sorted(found)


def remedy(message: Message, told: dict[str, dict[str, str]]) -> str | None:
    """What to do about it; None if nobody knows."""
    exact = told["messages"].get(message.text)
    if exact is not None:
        return exact
    hint = IN_ITSELF.search(message.text) or AT_MOST.search(message.text)
    if hint is not None:
        return _sentence(hint[1])
    if SYSTEM.search(message.text):
        return SYSTEM_SAYS
    starts = [start for start in told["files"] if message.file.startswith(start)]
    return told["files"][max(starts, key=len)] if starts else None


def page() -> str:
    """The whole page, as Markdown."""
    told = tomllib.loads(REMEDIES.read_text())
    groups: dict[str, list[Message]] = {name: [] for name in told["groups"]}
    for message in messages():
        if not passes_on(message):
            groups[_group(message, told["groups"])].append(message)
    parts = [told["head"]["text"].strip() + "\n"]
    for name, members in groups.items():
        parts += [
            f"## {name}\n",
            told["groups"][name]["about"].strip() + "\n",
            "| message | code | what to do |",
            "|---|---|---|",
        ]
        rows = {(m.text, m.exit_code): remedy(m, told) for m in members}
        parts += [f"| `{_cell(text)}` | {code} | {_words(what or '')} |" for (text, code), what in rows.items()]
        parts += [""]
    return "\n".join(parts)


def passes_on(message: Message) -> bool:
    """Whether it is nothing but another message, found where it is made."""
    return re.fullmatch(r"(<[^<>]*>[ :]*)+", message.text) is not None


def _group(message: Message, groups: dict[str, dict[str, object]]) -> str:
    """The group that names the longest beginning of the file's path."""
    best = {
        name: max((len(start) for start in _files(group) if message.file.startswith(start)), default=-1)
        for name, group in groups.items()
    }
    name = max(best, key=lambda one: best[one])
    assert best[name] >= 0, f"no group of tools/remedies.toml takes {message.file}"
    return name


def _files(group: dict[str, object]) -> list[str]:
    files = group["files"]
    assert isinstance(files, list)
    return files


def _of_file(path: Path) -> Iterator[Message]:
    tree, file = ast.parse(path.read_text()), str(path.relative_to(ROOT))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in EXIT_CODES and node.args:
            if _name(node.func) == "fail" and not isinstance(node.args[0], ast.JoinedStr):
                continue  # of something else than a type of the command line
            inside = min((f for f in functions if _holds(f, node)), key=_lines, default=None)
            for text in _texts(node.args[0], inside, tree):
                yield Message(text, file, EXIT_CODES[_name(node.func)])


def _texts(expression: ast.expr, inside: ast.FunctionDef | None, tree: ast.Module) -> list[str]:
    """The message; one for each call where a part of it is handed to the function around it as a literal."""
    text = _text(expression)
    if inside is None:
        return [text]
    parameters = [argument.arg for argument in inside.args.args if argument.arg != "self"]
    for name in re.findall(r"<([^<>]*)>", text):
        if name not in parameters:
            continue
        place = parameters.index(name)
        handed = [
            _text(call.args[place])
            for call in ast.walk(tree)
            if isinstance(call, ast.Call)
            and _name(call.func) == inside.name
            and len(call.args) > place
            and isinstance(call.args[place], ast.JoinedStr | ast.Constant)
        ]
        if handed and all(" " in one for one in handed):
            return [text.replace(f"<{name}>", one) for one in handed]
    return [text]


def _text(expression: ast.expr) -> str:
    """A literal as it is, with a <name> for each value."""
    if isinstance(expression, ast.Constant):
        return str(expression.value)
    if isinstance(expression, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"<{_placeholder(part.value)}>"
            for part in expression.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        return _text(expression.left) + _text(expression.right)
    return f"<{_placeholder(expression)}>"


def _placeholder(value: ast.expr) -> str:
    """A short name for what stands there."""
    if isinstance(value, ast.Attribute) and value.attr == "strerror":
        return "reason"
    if isinstance(value, ast.Attribute):
        return value.attr.strip("_")
    if isinstance(value, ast.Name):
        return value.id.strip("_").lower()
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.Call):
        inner = [*value.args, value.func]
        counted = _name(value.func) in ("len", "int", "abs", "sum", "max", "min")
        return "number" if counted else _placeholder(inner[0])
    if isinstance(value, ast.Subscript):
        named = isinstance(value.slice, ast.Constant) and isinstance(value.slice.value, str)
        return _placeholder(value.slice if named else value.value)
    if isinstance(value, ast.BinOp):
        return _placeholder(value.right if isinstance(value.left, ast.Constant) else value.left)
    if isinstance(value, ast.IfExp | ast.BoolOp):
        return "..."
    if isinstance(value, ast.GeneratorExp | ast.ListComp):
        return "names"
    if isinstance(value, ast.Starred):
        return _placeholder(value.value)
    return "..."


def _holds(function: ast.FunctionDef, node: ast.AST) -> bool:
    return any(child is node for child in ast.walk(function))


def _lines(function: ast.FunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno


def _name(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _sentence(words: str) -> str:
    words = words.strip()
    if words.count("(") < words.count(")"):
        words = words.rstrip(")")
    words = re.sub(
        r"^expected\b( one of:|:)?", lambda found: "expected" + (found[1] or ":"), words, flags=re.IGNORECASE
    )
    words = re.sub(r"^(pip|apt-get) install", r"run: \1 install", words)
    words = re.sub(r"^must\b", "it must", words)
    return f"{words[0].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")


def _words(text: str) -> str:
    """Plain text in a table, where <this> would be taken for HTML."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "\\<")


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("`", "'")


if __name__ == "__main__":
    PAGE.write_text(page())
