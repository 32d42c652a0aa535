"""A run in containers: the project's own compose file, brought up with a run's command, watched, taken down again.

Talks to docker by its command line, and to nobody else; knows no cell. What the coordinator in its container prints is
passed on, and its run folder is fetched when it has ended. May import the standard library and firmware_sim.errors.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import coordinator
from firmware_sim.errors import BadInput, RunFailed

HOME = Path(coordinator.__file__).resolve().parent.parent
FILE = HOME / "docker-compose.yml"
FOLDER = "/data/run"  # of the run, in the coordinator's container
STOP_S = 90
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Composed:
    """What is to be brought up. `command` is what the coordinator's container runs; `mounts`: path here -> there."""

    project: str
    command: Sequence[str]
    hosts: int
    port: int
    capacity: str = "auto"
    mounts: dict[Path, str] = field(default_factory=dict)

    def override(self) -> str:
        """What it adds to the compose file, as JSON, which YAML is, too."""
        volumes = [f"{path.resolve()}:{inside}:ro" for path, inside in self.mounts.items()]
        services = {
            "coordinator": {"command": list(self.command), "restart": "no", "volumes": volumes},
            "host": {"deploy": {"replicas": self.hosts}},
        }
        return json.dumps({"services": services}, indent=2)


class Composition:
    """As a context manager: nothing is left of it afterwards, neither container nor network nor volume."""

    def __init__(self, wanted: Composed, say: Say) -> None:
        self._wanted, self._say = wanted, say
        self._stack = ExitStack()
        self._files: list[str] = []
        self._environment = {
            **os.environ,
            "PLANARIA_PORT": str(wanted.port),
            "PLANARIA_HOSTS": str(wanted.hosts),
            "PLANARIA_CAPACITY": wanted.capacity,
        }

    def __enter__(self) -> Composition:
        check()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="planaria-compose-")))
        override = folder / "override.json"
        override.write_text(self._wanted.override())
        self._files = ["-p", self._wanted.project, "-f", str(FILE), "-f", str(override)]
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._say("taking the containers down")
        done = self._compose("down", "-v", "--remove-orphans", "-t", str(STOP_S))
        self._stack.close()
        if done.returncode != 0 and value is None:
            raise RunFailed(
                f"the containers of {self._wanted.project} could not be taken down: {_last(done.stderr)}; "
                f"try `docker compose -p {self._wanted.project} down -v`"
            )

    def up(self) -> str:
        """Build the image where none is named by PLANARIA_TAG, start all; the coordinator's container."""
        build = ["--no-build"] if "PLANARIA_TAG" in os.environ else ["--build"]
        self._say(f"bringing up {self._wanted.hosts} hosts in containers (project {self._wanted.project})")
        done = self._compose("up", "-d", "--quiet-pull", *build)
        if done.returncode != 0:
            raise RunFailed(f"the containers did not come up: {_last(done.stderr)}")
        found = self._compose("ps", "-a", "-q", "coordinator").stdout.split()
        if not found:
            raise RunFailed("the containers did not come up: there is no coordinator among them")
        return found[0]

    def follow(self, container: str) -> str:
        """Until it has ended: what it says goes to our stderr, what it prints is returned. Ctrl-C ends the run."""
        command = ["docker", "logs", "-f", container]
        logs = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            printed, _ = logs.communicate()
        except KeyboardInterrupt:
            self._say("stopping")
            self._docker("stop", "-t", str(STOP_S), container)
            printed, _ = logs.communicate()
        return printed

    def code(self, container: str) -> int:
        """With which it has ended."""
        said = self._docker("inspect", "-f", "{{.State.ExitCode}}", container).stdout.strip()
        return int(said) if said.lstrip("-").isdigit() else 4

    def fetch(self, container: str, out: Path) -> None:
        """Copy the run folder. RunFailed when there is none."""
        out.mkdir(parents=True, exist_ok=True)
        done = self._docker("cp", f"{container}:{FOLDER}/.", str(out))
        if done.returncode != 0:
            raise RunFailed(f"there is no run folder to fetch: {_last(done.stderr)}")

    def _compose(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._docker("compose", *self._files, *words)

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *words], env=self._environment, capture_output=True, text=True, check=False)


def check() -> None:
    """BadInput when there is no docker, no compose, no engine, or no sources to build the image from."""
    if shutil.which("docker") is None:
        raise BadInput("--launch compose needs docker, and there is none: install Docker with its compose plugin")
    for words, what in ((["compose", "version"], "its compose plugin"), (["info"], "a running engine")):
        done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BadInput(f"--launch compose needs docker with {what}: {_last(done.stderr or done.stdout)}")
    if not FILE.is_file():
        raise BadInput(f"--launch compose builds its image from the sources, and {FILE} is not there: use a checkout")


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it did not say why"
