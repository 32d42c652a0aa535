"""The coordinator's keys and its list of hosts, by hand and by command; and hosts that can only be themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cellnode.curve import HostKeys, KeyPair
from coordinator.cli.main import invoke
from coordinator.keyring import Keyring, Watch, make_host, rotate_host
from firmware_sim.errors import BadInput


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring.make(tmp_path / "keys")


def test_a_host_on_the_list_is_known_by_its_key_and_no_other_is(ring: Keyring) -> None:
    one, other = KeyPair.fresh(), KeyPair.fresh()
    ring.allow("attic", one.public)
    assert (ring.who(one.public), ring.who(other.public)) == ("attic", None)
    assert ring.key_of("attic") == one.public


def test_a_living_coordinator_takes_note_of_changes(ring: Keyring) -> None:
    one, other = KeyPair.fresh(), KeyPair.fresh()
    ring.allow("attic", one.public)
    by_hand = Keyring(ring.path)
    assert ring.who(one.public) == "attic"
    by_hand.allow("attic", other.public)
    assert (ring.who(one.public), ring.who(other.public)) == (None, "attic"), "rotated"
    by_hand.refuse("attic")
    assert ring.who(other.public) is None


def test_what_is_taken_back_is_told_once(ring: Keyring) -> None:
    for name in ("attic", "shed"):
        ring.allow(name, KeyPair.fresh().public)
    watch = Watch(ring)
    by_hand = Keyring(ring.path)
    assert watch.lapsed() == ([], False)
    by_hand.allow("cellar", KeyPair.fresh().public)
    assert watch.lapsed() == ([], False), "nobody has lost anything"
    by_hand.refuse("attic")
    (ring.path / "hosts" / "shed.pub").write_text(KeyPair.fresh().public)  # within the file: the folder is as it was
    assert watch.lapsed() == (["attic", "shed"], False)
    by_hand.rotate()
    assert watch.lapsed() == ([], True)
    assert watch.lapsed() == ([], False)
    (ring.path / "coordinator.key").unlink()
    assert watch.lapsed() == ([], False), "what cannot be read changes nothing"


def test_every_host_has_a_key_of_its_own(ring: Keyring) -> None:
    key = KeyPair.fresh().public
    ring.allow("attic", key)
    with pytest.raises(BadInput, match="that of host 'attic' already"):
        ring.allow("shed", key)
    with pytest.raises(BadInput, match="is no public key"):
        ring.allow("shed", "abc")
    with pytest.raises(BadInput, match="not on the list"):
        ring.refuse("shed")


def test_rotation_makes_another_key_and_leaves_the_list(ring: Keyring, tmp_path: Path) -> None:
    before = ring.pair
    ring.allow("attic", make_host(tmp_path / "attic", before.public).public)
    ring.rotate()
    assert Keyring(ring.path).pair == ring.pair != before
    assert set(ring.hosts.values()) == {"attic"}
    first = HostKeys.load(tmp_path / "attic")
    assert rotate_host(tmp_path / "attic").public != first.own.public


def test_a_folder_that_has_a_key_keeps_it(ring: Keyring) -> None:
    with pytest.raises(BadInput, match="has a key already"):
        Keyring.make(ring.path)
    with pytest.raises(BadInput, match="planaria keys new"):
        Keyring(ring.path / "hosts")


def test_the_commands_make_keys_put_a_host_on_the_list_and_take_it_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, host = str(tmp_path / "keys"), str(tmp_path / "host")
    assert invoke(["keys", "new", keys]) == 0
    assert invoke(["keys", "host", host, "--coordinator", f"{keys}/coordinator.pub"]) == 0
    assert invoke(["keys", "allow", keys, "attic", f"{host}/host.pub"]) == 0
    capsys.readouterr()
    assert invoke(["keys", "list", keys, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hosts"] == {"attic": HostKeys.load(tmp_path / "host").own.public}
    assert invoke(["keys", "rotate", host]) == 0
    assert invoke(["keys", "refuse", keys, "attic"]) == 0
    assert invoke(["keys", "refuse", keys, "attic"]) == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--hosts", "2", "--at", "tcp://0.0.0.0:7400"], "can be reached by others, and no keys are given"),
        (["--hosts", "2", "--at", "nowhere"], "expected tcp://ADDRESS:PORT"),
        (["--hosts", "2", "--keys", "x"], "those started here need none"),
        (["--at", "tcp://127.0.0.1:7400"], "say how many with --hosts N"),
        (["--hosts", "2", "--capacity", "10"], "no room for the grid: 2 hosts with --capacity 10 hold 20 cells"),
        (["--hosts", "99999"], "--hosts is 99999"),
        (["--hosts", "2", "--substrate", "virtual"], "--hosts spreads real processes"),
    ],
)
def test_a_run_that_would_be_open_or_cannot_be_is_refused(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["run", "dot", "--grid", "8x8", "--out", str(tmp_path / "run"), *words]) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
