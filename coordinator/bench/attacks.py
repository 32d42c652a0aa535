"""A living swarm under attack: connections that must not come in, frames that must not count, memory that must not
grow.

Two hosts of this machine with CURVE between them; the attackers are processes of their own and hold what their part
says: no key, a key that was taken back, or all that a host of the swarm has. Another swarm, recorded, is attacked and
then verified update by update. `holds` says whether it came as it must. May import the coordinator and cellnode.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cellnode.curve import load_public
from coordinator.bench.attackframes import frames, verified
from coordinator.bench.attacking import (
    GRID,
    RULE,
    Place,
    answer,
    attack,
    attacker_of,
    await_,
    is_flat,
    key_of,
    pid_of,
    place_of,
    port_of,
    ring_of,
    sizes_of,
    tell,
)
from coordinator.bench.registry import Options, Row
from coordinator.bench.yard import Yard, size_of, yard
from coordinator.keyring import Keyring, make_host
from coordinator.link import Link
from coordinator.registrar import Registrar

SETTLE_S = 5.0  # handshakes that lead nowhere are given up after 3 s
WARM, WARM_SHARE = 1000, 1 / 2  # connections before the first look: what a process keeps for the next ones is no leak
SHORT = {"connections": 400, "frames": 20_000, "topics": 20_000, "reports": 20_000}
LONG = {"connections": 10_000, "frames": 10_000_000, "topics": 1_000_000, "reports": 1_000_000}


def measure(options: Options) -> Iterator[Row]:
    """One row an attack. With `--long` as many as the documentation says."""
    volume = LONG if options.long else SHORT
    with yard(RULE, GRID, options.interval_s, options.say) as ground:
        ground.swarm.wait(20)
        place = place_of(ground)
        yield from _strangers(ground, place, volume["connections"])
        yield _topics(ground, place, volume["topics"])
        yield from frames(ground, place, volume["frames"])
    yield verified(options.interval_s, volume["frames"] // 10, options.say)
    yield reports(volume["reports"])


# ---- connections


def _strangers(ground: Yard, place: Place, count: int) -> Iterator[Row]:
    """At the coordinator and at a cell's door."""
    home, ring = ground.home, ring_of(ground)
    make_host(home / "gone", ring.pair.public)
    ring.allow("gone", load_public(home / "gone" / "host.pub"))
    ring.refuse("gone")
    old = Registrar(ring, now_s=lambda: time.time() - 7200).tokens.give("old", ring.pair.public, hours=1, uses=1)
    (home / "old").mkdir(mode=0o700)
    old.pair.save(home / "old" / "host.key")
    (home / "old" / "coordinator.pub").write_text(ring.pair.public)
    keys = {"no key": "", "unknown key": "", "wrong server key": str(home / "b"), "revoked key": str(home / "gone")}
    keys |= {"expired token": str(home / "old"), "raw bytes": "", "silence": ""}
    door = f"tcp://127.0.0.1:{port_of(ground, 'a', place.listeners[1])}"
    aims = {
        "coordinator": (ground.endpoint, ring.pair.public, True, [os.getpid()]),
        "cell": (door, key_of(ground, "a"), False, [pid_of(ground, place.listeners[1])]),
    }
    for name, (endpoint, server, dealer, pids) in aims.items():
        told = {"endpoint": endpoint, "server": server, "dealer": dealer, "keys": keys}
        attack("strangers", told | {"count": max(WARM, round(WARM_SHARE * count))})
        time.sleep(SETTLE_S)
        before, alive = size_of(pids), ground.swarm.look().alive
        found = attack("strangers", told | {"count": count})
        time.sleep(SETTLE_S)
        after = size_of(pids)
        tried = sum(found["tried"].values())
        yield {
            "attack": f"connections to a {name}",
            "tried": tried,
            "by": found["tried"],
            "let_in": found["let_in"],
            **sizes_of(before, after),
            "holds": found["let_in"] == 0
            and tried >= 0.9 * count
            and ground.swarm.look().alive == alive
            and is_flat(before, after),
        }


def _topics(ground: Yard, place: Place, count: int) -> Row:
    """Host `b` may listen at the door; it subscribes to everything there is."""
    cell = place.listeners[1]
    told = {"connect": f"tcp://127.0.0.1:{port_of(ground, 'a', cell)}", "keys": str(ground.home / "b")}
    told["server"] = key_of(ground, "a")
    attack("topics", told | {"count": max(1000, count // 10)})
    time.sleep(2)
    before = size_of([pid_of(ground, cell)])
    found = attack("topics", told | {"count": count})
    time.sleep(2)
    after = size_of([pid_of(ground, cell)])
    return {
        "attack": "subscriptions and stray messages at a cell's door",
        "tried": found["sent"],
        **sizes_of(before, after),
        "heard": found["hears"],
        "holds": is_flat(before, after),
    }


def reports(count: int) -> Row:
    """A host on the list says what is none, or not its own, to a coordinator."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ring = Keyring.make(home / "keys")
        ring.allow("b", make_host(home / "b", ring.pair.public).public)
        link = Link(f"ipc://{home}/x", 1, on_offer=lambda _offer, _known: None)
        endpoint = link.listen("tcp://127.0.0.1:*", Registrar(ring))
        link.start()
        try:
            messages = [os.urandom(64), b"\x82\xa1t\xa4beat\xa1x" + b"\x91" * 100_000, b""]
            messages += [b"\x82\xa1t\xa4beat\xa5agent\xa1\xff"]
            messages += [b"\x83\xa1t\xaasuperseded\xa2id\x01\xb1coordinator_epoch\xcf" + b"\xff" * 8]
            messages += [msgpack_done(b"a/1"), b"\xdf\xff\xff\xff\xff"]
            told = {"connect": endpoint, "keys": str(home / "b"), "messages": [[each.hex()] for each in messages]}
            before = size_of([os.getpid()])
            for part in (max(70, count // 10), count):
                goal = link.garbage + link.spoofed + part
                with attacker_of("flood") as attacker:
                    tell(attacker, told | {"count": part})
                    answer(attacker)
                    await_(lambda: link.garbage + link.spoofed, goal)
                    attacker.communicate(b"", 30)
                if part != count:
                    before = size_of([os.getpid()])
                    start = link.garbage + link.spoofed
            after = size_of([os.getpid()])
            counted = link.garbage + link.spoofed - start
        finally:
            link.close()
    return {
        "attack": "what is no report to a coordinator, by a host on its list",
        "tried": count,
        "counted": {"garbage": link.garbage, "spoofed": link.spoofed},
        **sizes_of(before, after),
        "holds": counted == count and not link.agents and not link.hosts and is_flat(before, after),
    }


def msgpack_done(agent: bytes) -> bytes:
    """An answer in this agent's name."""
    return b"\x84\xa1t\xa4done\xa2id\x01\xa2ok\xc3\xa5agent" + bytes([0xA0 | len(agent)]) + agent
