"""Link faults: frames on the incoming edges of the victims are lost, or late. Each frame's fate is drawn at its
receiver.
"""

from __future__ import annotations

from typing import ClassVar

from cellnode.messages import LinkFault
from cellnode.panel import Counter
from coordinator.faults.base import Counted, Parameter, Record, Target


class Held(Counted):
    """Held by whoever runs the cells, and told to them again after a rebirth."""

    wire_kind: ClassVar[str]
    rate: ClassVar[str] = "rate"  # which parameter the wire carries as the rate

    @classmethod
    def wire(cls, record: Record) -> LinkFault:
        """As the agent holds it."""
        given = record.parameters
        return LinkFault(
            id=record.id,
            kind=cls.wire_kind,
            cells=record.cells,
            rate=given.get(cls.rate, 0.0),
            delay_intervals=given.get("delay", 0.0),
            rng_seed=record.rng_seed,
            spread=given.get("spread", 0.0),
        )

    def _begin(self, target: Target) -> list[int]:
        return target.add_link_fault(self.wire(self.record))

    def _end(self, target: Target) -> list[int]:
        return target.remove_link_fault(self.record.id)


class LinkLoss(Held):
    """Proof: frames the victims have discarded."""

    kind = "link_loss"
    help = "a share of the frames that arrive at the cells is lost"
    parameters: ClassVar[dict[str, Parameter]] = {"rate": Parameter("probability that a frame is lost", 0.0, 1.0)}
    counter = Counter.FAULT_LOST
    wire_kind = "loss"


class LinkDelay(Held):
    """Proof: frames the victims have held back."""

    kind = "link_delay"
    help = "frames that arrive at the cells are late, each by a uniform draw"
    parameters: ClassVar[dict[str, Parameter]] = {"delay": Parameter("longest delay of a frame, in T", 0.0, 1000.0)}
    counter = Counter.FAULT_DELAYED
    wire_kind = "delay"
