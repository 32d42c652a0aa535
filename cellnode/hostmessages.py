"""What a coordinator and a host's porter say to each other; the wire form is one msgpack map a message, as in
`messages`.

A porter offers room and says which blocks it carries; the coordinator answers with the blocks that it is to carry: the
whole list, state and no event. Does no I/O. May import msgspec and `cellnode.messages`. PROTOCOL.md explains every
field.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from cellnode.messages import EPOCH_MAX, Done, Superseded, Welcome, strictly
from cellnode.messages import Epoch as CoordinatorEpoch

Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]  # no "/": that is for its agents
Key = Annotated[str, msgspec.Meta(min_length=40, max_length=40)]  # Z85
Epoch = Annotated[int, msgspec.Meta(ge=1, lt=EPOCH_MAX)]


class Offer(msgspec.Struct, frozen=True, tag_field="t", tag="offer"):
    """porter -> coordinator, every 0.5 s: here is room for cells."""

    version: int  # messages.PROTOCOL_VERSION
    host: Name
    instance: str  # drawn anew whenever a porter starts: tells a host that came back from one that was away
    pid: int
    machine: str  # names the boot of the machine, so that a process id is only used where it means something
    address: str  # where its cells bind TCP
    capacity: Annotated[int, msgspec.Meta(ge=0)]  # cells that it would carry
    coordinator_epoch: CoordinatorEpoch  # the highest it has obeyed
    run: str = ""  # of the blocks it carries
    blocks: list[Epoch] = []  # placement epochs of the agents that live here now
    ended: list[Epoch] = []  # of this run, those whose agent has died by itself: they do not come again


class Tend(msgspec.Struct, frozen=True, tag_field="t", tag="tend"):
    """coordinator -> porter: carry these blocks and no others. What is not named is killed first, then what is missing
    is started; answered by one Done when both are so. `over`: the run has ended."""

    id: int
    run: str
    blocks: list[Epoch]
    over: bool = False


class Refused(msgspec.Struct, frozen=True, tag_field="t", tag="refused"):
    """coordinator -> porter: this offer is not taken, and why. `for_good`: nor will it be when it is made again."""

    reason: str
    for_good: bool


class Enrol(msgspec.Struct, frozen=True, tag_field="t", tag="enrol"):
    """porter -> coordinator, on a line opened with a token's key: put this host's own key on your list."""

    version: int  # messages.PROTOCOL_VERSION
    host: Name
    public: Key


class Enrolled(msgspec.Struct, frozen=True, tag_field="t", tag="enrolled"):
    """coordinator -> porter: it is there; answered by Refused otherwise."""

    host: Name


_encoder = msgspec.msgpack.Encoder()
_offers: msgspec.msgpack.Decoder[Offer] = msgspec.msgpack.Decoder(Offer)
_orders: msgspec.msgpack.Decoder[Tend | Refused | Welcome] = msgspec.msgpack.Decoder(Tend | Refused | Welcome)
_enrols: msgspec.msgpack.Decoder[Enrol] = msgspec.msgpack.Decoder(Enrol)
_answers: msgspec.msgpack.Decoder[Enrolled | Refused] = msgspec.msgpack.Decoder(Enrolled | Refused)


def encode(message: Offer | Tend | Refused | Welcome | Done | Superseded | Enrol | Enrolled) -> bytes:
    return _encoder.encode(message)


def decode_offer(data: bytes) -> Offer:
    """Raises msgspec.DecodeError for anything else."""
    return strictly(_offers, data)


def decode_order(data: bytes) -> Tend | Refused | Welcome:
    """What a porter may hear. Raises msgspec.DecodeError for anything else."""
    return strictly(_orders, data)


def decode_enrol(data: bytes) -> Enrol:
    """All that whoever shows a token may say. Raises msgspec.DecodeError for anything else."""
    return strictly(_enrols, data)


def decode_answer(data: bytes) -> Enrolled | Refused:
    """What is said to it. Raises msgspec.DecodeError for anything else."""
    return strictly(_answers, data)
