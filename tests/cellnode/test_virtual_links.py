"""Link faults in virtual time, and cells that stand still: who is hit, who is not, and what comes after."""

from __future__ import annotations

import numpy as np
from lives import alive, swarm
from toys import TAG, Constant, Fading, T, state

from cellnode.messages import LinkFault
from cellnode.oracle import Said
from cellnode.panel import Counter
from cellnode.virtual import VirtualSwarm

# ---- link faults


def test_a_fault_changes_nobody_elses_draws() -> None:
    """Wakes of cells out of reach of the fault come at the same times; so do its own, as long as it stays awake."""
    logs: list[list[Said]] = []
    for faults in ([], [LinkFault(1, "loss", [0], 0.5)], [LinkFault(1, "delay", [0], 0.0, 2.0)]):
        log: list[Said] = []
        it = VirtualSwarm(1, 12, False, Fading("float"), TAG, 3, T, log=log.append)
        it.poke("seed", range(12), state(1e6, family="float"))
        it.set_faults(faults)
        it.run_until(50)
        logs.append(sorted(log))
    times = [[said[:4] for said in log] for log in logs]
    assert times[0] == times[1] == times[2]


def test_lost_frames_are_counted_at_the_victim_and_nowhere_else() -> None:
    it = swarm(engine=Constant("int8"))
    it.poke("seed", range(42), state(60))
    it.set_faults([LinkFault(1, "loss", [8, 9], 1.0)])
    it.run_until(10)
    lost = it.counters()[:, Counter.FAULT_LOST]
    assert np.flatnonzero(lost).tolist() == [8, 9]
    assert not it.counters()[[8, 9], Counter.RECEIVED].any()
    it.set_faults([])
    it.run_until(30)
    assert it.counters()[[8, 9], Counter.RECEIVED].all()


def test_full_loss_isolates_and_healing_joins_again() -> None:
    it = swarm()
    it.set_faults([LinkFault(1, "loss", [24], 1.0)])
    it.poke("seed", [0], state(60))
    it.run_until(60)
    assert alive(it) == 41
    it.set_faults([])
    it.run_until(90)
    assert alive(it) == 42


def test_delayed_frames_arrive_late_but_arrive() -> None:
    it = swarm(1, 2, engine=Constant("int8"))
    it.set_faults([LinkFault(1, "delay", [1], 0.0, 50.0)])
    it.poke("seed", [0], state(60))
    it.run_until(4)
    assert it.counters()[1, Counter.FAULT_DELAYED] > 0
    it.set_faults([])
    it.run_until(60)
    assert it.counters()[1, Counter.DROP_SEQUENCE] > 0, "most come after newer ones and are old news"


# ---- standing still


def test_a_frozen_cell_neither_wakes_nor_forgets_and_goes_on_where_it_was() -> None:
    it = swarm(engine=Constant("int8"))
    it.poke("seed", range(42), state(60))
    it.run_until(5)
    said = it.counters()[24, Counter.SAID]
    it.freeze([24], True)
    it.poke("erase", [24])
    assert it.frozen.tolist() == [cell == 24 for cell in range(42)]
    it.run_until(50)
    assert it.counters()[24, Counter.SAID] == said and it.states()[3, 3].any(), "what is done to it, it misses"
    it.freeze([24], False)
    it.run_until(50.01)
    counters = it.counters()[24]
    assert counters[Counter.SAID] == said + 1 and counters[Counter.MISSED_WAKES] == 1
    assert counters[Counter.FORGOTTEN] == 0, "it was not listening, so nobody was silent"
    assert not it.frozen.any()


def test_power_ends_standing_still() -> None:
    it = swarm()
    it.freeze([3, 4], True)
    it.power([3], False)
    it.power([3], True)
    assert np.flatnonzero(it.frozen).tolist() == [4]
