"""A Docker engine of the tests' own: dockerd in a network namespace without a way out, a stand-in base image, compose.

Images and layers are kept under a cache folder, everything else is gone at the end: containers, networks, namespace,
daemon. As root an engine that does not start is a failure, unless PLANARIA_NO_DOCKER=1 says that there shall be none;
otherwise whoever needs it is skipped, loudly.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import standin

ROOT = Path(__file__).parents[2]
PACKAGES = "apt-get install --no-install-recommends docker.io iptables iproute2"
NEEDED = ("dockerd", "docker", "iptables", "ip", "nsenter")
NAMESPACE = "planaria-engine"
CLONE_NEWNET = 0x40000000
SOURCES = ("firmware_sim", "cellnode", "coordinator", "trainer")
T = TypeVar("T")


def cache() -> Path:
    """Where wheels and layers are kept from one session to the next."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "planaria" / "containers"


def open_engine() -> Engine:
    """Start it; skips or fails the test that asked."""
    if os.environ.get("PLANARIA_NO_DOCKER") == "1":
        _skip("PLANARIA_NO_DOCKER=1 is set: NOTHING ABOUT CONTAINERS IS TESTED")
    if os.getuid() != 0:
        _skip("not root: NOTHING ABOUT CONTAINERS IS TESTED, for an engine needs root")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.fail(f"no engine: {', '.join(missing)} missing; {PACKAGES}, or set PLANARIA_NO_DOCKER=1", pytrace=False)
    engine = Engine(cache())
    try:
        engine.start()
    except BaseException:
        engine.stop()
        raise
    return engine


def _skip(why: str) -> None:
    print(f"\n*** {why} ***", file=sys.__stderr__, flush=True)
    pytest.skip(why)


class Engine:
    """`start` it, `stop` it; `docker` and `compose` run the real commands against it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._exec = folder, Path("/run") / NAMESPACE
        self._daemon: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self.namespace = Path("/var/run/netns") / NAMESPACE
        socket = self._exec / "docker.sock"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_"))},
            "DOCKER_HOST": f"unix://{socket}",
            "DOCKER_CONFIG": str(self._exec / "config"),
            "DOCKER_BUILDKIT": "0",
        }

    # ---- the daemon

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)  # another session's engine is waited for
        self._end_stale()
        plugins = self._exec / "config" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(_compose_binary())
        _run("ip", "netns", "add", NAMESPACE)
        _run("ip", "-n", NAMESPACE, "link", "set", "lo", "up")
        command = ["nsenter", f"--net={self.namespace}", "dockerd", "-H", self.environment["DOCKER_HOST"]]
        command += ["--data-root", str(self._folder / "data")]
        command += ["--exec-root", str(self._exec / "exec"), "-p", str(self._pid)]
        with (self._folder / "dockerd.log").open("wb") as log:
            self._daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while subprocess.run(["docker", "info"], env=self.environment, capture_output=True).returncode:
            if self._daemon.poll() is not None or time.monotonic() > end:
                said = (self._folder / "dockerd.log").read_text(errors="replace")[-2000:]
                pytest.fail(f"dockerd does not start (PLANARIA_NO_DOCKER=1 goes without): {said}", pytrace=False)
            time.sleep(0.2)

    def stop(self) -> None:
        """Leave nothing but the cache."""
        if self._daemon is not None and self._daemon.poll() is None:
            left = self.docker("ps", "-aq").split()
            if left:
                self.docker("rm", "-f", "-v", *left)
            self.docker("network", "prune", "-f")
            self.docker("volume", "prune", "-f")
            self.docker("image", "prune", "-f")
            self._daemon.send_signal(signal.SIGTERM)
            self._daemon.wait(60)
        self._end_stale()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def alive(self) -> bool:
        return self._daemon is not None and self._daemon.poll() is None

    @property
    def _pid(self) -> Path:
        return self._exec / "pid"

    def _end_stale(self) -> None:
        """What a session that was killed has left, too."""
        with_us = f"--exec-root {self._exec / 'exec'}"
        if self._pid.exists():
            line = Path("/proc") / self._pid.read_text().strip() / "cmdline"
            if line.exists() and with_us in line.read_bytes().replace(b"\0", b" ").decode():
                os.kill(int(line.parent.name), signal.SIGTERM)
                end = time.monotonic() + 60
                while line.exists() and time.monotonic() < end:
                    time.sleep(0.1)
        if self.namespace.exists():
            _run("ip", "netns", "del", NAMESPACE)
        shutil.rmtree(self._exec, ignore_errors=True)

    # ---- commands

    def docker(self, *words: str, check: bool = True, **variables: str) -> str:
        """Standard output of `docker WORDS`."""
        done = subprocess.run(
            ["docker", *words], env={**self.environment, **variables}, capture_output=True, text=True, cwd=ROOT
        )
        said = done.stdout[-2000:] + done.stderr[-4000:]
        assert not check or done.returncode == 0, f"docker {' '.join(words)}: {said}"
        return done.stdout.strip()

    def inspect(self, container: str) -> Any:
        return json.loads(self.docker("inspect", container))[0]

    def inside(self, act: Callable[[], T]) -> T:
        """What `act` gives when it is called within the engine's network namespace."""
        results: list[T] = []
        troubles: list[BaseException] = []

        def work() -> None:
            try:
                with self.namespace.open() as handle:
                    if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                results.append(act())
            except BaseException as trouble:
                troubles.append(trouble)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if troubles:
            raise troubles[0]
        return results[0]

    # ---- the image

    def image(self) -> str:
        """Tag of the project's image, built from these sources unless it is there already."""
        base = self._base()
        tag = hashlib.sha256(base.encode() + _digest(ROOT)).hexdigest()[:12]
        name = f"planaria:{tag}"
        if not self.docker("images", "-q", name):
            self.docker("build", "--network", "none", "-t", name, ".")
            for old in self.docker("images", "planaria", "--format", "{{.Repository}}:{{.Tag}}").split():
                if old != name:
                    self.docker("rmi", "-f", old)
        return tag

    def _base(self) -> str:
        """Make the stand-in unless it is there."""
        wheels = standin.fetch_wheels(ROOT, self._folder / "wheels")
        own = Path(standin.__file__).read_bytes()
        wanted = hashlib.sha256(own + wheels.encode() + sys.version.encode()).hexdigest()[:12]
        mark = self._folder / "base"
        if not (mark.exists() and mark.read_text() == wanted and self.docker("images", "-q", standin.NAME)):
            tar = self._folder / "base.tar"
            standin.make(tar, self._folder / "wheels")
            changes = [word for setting in standin.SETTINGS for word in ("-c", setting)]
            self.docker("import", *changes, str(tar), standin.NAME)
            tar.unlink()
            mark.write_text(wanted)
        return wanted


def _digest(root: Path) -> bytes:
    """Of all that goes into the image."""
    found = hashlib.sha256()
    files = [root / name for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE")]
    for name in SOURCES:
        files += [each for each in (root / name).rglob("*") if each.is_file() and each.suffix not in (".pyc", ".so")]
    for path in sorted(files):
        found.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return found.digest()


def _compose_binary() -> Path:
    """The real one, which the package of that name carries."""
    import compose

    return Path(compose.__file__).with_name("docker-compose")


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)
