"""How a grown swarm of real processes comes back after SIGKILL: half of all cells, and all of them. Uses the API."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from coordinator import Swarm
from coordinator.bench.registry import Options, Row

GROWN_T, HEALED_T, LOOKS = 100, 100, 10


def measure(options: Options) -> Iterator[Row]:
    """One row a seed: loss before, right after, and every 10 T for 100 T after half were killed and restarted empty
    (the seed cell among them); then all are killed, the grid is seen empty, and a new seed grows."""
    height, width = options.grid
    for seed in options.seeds:
        with (
            tempfile.TemporaryDirectory() as home,
            Swarm.start(
                options.rule,
                options.grid,
                engine=options.engines[-1],
                interval_s=options.interval_s,
                seed=seed,
                out=f"{home}/run",
                on_line=options.say,
            ) as swarm,
        ):
            swarm.wait_until(GROWN_T)
            grown = swarm.loss()
            killed = swarm.kill("50%", seed=seed)
            centre = height // 2 * width + width // 2
            if centre not in killed.cells:
                swarm.kill(f"cell:{height // 2},{width // 2}")
            pids_gone = killed.proof.get("dead_process_ids")
            swarm.revive("dead")
            begun = swarm.t
            curve = []
            for look in range(1, LOOKS + 1):
                swarm.wait_until(begun + look * HEALED_T / LOOKS)
                curve.append(swarm.loss())
            measured = swarm.measure()
            options.say(f"seed {seed}: {measured.line}")
            swarm.kill("all")
            empty = not swarm.look().states.any() and swarm.look().alive == 0
            swarm.revive("dead")
            swarm.plant()
            begun = swarm.t
            swarm.wait_until(begun + GROWN_T)
            yield {
                "seed": seed,
                "engine": options.engines[-1],
                "killed": len(killed.cells),
                "dead_process_ids": pids_gone,
                "loss_before": grown,
                "loss_after_T": dict(zip(range(10, 101, 10), curve, strict=True)),
                "loss_at_100T": curve[-1],
                "loss_at_100T_shift1": measured.loss_log10_shift1,
                "empty_after_killing_all": empty,
                "loss_regrown_from_new_seed": swarm.loss(),
            }
