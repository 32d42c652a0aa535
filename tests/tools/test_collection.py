"""The list of trainings that make the built-in collection, and what is good enough to come with the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from firmware_sim import folder
from firmware_sim.cuts import CUTS
from tools import collection, collection_page
from tools.collection_gates import LADYBUG, ROUNDS, STAGED, good, shipped
from trainer.settings import Settings, quick
from trainer.targets import EMOJI


def kept(regime: str, blank: float = -1.3, **changed: float) -> dict[str, Any]:
    """What is kept of a judged rule that just meets its gates, but for what is changed."""
    row = dict.fromkeys(("async_48T", "async_100T", "async_400T", "async_200T_wide"), -2.71) | {
        f"cut_{name}_200T": -2.51 for name in CUTS
    }
    return {"rule": "fish", "rng_seed": 1, "steps": 5000, "longer": 0, "spent": {"cpu_s": 300},
            "regime": regime, "blank": blank,
            "float_twin_48T": -2.7, "float_twin_100T": -2.8, "fate_2000_steps": "holds", "good": True,
            "int8": row | changed}  # fmt: skip


def test_every_motif_is_trained_in_three_regimes_and_more_than_once_to_heal() -> None:
    everything = collection.trainings()
    listed = {each.key: each for each in everything}
    assert len(listed) == len(everything)
    assert {f"{motif}{regime}-seed1" for motif in EMOJI for regime in ("", "-growing", "-persistent")} <= listed.keys()
    for round, name in enumerate(ROUNDS[:STAGED]):
        for motif in (*EMOJI, "worm") if round else ():
            before = f"{motif}{ROUNDS[round - 1]}-seed1"
            if name == "-healing" and motif != "worm":
                before = f"{motif}-persistent-seed1"  # a rule that stays learns to heal
            assert listed[f"{motif}{name}-seed1"].begins_with == before
    for each in everything:
        assert Settings(**each.settings).regime == each.regime


def test_the_face_begins_with_the_weights_of_another_round_thing() -> None:
    moved = {each.key: each.begins_with for each in collection.trainings() if each.round >= LADYBUG}
    assert moved == {
        "smiley-growing-ladybug-seed1": "ladybug-growing-seed1",
        "smiley-persistent-ladybug-seed1": "smiley-growing-ladybug-seed1",
        "smiley-ladybug-seed1": "smiley-persistent-ladybug-seed1",
        "smiley-ladybug-again-seed1": "smiley-ladybug-seed1",
    }


def test_three_seeds_of_every_motif_are_trained_as_a_user_would() -> None:
    staged = [each for each in collection.trainings() if each.round == STAGED]
    assert {(each.motif, each.rng_seed) for each in staged} == {(motif, seed) for motif in EMOJI for seed in (1, 2, 3)}
    for each in staged:
        assert each.begins_with == "" and each.regime == "regenerating"
        own = {"pad": 8} if each.motif == "smiley" else {}
        assert each.settings == quick("regenerating") | {"regime": "regenerating", "rng_seed": each.rng_seed} | own


def test_gates_are_in_gain_for_any_picture_and_in_loss_for_the_articles_lizard() -> None:
    assert good(kept("regenerating"), "fish")
    assert not good(kept("regenerating", async_100T=-2.69), "fish")
    assert not good(kept("regenerating", cut_square_200T=-2.49), "fish")
    assert not good(kept("regenerating", blank=-1.5), "fish"), "a small picture has less to lose"
    assert not good(kept("regenerating", async_100T=-2.99), "lizard")
    assert good(kept("regenerating", async_100T=-3.0), "lizard")


def test_a_growing_rule_is_judged_at_48_t_and_a_persistent_one_late_too() -> None:
    assert good(kept("growing", async_100T=0.0), "fish")
    assert not good(kept("growing", async_48T=-2.6), "fish")
    assert good(kept("persistent", cut_left_200T=0.0), "fish")
    assert not good(kept("persistent", async_400T=-2.6), "fish")


def test_what_runs_away_on_a_larger_grid_is_not_shipped() -> None:
    assert shipped(kept("regenerating"), "fish")
    assert good(kept("regenerating", async_200T_wide=-0.4), "fish")
    assert not shipped(kept("regenerating", async_200T_wide=-0.4), "fish")
    assert not shipped(kept("persistent", async_200T_wide=-0.4), "fish")
    assert shipped(kept("growing", async_200T_wide=-0.4), "fish"), "growing rules promise nothing of that"


def test_a_good_rule_is_shipped_once_under_its_name_and_a_bad_one_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, logs, built_in = (tmp_path / name for name in ("runs", "logs", "rules"))
    for path in (runs, logs, built_in):
        path.mkdir()
    monkeypatch.setattr(collection, "RUNS", runs)
    monkeypatch.setattr(collection, "LOGS", logs)
    monkeypatch.setattr(folder, "BUILT_IN", built_in)
    dot = folder.load(Path(collection.ROOT) / "firmware_sim" / "rules" / "dot")
    each = collection.Training("dot", "growing", 4)
    folder.save(runs / each.key, name="dot", rule=dot.rule(), genome=dot.genome(), target=dot.target())
    at = logs / f"{each.key}.judged.json"
    at.write_text(json.dumps(kept("growing", async_48T=0.0)))
    collection.ship(each)
    assert not list(built_in.iterdir())
    at.write_text(json.dumps(kept("growing")))
    collection.ship(each)
    collection.ship(each)
    assert [path.name for path in built_in.iterdir()] == ["dot-growing"]
    assert folder.load("dot-growing").name == "dot-growing"


def test_two_that_share_the_list_do_not_train_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "RUNS", tmp_path / "runs")
    fish, web = collection.Training("fish"), collection.Training("web")
    with collection.claimed(fish) as ours, collection.claimed(fish) as theirs, collection.claimed(web) as other:
        assert (ours, theirs, other) == (True, False, True)
    with collection.claimed(fish) as again:
        assert again


def test_the_table_has_a_line_for_each_judgement_with_the_worst_cut_named(tmp_path: Path) -> None:
    staged = {"longer": STAGED}
    (tmp_path / "logs").mkdir()
    (tmp_path / "README.md").write_text(
        f"before\n{collection_page.BEGIN}\nof yesterday\n{collection_page.END}\nafter\n"
    )
    (tmp_path / "logs" / "a.judged.json").write_text(json.dumps(kept("regenerating", cut_square_200T=-1.99) | staged))
    for at in "cd":
        (tmp_path / "logs" / f"{at}.judged.json").write_text(json.dumps(kept("regenerating") | staged))
    (tmp_path / "logs" / "b.judged.json").write_text(json.dumps(kept("growing")))
    collection_page.write_table(tmp_path / "logs")
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "yesterday" not in text
    assert "| -1.99 (square) | holds | yes |" in text and text.count("| fish |") == 4
    assert "seeds judged so far (3): 1 of 1 are good: fish." in text, "two of three seeds carry the median"


def test_a_sheet_shows_every_grid_of_whatever_size_and_what_is_no_number_grey(tmp_path: Path) -> None:
    bad = np.full((20, 20, 16), np.nan, np.float32)
    collection_page.sheet([("one", [("a", np.ones((6, 6, 4), np.float32)), ("b", bad)])], tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as opened:
        assert opened.width >= 2 * collection_page.TILE and len(opened.convert("RGB").getcolors() or []) > 2
