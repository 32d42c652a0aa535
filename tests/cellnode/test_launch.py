"""The staged launch, under injected time: barriers, deadlines, retries, and who is given up."""

from __future__ import annotations

import numpy as np

from cellnode.launch import SECOND, Launch, Orders, Patience, Stage
from cellnode.panel import Phase

PATIENCE = Patience(base_ns=10 * SECOND, each_ns=0)


class World:
    """Cells whose phases and deaths the test decides; it obeys a launch's orders."""

    def __init__(self, cells: int, retries: int = 3) -> None:
        self.phase = np.zeros(cells, np.uint32)
        self.alive = np.zeros(cells, np.bool_)
        self.now_ns = 0
        self.forks = np.zeros(cells, int)
        self.launch = Launch(np.arange(cells), 0, retries=retries, patience=PATIENCE)

    def step(self, seconds: float = 0.0) -> Orders:
        self.now_ns += int(seconds * SECOND)
        orders = self.launch.step(self.now_ns, self.phase, self.alive)
        for cell in orders.fork:
            self.alive[cell] = True
            self.forks[cell] += 1
        for cell in orders.kill:
            self.die(cell)
        return orders

    def die(self, *cells: int) -> None:
        for cell in cells:
            self.alive[cell], self.phase[cell] = False, Phase.OFF

    def reach(self, phase: Phase, *cells: int) -> None:
        self.phase[list(cells) if cells else slice(None)] = phase


def test_it_passes_every_barrier_in_order_when_all_are_ready() -> None:
    world = World(3)
    assert world.step().fork == [0, 1, 2]
    for phase, stage in (
        (Phase.BORN, Stage.BINDING),
        (Phase.BOUND, Stage.CONNECTING),
        (Phase.WIRED, Stage.LINKING),
        (Phase.LINKED, Stage.FINISHED),
    ):
        world.reach(phase)
        orders = world.step(0.1)
        assert world.launch.stage is stage
        assert orders.wire is (phase is Phase.BOUND), "links are told when all are bound"
        assert orders.start is (phase is Phase.WIRED), "clocks start when all are connected"
    assert world.forks.tolist() == [1, 1, 1]


def test_nobody_passes_a_barrier_before_the_last_is_ready() -> None:
    world = World(3)
    world.step()
    world.reach(Phase.BOUND, 0, 1)
    world.reach(Phase.BORN, 2)
    assert not world.step(5).wire
    world.reach(Phase.BOUND, 2)
    assert world.step(0.1).wire


def test_a_cell_that_dies_on_the_way_is_started_again_after_a_pause() -> None:
    world = World(2)
    world.step()
    world.reach(Phase.BORN)
    world.step(0.1)
    world.die(1)
    assert world.step(0.01).fork == [], "whatever killed it may pass"
    assert world.step(0.3).fork == [1]
    assert world.launch.stage is Stage.BINDING
    world.reach(Phase.BOUND)
    assert world.step(0.1).wire


def test_a_cell_that_keeps_dying_is_given_up_after_three_more_tries_and_the_rest_start() -> None:
    world = World(3)
    world.step()
    world.reach(Phase.BOUND, 0, 2)
    given_up: list[int] = []
    for _ in range(8):
        world.die(1)
        orders = world.step(0.3)
        given_up += orders.given_up
    assert world.forks.tolist() == [1, 4, 1]
    assert given_up == [1]
    assert world.launch.stage is Stage.CONNECTING


def test_a_cell_neither_ready_nor_dead_at_the_deadline_is_killed_and_started_again() -> None:
    world = World(2)
    world.step()
    world.reach(Phase.BOUND, 0)
    world.reach(Phase.BORN, 1)
    world.step(0.1)
    assert world.step(11).kill == [1]
    assert world.step(0.3).fork == [1]
    world.reach(Phase.BOUND, 1)
    assert world.step(0.1).wire


def test_a_process_that_cannot_even_be_killed_holds_nobody_up_for_ever() -> None:
    world = World(2, retries=1)
    world.step()
    world.reach(Phase.BOUND, 0)
    given_up: list[int] = []
    for _ in range(5):
        world.now_ns += 11 * SECOND
        orders = world.launch.step(world.now_ns, world.phase, world.alive)  # its kill orders have no effect
        given_up += orders.given_up
    assert given_up == [1]
    assert world.launch.stage >= Stage.CONNECTING


def test_a_cell_that_hears_not_all_neighbours_in_time_is_left_running() -> None:
    world = World(2)
    world.step()
    world.reach(Phase.LINKED, 0)
    world.reach(Phase.WIRED, 1)
    world.step(0.1)
    stages = [world.launch.stage]
    orders = world.step(11)
    stages.append(world.launch.stage)
    assert stages == [Stage.LINKING, Stage.FINISHED]
    assert orders.kill == []


def test_a_cell_switched_off_meanwhile_is_no_longer_waited_for_nor_started_again() -> None:
    world = World(2)
    world.step()
    world.reach(Phase.BOUND, 0)
    world.launch.drop(np.array([1]))
    world.die(1)
    assert world.step(1).fork == []
    assert world.launch.stage is Stage.CONNECTING
    assert world.launch.holds(2).tolist() == [True, False]


def test_more_cells_are_given_more_time() -> None:
    patience = Patience()
    assert patience.of(1600) > patience.of(100) > 10 * SECOND
