"""Points of domains: means against integrals, requirements against their own grids, a PINN."""

from __future__ import annotations

import math
import re
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.data.points import points
from cspec.runtime.methods.each_example import balance_each
from cspec.runtime.steps.torch_optimizers import LBFGS

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = "domain q(t, x) = box([0, 2], [-1, 1])\nmodel u(t, x) = mlp(hidden=[4], act=tanh)\n"


def test_means_over_points_are_integrals() -> None:
    """E[t^2 x^2] over [0, 2] x [-1, 1] is 4/3 * 1/3; of a standard normal z^2 it is 1."""
    result = cspec.run(
        f"{HEAD}domain n(z) = normal(1, 2)\nminimize E[u^2 for (t, x) in q.sample(20)]\n"
        "metric box = E[t^2*x^2 for (t, x) in q.sample(10)]\n"
        "metric half = E[t for (t, x) in q.sample(10) where x > 0]\n"
        "metric drawn = E[(z - 1)^2 for z in n.sample(10)]\n"
        "metric named = E[a + b for (a, b) in q.grid(3)]\n"
        "fit(steps=3)\n"
    )
    assert result.metrics["box"] == pytest.approx(4 / 9, rel=2e-3)
    assert result.metrics["half"] == pytest.approx(1, rel=1e-3)
    assert result.metrics["drawn"] == pytest.approx(4, rel=2e-2)
    assert result.metrics["named"] == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("method", ["", "by augmented_lagrangian(penalty=1)", "by lagrangian"])
def test_requirements_on_points_are_judged_on_a_fresh_grid(method: str) -> None:
    result = cspec.run(
        "domain q(x) = box([0, 1])\nmodel u(x) = mlp(hidden=[8], act=tanh)\n"
        "minimize E[u^2 for x in q.sample(50)]\n"
        f"s.t. high: forall x in q.sample(20): u(x) >= x {method} within 5e-2\n"
        "fit(steps=800, optimizer=adam(lr=1e-2))\n"
    )
    c = result["high"]
    grid = torch.linspace(0, 1, 1001)
    with torch.no_grad():
        gap = result.models["u"].eval()(grid) - grid
    assert c.evidence == "sampled" and c.n == 1001
    assert c.violation == pytest.approx(max(0.0, -float(gap.min())), abs=1e-5)
    assert any("judged on 1,001 points" in note for note in result.notes)


def test_points_of_a_step_are_those_of_its_seed_and_number() -> None:
    found = points([0, -1], [1, 1], [1, 1], 7, columns=("t", "x"))["train"]
    assert found.draws is not None
    one, two = found.draws.at(0, 3), found.draws.at(0, 4)
    assert torch.equal(one["t"], found.draws.at(0, 3)["t"])
    assert not torch.equal(one["t"], two["t"]) and len(one["t"]) == 7
    assert float(one["x"].min()) >= -1 and float(one["t"].min()) >= 0


def test_a_grid_has_the_ends_of_its_box_and_one_point_of_a_wall() -> None:
    found = points([0, 5], [1, 5], [1, 1], 3, way="grid", columns=("t", "x"))["train"]
    assert found["t"].tolist() == [0, 0.5, 1] and found["x"].tolist() == [5, 5, 5]
    vector = points([0, 0], [1, 1], [2], 4, way="held", columns=("z",))["train"]
    assert vector["z"].shape == (4, 2)


@pytest.mark.parametrize(
    "line",
    [
        "forall (t, x) in q: u >= 0",
        "forall (t, x) in q.sample(5): u >= 0 by sal",
        "forall (t, x) in q.sample(10, redraw=true): u <= 0 => u >= -1 by admm",
    ],
)
def test_what_can_not_run_is_said_before(line: str) -> None:
    text = f"{HEAD}minimize E[u^2 for (t, x) in q.sample(20)]\ns.t. c: {line}\n"
    codes = {d.code for d in cspec.check(text)}
    assert codes & {"CS520", "CS301", "CS531", "CS537", "CS501", "CS302"}, codes
    with pytest.raises(SpecError):
        cspec.run(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nfit(steps=3, batch_size=8)", "`batch_size=8` of points"),
    ],
)
def test_what_no_step_would_follow_is_refused_by_name(text: str, said: str) -> None:
    whole = f"{HEAD}minimize E[u^2 for (t, x) in q.sample(20)]{text}\n"
    assert any(said in d.message for d in cspec.check(whole))
    with pytest.raises(SpecError, match=re.escape(said)):
        cspec.run(whole)


def test_points_that_are_drawn_anew_have_one_multiplier() -> None:
    """The root mean square of an equality, the mean positive part, on a grid of midpoints."""
    result = cspec.run(
        f"{HEAD}minimize E[(u - t)^2 for (t, x) in q.sample(50)]\n"
        "s.t. same: forall (t, x) in q.sample(50, redraw=true): u == t*x within 0.2\n"
        "     low:  forall (t, x) in q.sample(50, redraw=true): u >= 0.1 within 0.1\n"
        "     rule: forall (t, x) in q.sample(50, redraw=true): t > 1 => u <= x + 0.3 within 30%\n"
        "fit(steps=200, optimizer=adam(lr=0.01))\n"
    )
    line = (torch.arange(51) + 0.5) / 51
    t, x = torch.cartesian_prod(2 * line, 2 * line - 1).T
    with torch.no_grad():
        u = result.models["u"](torch.stack([t, x], 1)).reshape(-1)
    assert result["same"].value == pytest.approx(float(((u - t * x) ** 2).mean().sqrt()), rel=1e-4)
    assert result["low"].value == pytest.approx(float((0.1 - u).relu().mean()), rel=1e-4)
    broken = ((t > 1) & (u > x + 0.3)).double().mean()
    assert result["rule"].value == pytest.approx(float(broken), abs=1e-9) and broken > 0
    assert result["same"].bound == 0.2 and result["low"].evidence == "sampled"


def test_points_that_stay_may_say_so() -> None:
    head = f"{HEAD}minimize E[(u - t)^2 for (t, x) in q.sample(20)]\ns.t. c: forall (t, x) in "
    one, other = (
        cspec.run(f"{head}q.sample(9{stay}): u <= 1\nfit(steps=20)\n")["c"].value
        for stay in ("", ", redraw=false")
    )
    assert one == other


@pytest.mark.slow
def test_poisson() -> None:
    """u'' = -pi^2 sin(pi x), u(0) = u(1) = 0."""
    result = cspec.run(EXAMPLES / "poisson.cspec")
    x = torch.linspace(0, 1, 101)
    with torch.no_grad():
        gap = result.models["u"].eval()(x) - torch.sin(math.pi * x)
    assert float(gap.abs().max()) < 1e-3 and result["walls"].satisfied


def test_multipliers_of_points_are_found_after_the_last_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """u is near x, and 0.5 on a part of the box: met, and f is what it can be."""
    step, gradients = LBFGS.step, []

    def counted(self: Any, closure: Any) -> Any:
        return step(self, lambda: (gradients.append(1), closure())[1])

    monkeypatch.setattr(LBFGS, "step", counted)
    result = cspec.run(
        "domain q(x) = box([0, 1])\nmodel u(x) = mlp(hidden=[16], act=tanh)\n"
        "minimize E[(u - x)^2 for x in q.sample(50)]\n"
        "s.t. low: forall x in uniform(0.5, 1).sample(20): u(x) == 0.5 within 1e-2\n"
        "fit(steps=600, optimizer=adam(lr=1e-2))\n"
    )
    # The least is that of u = x below 0.5 and 0.5 beyond: the mean of (x - 0.5)^2 over [0.5, 1].
    assert result["low"].satisfied and result.objective < 1.15 * 0.5**3 / 3
    assert 0 < 2 * sum(gradients) <= 600  # two batches each: never more than the run itself


def test_the_balance_of_points_with_the_objective_has_no_units() -> None:
    """f and g in other units, a f and b g: the penalty of b g that balances a f is a / b^2."""
    places = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))

    def penalty(a: float, b: float) -> float:
        w = torch.ones(3, requires_grad=True)
        state = {"c.balance": torch.zeros(2), "c.penalty": torch.zeros(1)}
        program = SimpleNamespace(constraints=[SimpleNamespace(label="c", tolerance=1e-3)])
        session: Any = SimpleNamespace(step=1, state=state, parameters=[w], program=program)
        balance_each(session, "c", a * (places @ w).pow(4).mean(), b * (places @ w), 9)
        return float(state["c.penalty"])

    assert penalty(100, 0.1) == pytest.approx(1e4 * penalty(1, 1), rel=1e-4) != 0


def test_what_holds_by_itself_pulls_at_nothing() -> None:
    """u is periodic in x by its inputs: the slope of the requirement is what rounding leaves."""
    spec = (
        "domain q(t, x) = box([0, 1], [-1, 1])\nmodel u(t, c, s) = mlp(hidden=[8], act=tanh)\n"
        "let v(t, x) = cos(pi*x) + t*u(t, cos(pi*x), sin(pi*x))\n"
        "minimize E[(v(t, x) - cos(pi*x) - t)^2 for (t, x) in q.sample(50)]\n{}"
        "fit(steps=300, optimizer=adam(lr=1e-2))\n"
    )
    held = (
        "s.t. wall: forall t in uniform(0, 1).sample(9): v(t, -1) == v(t, 1) within 1e-2\n"
        "     start: forall x in uniform(-1, 1).sample(9): v(0, x) == cos(pi*x) within 1e-2\n"
    )
    alone, both = cspec.run(spec.format("")), cspec.run(spec.format(held))
    assert both.satisfied and alone.objective is not None
    assert both.objective == pytest.approx(alone.objective, abs=2e-3)


def test_a_wall_is_a_box_with_one_place_along_an_axis() -> None:
    result = cspec.run(
        f"{HEAD}domain wall(t, x) = box([0, 2], [1, 1])\n"
        "minimize E[(u - t*x)^2 for (t, x) in q.sample(30)]\n"
        "s.t. flat: forall (t, x) in wall.sample(20): diff(u, x) == 0 within 0.5\nfit(steps=40)\n"
    )
    assert result["flat"].method == "augmented_lagrangian" and result["flat"].n == 1001


@pytest.mark.slow
def test_an_unknown_coefficient_beside_a_network() -> None:
    assert cspec.run(EXAMPLES / "inverse.cspec").vars["nu"] == pytest.approx(0.1, rel=0.02)


@pytest.mark.slow
def test_two_unknown_functions() -> None:
    assert cspec.run(EXAMPLES / "oscillator.cspec").metrics["error"] < 3e-3


def test_a_bound_on_points_holds_up_to_the_ends() -> None:
    """The least constant part of a line above exp on [-1, 1] is cosh(1), at both ends."""
    result = cspec.run(
        "domain q(x) = box([-1, 1])\nvar a\nvar b\nminimize a\n"
        "s.t. forall x in q.sample(100): exp(x) <= a + b*x\n"
    )
    assert result.satisfied
    assert result.vars["a"] == pytest.approx(math.cosh(1), abs=1e-6)
    assert result.vars["b"] == pytest.approx(math.sinh(1), abs=1e-6)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_closed_points_reach_every_face_and_corner(axes: int) -> None:
    n = 64
    made = points([0] * axes, [2] * axes, [1] * axes, n, way="closed", columns=list("xyz"[:axes]))
    found = torch.stack(list(made["train"].columns.values()), 1)
    assert len(found) == n and found.min() == 0 and found.max() == 2
    corners = {tuple(row) for row in found.tolist() if all(v in (0, 2) for v in row)}
    assert len(corners) == 2**axes
    for axis in range(axes):
        assert (found[:, axis] == 0).sum() > 1 or axes == 1
        inside = (found[:, axis] > 0) & (found[:, axis] < 2)
        assert inside.sum() >= n // 3


def test_points_without_an_objective_are_trained() -> None:
    result = cspec.run(
        "domain q(x) = box([-1, 1])\nmodel u(x) = mlp(hidden=[8], act=tanh)\nsatisfy\n"
        "s.t. forall x in q.sample(50): abs(u(x) - exp(x)) <= 0.3 within 1e-2\n"
    )
    grid = torch.linspace(-1, 1, 1001)
    with torch.no_grad():
        error = float((result.models["u"].eval()(grid) - grid.exp()).abs().max())
    assert result.satisfied and error <= 0.31


OVER = f"{HEAD}minimize E[(u - t*x)^2 for (t, x) in q.sample(20)]\n"
FIT = "\nfit(steps=20, optimizer=adam(lr=1e-2))\n"


def values(result: Any, points: list[tuple[float, float]]) -> list[float]:
    """What the model says at points."""
    with torch.no_grad():
        return [float(result.models["u"](torch.tensor([[t, x]]))) for t, x in points]


def lattice(along: int) -> list[tuple[float, float]]:
    return list(product(np.linspace(0, 2, along).tolist(), np.linspace(-1, 1, along).tolist()))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("max(u^2 for (t, x) in q.grid(4))", lambda v, p: max(a * a for a in v)),
        ("min(u for (t, x) in q.grid(4))", lambda v, p: min(v)),
        (
            "sum(t*u for (t, x) in q.grid(4))",
            lambda v, p: sum(t * a for a, (t, _) in zip(v, p, strict=True)),
        ),
        (
            "sum(u for (t, x) in q.grid(4) where x > 0)",
            lambda v, p: sum(a for a, (_, x) in zip(v, p, strict=True) if x > 0),
        ),
        (
            "mean(u for (t, x) in q.grid(4) where x > 0)",
            lambda v, p: np.mean([a for a, (_, x) in zip(v, p, strict=True) if x > 0]),
        ),
        (
            "max(u for (t, x) in q.grid(4) where x > 0)",
            lambda v, p: max(a for a, (_, x) in zip(v, p, strict=True) if x > 0),
        ),
        (
            "gap(u for (t, x) in q.grid(4) where t < 1) + 1",
            lambda v, p: np.ptp([a for a, (t, _) in zip(v, p, strict=True) if t < 1]) + 1,
        ),
        (
            "std(u for (t, x) in q.grid(4) where t < 1)",
            lambda v, p: np.std([a for a, (t, _) in zip(v, p, strict=True) if t < 1]),
        ),
        ("std(u for (t, x) in q.grid(4))", lambda v, p: np.std(v)),
        ("gap(u for (t, x) in q.grid(4))", lambda v, p: max(v) - min(v)),
        ("ratio(exp(u) for (t, x) in q.grid(4))", lambda v, p: np.exp(min(v) - max(v))),
        (
            "max(u for (t, x) in q.grid(4)) - 2*min(u for (t, x) in q.grid(4))",
            lambda v, p: max(v) - 2 * min(v),
        ),
    ],
)
def test_values_are_those_of_plain_loops(written: str, plain: Any) -> None:
    result = cspec.run(f"{OVER}s.t. c: {written} <= 99\nmetric m = {written}{FIT}")
    expected = float(plain(values(result, lattice(4)), lattice(4)))
    assert result.metrics["m"] == pytest.approx(expected, abs=1e-5)
    if "min(" not in written[:4]:
        assert result["c"].value == pytest.approx(expected, abs=1e-5)


def test_a_sum_over_drawn_points_is_their_number_times_the_mean() -> None:
    head = OVER.replace("[0, 2], [-1, 1]", "[0, 2], [3, 3]")
    result = cspec.run(f"{head}metric m = sum(t*x for (t, x) in q.sample(7))\n{FIT}")
    assert result.metrics["m"] == pytest.approx(7 * 3, rel=1e-5)
    result = cspec.run(f"{head}metric m = sum(t*x for (t, x) in q.grid(5))\n{FIT}")
    assert result.metrics["m"] == pytest.approx(5 * 3, rel=1e-5)  # one point of the wall


def test_the_largest_of_points_is_held_at_each() -> None:
    """The unbounded fit reaches 1 at two corners."""
    result = cspec.run(
        "domain q(t) = box([0, 1])\nmodel u(t) = mlp(hidden=[8], act=tanh)\n"
        "minimize E[(u - t)^2 for t in q.sample(30)]\n"
        "s.t. top: max(u(t)^2 for t in q.grid(20)) <= 0.25\n"
        "     wide: gap(u(t) for t in q.grid(20)) <= 0.2\n"
        "fit(steps=300, optimizer=adam(lr=1e-2))"
    )
    with torch.no_grad():
        found = result.models["u"](torch.linspace(0, 1, 20)[:, None])
    assert result.satisfied and result["top"].n == 20
    assert result["top"].value == pytest.approx(float((found**2).max()), abs=1e-5)
    assert result["wide"].value == pytest.approx(float(found.max() - found.min()), abs=1e-5)
    assert result["wide"].value > 0.15


def test_a_grid_beside_points_and_examples_is_written_out() -> None:
    """An integral equation: the kernel names the outer point; a column of data alike."""
    s, rows = np.linspace(0, 2, 3), np.arange(4) / 4
    result = cspec.run(
        "data train(w, y)\ndomain q(t) = box([0, 2])\nmodel u(t) = mlp(hidden=[4], act=tanh)\n"
        "minimize E[(u(t) - t - sum(0.1*t*s*u(s) for s in q.grid(3)))^2 for t in q.sample(30)]\n"
        "s.t. near: E[(y - E[w*s*u(s) for s in q.grid(3)])^2 on train] <= 99\n"
        "     each: forall t in q.grid(4): max(t*u(s) for s in q.grid(3)) <= 99\n"
        "metric m = sum(sum(t*s*u(s) for s in q.grid(3)) for t in q.grid(4))\n"
        "fit(steps=5)",
        train={"w": rows, "y": 2 * rows},
    )
    with torch.no_grad():
        u = [float(result.models["u"](torch.tensor([[a]]).float())) for a in s]
    outer = np.linspace(0, 2, 4)
    total = sum(t * a * b for t in outer for a, b in zip(s, u, strict=True))
    assert result.metrics["m"] == pytest.approx(total, abs=1e-5)
    means = [np.mean([w * a * b for a, b in zip(s, u, strict=True)]) for w in rows]
    near = np.mean([(2 * w - m) ** 2 for w, m in zip(rows, means, strict=True)])
    assert result["near"].value == pytest.approx(near, abs=1e-5)
    worst = max(t * b for t in outer for b in u)
    assert result["each"].value == pytest.approx(worst, abs=1e-5)


def test_any_and_all_of_points_are_counted() -> None:
    written = {
        "some": "any(u > 0.1 for (t, x) in q.grid(4))",
        "none": "any(u > 99 for (t, x) in q.grid(4))",
        "every": "all(u < 99 for (t, x) in q.grid(4) where x > 0)",
        "nowhere": "all(u < 99 for (t, x) in q.grid(4) where x > 5)",
    }
    result = cspec.run(OVER + "".join(f"metric {k} = {v}\n" for k, v in written.items()) + FIT)
    v = values(result, lattice(4))
    assert result.metrics["some"] == float(max(v) > 0.1)
    assert (result.metrics["none"], result.metrics["every"]) == (0, 1)
    assert math.isnan(result.metrics["nowhere"])


TWO = """domain q(t) = box([0, 1])
domain p(s) = box([-1, 1])
model u(t) = mlp(hidden=[8], act=tanh)
"""


def test_points_of_two_sets_are_points_of_their_product() -> None:
    """min over u of E (u(t) - t s)^2 is at u = t E s = 0: E t^2 E s^2 = 1/9."""
    result = cspec.run(
        f"{TWO}minimize E[(u(t) - t*s)^2 for t in q.sample(40) for s in p.sample(20)]\n"
        "s.t. apart: forall t in q.sample(20), s in p.sample(20) where s > 0: "
        "abs(u(t) - u(s)) <= 0.9*abs(t - s) + 0.01\n"
        "metric m = E[u(t)*s + t for t in q.grid(9) for s in p.grid(9)]\n"
        "fit(steps=300, optimizer=adam(lr=1e-2))"
    )
    along = torch.linspace(0, 1, 51)
    with torch.no_grad():
        u = result.models["u"](along[:, None])
        beside = result.models["u"](torch.linspace(-1, 1, 51)[:, None])
        m = float(torch.linspace(0, 1, 9).mean())  # of s the mean is 0
    s = torch.linspace(-1, 1, 51)
    over = (u[:, None] - beside).abs() - 0.9 * (along[:, None] - s).abs() - 0.01
    assert result["apart"].value == pytest.approx(float(over[:, s > 0].max()), abs=1e-5) or (
        result["apart"].satisfied and float(over[:, s > 0].max()) <= 1e-5
    )
    # The middle of the grid is 0, or beside it by rounding.
    assert result["apart"].n in (51 * 25, 51 * 26)
    assert result.objective == pytest.approx(1 / 9, rel=0.03)
    assert result.metrics["m"] == pytest.approx(m, abs=1e-5)


def test_a_product_that_is_written_in_place_has_a_name_an_interval() -> None:
    box = "box([0, 2], [3, 3])"
    result = cspec.run(f"{OVER}metric m = mean(t*x for (t, x) in {box}.grid(5))\n{FIT}")
    assert result.metrics["m"] == pytest.approx(3, rel=1e-5)
    found = cspec.check(f"{OVER}metric m = mean(t for t in {box}.grid(5))\n{FIT}")
    assert [d.code for d in found] == ["CS326"] and "2 numbers" in found[0].label


@pytest.mark.parametrize(
    "written",
    [
        "E[u for t in uniform(0, 1).sample(4) for x in normal(0, 1).sample(3)]",
        "E[u for t in uniform(0, 1).grid(4) for x in uniform(0, 1).grid(3)]",
        "E[(u - sum(t*u(s, x) for s in uniform(0, 1).sample(5)))^2 for (t, x) in q.grid(3)]",
    ],
)
def test_what_has_no_form_is_said_by_check(written: str) -> None:
    text = f"{OVER}s.t. c: {written} <= 9{FIT}"
    assert {d.code for d in cspec.check(text)} & {"CS520", "CS302", "CS301"}
    with pytest.raises(SpecError):
        cspec.run(text)
