"""Link faults: frames on the incoming edges of the victims are lost, or late. Each frame's fate is drawn at its
receiver.
"""

from __future__ import annotations

from typing import ClassVar

from cellnode.messages import LinkFault
from cellnode.panel import Counter
from coordinator.faults.base import Counted, Parameter, Record, Target


def _wire(record: Record, wire_kind: str) -> LinkFault:
    return LinkFault(
        id=record.id,
        kind=wire_kind,
        cells=record.cells,
        rate=record.parameters.get("rate", 0.0),
        delay_intervals=record.parameters.get("delay", 0.0),
        rng_seed=record.rng_seed,
    )


class _Link(Counted):
    wire_kind: ClassVar[str]

    def _begin(self, target: Target) -> list[int]:
        return target.add_link_fault(_wire(self.record, self.wire_kind))

    def _end(self, target: Target) -> list[int]:
        return target.remove_link_fault(self.record.id)


class LinkLoss(_Link):
    """Proof: frames the victims have discarded."""

    kind = "link_loss"
    help = "a share of the frames that arrive at the cells is lost"
    parameters: ClassVar[dict[str, Parameter]] = {"rate": Parameter("probability that a frame is lost", 0.0, 1.0)}
    counter = Counter.FAULT_LOST
    wire_kind = "loss"


class LinkDelay(_Link):
    """Proof: frames the victims have held back."""

    kind = "link_delay"
    help = "frames that arrive at the cells are late, each by a uniform draw"
    parameters: ClassVar[dict[str, Parameter]] = {"delay": Parameter("longest delay of a frame, in T", 0.0, 1000.0)}
    counter = Counter.FAULT_DELAYED
    wire_kind = "delay"


def link_faults(records: list[Record]) -> list[LinkFault]:
    """What the agent must hold for those of `records` that are link faults and not over."""
    kinds = {kind.kind: kind.wire_kind for kind in (LinkLoss, LinkDelay)}
    return [_wire(record, kinds[record.kind]) for record in records if record.kind in kinds and not record.finished]
