"""What a second command says to the coordinator that lives: one Ask, one Answer, over the same ROUTER as the agents.

A client connects a DEALER to the run's coordinator.sock, sends an Ask and waits for the Answer with its id. May import
msgspec, cellnode.messages, and the coordinator's actions and succession only.
"""

from __future__ import annotations

import msgspec

from cellnode.messages import strictly
from coordinator.actions import Action, FaultReport, Outcome
from coordinator.succession import Begin


class Ask(msgspec.Struct, frozen=True, tag_field="t", tag="ask"):
    """Please do this. `stop` ends the whole run, `status` only asks, `begin` puts another pattern in its place;
    otherwise `action` is carried out and logged."""

    id: int
    what: str  # "do" | "stop" | "status" | "begin"
    action: Action | None = None
    begin: Begin | None = None


class Answer(msgspec.Struct, frozen=True, tag_field="t", tag="answer"):
    """`error` is empty when all went well; `bad_input` tells whose fault it was."""

    id: int
    error: str = ""
    bad_input: bool = False
    outcome: Outcome | None = None
    faults: list[FaultReport] = []


_encoder = msgspec.msgpack.Encoder()
_asks = msgspec.msgpack.Decoder(Ask)
_answers = msgspec.msgpack.Decoder(Answer)


def encode(message: Ask | Answer) -> bytes:
    return _encoder.encode(message)


def decode_ask(data: bytes) -> Ask:
    """Raises msgspec.ValidationError or msgspec.DecodeError."""
    return strictly(_asks, data)


def decode_answer(data: bytes) -> Answer:
    """Raises msgspec.ValidationError or msgspec.DecodeError."""
    return strictly(_answers, data)
