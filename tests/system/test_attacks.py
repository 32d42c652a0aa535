"""Attacks, small: nobody comes in who has no key, and what is no frame or report is counted and changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coordinator.bench.attackframes import verified
from coordinator.bench.attacking import attack
from coordinator.bench.attacks import reports
from coordinator.keyring import Keyring, make_host
from coordinator.link import Link
from coordinator.registrar import Registrar

pytestmark = pytest.mark.system


def test_wrong_missing_revoked_and_expired_keys_come_in_nowhere(tmp_path: Path) -> None:
    ring = Keyring.make(tmp_path / "keys")
    ring.allow("gone", make_host(tmp_path / "gone", ring.pair.public).public)
    ring.allow("b", make_host(tmp_path / "b", ring.pair.public).public)
    ring.refuse("gone")
    old = Registrar(ring, now_s=lambda: 1e9).tokens.give("old", ring.pair.public, hours=1, uses=1)
    (tmp_path / "old").mkdir()
    old.pair.save(tmp_path / "old" / "host.key")
    (tmp_path / "old" / "coordinator.pub").write_text(ring.pair.public)
    link = Link(f"ipc://{tmp_path}/x", 1, on_offer=lambda _offer, _known: None)
    endpoint = link.listen("tcp://127.0.0.1:*", Registrar(ring))
    link.start()
    keys = {"no key": "", "unknown key": "", "raw bytes": "", "silence": "", "wrong server key": str(tmp_path / "b")}
    keys |= {"revoked key": str(tmp_path / "gone"), "expired token": str(tmp_path / "old")}
    told = {"endpoint": endpoint, "server": ring.pair.public, "dealer": True, "keys": keys, "count": 70}
    try:
        assert attack("strangers", told) == {"tried": dict.fromkeys(keys, 10), "let_in": 0}
        in_order = {"unknown key": str(tmp_path / "b")}  # the one that is on the list is let in: the count can rise
        assert attack("strangers", told | {"keys": in_order, "count": 3}) == {"tried": {"unknown key": 3}, "let_in": 3}
    finally:
        link.close()
    assert not link.hosts and not link.agents and link.garbage == 0


def test_a_listed_host_that_says_what_is_no_report_is_counted_and_the_coordinator_stands() -> None:
    row = reports(700)
    assert row["holds"], row


def test_forged_frames_change_no_update_of_a_recorded_swarm(
    runtime_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.environ["PLANARIA_RUNTIME_DIR"] == str(runtime_root)
    row = verified(0.2, 1600, lambda _line: None)
    assert row["holds"], row
