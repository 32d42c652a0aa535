"""Which offers of hosts are taken, where their doors may be, and what is said of those that are not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import zmq

from cellnode.hostmessages import Offer
from cellnode.messages import PROTOCOL_VERSION
from coordinator.contacts import HostLine, Line
from coordinator.hosts.steward import LOST_S, refuse
from coordinator.hosts.wiring import is_at
from coordinator.link import Link
from firmware_sim.errors import RunFailed

OFFER = Offer(PROTOCOL_VERSION, "attic", "one", 77, "", "10.0.0.2", 100, 0)


@dataclass
class Heard:
    """A host of that name, heard so long ago."""

    ago_s: float

    def line(self) -> HostLine:
        with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
            return HostLine(Line(router, b""), OFFER, time.monotonic() - self.ago_s)


def test_a_host_of_this_version_is_taken_and_so_is_the_same_one_again() -> None:
    assert refuse(OFFER, None, "r") is None
    assert refuse(OFFER, Heard(0.1).line(), "r") is None


def test_another_version_is_refused_for_good_and_both_versions_are_named() -> None:
    refused = refuse(msgspec.structs.replace(OFFER, version=PROTOCOL_VERSION + 1), None, "7e57ab1e")
    assert refused is not None and refused.for_good
    assert refused.reason == (
        f"host attic speaks protocol {PROTOCOL_VERSION + 1}, the coordinator of run 7e57ab1e speaks "
        f"{PROTOCOL_VERSION}: install the same planaria on both"
    )


def test_a_second_host_of_a_name_is_refused_while_the_first_is_heard_and_told_who_that_is() -> None:
    other = msgspec.structs.replace(OFFER, instance="two", address="10.0.0.3")
    refused = refuse(other, Heard(0.1).line(), "r")
    assert refused is not None and not refused.for_good
    assert refused.reason == (
        "the name 'attic' is taken: process 77 at 10.0.0.2 has joined run r with it; choose another --name"
    )
    assert refuse(other, Heard(LOST_S + 1).line(), "r") is None, "the first is lost: this may be the one, started anew"


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [
        ("tcp://10.0.0.2:7400", True),
        ("tcp://10.0.0.2:0", False),
        ("tcp://10.0.0.2:65536", False),
        ("tcp://10.0.0.2:+1", False),
        ("tcp://10.0.0.23:7400", False),
        ("tcp://10.0.0.9:7400", False),
        ("tcp://10.0.0.2:7400/x", False),
        ("ipc:///run/secret", False),
        ("tcp://10.0.0.2:", False),
    ],
)
def test_a_host_opens_doors_at_its_own_address_alone(endpoint: str, good: bool) -> None:
    assert is_at(endpoint, "10.0.0.2") is good


def test_two_coordinators_at_one_address_are_one_too_many(tmp_path: Path) -> None:
    first, second = Link(f"ipc://{tmp_path}/a", 1), Link(f"ipc://{tmp_path}/b", 1)
    endpoint = first.listen("tcp://127.0.0.1:*")
    with pytest.raises(RunFailed, match=r"cannot be bound: .* is another coordinator there"):
        second.listen(endpoint)
    first.close()
    second.close()
