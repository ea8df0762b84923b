"""Affine equalities are solved for a variable each, exactly, and the report is as without."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cspec.compiler.plan import Plan
from cspec.runtime.result.result import Result
from cspec.runtime.solvers.nlp.other_variables import Reduced
from cspec.runtime.solvers.nlp.problem import Nlp

Planned = Callable[[str], Plan]
Run = Callable[..., Result]


def texts(plan: Plan) -> list[str]:
    return [e.text for e in plan.problem.eliminated]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["sum(x) == 1"], ["x[0] = 1 - x[1] - x[2]"]),
        (["0 == sum(x) - 1"], ["x[0] = 1 - x[1] - x[2]"]),
        (["2*sum(x) - 2 == 0"], ["x[0] = 1 - x[1] - x[2]"]),
        (["x[0] + 4*x[1] == 0.8"], ["x[1] = 0.2 - 0.25*x[0]"]),
        (["0.1*x[0] + 0.2*x[1] == 0.3"], ["x[1] = 1.5 - 0.5*x[0]"]),
        (["3*x[0] == x[1]"], ["x[0] = 1/3*x[1]"]),
        (
            ["sum(x) == 1", "x[0] - x[1] == 0.2"],
            ["x[0] = 0.2 + x[1]", "x[2] = 0.8 - 2*x[1]"],
        ),
        (["x[0] == 0.5", "x[0] + x[1] + x[2] == 1"], ["x[0] = 0.5", "x[1] = 0.5 - x[2]"]),
        (["pi*x[0] + x[1] == 1"], []),
        (["x[0]*x[1] == 1"], []),
    ],
)
def test_each_equality_gives_one_variable(
    planned: Planned, rows: list[str], expected: list[str]
) -> None:
    lines = "\n     ".join(f"c{i}: {row}" for i, row in enumerate(rows))
    found = planned(f"var x[3] = 0.2\nminimize sumsq(x)\ns.t. {lines}")
    assert found.problem.solver is not None
    assert texts(found) == expected


def test_free_variables_go_before_bounded_ones(planned: Planned) -> None:
    found = planned("var x = 0.5 in [0, 1]\nvar y = 0.5\nminimize x^2 + y^2\ns.t. c: 2*x + y == 1")
    assert texts(found) == ["y = 1 - 2*x"]


def test_bounds_that_a_function_needs_keep_their_variable(planned: Planned) -> None:
    head = "var x = 0.5 in [0.1, 1]\nvar y = 0.5 in [0.1, 1]\n"
    both = planned(f"{head}minimize log(x) + log(y)\ns.t. c: x + y == 1")
    one = planned(f"{head}minimize log(x) + y^2\ns.t. c: x + y == 1")
    assert (texts(both), texts(one)) == ([], ["y = 1 - x"])


@pytest.mark.parametrize("how", ["using sqp", "using augmented_lagrangian"])
def test_a_method_that_is_named_gets_the_equality(planned: Planned, how: str) -> None:
    found = planned(f"var x[2] = 0.2\nminimize sumsq(x)\ns.t. c: sum(x) == 1\n{how}")
    assert not texts(found)


def test_a_requirement_with_a_method_of_its_own_is_left(planned: Planned) -> None:
    found = planned(
        "var x[2] = 0.2\nminimize sumsq(x)\ns.t. c: sum(x) == 1 by augmented_lagrangian"
    )
    assert not texts(found)


MULTIPLIERS = """
var x[4] = 0.3 in [0, 1]
param k = 2
minimize (x[0] - 1)^2 + k*x[1]^2 + exp(x[2]) + x[3]^2
s.t. total: 2*sum(x) == 3
     half:  x[0] - x[1] == 0.25
     cap:   x[0] + x[2] <= 0.9
"""


def test_the_report_is_as_without_elimination(run: Run) -> None:
    short = run(MULTIPLIERS)
    whole = run(MULTIPLIERS + "using sqp\n")
    assert short.satisfied and whole.satisfied
    assert short.objective == pytest.approx(whole.objective, abs=1e-9)
    for mine, theirs in zip(short.constraints, whole.constraints, strict=True):
        assert mine.name == theirs.name
        assert mine.multiplier == pytest.approx(theirs.multiplier, abs=1e-6)
        assert mine.sensitivity == pytest.approx(theirs.sensitivity, abs=1e-6)
        assert mine.value == pytest.approx(theirs.value, abs=1e-8)
    assert short.kkt is not None and short.kkt.stationarity < 1e-8


def test_bounds_of_an_eliminated_variable_hold(run: Run) -> None:
    text = "var x[2] = 0.5 in [0, 1]\nminimize x[0] - 3*x[1]\ns.t. c: x[0] + 0.5*x[1] == 0.75"
    found = run(text)
    assert found.satisfied
    assert found.vars["x"] == pytest.approx([0.25, 1.0], abs=1e-8)


def test_all_variables_may_be_given(run: Run) -> None:
    text = "var x[2] = 0\nminimize sumsq(x)\ns.t. a: sum(x) == 3\n     b: x[0] - x[1] == 1"
    found = run(text)
    assert found.satisfied and found.vars["x"] == pytest.approx([2, 1], abs=1e-12)
    assert [c.multiplier for c in found.constraints] == pytest.approx([-3, -1], abs=1e-9)


def test_rows_that_the_others_imply_hold_with_them(run: Run) -> None:
    text = """
    var x[3] = 0
    minimize sumsq(x)
    s.t. a: sum(x) == 3
         b: x[0] - x[1] == 1
         c: 2*x[0] + x[2] == 4
    """
    found = run(text)
    assert found.satisfied and len(found.constraints) == 3


def test_equalities_that_contradict_each_other_are_named(run: Run, compiled: Run) -> None:
    text = """
    var x[3] = 0.2
    minimize sumsq(x)
    s.t. total: sum(x) == 1
         c: x[0] + 2*x[1] == 0.8
         d: x[2] - x[1] == 0.7
    """
    expected = (
        "no point meets all of `total`, `c`, `d`: total - c - d of these equalities reads 0.5 == 0"
    )
    assert expected in run(text).notes


def test_elimination_is_explained(planned: Planned) -> None:
    found = planned("var x[2] = 0\nminimize sumsq(x)\ns.t. c: sum(x) == 3")
    assert "x[0] = 3 - x[1]" in found.problem.constraints[0].reason


def test_the_reduced_problem_is_the_whole_one_along_its_equalities(
    compiled: Callable[..., Any],
) -> None:
    program = compiled(MULTIPLIERS)
    seen: dict[str, Any] = {}
    module: dict[str, Any] = {"__name__": "program"}
    exec(compile(program.source, "program", "exec"), module)
    primal = {"x": torch.nn.Parameter(torch.full((4,), 0.3, dtype=torch.float64))}
    module["solve"] = lambda *_, **given: seen.update(given)
    module["train"](None)
    derivatives = (module["gradient"], module["jacobian"], module["hessian"])
    whole = Nlp(primal, program.variables, module["measure"], seen["equalities"], *derivatives)
    reduced = Reduced(whole, seen["eliminated"], seen["held"])
    y, step = np.array([0.4, 0.2]), 1e-6
    weights = np.arange(1.0, len(reduced.equalities) + 1)
    f, g = reduced.raw(y)
    assert g[list(seen["held"])] == pytest.approx(0, abs=1e-12)
    gradient, jacobian = reduced.slopes(y)
    assert reduced.pull(y, weights) == pytest.approx(gradient + weights @ jacobian)
    for i in range(2):
        beside = y + step * np.eye(2)[i]
        f_moved, g_moved = reduced.raw(beside)
        assert (f_moved - f) / step == pytest.approx(gradient[i], abs=1e-4)
        assert (g_moved - g) / step == pytest.approx(jacobian[:, i], abs=1e-4)
        slope = (reduced.pull(beside, weights) - reduced.pull(y, weights)) / step
        assert slope == pytest.approx(reduced.curvature(y, weights)[i], abs=1e-3)
    assert reduced.expand(reduced.nearest(reduced.expand(y))) == pytest.approx(reduced.expand(y))
