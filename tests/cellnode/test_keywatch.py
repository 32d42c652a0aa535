"""A host's folder of keys, watched: what is renewed is told once, and a folder that cannot be read changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellnode.curve import KeyPair
from cellnode.keywatch import LOOK_NS, KeyWatch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    KeyPair.fresh().save(tmp_path / "host.key")
    (tmp_path / "coordinator.pub").write_text(KeyPair.fresh().public)
    return tmp_path


def test_other_keys_are_told_once_with_those_before(folder: Path) -> None:
    watch = KeyWatch(folder)
    first = watch.keys
    assert watch.renewed(LOOK_NS) is None
    fresh = KeyPair.fresh()
    fresh.save(folder / "host.key")
    assert watch.renewed(LOOK_NS + 1) is None, "it looks once a second"
    assert watch.renewed(2 * LOOK_NS) == first
    assert watch.keys is not None and watch.keys.own == fresh
    assert watch.renewed(3 * LOOK_NS) is None


def test_a_folder_that_cannot_be_read_is_said_and_the_keys_stay(folder: Path) -> None:
    watch = KeyWatch(folder)
    (folder / "host.key").chmod(0o644)
    assert watch.renewed(LOOK_NS) is None
    assert "can be read by others" in watch.trouble and watch.keys is not None
    (folder / "host.key").chmod(0o600)
    assert watch.renewed(2 * LOOK_NS) is None and watch.trouble == ""


def test_without_a_folder_there_is_nothing_to_watch() -> None:
    watch = KeyWatch(None)
    assert watch.keys is None and watch.renewed(LOOK_NS) is None
