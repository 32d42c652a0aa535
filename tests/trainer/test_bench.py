"""The benchmark of training: everybody computes the same step, and who is not installed has a row that says so."""

from __future__ import annotations

import importlib.util
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from coordinator.bench import registry
from firmware_sim import folder
from firmware_sim.errors import BadInput
from trainer import bench


def small() -> bench.Task:
    found = folder.load("dot")
    target = found.target()
    assert target is not None
    rule = found.rule()
    open_rule = type(rule)(rule.w1, rule.b1, rule.w2, rule.b2)  # the ports know no limits
    return bench.task(open_rule, target, side=12, samples=2, steps=10)


def test_all_compute_the_same_loss_and_the_plain_port_is_the_measure() -> None:
    rows = bench.compare(bench.contestants(small(), 1, lambda line: None), 1, 1)
    assert [row["step"] for row in rows] == [bench.PLAIN, "JAX scan", "our torch kernel", "our C++ kernel"]
    assert rows[0]["times_plain"] == 1.0 and rows[2]["seconds"] > 0
    losses = [row["loss_log10"] for row in rows if row["loss_log10"] is not None]
    assert len(losses) >= 2 and losses == pytest.approx([losses[0]] * len(losses), abs=0.002)


def test_the_peer_in_jax_has_the_gradients_of_the_plain_port() -> None:
    pytest.importorskip("jax")
    from trainer.jaxscan import value_and_gradients

    given = small()
    port = bench.PlainPort(given.rule)
    loss = bench.plain_step(port, given.episode)
    value, (w1, b1, w2, b2) = value_and_gradients(given.rule, given.episode)()
    assert float(value) == pytest.approx(loss, rel=1e-4)
    second = port.model.second.weight.grad
    assert second is not None and port.model.first.weight.grad is not None
    np.testing.assert_allclose(w2, second[:, :, 0, 0].T, rtol=1e-3, atol=1e-6)
    order = np.arange(len(w1)).reshape(3, -1).T.reshape(-1)
    np.testing.assert_allclose(np.asarray(w1)[order], port.model.first.weight.grad[:, :, 0, 0].T, rtol=1e-3, atol=1e-6)
    assert np.isfinite(b1).all() and np.isfinite(b2).all()


def test_without_jax_its_row_says_so_and_a_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jax" else found(name))
    said: list[str] = []
    rows = bench.compare(bench.contestants(small(), 1, said.append), 1, 1)
    assert rows[1]["step"] == "JAX scan" and rows[1]["seconds"] == "not installed"
    assert {rows[1][name] for name in ("times_plain", "cpu_seconds", "times_plain_cpu", "loss_log10")} == {None}
    assert len(said) == 1 and "planaria[jax]" in said[0]


def test_the_command_finds_it_by_entry_point_and_without_torch_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(value: str) -> None:
        entry = EntryPoint("train", value, "planaria.benchmarks")
        monkeypatch.setattr(registry, "entry_points", lambda **asked: [entry] if asked["name"] == "train" else [])

    installed("trainer.bench:measure")
    little = small()
    monkeypatch.setattr(bench, "task", lambda rule, target: little)
    rows = list(registry.run("train", registry.Options()))
    assert len(rows) == 4
    installed("no_such_floor:measure")
    with pytest.raises(BadInput, match=r"planaria\[train\]"):
        list(registry.run("train", registry.Options()))
