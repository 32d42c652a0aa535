"""Which cells of a swarm run on which kind of chip: `avr=1`, `cortex-m0=circle:20,20,5`, or just `8`.

A number means that many cells at random among those that the grown picture keeps awake; anything else is a selector. No
cell is given twice: each wish takes among what the ones before have left. Starts nothing. May import the selector,
cellnode.messages and firmware_sim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from cellnode.messages import OtherEngine, RulePayload
from coordinator import selector
from coordinator.selectorterms import Field
from firmware_sim.engines import CHIPS, FAMILIES
from firmware_sim.errors import BadInput

Asked = int | str | Mapping[str, int | str] | Sequence[str]
ALIASES = {"avr": "atmega328p"}
DEFAULT = "cortex-m0"
BOARD = "board"  # how a real one at a serial port is named among the chips of a run


@dataclass(frozen=True, slots=True)
class Wanted:
    """Put `select` (a count or a selector) on chips of this kind."""

    kind: str
    select: str


def parse(words: Sequence[str], default: str = DEFAULT) -> tuple[Wanted, ...]:
    """Read `[KIND=]COUNT` or `[KIND=]SELECTOR`; BadInput names what is wrong."""
    wanted = []
    for word in words:
        kind, equals, select = word.partition("=")
        if not equals:
            kind, select = default, word
        kind = ALIASES.get(kind, kind)
        if kind not in CHIPS:
            raise BadInput(f"chip {kind!r} is unknown, expected one of {', '.join(CHIPS)}")
        select = select.strip()
        if not select.isdigit():
            selector.parse(select)
        elif int(select) < 1:
            raise BadInput(f"chips {word}: expected 1 or more, or a selector")
        wanted.append(Wanted(kind, select))
    return tuple(wanted)


def wishes(chips: Asked) -> tuple[Wanted, ...]:
    """The same for Python: `8`, `"circle:20,20,5"`, `{"avr": 1, "cortex-m0": "circle:20,20,5"}`, or a list of words."""
    if isinstance(chips, Mapping):
        return parse([f"{kind}={select}" for kind, select in chips.items()])
    if isinstance(chips, int | str):
        return parse([str(chips)] if chips else [])
    return parse(chips)


def choose(
    wanted: Sequence[Wanted],
    engine: str,
    height: int,
    width: int,
    torus: bool,
    rng_seed: int,
    awake: NDArray[np.bool_] | None,
) -> dict[str, list[int]]:
    """Kind of chip -> its cells, ascending. `awake`: the cells [cells] that a count is drawn among, if they suffice.

    BadInput where the swarm's engine is of the float family, or a wish has no cell left.
    """
    if wanted and FAMILIES.get(engine) != "int8":
        raise BadInput(f"chips compute in int8, engine {engine} in float: use --engine chip or native")
    free = np.ones(height * width, np.bool_)
    found: dict[str, list[int]] = {}
    for wish in wanted:
        pool, select = free, wish.select
        if select.isdigit():
            if awake is not None and int((free & awake).sum()) >= int(select):
                pool = free & awake
            select = f"alive&n:{select}"
        cells = selector.parse(select).cells(Field(height, width, torus, pool), rng_seed)
        cells = cells[free[cells]]
        if not cells.size:
            raise BadInput(f"chips {wish.kind}={wish.select}: no cell is left for them")
        free[cells] = False
        found[wish.kind] = sorted([*found.get(wish.kind, []), *cells.tolist()])
    return found


def others(chips: Mapping[str, Sequence[int]], rule: RulePayload, ports: Mapping[int, str]) -> list[OtherEngine]:
    """As a placement carries it; `ports` are cells that boards at serial ports have taken over."""
    made = []
    for kind, cells in chips.items():
        left = [cell for cell in cells if cell not in ports]
        if left:
            made.append(OtherEngine(left, msgspec.structs.replace(rule, engine=CHIPS[kind])))
    return made + [OtherEngine([cell], on_port(rule, port)) for cell, port in sorted(ports.items())]


def on_port(rule: RulePayload, port: str) -> RulePayload:
    """The same rule on a board at a serial port. BadInput for a swarm of floats."""
    if FAMILIES.get(rule.engine) != "int8":
        raise BadInput(f"a board computes in int8, the cells of this run in float ({rule.engine})")
    return msgspec.structs.replace(rule, engine=BOARD, port=port)


def engines(chips: Mapping[str, Sequence[int]], ports: Mapping[int, str], cells: int, own: str) -> list[str]:
    """Which engine runs each cell."""
    names = [own] * cells
    for kind, members in chips.items():
        for cell in members:
            names[cell] = CHIPS[kind]
    for cell in ports:
        names[cell] = BOARD
    return names
