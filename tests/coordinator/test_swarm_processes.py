"""Real processes, 8x8, one a cell: what the API promises of them, and what is left when somebody is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from grown import GROWN, grown, loss_of

from cellnode.panel import Phase
from coordinator import Swarm
from coordinator.runfolder import RunFolder
from firmware_sim.errors import BadInput, RunFailed

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
T_S = 0.2
GRID = (8, 8)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with Swarm.start("dot", grid=GRID, interval_s=T_S, seed=5, out=tmp_path_factory.mktemp("swarm") / "run") as found:
        yield found


@pytest.fixture
def swarm(shared: Swarm) -> Iterator[Swarm]:
    """All its cells live, and nothing befalls it; a test leaves it so."""
    yield shared
    assert shared.look().alive == 64 and all(fault.over for fault in shared.faults()) and not shared.paused


def eventually(condition: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Poll: other processes decide when it becomes true."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def exists(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def of_run(run: str) -> list[str]:
    """Command lines of living processes that name this run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if run.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def nothing_left(folder: Path) -> bool:
    info = RunFolder.open(folder).info
    return not Path(info.runtime).exists() and not of_run(info.run)


def test_one_process_a_cell_grows_is_halved_and_heals(swarm: Swarm) -> None:
    sight = swarm.look()
    pids = [int(pid) for pid in sight.pids]
    assert len(set(pids)) == 64 and all(exists(pid) for pid in pids)
    assert swarm.measure().processes == 64
    assert grown(swarm)
    killed = swarm.kill("50%", seed=1)
    assert killed.proof == {"dead_process_ids": 32} and not killed.missing
    assert sum(exists(pid) for pid in pids) == 32 and swarm.look().alive == 32
    assert not swarm.frame().states.reshape(64, -1)[killed.cells].any(), "dead cells are dark"
    swarm.wait(3)
    assert swarm.revive("dead").proof == {"alive": 64}
    swarm.wait(30)
    measure = swarm.measure()
    assert loss_of(swarm) < GROWN and measure.verdict == "pass"
    assert measure.stale_age_p99 is not None and measure.cpu_us_per_update and measure.updates > 500


def test_a_frozen_cell_keeps_its_light_and_a_paused_swarm_its_picture(swarm: Swarm) -> None:
    swarm.freeze("cell:4,4")
    before = swarm.look()
    swarm.wait(5)
    after = swarm.look()
    assert (after.states[4, 4] == before.states[4, 4]).all() and after.alive == 64
    assert (after.counters[36] == before.counters[36]).all() and after.counters.sum() > before.counters.sum()
    swarm.thaw()
    swarm.pause()
    with pytest.raises(BadInput, match="resume it"):
        swarm.wait(1)
    still = swarm.look().counters[:, 0].sum()
    t = swarm.t
    time.sleep(5 * T_S)
    assert swarm.look().counters[:, 0].sum() == still and swarm.t == t
    swarm.resume()
    swarm.wait(3)
    assert swarm.look().counters[:, 0].sum() > still


def test_timed_faults_end_by_themselves_and_are_proved_at_their_victims(swarm: Swarm) -> None:
    swarm.inject("link_loss", "all", duration=10, rate=0.5, seed=3)
    swarm.inject("crash", "n:8", duration=4, seed=3)
    assert swarm.look().alive == 56
    assert eventually(lambda: all(fault.state == "finished" for fault in swarm.faults()))
    loss, crash = swarm.faults()
    assert loss.hits > 50 and crash.hits == 8
    assert eventually(lambda: swarm.look().alive == 64)


def test_a_second_swarm_object_is_a_guest_and_acts_through_the_coordinator(swarm: Swarm) -> None:
    kills = _events(swarm).count("kill")
    with Swarm.attach(str(swarm.folder)) as guest:
        assert not guest.coordinates and abs(guest.t - swarm.t) < 2
        assert len(guest.kill("n:10").cells) == 10
        assert guest.look().alive == swarm.look().alive == 54
        with pytest.raises(BadInput, match="part 'nonsense'"):
            guest.kill("alive&nonsense")
        assert guest.measure().alive == 54
        guest.revive()
    assert not swarm.ended and _events(swarm).count("kill") == kills + 1


def test_a_lost_agent_is_replaced_and_the_dead_stay_dead(swarm: Swarm) -> None:
    swarm.kill("n:4", seed=1)
    lives = swarm.look().lives
    os.kill(_agent_pid(swarm), signal.SIGKILL)
    assert eventually(lambda: "agent replaced" in _events(swarm))
    assert eventually(lambda: swarm.look().alive == 60)
    assert swarm.look().lives.max() >> 32 > lives.max() >> 32, "a new placement epoch"
    assert swarm.measure().verdict == "unknown"
    swarm.plant()
    swarm.wait(10)
    assert swarm.measure().living > 4
    swarm.revive("dead")


def test_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    with Swarm.start("dot", grid=GRID, interval_s=T_S, out=tmp_path / "run") as swarm:
        pids = [int(pid) for pid in swarm.look().pids]
        assert (swarm.look().phases == Phase.LINKED).sum() > 0
    assert nothing_left(tmp_path / "run") and not any(exists(pid) for pid in pids)
    with pytest.raises(RunFailed, match="stopped"):
        swarm.wait(1)


def test_killed_coordinator_another_sees_every_cell_within_two_seconds(tmp_path: Path) -> None:
    with _command(tmp_path, "--for", "10000") as first:
        assert eventually(lambda: _started(tmp_path / "run"))
        time.sleep(2)
        first.kill()
        first.wait()
        began = time.monotonic()
        successor = Swarm.attach(str(tmp_path / "run"))
        sight = successor.look()
        assert time.monotonic() - began < 4 and sight.alive == 64  # it also waits up to 2 s for the agent's call
        assert successor.coordinates and successor.t > 5
        assert len(successor.kill("50%").cells) == 32
        successor.leave()
        assert len(of_run(successor.run)) >= 1, "the swarm goes on without a coordinator"
    assert _planaria(tmp_path, "stop", "run") == 0
    assert nothing_left(tmp_path / "run")


def test_stop_works_after_coordinator_and_agent_were_killed(tmp_path: Path) -> None:
    with _command(tmp_path, "--for", "10000") as first:
        assert eventually(lambda: _started(tmp_path / "run"))
        info = RunFolder.open(tmp_path / "run").info
        first.kill()
        for pid in of_run(info.run):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        first.wait()
    assert _planaria(tmp_path, "stop", "run") == 0
    assert nothing_left(tmp_path / "run")
    assert _planaria(tmp_path, "stop", "run") == 2, "it is over"


def test_ctrl_c_stops_cleanly_with_code_130_and_still_tells_the_numbers(tmp_path: Path) -> None:
    with _command(tmp_path, "--json") as process:
        assert eventually(lambda: _started(tmp_path / "run"))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 130
    assert json.loads(out)["processes"] == 64
    assert nothing_left(tmp_path / "run") and (tmp_path / "run" / "report.html").exists()


def _agent_pid(swarm: Swarm) -> int:
    (pid,) = [int(pid) for pid in of_run(swarm.run) if b"cellnode.agent" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return pid


def _events(swarm: Swarm) -> list[str]:
    return [str(event["event"]) for event in RunFolder.open(swarm.folder).events()]


def _started(folder: Path) -> bool:
    """The seed is planted and the run is under way: it has begun to write down losses."""
    losses = folder / "loss.csv"
    return losses.exists() and len(losses.read_text().splitlines()) > 3


@contextlib.contextmanager
def _command(where: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "coordinator.cli.main", "run", "dot", "--grid", "8x8", "--interval", str(T_S)]
    process = subprocess.Popen(
        [*command, "--out", "run", *words], cwd=where, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _planaria(where: Path, *words: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "coordinator.cli.main", *words], cwd=where, capture_output=True, timeout=60
    ).returncode
