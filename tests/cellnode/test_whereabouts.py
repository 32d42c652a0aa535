"""Where a host is, as it finds out by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellnode.whereabouts import boot_id, own_address


def test_a_host_is_reached_where_it_reaches_its_coordinator_from() -> None:
    assert own_address("tcp://127.0.0.1:7400") == "127.0.0.1"


@pytest.mark.parametrize("endpoint", ["tcp://no-such-host.invalid:7400", "tcp://255.255.255.255:1"])
def test_without_a_way_to_it_there_is_no_address(endpoint: str) -> None:
    assert own_address(endpoint) == ""


def test_a_boot_is_named_by_the_kernel() -> None:
    boot = Path("/proc/sys/kernel/random/boot_id")
    assert boot_id().startswith(boot.read_text().strip() if boot.exists() else "")
    assert boot_id() == boot_id()
