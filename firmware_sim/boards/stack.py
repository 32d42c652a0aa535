"""The most stack an image can ever use: frames and calls read from its machine code, the deepest path taken.

Holds for every input, where a painted stack holds for the inputs tried; the two must agree.  RunFailed on recursion or
an indirect call, which no bound covers.  Imports: image, listing, errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from firmware_sim.boards.image import Image
from firmware_sim.boards.listing import Function, Instruction, functions
from firmware_sim.errors import RunFailed

RETURN_BYTES = {"avr": 2, "arm": 0, "riscv": 0}  # what a call itself pushes
INTERRUPT_BYTES = {"avr": 2, "arm": 0, "riscv": 0}  # one empty handler on AVR; none enabled elsewhere
CALLS = {"avr": ("call", "rcall", "jmp", "rjmp"), "arm": ("bl", "b", "b.n", "b.w"), "riscv": ("jal", "jalr", "j", "jr")}
JUMPS = ("jmp", "rjmp", "b", "b.n", "b.w", "j", "jr")  # out of the function: a call whose return is our own
INDIRECT = {"avr": ("icall", "ijmp"), "arm": ("blx",), "riscv": ()}


@dataclass(frozen=True, slots=True)
class Bound:
    """`bytes` with interrupts; `path` is the chain of calls that costs it, with each frame."""

    bytes: int
    path: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return " > ".join(f"{name} {frame}" for name, frame in self.path)


def bound(image: Image) -> Bound:
    """The worst stack from `main`."""
    family = image.board.family
    found = {function.address: function for function in functions(image)}
    by_name = {function.name: function for function in found.values()}
    depth, path = _deepest(by_name["main"], found, family, ())
    return Bound(depth + INTERRUPT_BYTES[family], path)


def _deepest(
    function: Function, found: dict[int, Function], family: str, above: tuple[str, ...]
) -> tuple[int, tuple[tuple[str, int], ...]]:
    if function.name in above:
        raise RunFailed(f"{function.name} calls itself: {' > '.join([*above, function.name])}")
    frame = sum(_pushed(instruction, family) for instruction in function.body)
    deepest, path = 0, tuple[tuple[str, int], ...]()
    for instruction in function.body:
        if instruction.mnemonic in INDIRECT[family]:
            raise RunFailed(f"{function.name} makes an indirect call at {instruction.address:#x}")
        callee = _callee(function, instruction, found, family)
        if callee is None:
            continue
        depth, below = _deepest(callee, found, family, (*above, function.name))
        depth += 0 if instruction.mnemonic in JUMPS else RETURN_BYTES[family]
        if depth > deepest or not path:
            deepest, path = depth, below
    return frame + deepest, ((function.name, frame), *path)


def _callee(function: Function, instruction: Instruction, found: dict[int, Function], family: str) -> Function | None:
    if instruction.mnemonic not in CALLS[family]:
        return None
    target = _target(instruction, family)
    if target is None or function.address <= target < function.end or target not in found:
        return None
    return found[target]


def _target(instruction: Instruction, family: str) -> int | None:
    text = instruction.operands
    if family == "avr":
        match = re.search(r"0x([0-9a-f]+)\s*(?:<|$)", text.split(";")[-1])
    elif family == "arm":
        match = re.match(r"([0-9a-f]+)\b", text)
    else:
        match = re.search(r"(?:#\s*|,|^)\s*(?:0x)?([0-9a-f]+) <", text)
    return int(match[1], 16) if match else None


def _pushed(instruction: Instruction, family: str) -> int:
    """Bytes by which this instruction lowers the stack pointer."""
    name, text = instruction.mnemonic, instruction.operands
    if family == "avr":
        if name == "push":
            return 1
        return 2 if name == "rcall" and text.startswith(".+0") else 0
    if family == "arm":
        if name == "push":
            return 4 * len(text.strip("{} ").split(","))
        match = re.match(r"sp, #(\d+)", text) if name in ("sub", "sub.w") else None
        return int(match[1]) if match else 0
    match = re.match(r"sp,sp,-(\d+)", text) if name in ("add", "addi", "c.addi16sp", "c.addi") else None
    return int(match[1]) if match else 0
