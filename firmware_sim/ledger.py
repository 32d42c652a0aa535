"""The ledger: what a rule costs a cell in ROM, RAM, multiply-adds and bytes a second.  The article guesses "about 10 Kb
of ROM, 256 bytes of RAM, 10k multiply-adds"; here they are counted from the formats, not measured on a chip.

Core RAM is the structure of the integer core; stack, UART and the rest of an image are measured where an image is
built.  It never computes an update.  Imports: errors, genome, limits, rule.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from firmware_sim.errors import BadInput
from firmware_sim.genome import HEADER_BYTES, UNIT_BYTES, Genome
from firmware_sim.limits import CHANNELS, OFFSETS
from firmware_sim.rule import Rule

FRAME_OVERHEAD_BYTES = 41  # around the values, at most: version, tag, cell, incarnation, sequence, CRC, codec
SLOT_STAMP_BYTES = 8 + 8 + 4 + 1  # of one mailbox slot beside the state: incarnation, sequence, age, next_within
LINKS = len(OFFSETS)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Bytes unless the name says otherwise.  RAM of the core: 24-bit accumulators on AVR, 32-bit elsewhere."""

    channels: int
    hidden: int
    parameters: int
    rom_genome: int
    rom_float_weights: int
    core_ram_avr: int
    core_ram_32bit: int
    mailbox_ram: int
    multiply_adds: int
    perception_adds: int
    message_state: int
    frame: int
    said_bytes_per_s: float
    heard_bytes_per_s: float
    wake_interval_s: float

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    def table(self) -> str:
        """The ledger as text, one line for each number."""
        rows = (
            ("ROM, genome", f"{self.rom_genome:,} B"),
            ("  the same in float32", f"{self.rom_float_weights:,} B"),
            ("RAM, core (AVR, 24-bit sums)", f"{self.core_ram_avr} B"),
            ("RAM, core (32-bit)", f"{self.core_ram_32bit} B"),
            ("RAM, mailbox (on the link)", f"{self.mailbox_ram} B"),
            ("parameters", f"{self.parameters:,}"),
            ("multiply-adds per update", f"{self.multiply_adds:,} + {self.perception_adds} for perception"),
            ("a state on the wire", f"{self.message_state} B, in a frame of at most {self.frame} B"),
            (
                f"bytes per second at T = {self.wake_interval_s:g} s",
                f"{self.said_bytes_per_s:,.0f} said, up to {self.heard_bytes_per_s:,.0f} heard",
            ),
        )
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def ledger(rule: Rule | Genome, wake_interval_s: float = 0.5, *, frame_bytes: int | None = None) -> Ledger:
    """The ledger of a rule whose cells wake every `wake_interval_s` on average and say one frame each time.

    `frame_bytes` is the size of one int8 frame as counted on a wire; the default is its upper bound.
    """
    if not wake_interval_s > 0:
        raise BadInput(f"wake interval is {wake_interval_s!r} s, expected a positive number")
    channels, hidden = (CHANNELS, rule.hidden) if isinstance(rule, Genome) else (rule.channels, rule.hidden)
    inputs = 3 * channels
    parameters = inputs * hidden + hidden + hidden * channels + channels
    frame = channels + FRAME_OVERHEAD_BYTES if frame_bytes is None else frame_bytes
    # own state int8, two Sobel sums int16, the largest alpha heard int8, one accumulator for each channel
    structure = channels + 2 * 2 * channels + 1
    return Ledger(
        channels=channels,
        hidden=hidden,
        parameters=parameters,
        rom_genome=HEADER_BYTES + 2 * channels + hidden * (UNIT_BYTES - 4 * CHANNELS + 4 * channels),
        rom_float_weights=4 * parameters,
        core_ram_avr=structure + 3 * channels,
        core_ram_32bit=-(-structure // 4) * 4 + 4 * channels,
        mailbox_ram=LINKS * (channels + SLOT_STAMP_BYTES),
        multiply_adds=inputs * hidden + hidden * channels,
        perception_adds=2 * 6 * channels,
        message_state=channels,
        frame=frame,
        said_bytes_per_s=frame / wake_interval_s,
        heard_bytes_per_s=LINKS * frame / wake_interval_s,
        wake_interval_s=wake_interval_s,
    )
