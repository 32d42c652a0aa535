"""Finding a run by what a person types: its folder, its id, its rule's name (the newest), or `latest`.

Starts and changes nothing. May import coordinator.runfolder and cellnode.runtime.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cellnode.runtime import Runtime, root
from coordinator.agents import is_held
from coordinator.clock import NEVER
from coordinator.runfolder import RUNS, RunFolder, boot_id
from coordinator.substrate import REAL
from firmware_sim.errors import BadInput

POINTER = "run_folder"  # file in the runtime directory that names the run's folder


@dataclass(frozen=True, slots=True)
class Seen:
    """A run and what is alive of it."""

    folder: RunFolder
    agent: bool
    coordinator: bool
    leftover: bool = False  # nobody is alive, but it was never stopped: `planaria stop` or `attach`

    @property
    def alive(self) -> bool:
        return self.agent or self.coordinator


def find(text: str, runs: Path = RUNS) -> RunFolder:
    """The run that `text` means. BadInput tells which there are."""
    if (Path(text) / "run.json").is_file():
        return RunFolder.open(Path(text))
    if (runs / text / "run.json").is_file():
        return RunFolder.open(runs / text)
    if (runs / text / "latest" / "run.json").is_file():
        return RunFolder.open((runs / text / "latest").resolve())
    known = list(_folders(runs))
    if text == "latest" and known:
        return max(known, key=lambda folder: folder.info.started)
    for folder in known:
        if folder.info.run == text or folder.path.name == text:
            return folder
    living = [f"{folder.info.run} ({folder.path})" for folder in known if look(folder).alive]
    hint = f"alive: {', '.join(living)}" if living else "no run is alive; see `planaria ps --all`"
    raise BadInput(f"{text}: no such run; give a run folder, a run id, a rule's name or `latest` ({hint})")


def find_alive(text: str, runs: Path = RUNS) -> RunFolder:
    """The run that `text` means, which must not be over."""
    folder = find(text, runs)
    info, state = folder.info, folder.state()
    if info.substrate not in REAL:
        raise BadInput(
            f"{folder.path}: a run on --substrate {info.substrate} lives only in the command that started it"
        )
    if state.stopped:
        raise BadInput(f"{folder.path}: this run is over (`planaria report {folder.path}` shows it)")
    if state.boot_id and state.boot_id != boot_id():
        raise BadInput(f"{folder.path}: this run ended when the machine was restarted")
    return folder


def orphan(rule: str, grid: tuple[int, int] | None, runs: Path = RUNS) -> RunFolder | None:
    """The newest run of the rule of this name (and on this grid) over hosts that join, seeded and never stopped since
    the machine booted; None: there is none."""
    for folder in sorted(_folders(runs), key=lambda each: each.info.started, reverse=True):
        info, state = folder.info, folder.state()
        same = info.joined and info.rule == rule and grid in (None, (info.height, info.width))
        if same and not state.stopped and state.zero_ns != NEVER and state.boot_id == boot_id():
            return folder
    return None


def look(folder: RunFolder) -> Seen:
    """What is alive of a run."""
    info = folder.info
    if not info.runtime or not Path(info.runtime).is_dir():
        return Seen(folder, False, False)
    runtime = Runtime(Path(info.runtime))
    agent, coordinator = is_held(runtime.agent_lock), is_held(runtime.coordinator_lock)
    if info.hosts:  # those elsewhere cannot be asked from here: they are taken to live on
        agent = info.joined or any(is_held(lock) for lock in runtime.path.glob("*/host.lock"))
    return Seen(folder, agent, coordinator, not (agent or coordinator))


def every(runs: Path = RUNS) -> list[Seen]:
    """All runs under `runs`, and all that run anywhere for this user, oldest first."""
    found = {folder.path.resolve(): folder for folder in _folders(runs)}
    return sorted((look(folder) for folder in found.values()), key=lambda seen: seen.folder.info.started)


def _folders(runs: Path) -> Iterator[RunFolder]:
    seen = set()
    paths = [path.parent for path in runs.glob("*/*/run.json") if path.parent.name != "latest"]
    paths += [Path(pointer.read_text().strip()) for pointer in root().glob(f"*/{POINTER}")]
    for path in paths:
        if path.resolve() not in seen and (path / "run.json").is_file():
            seen.add(path.resolve())
            yield RunFolder(path)
