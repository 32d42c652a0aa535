"""The pages of all kinds of faults, made from the catalogue itself, prose.toml and what was measured.

`python -m coordinator.faults.handbook docs` writes docs/faults/KIND.md, the table in docs/faults.md and the schemas,
which name every kind; tests hold them to it. May import the catalogue and the schemas.
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from coordinator import schema
from coordinator.faults import KINDS, PLANNED
from coordinator.faults.base import Fault, Parameter
from coordinator.faults.links import Held
from coordinator.faults.prose import FOREVER_T, Prose, prose

BEGIN = "<!-- table: python -m coordinator.faults.handbook docs -->\n"
END = "<!-- end of table -->\n"
MADE = "<!-- made by: python -m coordinator.faults.handbook docs -->\n"
WIDTH = 118
EXAMPLE_T = 100  # a lizard is grown by then
ARGUMENTS = {"select": "", "for": "duration"}  # words that Python calls otherwise, or takes without a name

Row = dict[str, Any]


def table() -> str:
    """Markdown, one row a kind."""
    rows = ["| kind | what it does | parameters | lasts | on |", "|---|---|---|---|---|"]
    for name, kind in KINDS.items():
        parameters = "<br>".join(_parameter(key, value) for key, value in kind.parameters.items()) or "none"
        lasts = "over at once" if kind.instant else "until healed"
        rows.append(f"| [`{name}`](faults/{name}.md) | {_cell(kind.help)} | {parameters} | {lasts} | {_where(kind)} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """The page with the table of today between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def pages(measured: list[Row]) -> dict[str, str]:
    """The page of each kind, by the name of its file; `measured`: rows of `planaria bench faults`."""
    told = prose()
    return {
        f"{name}.md": _page(kind, told[name], [row for row in measured if row["kind"] == name])
        for name, kind in KINDS.items()
    }


def _page(kind: type[Fault], told: Prose, measured: list[Row]) -> str:
    parts = [MADE, f"# {kind.kind}\n", f"{kind.help[0].upper()}{kind.help[1:]}.\n", told.about.strip() + "\n"]
    if kind.parameters:
        parts += ["## Parameters\n", _parameters(kind), ""]
    parts += ["## Where and how long\n", _reach(kind)]
    parts += ["## An example\n", "```sh", f"planaria inject latest {told.example}", "planaria faults latest"]
    parts += [
        "```\n",
        "The same as a step of a scenario file:\n",
        "```toml",
        scenario(told),
        "```\n",
        "And in Python:\n",
    ]
    parts += ["```python", _python(told), "```\n"]
    parts += ["## What proves it\n", f"Counted where it is suffered: {told.counted}. {NO_HITS}\n"]
    parts += ["## What to expect\n", told.expect.strip() + "\n"]
    if measured:
        parts += [_measured(measured, kind)]
    parts += ["[All kinds, selectors and schedules](../faults.md)"]
    return "\n".join(parts) + "\n"


NO_HITS = "A fault that hits nothing makes the verdict of the run `unknown`."


def scenario(told: Prose) -> str:
    """The example as a step of a scenario file."""
    name, *words = told.words
    lines = ["[[at]]", f"t = {EXAMPLE_T}", 'do = "inject"', f'fault = "{name}"']
    for word in words:
        key, _, value = word.partition("=")
        lines.append(f"{key} = {value if _is_number(value) else json.dumps(value)}")
    return "\n".join(lines)


def _python(told: Prose) -> str:
    name, *words = told.words
    pairs = [word.partition("=")[::2] for word in words]
    select = dict(pairs).get("select", "all")
    name_of_host = name in KINDS and KINDS[name].network
    others = [(ARGUMENTS.get(key, key), value) for key, value in pairs if key != "select"]
    given = "".join(f", {key}={value if _is_number(value) else json.dumps(value)}" for key, value in others)
    chosen = "" if name_of_host else f", {json.dumps(select)}"
    return f"swarm.inject({json.dumps(name)}{chosen}{given})"


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _parameters(kind: type[Fault]) -> str:
    rows = ["| word | values | default | meaning |", "|---|---|---|---|"]
    for name, parameter in kind.parameters.items():
        values = ", ".join(f"`{word}`" for word in parameter.choices) or parameter.expected
        default = parameter.choices[0] if parameter.choices else (parameter.word and "none") or parameter.default
        shown = "must be given" if default is None else f"`{default}`" if isinstance(default, str) else f"{default:g}"
        rows.append(f"| `{name}` | {values} | {shown} | {_cell(parameter.help)} |")
    return "\n".join(rows)


def _reach(kind: type[Fault]) -> str:
    """Who can suffer it, for how long, and what a rebirth changes."""
    parts = []
    if kind.network:
        parts.append("It befalls whole hosts of a run with `--hosts N --netns`, and needs no selector:")
        parts.append("`hosts` names them (`h2`, or `h1,h3`), or says how many are drawn.")
    elif kind.host:
        parts.append("It befalls the host of a run of real processes, and needs no selector. Virtual time has no host.")
    elif kind.engines is not None:
        parts.append(f"In processes and in virtual time, on cells whose engine is {_or(sorted(kind.engines))}.")
        parts.append("Others of the selection are left out; where none is left, it is refused.")
        parts.append("A cell that is started again is a whole chip again. [The boards](../firmware/README.md).")
    else:
        parts.append("In processes and in virtual time, with every engine.")
    if kind.links:
        parts.append("It lies on the incoming edges of the chosen cells, or on the edges `A->B`, and is counted by the")
        parts.append(
            "receiver. Meanwhile its socket is read without conflation, so that each frame meets its own fate."
        )
    if kind.instant:
        parts.append("It is over as soon as it has happened.")
    elif kind.network or not kind.host:
        parts.append("It lasts until `for` is over or it is healed.")
    if issubclass(kind, Held):
        parts.append("A cell that is born again has it again.")
    if kind.alone:
        parts.append("One at a time.")
    if kind.network or not kind.host:
        words = [word for word in PLANNED if word not in kind.parameters and not (kind.network and word == "keep")]
        parts.append(f"Planned by {_or([f'`{word}`' for word in words])}.")
    return textwrap.fill(" ".join(parts), WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _measured(rows: list[Row], kind: type[Fault]) -> str:
    lines = ["| rule | before | at the worst | 100 T after it was over | hits |", "|---|---|---|---|---|"]
    for row in rows:
        losses = (f"{row[f'loss_{when}']:.2f}" for when in ("before", "at_worst", "100T_after"))
        lines.append(f"| `{row['rule']}` | {' | '.join(losses)} | {row['hits']:,.0f} |")
    ends = "" if kind.instant else f" An example without an end was healed after {FOREVER_T:g} T."
    how = (
        f"The example on a grown picture in virtual time, int8, medians of {rows[0]['draws']} draws: log10 of the "
        f"loss, best one-pixel shift; an empty grid reads about -1.5.{ends} `planaria bench faults` repeats it."
    )
    return "\n".join([*lines, "", how, ""])


def _parameter(name: str, parameter: Parameter) -> str:
    if parameter.choices:
        return f"`{name}`: {', '.join(f'`{word}`' for word in parameter.choices)} ({_cell(parameter.help)})"
    default = "must be given" if parameter.default is None else f"default {parameter.default:g}"
    return f"`{name}` {parameter.expected}, {default}: {_cell(parameter.help)}"


def _where(kind: type[Fault]) -> str:
    if kind.network:
        return "hosts of `--netns`"
    if kind.host:
        return "the host"
    if kind.links:
        return "links"
    return "all cells" if kind.engines is None else f"cells on {', '.join(sorted(kind.engines))}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def results(docs: Path) -> list[Row]:
    """What was measured of the examples, where it is kept."""
    file = docs / "results" / "faults.json"
    if not file.exists():
        return []
    rows: list[Row] = json.loads(file.read_text())["results"]["faults"]
    return rows


def main(docs: Path) -> None:
    """Write all pages anew, and no others."""
    index, folder = docs / "faults.md", docs / "faults"
    index.write_text(with_table(index.read_text()))
    folder.mkdir(exist_ok=True)
    made = pages(results(docs))
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text)
    schema.main(docs / "schema")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
