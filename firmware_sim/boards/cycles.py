"""Instructions and cycles of one update on a 32-bit board, counted as Unicorn runs its basic blocks.

A Cortex-M0's cycles follow ARM's table (loads and stores 2, multiple ones 1 + N, taken branches 3, calls 4, the rest 1,
one-cycle multiplier, no wait states); a RISC-V chip's are instructions times the factor its catalogue entry states.
Imports: numpy, image, listing, machine, errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim.boards.image import Image
from firmware_sim.boards.listing import Instruction, functions
from firmware_sim.boards.machine import Machine

CONDITIONAL = tuple(
    f"b{condition}{width}"
    for condition in ("eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "hs", "lo")
    for width in ("", ".n", ".w")
)
TAKEN_EXTRA = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one update: eight hears, both masks and the step."""

    instructions: int
    cycles: int


def cost(image: Image, neighbourhood: NDArray[np.int8]) -> Cost:
    """The cost of updating one neighbourhood, [3, 3, 16]; the test stand's own instructions are left out."""
    code = {i.address: i for function in functions(image) for i in function.body}
    blocks: list[tuple[int, int]] = []
    machine = Machine(image)
    machine.on_block(lambda address, size: blocks.append((address, size)))
    machine.update(neighbourhood[None])
    arm = image.board.family == "arm"
    instructions = cycles = 0
    for (address, size), following in zip(blocks, [*blocks[1:], (0, 0)], strict=True):
        body = _block(code, address, size)
        if not body:
            continue
        instructions += len(body)
        if arm:
            cycles += sum(map(_cortex_m0, body))
            cycles += TAKEN_EXTRA * (body[-1].mnemonic in CONDITIONAL and following[0] != address + size)
    if not arm:
        cycles = round(instructions * image.board.cycles_per_instruction)
    return Cost(instructions, cycles)


def _block(code: dict[int, Instruction], address: int, size: int) -> list[Instruction]:
    body, at = [], address
    while at < address + size and at in code:
        body.append(code[at])
        at += code[at].size
    return body


def _cortex_m0(instruction: Instruction) -> int:
    """Conditional branches as if not taken."""
    name = instruction.mnemonic.removesuffix(".n").removesuffix(".w")
    if name in ("push", "pop", "ldmia", "stmia", "ldm", "stm"):
        registers = instruction.operands[instruction.operands.index("{") :].split(",")
        return 1 + len(registers) + (3 if "pc" in instruction.operands else 0)
    if name.startswith(("ldr", "str")):
        return 2
    if name in ("b", "bx", "blx"):
        return 3
    return 4 if name == "bl" else 1
