"""The README's two commands, as a newcomer types them: in an empty clone, the demo on a machine of 8 GiB."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from memory_limit import MemoryLimit

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed project and nothing else."""
    there = tmp_path_factory.mktemp("clone") / "planaria"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, there], check=True)
    return there


@pytest.fixture
def small_machine() -> Iterator[MemoryLimit]:
    limit = MemoryLimit(8 * 1024)
    yield limit
    limit.close()


def clean_environment() -> dict[str, str]:
    """Without traces of the virtual environment that runs these tests."""
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if ".venv" not in part)
    return {**{k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}, "PATH": path}


def test_the_readme_names_only_commands_that_exist(clone: Path) -> None:
    from coordinator.cli.main import COMMANDS

    text = (clone / "README.md").read_text()
    named = set(re.findall(r"^(?:\$ )?planaria ([a-z]+)", text, re.MULTILINE))
    assert named, "the README shows how planaria is used"
    assert named <= set(COMMANDS) | {"train"}


def test_make_demo_grows_kills_and_heals_within_the_memory_of_a_small_machine(
    clone: Path, small_machine: MemoryLimit
) -> None:
    command = f"echo $$ > {small_machine.procs} && exec make demo DEMO='--seed 1'"
    done = subprocess.run(
        ["bash", "-c", command], cwd=clone, env=clean_environment(), capture_output=True, text=True, timeout=600
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert "28x28" in said
    assert re.search(r"SIGKILL: \d+ of 784 process ids are dead", said), said[-2000:]
    assert "HEALED" in said, said[-2000:]
    site = next((clone / ".venv").glob("lib/python3*/site-packages"))
    assert not (site / "torch").exists(), "the demo needs no torch"
    assert list((clone / "runs").rglob("report.html"))
    print(f"peak memory {small_machine.peak_mib:.0f} MiB")
    assert small_machine.peak_mib < 4096


def test_make_test_sets_up_and_passes(clone: Path) -> None:
    done = subprocess.run(
        ["make", "test", "ONLY=tests/test_arrows.py"],
        cwd=clone,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=800,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert " passed" in said
