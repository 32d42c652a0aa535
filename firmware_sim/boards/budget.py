"""What a rule costs on a board, measured on its image: flash, RAM, the worst stack, cycles and energy of an update.

RAM is static plus the call-graph bound of the stack; a painted run of the whole image, with asking again and skipped
wakes, must stay below that bound and reach it nearly.  Energy is volts * amperes * seconds of computing, from the
catalogue; sleeping and the line are not in it.  Imports: numpy, the other boards modules, genome, ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from firmware_sim.boards.avr import Avr
from firmware_sim.boards.build import build
from firmware_sim.boards.catalog import CYCLES_LIMIT, Board
from firmware_sim.boards.cycles import cost
from firmware_sim.boards.image import Image
from firmware_sim.boards.stack import bound
from firmware_sim.boards.trial import States, trial
from firmware_sim.boards.worst import cycles_bound
from firmware_sim.genome import Genome
from firmware_sim.ledger import ledger

RNG_SEED = 7
TYPICAL, EXTREME = 40, 127  # states of a growing pattern, and the largest there are


@dataclass(frozen=True, slots=True)
class Budget:
    """One line of the table.  `cycles_per_update` is the worst of the inputs tried, `typical_cycles` their ordinary,
    `cycles_bound` what no state and no weights can exceed (worst.py)."""

    rule: str
    board: str
    flash_bytes: int
    flash_limit_bytes: int
    genome_bytes: int
    ram_bytes: int
    ram_limit_bytes: int
    static_ram_bytes: int
    stack_bound_bytes: int
    stack_painted_bytes: int
    stack_path: str
    mailbox_ram_bytes: int
    cycles_per_update: int
    typical_cycles: int
    cycles_bound: int
    instructions_per_update: int | None
    updates_per_s: float
    microjoules_per_update: float
    energy_source: str
    fits: bool
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def budget(genome: Genome, board: Board, rule: str = "rule") -> Budget:
    """Build, run and measure; never raises because a limit is missed: `fits` and `reasons` say so."""
    image = build(genome, board, check_fit=False)
    samples = inputs()
    deepest = bound(image)
    painted = trial(image, samples, damage=_Harm()).stack_bytes
    instructions, worst, typical = _costs(image, samples)
    ram = image.static_ram_bytes + deepest.bytes
    seconds = worst / board.clock_hz
    most = cycles_bound(image)
    reasons = tuple(_reasons(image, ram, most, painted, deepest.bytes))
    return Budget(
        rule=rule,
        board=board.name,
        flash_bytes=len(image.flash),
        flash_limit_bytes=board.flash_limit_bytes,
        genome_bytes=len(genome.to_bytes()),
        ram_bytes=ram,
        ram_limit_bytes=board.ram_limit_bytes,
        static_ram_bytes=image.static_ram_bytes,
        stack_bound_bytes=deepest.bytes,
        stack_painted_bytes=painted,
        stack_path=str(deepest),
        mailbox_ram_bytes=ledger(genome).mailbox_ram,
        cycles_per_update=worst,
        typical_cycles=typical,
        cycles_bound=most,
        instructions_per_update=instructions,
        updates_per_s=round(1 / seconds, 1),
        microjoules_per_update=round(board.volts * board.amperes * seconds * 1e6, 1),
        energy_source=board.energy_source,
        fits=not reasons,
        reasons=reasons,
    )


def inputs() -> States:
    """Four ordinary neighbourhoods, then four extreme ones, [8, 3, 3, 16]."""
    rng = np.random.default_rng(RNG_SEED)
    typical = rng.integers(-TYPICAL, TYPICAL + 1, (4, 3, 3, 16))
    extreme = rng.choice(np.array([-EXTREME, EXTREME]), (4, 3, 3, 16))
    return np.concatenate([typical, extreme]).astype(np.int8)


def table(budgets: Iterable[Budget]) -> str:
    """The ledger as text: a line for each board, and why one does not fit."""
    head = ("rule", "board", "flash", "RAM", "static", "stack", "painted", "cycles", "at most", "updates/s", "uJ", "")
    rows = [head]
    notes = []
    for b in budgets:
        rows.append(
            (
                b.rule, b.board, f"{b.flash_bytes:,}/{b.flash_limit_bytes:,}", f"{b.ram_bytes}/{b.ram_limit_bytes}",
                str(b.static_ram_bytes), str(b.stack_bound_bytes), str(b.stack_painted_bytes),
                f"{b.cycles_per_update:,}", f"{b.cycles_bound:,}", f"{b.updates_per_s:g}",
                f"{b.microjoules_per_update:g}",
                "fits" if b.fits else "DOES NOT FIT",
            )
        )  # fmt: skip
        notes += [f"  {b.board}: {reason}" for reason in b.reasons]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [cell.rjust(w) if i > 1 else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, *notes])


class _Harm:
    """Every second answer loses a byte, so that the painted run asks again; every ninth wake is never answered."""

    def __init__(self) -> None:
        self._answers = 0

    def __call__(self, data: bytes) -> bytes:
        self._answers += 1
        return data[:40] + data[41:] if self._answers % 2 else data


def _costs(image: Image, samples: States) -> tuple[int | None, int, int]:
    half = len(samples) // 2
    if image.board.family == "avr":
        with Avr(image) as avr:
            counted = [avr.update(sample)[1] for sample in samples]
        return None, max(counted), round(float(np.mean(counted[:half])))
    ordinary, extreme = cost(image, samples[0]), cost(image, samples[half])
    worst = max(ordinary, extreme, key=lambda c: c.cycles)
    return worst.instructions, worst.cycles, ordinary.cycles


def _reasons(image: Image, ram: int, cycles: int, painted: int, stack: int) -> list[str]:
    board = image.board
    found = []
    if len(image.flash) > board.flash_limit_bytes:
        found.append(f"flash {len(image.flash)} is {len(image.flash) - board.flash_limit_bytes} bytes over its limit")
    if ram > board.ram_limit_bytes:
        found.append(f"RAM {ram} is {ram - board.ram_limit_bytes} bytes over its limit")
    if painted > stack:
        found.append(f"a run used {painted} bytes of stack, more than the bound of {stack}")
    if board.family == "avr" and cycles > CYCLES_LIMIT:
        found.append(f"up to {cycles:,} cycles an update, {cycles - CYCLES_LIMIT:,} over the limit of {CYCLES_LIMIT:,}")
    return found
