"""Kill -9 of zygote and agent, alone and together, seen from the agent's own side."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from routerclient import RouterClient, alive, gone, router_client

from cellnode.panel import Counter

pytestmark = pytest.mark.system


@pytest.fixture
def swarm() -> Iterator[RouterClient]:
    """4x4, grown; the test's process adopts orphans as init would, and so must reap them."""
    with router_client() as client:
        client.start_agent()
        client.place(4, 4)
        client.seed(5)
        client.until_grown()
        client.until(lambda: client.beat is not None and client.beat.phase == "running", 5, "a beat")
        yield client


def zygote(swarm: RouterClient) -> int:
    assert swarm.beat is not None
    return swarm.beat.zygote_pid


def test_a_lost_zygote_takes_its_cells_along_and_all_are_reborn_from_another(swarm: RouterClient) -> None:
    pids, lost = swarm.pids(), zygote(swarm)
    swarm.power([3], on=False)
    os.kill(lost, signal.SIGKILL)
    assert gone(pids)
    swarm.until(lambda: swarm.beat is not None and swarm.beat.zygote_losses == 1, 10, "the loss to be reported")
    swarm.until(lambda: swarm.beat is not None and swarm.beat.linked == 15, 20, "all cells to be reborn")
    pages = swarm.pages()
    assert pages["life"].tolist() == [1 if cell == 3 else 2 for cell in range(16)], "what was off stays off"
    assert zygote(swarm) != lost
    assert set(swarm.pids()).isdisjoint(pids)
    swarm.power([3], on=True)
    swarm.seed(5)
    swarm.until_grown()


def test_a_zygote_that_is_lost_again_and_again_is_replaced_again_and_again(swarm: RouterClient) -> None:
    for losses in (1, 2, 3):
        os.kill(zygote(swarm), signal.SIGKILL)
        swarm.until(
            lambda losses=losses: swarm.beat is not None and swarm.beat.zygote_losses == losses,  # type: ignore[misc]
            10,
            "another zygote",
        )
    swarm.until(lambda: swarm.beat is not None and swarm.beat.linked == 16, 20, "all cells to be reborn")


@pytest.mark.parametrize("with_zygote", [False, True])
def test_a_lost_agent_leaves_no_process_and_the_next_one_sweeps(swarm: RouterClient, with_zygote: bool) -> None:
    family = [*swarm.pids(), zygote(swarm)]
    assert swarm.agent is not None
    swarm.agent.kill()
    if with_zygote:
        os.kill(zygote(swarm), signal.SIGKILL)
    swarm.agent.wait()
    assert gone(family), "all die with their agent"
    assert (swarm.runtime / "panel").exists(), "the dead cannot tidy up"
    swarm.start_agent()
    assert swarm.joins[0].placement_epoch == 0, "the next one knows nothing"
    assert not (swarm.runtime / "panel").exists()
    assert list((swarm.runtime / "c").iterdir()) == []
    swarm.place(4, 4, epoch=2)
    assert swarm.counter(Counter.SEEDED).sum() == 0
    swarm.seed(5)
    swarm.until_grown()
    assert not any(alive(pid) for pid in family)
