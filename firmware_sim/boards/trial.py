"""The whole image at work: boot, ask, hear, step, say, with a mailbox on its line; on any board, under its emulator.

A trial places a chip in a list of neighbourhoods, one a wake, and compares what it says with chip.py; its line may be
damaged on the way.  Imports: numpy, avr, machine, mailbox, image, chip, errors, limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_sim import chip
from firmware_sim.boards.avr import Avr
from firmware_sim.boards.image import Image
from firmware_sim.boards.machine import Machine
from firmware_sim.boards.mailbox import Hello, Mailbox, Said
from firmware_sim.errors import RunFailed
from firmware_sim.genome import Genome
from firmware_sim.limits import CHANNELS

States = NDArray[np.int8]
Damage = Callable[[bytes], bytes]
SLICE_CYCLES = 20_000
LIMIT_PER_WAKE_CYCLES = 40_000_000
LIMIT_INSTRUCTIONS = 400_000_000


@dataclass(frozen=True, slots=True)
class Trial:
    """`wrong` counts states that differ from chip.py; `said` is all that came out, `stack_bytes` the painted stack."""

    hello: Hello | None
    said: list[States]
    wrong: int
    asked: int
    stack_bytes: int
    cycles: int


class Story:
    """What the chip is told, wake by wake, and what is expected of it."""

    def __init__(self, genome: Genome, neighbourhoods: States, damage: Damage | None, crc: bool = True) -> None:
        self.batch = chip.Batch(genome)
        self.cells = neighbourhoods
        self.damage = damage or (lambda data: data)
        self.mailbox = Mailbox(interval_ms=1, crc=crc)
        self.own: States = np.zeros(CHANNELS, np.int8)
        self.hello: Hello | None = None
        self.said: list[States] = []
        self.wrong = 0
        self._fill()

    @property
    def over(self) -> bool:
        return len(self.said) >= len(self.cells)

    def receive(self, data: bytes) -> bytes:
        answers = b""
        for byte in data:
            answer, events = self.mailbox.receive(bytes([byte]))
            answers += answer
            for event in events:
                self._happened(event)
        return self.damage(answers) if answers else b""

    def _happened(self, event: Hello | Said) -> None:
        if isinstance(event, Hello):
            self.hello = event
            return
        sample = self.cells[len(self.said)].copy()
        sample[1, 1] = self.own
        self.wrong += not np.array_equal(self.batch.update(sample[None])[0], event.state)
        self.own = event.state
        self.said.append(event.state)
        if not self.over:
            self._fill()

    def _fill(self) -> None:
        flat = self.cells[len(self.said)].reshape(9, CHANNELS)
        self.mailbox.slots = [flat[slot + (slot >= 4)] for slot in range(8)]


def trial(image: Image, neighbourhoods: States, damage: Damage | None = None) -> Trial:
    """Run the image through all neighbourhoods, [n, 3, 3, 16]; `damage` may harm each answer on its way to the chip.

    RunFailed when the chip faults or falls silent.
    """
    story = Story(image.genome(), neighbourhoods, damage)
    stack, cycles = (_on_avr if image.board.family == "avr" else _on_machine)(image, story)
    return Trial(story.hello, story.said, story.wrong, story.mailbox.asked, stack, cycles)


def _on_avr(image: Image, story: Story) -> tuple[int, int]:
    with Avr(image.placed(1, 1)) as avr:
        avr.watch(False)
        quiet = 0
        while not story.over:
            before = avr.cycles
            avr.run(SLICE_CYCLES, until_bytes=1)
            heard = avr.take()
            quiet = 0 if heard else quiet + avr.cycles - before
            if quiet > LIMIT_PER_WAKE_CYCLES:
                raise RunFailed(f"{image.board.name}: silent for {quiet} cycles")
            answer = story.receive(heard)
            if answer:
                avr.send(answer)
        return avr.painted_stack_bytes(), avr.cycles


def _on_machine(image: Image, story: Story) -> tuple[int, int]:
    machine = Machine(image.placed(1, 1))

    def line(data: bytes) -> bytes:
        answer = story.receive(data)
        if story.over:
            machine.stop()
        return answer

    machine.attach(line)
    machine.boot()
    machine.run(LIMIT_INSTRUCTIONS)
    if not story.over:
        raise RunFailed(f"{image.board.name}: only {len(story.said)} states said in {LIMIT_INSTRUCTIONS} instructions")
    return machine.painted_stack_bytes(), 0
