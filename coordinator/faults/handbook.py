"""The table of all kinds of faults in docs/faults.md, made from the catalogue itself.

`python -m coordinator.faults.handbook docs/faults.md` puts it there; a test holds the page to it. May import the
catalogue.
"""

from __future__ import annotations

import sys
from pathlib import Path

from coordinator.faults import KINDS
from coordinator.faults.base import Fault, Parameter

BEGIN = "<!-- table: python -m coordinator.faults.handbook docs/faults.md -->\n"
END = "<!-- end of table -->\n"


def table() -> str:
    """Markdown, one row a kind."""
    rows = ["| kind | what it does | parameters | lasts | on |", "|---|---|---|---|---|"]
    for name, kind in KINDS.items():
        parameters = "<br>".join(_parameter(key, value) for key, value in kind.parameters.items()) or "none"
        lasts = "over at once" if kind.instant else "until healed"
        rows.append(f"| [`{name}`](#{name}) | {_cell(kind.help)} | {parameters} | {lasts} | {_where(kind)} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """The page with the table of today between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def _parameter(name: str, parameter: Parameter) -> str:
    if parameter.choices:
        return f"`{name}`: {', '.join(f'`{word}`' for word in parameter.choices)} ({_cell(parameter.help)})"
    default = "must be given" if parameter.default is None else f"default {parameter.default:g}"
    return f"`{name}` {parameter.expected}, {default}: {_cell(parameter.help)}"


def _where(kind: type[Fault]) -> str:
    if kind.host:
        return "the host"
    if kind.links:
        return "links"
    return "all cells" if kind.engines is None else f"cells on {', '.join(sorted(kind.engines))}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_table(path.read_text()))
