"""Link faults: what befalls the frames on some edges; each frame's fate is drawn at its receiver.

`select=A` means all incoming edges of the cells of A; `select=A->B` (or `A to B`) only those that lead from a cell of A
to a cell of B. May import cellnode.messages and the panel's counters.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cellnode.bursts import LENGTH_MAX
from cellnode.delays import SHAPES
from cellnode.linkfault import DELAY_MAX, HELD_MAX
from cellnode.messages import LinkFault
from cellnode.panel import Counter
from coordinator.faults.base import Counted, Parameter, Record, Target

SHARE = Parameter("probability that a frame is hit", 0.0, 1.0)


class Held(Counted):
    """Held by whoever runs the cells, and told to them again after a rebirth; `wire` says in which words."""

    @classmethod
    def wire(cls, record: Record) -> LinkFault:
        """What the agents are told."""
        return LinkFault(
            id=record.id,
            cells=record.cells,
            rng_seed=record.rng_seed,
            slots=record.slots,
            **cls._words(record.parameters),
        )

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def _begin(self, target: Target) -> list[int]:
        return target.add_link_fault(self.wire(self.record)) if self.record.cells else []

    def _end(self, target: Target) -> list[int]:
        return target.remove_link_fault(self.record.id) if self.record.cells else []


class Link(Held):
    """Lies on incoming edges."""

    links = True


class LinkLoss(Link):
    """Each frame for itself. Proof: frames the victims have discarded."""

    kind = "link_loss"
    help = "a share of the frames that arrive at the cells is lost"
    parameters: ClassVar[dict[str, Parameter]] = {"rate": SHARE}
    counter = Counter.FAULT_LOST

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "loss", "rate": given["rate"]}


class LinkBurst(Link):
    """The Gilbert-Elliott channel: good and bad times, each with a loss of its own. Proof: frames discarded."""

    kind = "link_burst"
    help = "frames are lost in bursts (Gilbert-Elliott): good and bad times of geometric length"
    parameters: ClassVar[dict[str, Parameter]] = {
        "burst": Parameter("mean length of a burst, in frames", 1.0, LENGTH_MAX, 5.0),
        "gap": Parameter("mean length of what lies between two bursts, in frames", 1.0, LENGTH_MAX, 20.0),
        "rate": Parameter("probability that a frame in a burst is lost", 0.0, 1.0, 1.0),
        "good": Parameter("probability that a frame between bursts is lost", 0.0, 1.0, 0.0),
    }
    counter = Counter.FAULT_LOST

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "burst", **{name: given[name] for name in ("burst", "gap", "rate", "good")}}


class LinkDelay(Link):
    """A later frame may overtake. Proof: frames the victims have held back."""

    kind = "link_delay"
    help = "frames that arrive at the cells are late, each by a draw of its own"
    parameters: ClassVar[dict[str, Parameter]] = {
        "delay": Parameter("in T: the longest delay (uniform), the delay (constant), or its mean", 0.0, DELAY_MAX),
        "shape": Parameter("how delays are distributed", choices=SHAPES),
    }
    counter = Counter.FAULT_DELAYED

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "delay", "delay_intervals": given["delay"], "shape": given.get("shape", SHAPES[0])}


class LinkReorder(Link):
    """A share comes so late that newer frames overtake it; the mailbox drops it then. Proof: frames held back."""

    kind = "link_reorder"
    help = "a share of the frames comes after newer ones"
    parameters: ClassVar[dict[str, Parameter]] = {
        "rate": SHARE,
        "by": Parameter("how late such a frame is, in T", 0.0, DELAY_MAX, 2.0),
    }
    counter = Counter.FAULT_DELAYED

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "reorder", "rate": given["rate"], "delay_intervals": given["by"]}


class LinkDuplicate(Link):
    """The copy is old news to a mailbox. Proof: frames brought twice."""

    kind = "link_duplicate"
    help = "a share of the frames comes twice"
    parameters: ClassVar[dict[str, Parameter]] = {
        "rate": SHARE,
        "within": Parameter("the copy comes within so many T after the frame", 0.0, DELAY_MAX, 1.0),
    }
    counter = Counter.FAULT_DUPLICATED

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "duplicate", "rate": given["rate"], "delay_intervals": given["within"]}


class LinkCorrupt(Link):
    """Proof: frames in which bits were flipped. With crc=on each is dropped, and counted under its reason as well."""

    kind = "link_corrupt"
    help = "bits flip in a share of the frames; the CRC drops them, or (crc=off) their values are believed"
    parameters: ClassVar[dict[str, Parameter]] = {
        "rate": SHARE,
        "bits": Parameter("how many bits of such a frame flip", 1, 64, 1),
        "crc": Parameter("whether the receiver checks it; off: bits flip in the 16 values", choices=("on", "off")),
    }
    counter = Counter.FAULT_CORRUPTED

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "kind": "corrupt",
            "rate": given["rate"],
            "bits": int(given["bits"]),
            "checked": given["crc"] == "on",
        }


class LinkRate(Link):
    """No chance in it: frames queue before the edge, and what finds the queue full is lost. Proof: frames that waited,
    or were lost."""

    kind = "link_rate"
    help = "each edge passes only so many frames in T; others wait in a short queue, or are lost"
    parameters: ClassVar[dict[str, Parameter]] = {
        "frames": Parameter("frames in T that pass an edge", 0.001, 1000.0),
        "queue": Parameter("frames that may wait before an edge", 0, HELD_MAX, 4),
    }
    counter = (Counter.FAULT_DELAYED, Counter.FAULT_LOST)

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "rate", "per_interval": given["frames"], "places": int(given["queue"])}


class Hold(Link):
    """Released when it is healed, all at once. Proof: frames held."""

    kind = "hold"
    help = "frames are held, and all released when the fault is healed"
    counter = Counter.FAULT_HELD

    @classmethod
    def _words(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"kind": "hold"}


LINKS = (LinkLoss, LinkBurst, LinkDelay, LinkReorder, LinkDuplicate, LinkCorrupt, LinkRate, Hold)
