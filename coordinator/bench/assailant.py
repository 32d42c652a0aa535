"""The attackers of `planaria bench attacks`, a process of its own each: they share no memory with the attacked.
`python -m coordinator.bench.assailant KIND` is told what to do as JSON on standard input, and tells what came of it.

    strangers   connections with keys that let nobody in, without any, with raw bytes or silence for a handshake
    flood       messages from a place that cells or a coordinator listen to, none left out: it waits to be heard
    topics      subscriptions without end at a cell's door, by a host that may listen there

Attacks nothing but what it is told to. May import pyzmq and cellnode.curve.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from cellnode.curve import Doorkeeper, HostKeys, KeyPair, call, serve

BATCH = 200  # connections at a time
PATIENCE_MS = 1500
LISTENERS_S = 30.0

Context = zmq.Context[zmq.Socket[bytes]]


def strangers(told: dict[str, Any]) -> dict[str, Any]:
    """`endpoint`, `server` (its public key), `count` connections in turn by each of `keys` {name: folder or ""}."""
    tried, let_in = dict.fromkeys(told["keys"], 0), 0
    names = list(told["keys"])
    for begin in range(0, told["count"], BATCH):
        turn = [names[at % len(names)] for at in range(begin, min(begin + BATCH, told["count"]))]
        raw = [_raw(told["endpoint"], name) for name in turn if name in ("raw bytes", "silence")]
        let_in += _batch(told, [name for name in turn if name not in ("raw bytes", "silence")], tried)
        for name, connection in zip([name for name in turn if name in ("raw bytes", "silence")], raw, strict=True):
            if connection is not None:
                tried[name] += 1
                connection.close()
    return {"tried": tried, "let_in": let_in}


def _batch(told: dict[str, Any], names: list[str], tried: dict[str, int]) -> int:
    context: Context = zmq.Context(io_threads=1)
    context.set(zmq.MAX_SOCKETS, 4 * BATCH)
    callers = []
    for name in names:
        caller = context.socket(zmq.DEALER if told["dealer"] else zmq.SUB)
        caller.setsockopt(zmq.LINGER, 0)
        caller.setsockopt(zmq.RECONNECT_IVL, -1)
        if not told["dealer"]:
            caller.setsockopt(zmq.SUBSCRIBE, b"")
        pair = HostKeys.load(Path(told["keys"][name])).own if told["keys"][name] else KeyPair.fresh()
        if name == "wrong server key":
            call(caller, pair, KeyPair.fresh().public)
        elif name != "no key":
            call(caller, pair, told["server"])
        monitor = caller.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        caller.connect(told["endpoint"])
        callers.append((name, caller, monitor))
    end = time.monotonic() + PATIENCE_MS / 1000
    let_in = 0
    for name, _, monitor in callers:
        while monitor.poll(max(0, int(1000 * (end - time.monotonic())))):
            event = recv_monitor_message(monitor)["event"]
            tried[name] += event == zmq.EVENT_CONNECTED
            let_in += event == zmq.EVENT_HANDSHAKE_SUCCEEDED
    for _, caller, monitor in callers:
        caller.disable_monitor()
        monitor.close(0)
        caller.close(0)
    context.term()
    return let_in


def _raw(endpoint: str, name: str) -> socket.socket | None:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    try:
        connection = socket.create_connection((host, int(port)), 5)
        if name == "raw bytes":
            connection.sendall(os.urandom(1024))
    except OSError:
        return None
    return connection


def flood(told: dict[str, Any]) -> dict[str, Any]:
    """`count` of the `messages` (lists of parts in hex) in turn, between `first` and `last` ones: bound at `bind` until
    `listeners` listen, or as the host with `keys` connected to `connect`."""
    context: Context = zmq.Context(io_threads=1)
    messages = [[bytes.fromhex(part) for part in parts] for parts in told["messages"]]
    keys = HostKeys.load(Path(told["keys"])) if told["keys"] else None
    if "bind" in told:
        speaker = _bound(context, told, keys)
    else:
        speaker = context.socket(zmq.DEALER)
        if keys is not None:
            call(speaker, keys.own, keys.coordinator)
        speaker.connect(told["connect"])
    speaker.setsockopt(zmq.LINGER, 60_000)
    for parts in told.get("first", []):
        speaker.send_multipart([bytes.fromhex(part) for part in parts])
    began = time.monotonic()
    for number in range(told["count"]):
        parts = messages[number % len(messages)]
        if len(parts) == 1:
            speaker.send(parts[0])
        else:
            speaker.send_multipart(parts)
    for parts in told.get("last", []):
        speaker.send_multipart([bytes.fromhex(part) for part in parts])
    took = time.monotonic() - began
    print(json.dumps({"sent": told["count"], "seconds": round(took, 1)}), flush=True)
    sys.stdin.read()  # whoever told us says by closing it that all was heard
    speaker.close(0)
    context.term()
    return {}


def _bound(context: Context, told: dict[str, Any], keys: HostKeys | None) -> zmq.Socket[bytes]:
    speaker = context.socket(zmq.XPUB)
    speaker.setsockopt(zmq.XPUB_NODROP, 1)
    if keys is not None:
        Doorkeeper(context, lambda key: key if key in told["admit"] else None)
        serve(speaker, keys.own)
    deadline = time.monotonic() + LISTENERS_S
    while True:
        try:
            speaker.bind(told["bind"])
            break
        except zmq.ZMQError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    speaker.setsockopt(zmq.XPUB_VERBOSE, 1)
    for _ in range(told["listeners"]):
        if not speaker.poll(int(1000 * LISTENERS_S)):
            raise SystemExit("the listeners have not come")
        speaker.recv()
    return speaker


def topics(told: dict[str, Any]) -> dict[str, Any]:
    """`count` distinct subscriptions, and as many messages that are none, by the host with `keys` at `connect`."""
    context: Context = zmq.Context(io_threads=1)
    keys = HostKeys.load(Path(told["keys"]))
    listener = context.socket(zmq.XSUB)
    listener.setsockopt(zmq.SNDHWM, 1000)
    call(listener, keys.own, told["server"])
    listener.connect(told["connect"])
    heard = False
    sent = 0
    for number in range(told["count"]):
        listener.send(b"\x01topic %d" % number)
        listener.send(b"\xff%d" % number)
        sent += 2
    listener.send(b"\x01")
    heard = bool(listener.poll(int(1000 * LISTENERS_S)))
    listener.close(0)
    context.term()
    return {"sent": sent, "hears": heard}


def main() -> None:
    """Entry point."""
    told = json.loads(sys.stdin.readline())
    print(json.dumps({"strangers": strangers, "flood": flood, "topics": topics}[sys.argv[1]](told)), flush=True)


if __name__ == "__main__":
    main()
