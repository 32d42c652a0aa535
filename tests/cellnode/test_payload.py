"""A rule sent by value computes the same where it arrives, and what cannot be meant is refused in one line."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from cellnode import messages
from cellnode.messages import RulePayload
from cellnode.payload import engine_from, rule_payload
from firmware_sim import folder
from firmware_sim.engines import make_engine
from firmware_sim.errors import BadInput


@pytest.mark.parametrize("name", ["numpy", "chip", "onnx"])
@pytest.mark.parametrize("degrees", [0.0, 90.0])
def test_the_engine_at_the_other_end_is_the_same(name: str, degrees: float) -> None:
    rule = folder.load("dot")
    sent = rule_payload(rule, name, degrees)
    received = msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=RulePayload)
    engine, original = engine_from(received), make_engine(name, rule, degrees)
    rng = np.random.default_rng(3)
    block = rng.normal(0, 20, (5, 3, 3, 16)) if engine.family == "int8" else rng.normal(0, 0.5, (5, 3, 3, 16))
    block = block.clip(-127, 127).astype(engine.dtype)
    assert np.array_equal(engine.update(block), original.update(block))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(BadInput, match="abacus"):
        rule_payload(folder.load("dot"), "abacus")


@pytest.mark.parametrize(
    "change", [{"blob": b"short"}, {"hidden": 3}, {"channels": 12}, {"engine": "abacus"}, {"hidden": 0}]
)
def test_a_payload_whose_parts_do_not_belong_together_is_refused(change: dict[str, object]) -> None:
    payload = rule_payload(folder.load("dot"), "numpy")
    with pytest.raises(BadInput):
        engine_from(msgspec.structs.replace(payload, **change))


def test_a_message_that_does_not_fit_names_its_field() -> None:
    data = msgspec.msgpack.encode({"t": "power", "id": 1, "cells": "all", "on": True})
    with pytest.raises(msgspec.ValidationError, match="cells"):
        messages.decode_command(data)
