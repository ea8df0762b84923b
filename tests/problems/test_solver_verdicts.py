"""What `auto` and `sqp` say of problems that have no solution, or no start."""

from collections.abc import Callable
from typing import Any

import pytest

from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.result.result import Result

Run = Callable[..., Result]


@pytest.mark.parametrize(
    "text",
    [
        "var x = 1\nminimize x",
        "var x = 1\nvar y = 1\nminimize x - y^2\ns.t. c: x >= 0",
        "var x = 1\nminimize -exp(x)",
    ],
)
def test_an_objective_that_falls_without_end_is_unbounded(run: Run, text: str) -> None:
    result = run(text)
    assert result.termination == "unbounded"
    assert any("falls without end" in note for note in result.notes)


def test_a_local_minimum_beside_a_pole_is_reported_as_one(run: Run) -> None:
    result = run("var x = 0\nminimize x + 1/x")
    assert result.vars["x"] == pytest.approx(1.0, abs=1e-8)
    assert any("not defined at the start" in note for note in result.notes)
    assert any("a local minimum" in note for note in result.notes)


@pytest.mark.parametrize(
    ("text", "optimum"),
    [
        ("var x = -1\nminimize x - log(x)", 1.0),
        ("var x[3] = 0\nminimize -sum(log(x))\ns.t. c: sum(x) <= 1", 3.295836866),
        ("var x = -4\nminimize (x - 1)^2 - sqrt(x)", -1.0561729),
    ],
)
def test_an_undefined_start_is_left_and_said(run: Run, text: str, optimum: float) -> None:
    result = run(text)
    assert result.objective == pytest.approx(optimum, abs=1e-6)
    assert any("not defined at the start" in note for note in result.notes)


def test_a_start_without_slope_is_no_minimum(run: Run) -> None:
    result = run("var x[2] = 0\nminimize l2(x) + sumsq(x) - 3*x[0]")
    assert result.vars["x"] == pytest.approx([1.0, 0.0], abs=1e-6)


def test_infeasibility_of_a_convex_problem_is_proved_under_sqp(run: Run) -> None:
    text = "var x[2] = 1\nminimize sumsq(x)\ns.t. a: sum(x) >= 3\n     b: sumsq(x) <= 1\nusing sqp"
    result = run(text)
    assert result.status == "infeasible"
    assert set(result.conflict) == {"a", "b"}


def test_infeasibility_of_another_is_suspected(run: Run) -> None:
    text = "var x = 1\nvar y = 1\nminimize x\ns.t. a: x*y == 1\n     b: x^2 + y^2 <= 1\nusing sqp"
    assert run(text).status == "suspected_infeasible"


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("simplex", [0.75, 0.25, 0.0]),
        ("ball(1, norm=1)", [0.75, 0.25, 0.0]),
        ("ball(0.5, norm=inf)", [0.5, 0.5, 0.0]),
        ("sphere", [0.894427, 0.447214, 0.0]),
        ("monotone", [0.5, 0.5, 0.5]),
    ],
)
def test_sets_that_are_relations_go_with_sqp(run: Run, member: str, expected: list[float]) -> None:
    text = f"var w[3] = 0.2\nminimize sumsq(w - [1, 0.5, 0])\ns.t. s: w in {member}\nusing sqp"
    assert run(text).vars["w"] == pytest.approx(expected, abs=1e-5)


def test_a_set_without_relations_is_refused_by_name(run: Run) -> None:
    text = "var W[2, 2] = 0.2\nminimize sumsq(W)\ns.t. s: W in psd\nusing sqp"
    with pytest.raises(SpecError, match="`s` can't be enforced by `sqp`: it is a set"):
        run(text)


def test_an_interrupted_solve_keeps_its_best_iterate(session: Callable[..., Any]) -> None:
    text = """
    var x[2] = [-1.2, 1]
    minimize 100*(x[1] - x[0]^2)^2 + (1 - x[0])^2
    """
    s = session(text)
    kept: list[tuple[float, list[float]]] = []
    record = s.record

    def note(f: Any, g: Any) -> None:
        record(f, g)
        kept.append((float(f), s.primal["x"].tolist()))
        s.interrupted = len(kept) >= 5

    s.record = note
    s.module["train"](s)
    assert s.termination == "interrupted"
    assert s.primal["x"].tolist() == min(kept[:5])[1]
