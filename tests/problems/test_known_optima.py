"""Every method on small problems with closed forms, judged by the last iterate.

    line      min x^2              s.t. x >= 1              x* = 1,            multiplier 2
    square    min x^2 + y^2        s.t. x + y == 1          x* = y* = 1/2,     multiplier -1
    circle    max x + y            s.t. x^2 + y^2 <= 2      x* = y* = 1,       multiplier 1/2
    three     min |w|^2            s.t. sum w == 3, w0 >= 2 w* = (2, 1/2, 1/2), -1 and 3
    band      min (x - 4)^2        s.t. 0 <= x <= 1         x* = 1,            0 and 6
    slack     min (x - 1)^2        s.t. x <= 3              x* = 1,            0
    dot       min 2u + v           s.t. u v >= 2, u, v > 0  u* = 1, v* = 2,    1
    cosine    min cos x            s.t. sin x <= 1/2        x* = pi/6,         1/sqrt(3)

The Lagrangian of `cosine` is concave in x at x*: plain descent-ascent circles there.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from cspec.runtime.result.result import Result

Run = Callable[..., Result]


class Problem(NamedTuple):
    """A spec, its solution, its multipliers and prices by label."""

    text: str
    solution: dict[str, tuple[float, ...]]
    multipliers: dict[str, float]
    prices: dict[str, float]


PROBLEMS = {
    # `1*x` is no recognized set, so that the functional methods get it.
    "line": Problem(
        "var x = 3\nminimize x^2\ns.t. a: 1*x >= 1",
        {"x": (1.0,)},
        {"a": 2.0},
        {"a": 2.0},
    ),
    "square": Problem(
        "var x = 0\nvar y = 0\nminimize x^2 + y^2\ns.t. a: x + y == 1",
        {"x": (0.5,), "y": (0.5,)},
        {"a": -1.0},
        {"a": 1.0},
    ),
    "circle": Problem(
        "var x = 0.5\nvar y = 0.5\nmaximize x + y\ns.t. a: x^2 + y^2 <= 2",
        {"x": (1.0,), "y": (1.0,)},
        {"a": 0.5},
        {"a": 0.5},
    ),
    "three": Problem(
        "var w[3] = [0, 0, 0]\nminimize sumsq(w)\n"
        "s.t. a: w[0] + w[1] + w[2] == 3\n     b: w[0] >= 2",
        {"w": (2.0, 0.5, 0.5)},
        {"a": -1.0, "b": 3.0},
        {"a": 1.0, "b": 3.0},
    ),
    "band": Problem(
        "var x = 5\nminimize (x - 4)^2\ns.t. r: 0 <= 1*x <= 1",
        {"x": (1.0,)},
        {"r.lo": 0.0, "r.hi": 6.0},
        {"r.lo": 0.0, "r.hi": -6.0},
    ),
    "slack": Problem(
        "var x = 2.5\nminimize (x - 1)^2\ns.t. a: 1*x <= 3",
        {"x": (1.0,)},
        {"a": 0.0},
        {},  # grad f = 0 at the solution: no residual to judge prices by
    ),
    "dot": Problem(
        "var u = 2 in [0.1, 10]\nvar v = 2 in [0.1, 10]\nminimize 2*u + v\ns.t. a: u*v >= 2",
        {"u": (1.0,), "v": (2.0,)},
        {"a": 1.0},
        {"a": 1.0},
    ),
    "cosine": Problem(
        "var x = 0.5 in [0, pi/2]\nminimize cos(x)\ns.t. a: sin(x) <= 0.5",
        {"x": (0.5235988,)},
        {"a": 0.5773503},
        {"a": -0.5773503},
    ),
}
EASY = [name for name in PROBLEMS if name not in ("cosine", "dot")]
"""Convex Lagrangian: any of the methods."""
HARD = [name for name in PROBLEMS if name != "dot"]

LAGRANGIANS = {
    "dual_first": "lagrangian(dual=sgd(lr=0.05))",
    "simultaneous": "lagrangian(order=simultaneous, dual=sgd(lr=0.05))",
    "primal_first": "lagrangian(order=primal_first, dual=sgd(lr=0.05))",
    "optimistic": "lagrangian(order=optimistic, dual=sgd(lr=0.05))",
    "momentum": "lagrangian(dual=sgd(lr=0.02, momentum=0.5))",
    "adam": "lagrangian(dual=adam(lr=0.05))",
}
DAMPED = {
    "nupi": "lagrangian(dual=nupi(lr=0.3, kp=40))",
    "pid": "lagrangian(dual=pid(kp=12, ki=0.3))",
    "al": "augmented_lagrangian(penalty=12)",
    "al_lancelot": "augmented_lagrangian(penalty=12, rule=lancelot)",
    "al_by_step": "augmented_lagrangian(penalty=12, growth=1, every=step, lr=0.1)",
}


def last(result: Result) -> dict[str, tuple[float, ...]]:
    """The variables of the last iterate."""
    assert result.last is not None
    return {name: tuple(tensor.tolist()) for name, tensor in result.last.tensors.items()}


def multipliers(result: Result) -> list[float]:
    """The multipliers of the last iterate."""
    assert result.last is not None
    return [float(value) for value in result.last.state["multipliers"]]


def judge(result: Result, problem: Problem, tolerance: float) -> None:
    found = last(result)
    for name, solution in problem.solution.items():
        assert found[name] == pytest.approx(solution, abs=tolerance), name
    assert multipliers(result) == pytest.approx(
        list(problem.multipliers.values()), abs=50 * tolerance
    )


def spec(problem: Problem, method: str, fit: str) -> str:
    return f"{problem.text}\nusing {method}\nfit({fit}, precision=float64)"


@pytest.mark.parametrize("name", EASY)
@pytest.mark.parametrize("method", LAGRANGIANS)
def test_lagrangian_reaches_solution_and_multipliers(run: Run, method: str, name: str) -> None:
    fit = "optimizer=sgd(lr=0.05), steps=1000"
    judge(run(spec(PROBLEMS[name], LAGRANGIANS[method], fit)), PROBLEMS[name], 2e-4)


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("method", DAMPED)
def test_damped_methods_reach_it_where_the_lagrangian_is_concave(
    run: Run, method: str, name: str
) -> None:
    fit = "optimizer=sgd(lr=0.02), steps=1200"
    judge(run(spec(PROBLEMS[name], DAMPED[method], fit)), PROBLEMS[name], 1e-4)


@pytest.mark.parametrize("name", PROBLEMS)
def test_augmented_lagrangian_gives_prices_of_either_sign(run: Run, name: str) -> None:
    problem = PROBLEMS[name]
    result = run(
        spec(problem, "augmented_lagrangian(penalty=12)", "optimizer=sgd(lr=0.02), steps=2000")
    )
    judge(result, problem, 1e-5)
    for label, price in problem.prices.items():
        assert result[label].sensitivity == pytest.approx(price, abs=1e-3), label
        assert result[label].multiplier == pytest.approx(problem.multipliers[label], abs=1e-3)


def test_plain_ascent_fails_where_the_lagrangian_is_concave(run: Run) -> None:
    fit = "optimizer=sgd(lr=0.01), steps=2000"
    result = run(spec(PROBLEMS["cosine"], "lagrangian(dual=sgd(lr=0.3))", fit))
    assert abs(last(result)["x"][0] - 0.5235988) > 0.05


@pytest.mark.parametrize("relation, sign", [(">=", 1.0), ("<=", -1.0)])
def test_a_bound_written_either_way_has_the_same_multiplier(
    run: Run, relation: str, sign: float
) -> None:
    written = "1*x >= 1" if relation == ">=" else "-x <= -1"
    result = run(
        f"var x = 3\nminimize x^2\ns.t. a: {written}\nusing augmented_lagrangian(penalty=10)\n"
        "fit(optimizer=sgd(lr=0.02), steps=1500, precision=float64)"
    )
    assert multipliers(result) == pytest.approx([2.0], abs=1e-4)
    assert result["a"].sensitivity == pytest.approx(2.0 * sign, abs=1e-3)


def test_sensitivity_is_what_a_moved_bound_buys(run: Run) -> None:
    def solve(bound: float) -> Result:
        return run(
            f"var x = 0.5\nvar y = 0.5\nmaximize x + 2*y\ns.t. a: x^2 + y^2 <= {bound}\n"
            "using augmented_lagrangian(penalty=5, growth=1)\n"
            "fit(optimizer=sgd(lr=0.005), steps=2500, precision=float64)"
        )

    low, middle, high = solve(4.99), solve(5.0), solve(5.01)
    slope = (high.objective - low.objective) / 0.02
    assert middle["a"].sensitivity == pytest.approx(slope, rel=1e-3)


# --- Penalties -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EASY)
def test_quadratic_penalty_is_violated_by_its_multiplier_over_c(run: Run, name: str) -> None:
    problem, c = PROBLEMS[name], 40.0
    fit = "optimizer=sgd(lr=0.003), steps=4000"
    result = run(spec(problem, f"quadratic_penalty(coefficient={c})", fit))
    for label, multiplier in problem.multipliers.items():
        value, bound = _last_value(result, label), result[label].bound
        beyond = value - bound if result[label].relation != ">=" else bound - value
        if multiplier == 0:
            assert beyond <= 1e-6
        else:
            # First order in 1/c: the solution itself moves a little.
            assert beyond == pytest.approx(multiplier / c, rel=0.2), label


@pytest.mark.parametrize("name", EASY)
def test_exact_penalty_is_exact_above_the_multiplier(run: Run, name: str) -> None:
    fit = "optimizer=sgd(lr=0.01), schedule=cosine, steps=4000"
    result = run(spec(PROBLEMS[name], "exact_penalty(coefficient=8)", fit))
    for variable, solution in PROBLEMS[name].solution.items():
        assert last(result)[variable] == pytest.approx(solution, abs=2e-3)


def test_exact_penalty_below_the_multiplier_is_not_enough(run: Run) -> None:
    fit = "optimizer=sgd(lr=0.01), steps=2000"
    result = run(spec(PROBLEMS["line"], "exact_penalty(coefficient=1)", fit))
    assert last(result)["x"] == pytest.approx([0.5], abs=1e-3)  # multiplier is 2, c is 1


@pytest.mark.parametrize("coefficient", [0.1, 1, 5])
def test_penalty_rewards_slack_and_misses_the_bound(run: Run, coefficient: float) -> None:
    # min (x - 1)^2 + c (x - 3) has its minimum at 1 - c/2, though x <= 3 asks nothing of x* = 1.
    fit = "optimizer=sgd(lr=0.05), steps=800"
    result = run(spec(PROBLEMS["slack"], f"penalty(coefficient={coefficient})", fit))
    assert last(result)["x"] == pytest.approx([1 - coefficient / 2], abs=1e-4)


def _last_value(result: Result, label: str) -> float:
    assert result.last is not None
    return result.last.values[label]


# --- Sets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, solution",
    [
        # The nearest point of each set to the point that the objective names.
        ("var w[3] = 0\nminimize sumsq(w - [1, -2, 3])\ns.t. w >= 0", (1.0, 0.0, 3.0)),
        ("var w[2] = 0\nminimize sumsq(w - [3, 4])\ns.t. l2(w) <= 1", (0.6, 0.8)),
        ("var w[2] = 0\nminimize sumsq(w - [3, 1])\ns.t. l1(w) <= 1", (1.0, 0.0)),
        ("var w[3] = 0\nminimize sumsq(w - [1, 1, 4])\ns.t. w in simplex", (0.0, 0.0, 1.0)),
        ("var w[2] = 1\nminimize sumsq(w - [0, 2])\ns.t. w in sphere", (0.0, 1.0)),
        ("var w[2] = 0\nminimize sumsq(w - [5, -5])\ns.t. -1 <= w <= 2", (2.0, -1.0)),
        ("var w[2] = 0\nminimize sumsq(w - [5, -5])\ns.t. w in ball(2, norm=inf)", (2.0, -2.0)),
    ],
)
@pytest.mark.parametrize("method", ["projection", "admm(rho=0.5, warmup=0.1, fine_tune=0.1)"])
def test_sets_are_reached_by_projection_and_by_splitting(
    run: Run, method: str, text: str, solution: tuple[float, ...]
) -> None:
    result = run(
        f"{text}\nusing {method}\nfit(optimizer=sgd(lr=0.05), steps=3000, precision=float64)"
    )
    assert last(result)["w"] == pytest.approx(solution, abs=1e-3)
    assert result.status == "satisfied"


def test_sparse_keeps_the_largest(run: Run) -> None:
    for method in ("projection", "admm(rho=0.5, warmup=0.1, fine_tune=0.1)"):
        result = run(
            "var w[4] = 0\nminimize sumsq(w - [3, -1, 0.5, 2])\ns.t. w in sparse(50%)\n"
            f"using {method}\nfit(optimizer=sgd(lr=0.05), steps=2000, precision=float64)"
        )
        assert last(result)["w"] == pytest.approx((3.0, 0.0, 0.0, 2.0), abs=1e-3), method


def test_bounds_of_variables_hold_at_every_step(run: Run) -> None:
    seen: list[float] = []
    result = run(
        "var x = 0.5 in [0.25, 2]\nminimize x^2\ns.t. a: 1*x <= 1\n"
        "using lagrangian\nfit(optimizer=sgd(lr=10), steps=50, precision=float64)",
        progress=lambda p: seen.append(p["objective"]),
    )
    assert last(result)["x"][0] == 0.25
    assert all(value >= 0.0625 for value in seen)


# --- Two rules in one spec -----------------------------------------------------------------------


def test_two_methods_share_a_spec(run: Run) -> None:
    result = run(
        "var w[3] = [0, 0, 0]\nminimize sumsq(w)\n"
        "s.t. a: w[0] + w[1] + w[2] == 3 by augmented_lagrangian(penalty=10)\n"
        "     b: w[0] >= 2 by lagrangian(dual=sgd(lr=0.1))\n"
        "     c: w[1] >= -9 by lagrangian(dual=nupi(lr=0.1, kp=5))\n"
        "fit(optimizer=sgd(lr=0.02), steps=3000, precision=float64)"
    )
    assert last(result)["w"] == pytest.approx((2.0, 0.5, 0.5), abs=1e-4)
    assert multipliers(result) == pytest.approx([-1.0, 3.0, 0.0], abs=1e-3)
    assert [result[label].multiplier for label in "abc"] == pytest.approx([-1, 3, 0], abs=1e-3)


def test_a_rule_and_a_set_share_a_spec(run: Run) -> None:
    # min |w - (1, -1)|^2 s.t. w0 + w1 == 2, w >= 0: on the line w = (2, 0).
    result = run(
        "var w[2] = [1, 1]\nminimize sumsq(w - [1, -1])\n"
        "s.t. a: w[0] + w[1] == 2 by augmented_lagrangian(penalty=10)\n"
        "     b: w >= 0 by projection\n"
        "fit(optimizer=sgd(lr=0.02), steps=2500, precision=float64)"
    )
    assert last(result)["w"] == pytest.approx((2.0, 0.0), abs=1e-4)
    assert result.status == "satisfied"
