"""The machine's own tools for networks: `ip`, `nft`, `nsenter`, `unshare`. Runs them, and says which is missing.

May import the standard library and firmware_sim.errors.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_sim.errors import BadInput, RunFailed

NAMESPACES = Path("/var/run/netns")
PACKAGES = {"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "unshare": "util-linux"}
PATIENCE_S = 30
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def check() -> None:
    """BadInput when this machine, or this user, cannot have networks of namespaces."""
    if platform.system() != "Linux":
        raise BadInput(f"--netns makes network namespaces, which need Linux; this is {platform.system()}")
    if os.geteuid() != 0:
        raise BadInput("--netns makes network namespaces, which only root may: run it as root, or leave it out")
    missing = {name: package for name, package in PACKAGES.items() if shutil.which(name) is None}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise BadInput(f"--netns needs {', '.join(missing)}; apt-get install {packages}")


def run(*words: str, stdin: str = "") -> str:
    """What the tool prints. RunFailed with its own words when it fails."""
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunFailed(f"the network of the hosts: {' '.join(words)}: {error}") from error
    if done.returncode != 0:
        raise RunFailed(f"the network of the hosts: {' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def within(namespace: str, *words: str) -> list[str]:
    """The command that runs these words in a network namespace."""
    return ["nsenter", f"--net={NAMESPACES / namespace}", "--", *words]


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Sockets that this thread makes meanwhile belong to that namespace, for as long as they live."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise RunFailed(f"the network of the hosts: setns: {os.strerror(error)}")
