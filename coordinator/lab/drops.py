"""Frames that the bridge drops: all of them from these hosts to those, or a share by chance; and how many it has.

Each fault is a table of nftables of its own, named by its number, in the kernel: it stays whoever coordinates, and its
counter is the proof. May import the network and the tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from coordinator.lab.network import Network
from coordinator.lab.tools import run, within
from firmware_sim.errors import RunFailed

PARTS = 1_000_000  # a share is drawn in so many parts


def lay(network: Network, number: int, pairs: Iterable[tuple[str, str]], rate: float = 1.0) -> None:
    """From now on a frame on its way from the first to the second of a pair is dropped, with this probability."""
    share = "" if rate >= 1 else f"numgen random mod {PARTS} < {round(rate * PARTS)} "
    receivers: dict[str, list[str]] = {}
    for sender, receiver in pairs:
        receivers.setdefault(sender, []).append(receiver)
    rules = [
        f"iifname {{ {_ports([sender])} }} oifname {{ {_ports(heard)} }} {share}counter drop"
        for sender, heard in receivers.items()
    ]
    chain = "\n  ".join(["type filter hook forward priority 0; policy accept;", *rules])
    _nft(network, "-f", "-", stdin=f"table bridge fault{number} {{\n chain forward {{\n  {chain}\n }}\n}}\n")


def lift(network: Network, number: int) -> None:
    """They pass again."""
    if f"fault{number}" in _tables(network):
        _nft(network, "delete", "table", "bridge", f"fault{number}")


def dropped(network: Network, number: int) -> int:
    """Frames dropped so far; 0 where nothing is laid."""
    try:
        listed = json.loads(_nft(network, "-j", "list", "table", "bridge", f"fault{number}"))["nftables"]
    except RunFailed:
        return 0
    rules = [each["rule"]["expr"] for each in listed if "rule" in each]
    return sum(word["counter"]["packets"] for rule in rules for word in rule if "counter" in word)


def _ports(names: list[str]) -> str:
    """A host's port, or the one through which it comes while its line is slow (coordinator/lab/wire.py)."""
    return ", ".join(f'"{name}", "t-{name}"' for name in names)


def _tables(network: Network) -> set[str]:
    listed = json.loads(_nft(network, "-j", "list", "tables"))["nftables"]
    return {each["table"]["name"] for each in listed if "table" in each}


def _nft(network: Network, *words: str, stdin: str = "") -> str:
    return run(*within(network.switch, "nft", *words), stdin=stdin)
