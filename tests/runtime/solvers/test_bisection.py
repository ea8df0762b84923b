"""`bisection`: the line of a single number."""

import numpy as np
import pytest

import cspec

RATE = "data train(x)\nvar t = 0{more}\nminimize {f}\ns.t. below: P[x <= t on train] >= {share}\n"
X = np.random.default_rng(0).standard_normal(157) * 3


def solved(f: str = "t", share: str = "90%", more: str = "", x: np.ndarray = X) -> cspec.Result:
    return cspec.run(RATE.format(f=f, share=share, more=more), train=(x,))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 1.0])
def test_a_quantile_is_found_to_the_last_bit(share: float) -> None:
    result = solved(share=f"{100 * share:g}%")
    assert result.method == "bisection" and result.status == "satisfied"
    assert result.vars["t"] == np.sort(X)[int(np.ceil(share * len(X))) - 1]


def test_more_values_than_are_measured_are_bisected() -> None:
    x = np.random.default_rng(1).standard_normal(5001)
    assert solved(x=x).vars["t"] == np.sort(x)[int(np.ceil(0.9 * len(x))) - 1]


def test_a_minimum_inside_is_a_valley() -> None:
    # 90% of the data lie below 4; the objective is least at 7.
    result = solved(f="(t - 7)^2")
    assert result.vars["t"] == pytest.approx(7, abs=1e-6)


def test_bounds_hold() -> None:
    result = solved(f="-t", more=" in [-1, 20]")
    assert result.vars["t"] == 20 and result.termination == "converged"


def test_what_no_place_meets_is_left_with_the_least_violation() -> None:
    result = solved(more=" in [-1, 0.5]")
    assert result.status != "satisfied" and result.vars["t"] == X[X <= 0.5].max()


def test_an_objective_that_falls_for_ever_is_told() -> None:
    result = solved(f="-t")
    assert result.termination == "unbounded"
    assert any("unbounded" in note for note in result.notes)


def test_training_settings_are_said_to_be_unused() -> None:
    text = RATE.format(f="t", share="90%", more="") + "fit(optimizer=sgd(lr=0.05))\n"
    result = cspec.run(text, train=(X,))
    assert result.status == "satisfied"
    assert any("not used" in note for note in result.notes)


def test_several_numbers_are_refused() -> None:
    text = RATE.format(f="t", share="90%", more="").replace("var t", "var u = 0\nvar t")
    with pytest.raises(cspec.SpecError, match="more than one number"):
        cspec.run(text + "using bisection\n", train=(X,))


def test_it_is_reached_by_name_without_data() -> None:
    result = cspec.run("var t = 3\nminimize abs(t - 1.5)\ns.t. a: t >= 2\nusing bisection\n")
    assert result.vars["t"] == 2 and result.method == "bisection"


def test_an_infimum_beyond_all_data_is_not_attained() -> None:
    text = "data d(x)\nvar t = 0\nminimize exp(-t)\ns.t. P[x <= t] >= 30%\n"
    result = cspec.run(text, d=(X,))
    assert result.termination == "unbounded"
    assert any("toward 0 at t -> inf; no minimum is attained" in note for note in result.notes)


def test_a_rate_that_is_least_beyond_all_data_is_attained() -> None:
    result = cspec.run(
        "data d(x)\nvar t = 0\nminimize P[x > t]\ns.t. P[x <= t] >= 30%\n",
        d=(X,),
    )
    assert (result.termination, result.objective) == ("converged", 0.0)
