"""Liveness: after the last harm the picture is back within k T, and stays; else the run fails, or it is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator import Swarm
from coordinator.cli.main import invoke
from coordinator.liveness import Liveness
from coordinator.picture import GROWN_GAIN, HEALED_GAIN
from firmware_sim.errors import BadInput

GONE = 0.3
LOSS = ("link_loss on all",)


def lived(within: float, *looks: tuple[float, tuple[str, ...]]) -> Liveness:
    """A look a T: the gain, and what is done."""
    it = Liveness(within)
    for t, (gain, harm) in enumerate(looks):
        it.take(float(t), gain, harm)
    return it


def quiet(*gains: float) -> list[tuple[float, tuple[str, ...]]]:
    return [(gain, ()) for gain in gains]


def test_a_picture_that_grows_in_time_passes() -> None:
    found = lived(5, *quiet(0.0, 1.0, GROWN_GAIN, 2.0)).promised()
    assert (found.verdict, found.healed_t, found.back_after_T) == ("pass", 0.0, 2.0)


def test_a_picture_that_does_not_grow_fails_when_its_time_is_up_and_not_before() -> None:
    assert lived(5, *quiet(*[GONE] * 5)).promised().verdict == "unknown"
    found = lived(5, *quiet(*[GONE] * 6)).promised()
    assert (found.verdict, found.back_after_T) == ("fail", None)
    assert "not there 5.0 T after the seed was planted; 5 T were allowed" in found.why


def test_the_clock_runs_from_the_end_of_the_last_harm() -> None:
    looks = [*quiet(2.0, 2.0), *[(GONE, LOSS)] * 50, *quiet(GONE, GONE, HEALED_GAIN)]
    found = lived(5, *looks).promised()
    assert (found.verdict, found.healed_t, found.back_after_T) == ("pass", 51.0, 3.0)


def test_while_something_harms_nobody_can_say() -> None:
    found = lived(5, *quiet(2.0), *[(GONE, ("3 cells without power",))] * 50).promised()
    assert (found.verdict, found.healed_t) == ("unknown", None)
    assert "not healed: 3 cells without power" in found.why


def test_a_picture_that_comes_back_too_late_fails() -> None:
    found = lived(5, *quiet(2.0), (GONE, LOSS), *quiet(*[GONE] * 6, 2.0)).promised()
    assert (found.verdict, found.back_after_T) == ("fail", 7.0)


def test_a_picture_lost_again_with_nothing_done_to_it_is_not_back() -> None:
    found = lived(5, *quiet(2.0, 2.0, *[GONE] * 5)).promised()
    assert (found.verdict, found.back_after_T) == ("fail", None)


def test_a_blow_without_duration_starts_the_clock_anew() -> None:
    it = lived(5, *quiet(2.0, 2.0, 2.0))
    it.struck(2.0)
    assert it.promised().verdict == "unknown"
    it.take(3.0, HEALED_GAIN, ())
    assert it.promised().back_after_T == 1.0


@pytest.mark.parametrize(("within", "verdict"), [(60.0, "pass"), (0.5, "fail")])
def test_a_run_is_judged_by_the_time_that_it_was_given(tmp_path: Path, within: float, verdict: str) -> None:
    wish = {"substrate": "virtual", "engine": "native", "seed": 3, "within": within}
    with Swarm.start("dot", (14, 14), out=tmp_path / "run", **wish) as swarm:  # type: ignore[arg-type]
        swarm.wait_until(50)
        swarm.kill("60%", seed=4)
        swarm.wait(3)
        dark = swarm.measure().liveness
        assert dark is not None and dark["verdict"] == "unknown" and "without power" in dark["why"]
        swarm.revive("dead")
        swarm.wait(61)
        measure = swarm.measure()
    assert measure.verdict == verdict
    assert measure.liveness is not None and measure.liveness["verdict"] == verdict
    assert measure.liveness["healed_t"] == pytest.approx(53.0, abs=1.0)


def test_time_allowed_must_be_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInput, match="within is -1"):
        Swarm.start("dot", substrate="virtual", within=-1.0, out=tmp_path / "run")
    words = ["run", "dot", "--substrate", "virtual", "--for", "40", "--within", "5", "--out", str(tmp_path / "late")]
    assert invoke([*words, "--seed", "1"]) == 1
    out = capsys.readouterr().out
    assert "liveness: fail: " in out and "5 T were allowed" in out and "safety: 5 promises held in" in out
