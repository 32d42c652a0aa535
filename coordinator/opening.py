"""Opening a run: check everything that can be checked, then make the run folder and bring up a conductor; or attach
to one.

Nothing is left half done: bad input is found before anything is made, a launch that fails is swept away. May import the
rest of the coordinator, except API and command line.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from cellnode.messages import OtherEngine, Placement, RulePayload
from cellnode.patchlayout import grid
from cellnode.payload import rule_payload
from cellnode.runtime import Runtime
from cellnode.topology import tag
from coordinator import capacity, chips, locate, report
from coordinator.agents import sweep
from coordinator.clientmessages import Answer, Ask
from coordinator.conductor import Conductor, OnLine
from coordinator.guest import Guest
from coordinator.host import Epochs
from coordinator.hosts.crew import Means
from coordinator.hosts.local import LocalHosts
from coordinator.hosts.roster import Tenure
from coordinator.hosts.substrate import HostsSubstrate
from coordinator.keyring import Keyring
from coordinator.lab.hosts import LabHosts
from coordinator.lab.network import Network, remove_run
from coordinator.patches import PatchSubstrate
from coordinator.picture import Picture, picture_for
from coordinator.processes import ProcessSubstrate
from coordinator.rays.fleet import Fleet
from coordinator.registrar import Registrar
from coordinator.runfolder import RunFolder, RunInfo
from coordinator.store import Store
from coordinator.substrate import REAL, OnProgress, Progress, Substrate
from coordinator.virtual import VirtualSubstrate
from coordinator.wish import SECOND, Wish, check, room
from firmware_sim import folder as rules
from firmware_sim.engines import CHIPS, Engine, make_engine
from firmware_sim.errors import BadInput, RunFailed
from firmware_sim.folder import RuleFolder
from firmware_sim.limits import CHANNELS

OnAsk = Callable[[Ask], Answer]


def start(
    wish: Wish,
    on_ask: OnAsk,
    on_line: OnLine,
    on_progress: OnProgress,
    on_folder: Callable[[Path], None] = lambda _path: None,
) -> Conductor:
    """Check, launch, plant. Raises BadInput before anything is made, RunFailed after sweeping up. `on_folder` is told
    the run folder before the first process is there."""
    rule = rules.load(wish.rule)
    height, width = check(wish, rule)
    engine = make_engine(wish.engine, rule, wish.degrees)
    if wish.record and engine.channels != CHANNELS:
        raise BadInput(f"--record: a recording has {CHANNELS} channels, this rule has {engine.channels}")
    picture = picture_for(rule, height, width, wish.torus, wish.degrees)
    rng_seed = wish.rng_seed if wish.rng_seed is not None else int.from_bytes(os.urandom(4)) >> 1
    if picture is not None and picture.overhang:
        on_line(picture.overhang)
    awake = None if picture is None else picture.awake()
    on_chips = chips.choose(wish.chips, wish.engine, height, width, wish.torus, rng_seed, awake)
    others = _engines_of(on_chips, rule, wish)
    payload = None
    machine = capacity.this_machine() if wish.substrate in REAL else None
    if machine is not None:
        payload = rule_payload(rule, wish.engine, wish.degrees)
        if wish.substrate == "patches" and not wish.join:
            capacity.check_patches(height * width, grid(height, width, wish.torus, wish.patch).patches, machine)
        elif not wish.join:
            names = {CHIPS[kind]: len(cells) for kind, cells in on_chips.items()}
            capacity.check(height * width, wish.engine, machine, names)
    run = os.urandom(4).hex()
    runtime = Runtime.of_run(run) if machine is not None else None
    folder = RunFolder.create(wish.out, _info(wish, rule, run, rng_seed, height, width, runtime, on_chips), rule.path)
    store = Store(folder)
    interval_ns = round(wish.interval_s * SECOND)
    substrate: Substrate
    try:
        if runtime is not None and payload is not None and wish.hosts:
            placement = _placement(folder, payload, 0, interval_ns, chips.others(on_chips, payload, {}))
            substrate = hosts = _hosts(folder, store, placement, wish.join, on_line, new=True)
            hosts.listen(on_ask)
            store.update(endpoint=hosts.endpoint)
            (runtime.path / locate.POINTER).write_text(str(folder.path.resolve()))
        elif runtime is not None and payload is not None:
            placement = _placement(folder, payload, 0, interval_ns)
            substrate = processes = _real(runtime, placement, _epochs(store), on_chips)
            processes.listen(on_ask)
            (runtime.path / locate.POINTER).write_text(str(folder.path.resolve()))
        else:
            number = tag("virtual", rule.sha256)
            by_value = rule_payload(rule, wish.engine, wish.degrees) if engine.channels == CHANNELS else None
            record = _placement(folder, by_value, 1, interval_ns) if wish.record and by_value is not None else None
            substrate = VirtualSubstrate(
                height, width, wish.torus, engine, number, rng_seed, interval_ns, others, on_line, by_value, record
            )
    except (BadInput, RunFailed):
        shutil.rmtree(folder.path, ignore_errors=True)
        remove_run(run)
        raise
    conductor = Conductor(
        substrate, folder, store, picture, engine, on_line, real_time=machine is not None, filmed=wish.filmed
    )
    try:
        on_folder(folder.path)
        conductor.launch(machine.cores if machine is not None else 1.0, on_progress)
    except BaseException as error:
        folder.event("failed", None, error=str(error) or type(error).__name__)
        conductor.stop()
        raise
    return conductor


def attach(text: str, on_ask: OnAsk, on_line: OnLine, on_progress: OnProgress) -> Conductor | Guest:
    """Coordinate a run whose coordinator is gone, or be a guest of the one that lives."""
    folder = locate.find_alive(text)
    info = folder.info
    rule = copy_of_rule(folder)
    picture = picture_of(folder)
    store = Store(folder)
    interval_ns = store.state.interval_ns or round(info.interval_s * SECOND)
    payload = rule_payload(rule, info.engine, info.degrees)
    placement = _placement(folder, payload, store.state.placement_epoch, interval_ns)
    engine = make_engine(info.engine, rule, info.degrees)
    if info.hosts:
        placement = msgspec.structs.replace(placement, others=chips.others(info.chips, payload, {}))
        hosts = _hosts(folder, store, placement, store.state.endpoint, on_line)
        if not hosts.listen(on_ask):
            return Guest(folder, picture)
        conductor = Conductor(hosts, folder, store, picture, engine, on_line, real_time=True)
        hosts.remember(store.state.off, conductor.wanted_links(), conductor.clock.paused)
        hosts.adopt(store.state.tenures)
        conductor.take_over(on_progress)
        return conductor
    substrate = _real(Runtime(Path(info.runtime)), placement, _epochs(store), info.chips, store.state.boards)
    if not substrate.listen(on_ask):
        return Guest(folder, picture)
    substrate.adopt()
    substrate_lost = substrate.lost()
    conductor = Conductor(substrate, folder, store, picture, engine, on_line, real_time=True)
    if substrate_lost:
        substrate.remember(store.state.off, conductor.wanted_links(), conductor.clock.paused)
    conductor.take_over(on_progress)
    return conductor


def _hosts(
    folder: RunFolder, store: Store, placement: Placement, endpoint: str, on_line: OnLine, *, new: bool = False
) -> HostsSubstrate:
    """The swarm of `folder` over its hosts, who find us at `endpoint`; "": they are started here."""
    info = folder.info
    runtime = Runtime(Path(info.runtime))
    local = None if info.joined else _local(info, runtime, new)
    endpoint = endpoint or (local.endpoint if local is not None else "")

    def keep(tenures: list[Tenure]) -> None:
        store.update(tenures=tenures)

    registrar = Registrar(Keyring(Path(info.keys)), on_line) if info.keys else None
    fleet = Fleet(info.run, info.hosts, info.capacity, registrar) if info.launch == "ray" else None
    means = Means(info.hosts, endpoint, local, fleet, registrar)
    return HostsSubstrate(runtime, placement, _epochs(store), keep, means, on_line)


def _local(info: RunInfo, runtime: Runtime, new: bool) -> LocalHosts:
    """Hosts on this machine, on its loopback or on a network of their own."""
    if not info.netns:
        return LocalHosts(runtime, info.hosts, info.capacity)
    names = tuple(LocalHosts.names_of(info.hosts))
    network = Network(info.run, os.getpid(), names) if new else Network.found(info.run, names)
    if new:
        network.build()
    return LabHosts(runtime, info.hosts, info.capacity, network)


def picture_of(folder: RunFolder) -> Picture | None:
    """What a run should look like, from the copy of its rule; None without a target."""
    info = folder.info
    return picture_for(copy_of_rule(folder), info.height, info.width, info.torus, info.degrees)


def stop_run(text: str, on_line: OnLine) -> RunFolder:
    """End a run whoever is still alive of it, leave nothing behind but its folder, with film and report in it."""
    folder = locate.find_alive(text)
    info, seen = folder.info, locate.look(folder)
    if seen.coordinator:
        Guest(folder, None).stop()  # the coordinator writes the report
        return folder
    if seen.agent:
        conductor = attach(text, lambda ask: Answer(ask.id, error="this run is being stopped"), on_line, _ignore)
        conductor.stop()
        report.finish(folder)
        return folder
    on_line("its agent was dead already; sweeping up")
    remove_run(info.run)
    sweep(Runtime(Path(info.runtime)))
    store = Store(folder)
    store.update(stopped=True)
    clock = store.clock(1)
    folder.event("stopped", clock.t(time.monotonic_ns()) if clock.started else None)
    report.finish(folder)
    return folder


def _placement(
    folder: RunFolder, rule: RulePayload, epoch: int, interval_ns: int, others: Sequence[OtherEngine] = ()
) -> Placement:
    """All cells of a run on one host."""
    info = folder.info
    return Placement(
        run=info.run,
        epoch=epoch,
        height=info.height,
        width=info.width,
        torus=info.torus,
        cells=list(range(info.height * info.width)),
        rule=rule,
        tag=tag(info.run, info.rule_sha256),
        rng_seed=info.rng_seed,
        interval_ns=interval_ns,
        others=list(others),
        record=str(folder.recording.resolve()) if info.record else "",
        patch=info.patch,
    )


def _real(
    runtime: Runtime,
    placement: Placement,
    epochs: Epochs,
    on_chips: Mapping[str, Sequence[int]],
    ports: Mapping[int, str] | None = None,
) -> ProcessSubstrate:
    """A process a cell, or a process a patch."""
    if any(placement.patch):
        return PatchSubstrate(runtime, placement, epochs)
    return ProcessSubstrate(runtime, placement, epochs, on_chips, ports)


def _ignore(_progress: Progress) -> None:
    return


def copy_of_rule(folder: RunFolder) -> RuleFolder:
    """The rule that a run was started with, from its own folder."""
    home = folder.path / "rule"
    bare = sorted(home.glob("*.onnx"))
    return rules.load(home if (home / "rule.json").is_file() or not bare else bare[0])


def _engines_of(on_chips: dict[str, list[int]], rule: RuleFolder, wish: Wish) -> list[tuple[list[int], Engine]]:
    """An engine for all cells of a kind; a whole board has a state of its own, so there is one for each cell."""
    made: list[tuple[list[int], Engine]] = []
    for kind, cells in on_chips.items():
        groups = [[cell] for cell in cells] if CHIPS[kind] == "avr" else [cells]
        made += [(group, make_engine(CHIPS[kind], rule, wish.degrees)) for group in groups]
    return made


def _info(
    wish: Wish,
    rule: RuleFolder,
    run: str,
    rng_seed: int,
    height: int,
    width: int,
    runtime: Runtime | None,
    on_chips: dict[str, list[int]],
) -> RunInfo:
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("planaria", "numpy", "pyzmq", "msgpack", "onnxruntime"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return RunInfo(
        run=run,
        rule=rule.name,
        rule_sha256=rule.sha256,
        substrate=wish.substrate,
        patch=wish.patch if wish.substrate == "patches" else (0, 0),
        engine=wish.engine,
        height=height,
        width=width,
        torus=wish.torus,
        degrees=wish.degrees,
        interval_s=wish.interval_s,
        rng_seed=rng_seed,
        command=list(wish.command) or [Path(sys.argv[0]).name, *sys.argv[1:]],
        started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        runtime="" if runtime is None else str(runtime.path),
        versions=versions,
        within=wish.within,
        chips=on_chips,
        record=wish.record,
        hosts=wish.hosts,
        joined=bool(wish.join),
        netns=wish.netns,
        launch=wish.launch,
        keys="" if wish.keys is None else str(wish.keys.resolve()),
        capacity=room(wish, (height, width)),
    )


def _epochs(store: Store) -> Epochs:
    return Epochs(store.next_placement_epoch, store.next_coordinator_epoch)
