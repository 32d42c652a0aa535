"""The rules that come with the project grow and heal in true asynchrony, in float and in int8."""

from __future__ import annotations

import numpy as np
import pytest

from firmware_sim import folder
from firmware_sim.loss import gain_log10
from trainer import hardscore
from trainer.draws import losses, seeded
from trainer.fast import choose
from trainer.hardscore import LINES
from trainer.targets import resolve

GRIDS = {"lizard": 40, "lizard-24": 24, "dot": 8}
GROWN = {"lizard": -2.8, "lizard-24": -2.8, "dot": -3.0}


@pytest.mark.parametrize("int8", [True, False], ids=["int8", "float"])
@pytest.mark.parametrize("name", GRIDS)
def test_a_shipped_rule_grows_from_one_seed_and_regrows_half_of_its_cells(name: str, int8: bool) -> None:
    shipped, side, rng = folder.load(name), GRIDS[name], np.random.default_rng(11)
    target = shipped.target()
    assert target is not None and shipped.info.regime == "regenerating"
    grown = seeded(shipped.rule(), side, 1, rng, int8=int8)
    grown.run(100)
    assert losses(grown, target)[0] <= GROWN[name]
    lost = rng.random((1, side, side)) < 0.5
    lost[:, side // 2, side // 2] = True
    grown.erase(lost)
    grown.run(100)
    assert losses(grown, target)[0] <= GROWN[name] + 0.2


def test_the_hardened_lizard_meets_its_five_lines_where_the_plain_one_is_lost() -> None:
    kernel, rng = choose(2, lambda line: None), np.random.default_rng(12)
    if kernel.name != "native":
        pytest.skip("too slow without the C++ kernel")
    hardened, plain = folder.load("lizard-hardened"), folder.load("lizard")
    target = plain.target()
    assert target is not None
    found = hardscore.score(kernel, hardened.rule(), target, rng, draws=3)
    for line, median in zip(LINES, found, strict=True):
        assert median <= line.limit + 0.3, line.name  # three draws scatter; the true judge is python -m trainer.judge
    late = [line.name for line in LINES].index("late and half lost")
    assert hardscore.score(kernel, plain.rule(), target, rng, draws=1)[late] > -1.2


OTHER_NAMES = {"lizard-24": ("lizard", 24), "lizard-hardened": ("lizard", 40)}


@pytest.mark.parametrize("name", folder.builtin_names())
def test_a_shipped_rule_carries_the_target_it_was_trained_on(name: str) -> None:
    shipped = folder.load(name)
    given, size = OTHER_NAMES.get(name, (name.removesuffix(f"-{shipped.info.regime}"), None))
    target = shipped.target()
    assert target is not None and shipped.name == name
    np.testing.assert_allclose(target, resolve(given, size).pixels, atol=1e-6)
    assert shipped.genome() is not None and len(shipped.files[folder.GENOME]) < 9000
    assert bool(shipped.info.credit) == (given not in ("dot", "worm"))


@pytest.mark.parametrize("name", [name for name in folder.builtin_names() if name not in (*GRIDS, *OTHER_NAMES)])
def test_a_rule_of_the_collection_grows_in_the_chips_arithmetic(name: str) -> None:
    shipped = folder.load(name)
    target = shipped.target()
    assert target is not None
    grown = seeded(shipped.rule(), len(target), 1, np.random.default_rng(13), int8=True)
    grown.run(48 if shipped.info.regime == "growing" else 100)
    assert gain_log10(grown.states()[0], target) >= 1.3, "one draw; the gate is 1.4 for the median of five"
