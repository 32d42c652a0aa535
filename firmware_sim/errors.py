"""The exception tree of the whole project, and nothing else.  Imports nothing.

    PlanariaError
    ├── BadInput      what was given cannot be used; nothing was changed      (command line: exit code 2)
    └── RunFailed     the input was fine, the run itself could not go on      (command line: exit code 4)

A message is one line that names what was given, what was expected, and what to do; whatever bytes of a damaged file
found their way into it, it is printed as one line.
"""

from __future__ import annotations


class PlanariaError(Exception):
    """Base of every error that Planaria raises on purpose."""

    def __str__(self) -> str:
        return "".join(c if c.isprintable() else " " for c in super().__str__())


class BadInput(PlanariaError):  # noqa: N818 - reads as a sentence at the place it is raised
    """The given file, value or request cannot be used.  Nothing was changed."""


class RunFailed(PlanariaError):  # noqa: N818
    """A run that started correctly could not go on."""
