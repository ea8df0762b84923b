"""`spg`: deterministic problems over sets with a projection, from text to result."""

import json
from typing import Any

import numpy as np
import pytest

import cspec
from cspec.dsl.words.sets import CONVEX, CURVED
from cspec.runtime.operators import OPERATORS
from cspec.runtime.session.session import Session

EIGEN = """\
param A[3, 3] = [[2, 1, 0], [1, 3, 1], [0, 1, 4]]
var v[3] = 0
minimize sum(v*(A @ v))
s.t. unit: v in sphere
{more}"""
WITH_TRACE = """\
param A[3, 3] = [[2, 1, 0], [1, 3, 1], [0, 1, 4]]
var X[3, 3] = 0
minimize sum(A*X)
s.t. psd: X in psd
     trace: X[0, 0] + X[1, 1] + X[2, 2] == 1
{more}"""


def least() -> float:
    return float(np.linalg.eigvalsh([[2, 1, 0], [1, 3, 1], [0, 1, 4]])[0])


def test_auto_takes_a_set_and_says_why() -> None:
    result = cspec.run(EIGEN.format(more=""))
    assert result.method == "spg" and result.termination == "converged"
    assert result.objective == pytest.approx(least(), abs=1e-10)
    told = cspec.explain(EIGEN.format(more=""))
    assert "spectral projected" in str(told) and "not convex" in str(told)


@pytest.mark.parametrize("using", ["spg", "spg(memory=1)", "spg(starts=4, tolerance=1e-6)"])
def test_it_is_reached_by_name(using: str) -> None:
    result = cspec.run(EIGEN.format(more=f"using {using}\n"))
    assert result.method == "spg" and result.objective == pytest.approx(least(), abs=1e-6)


def test_functions_beside_sets_have_multipliers() -> None:
    result = cspec.run(WITH_TRACE.format(more=""))
    assert result.method == "spg"
    assert result.objective == pytest.approx(least(), abs=1e-8)
    # d f* / d trace = the least eigenvalue.
    assert result["trace"].sensitivity == pytest.approx(least(), abs=1e-6)
    assert result["psd"].method == "projection" and result["trace"].method == "spg"


def test_the_report_holds_the_projected_gradient() -> None:
    result = cspec.run(WITH_TRACE.format(more=""))
    assert result.kkt.projected_gradient <= 1e-8
    assert result.kkt.stationarity == result.kkt.projected_gradient
    assert json.loads(result.to_json())["kkt"]["projected_gradient"] <= 1e-8


@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-4), ("float64", 1e-9)])
def test_precision_decides_how_near(precision: str, near: float) -> None:
    text = "var w[4] = 0\nminimize sumsq(w - [3, 1, -2, 0.5])\ns.t. small: norm(w, 1) <= 2\n"
    result = cspec.run(text + f"using spg\nfit(precision={precision})\n")
    assert result.termination == "converged"
    assert result.vars["w"] == pytest.approx([1.5, 0, -0.5, 0], abs=near)


def test_a_start_outside_of_its_set_is_moved_into_it() -> None:
    start = "var w[3] = [5, -5, 0]\n"
    result = cspec.run(start + "minimize sumsq(w - [0, 3, 9])\ns.t. s: w in simplex\nusing spg\n")
    assert sum(result.vars["w"]) == pytest.approx(1, abs=1e-12) and min(result.vars["w"]) >= 0


def test_an_objective_without_the_variable_is_met_at_once() -> None:
    result = cspec.run(
        "var w[3] = 1\nvar t = 2 in [1, 3]\nminimize t^2\ns.t. s: w in monotone\nusing spg\n"
    )
    assert result.objective == pytest.approx(1) and result.termination == "converged"


def test_a_budget_and_an_unbounded_problem_are_said() -> None:
    body = (
        "var w[8] = 1\nminimize sum(exp(w) - [1, 2, 3, 4, 5, 6, 7, 8]*w)\ns.t. s: w in monotone\n"
    )
    short = cspec.run(body + "using spg(iterations=2, starts=1)\n")
    assert short.termination == "completed" and any("budget" in note for note in short.notes)
    endless = cspec.run("var w[3] = 0\nminimize sum(w)\ns.t. s: w in monotone\n")
    assert endless.termination == "unbounded"
    assert any("unbounded" in note for note in endless.notes)


def test_a_nonsmooth_objective_is_left_to_a_loop_and_refused_by_name() -> None:
    text = "var w[3] = 1\nminimize norm(w - [1, 2, 3], 1)\ns.t. s: w in psd\n"
    text = text.replace("w[3] = 1", "w[3, 3] = 1").replace("[1, 2, 3]", "1")
    with pytest.raises(cspec.SpecError, match="not smooth"):
        cspec.run(text + "using spg\n")


def test_a_set_and_a_function_that_exclude_each_other_are_said() -> None:
    result = cspec.run(WITH_TRACE.format(more="").replace("== 1", "== -1"))
    assert result.status != "satisfied"
    assert any("no feasible point" in note for note in result.notes)
    assert not any("global minimum" in note for note in result.notes)


def test_other_methods_beside_it_are_refused() -> None:
    text = EIGEN.format(more="     half: v[0] >= 0 by lagrangian\nusing spg\n")
    with pytest.raises(cspec.SpecError, match="don't go together"):
        cspec.run(text)


def test_a_problem_with_data_is_refused() -> None:
    text = "data train(x)\nvar w[2] = 0\nminimize E[x on train]*w[0]\ns.t. s: w in simplex\n"
    with pytest.raises(cspec.SpecError, match="do not come whole"):
        cspec.run(text + "using spg\n", train=(np.ones(4),))


def test_data_that_come_whole_are_a_deterministic_problem() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((40, 5))
    y = x @ [2, 0, 0, -1, 0]
    text = "data train(x, y)\nvar w[5] = 0\nminimize E[(x @ w - y)^2 on train]\n"
    text += "s.t. few: w in sparse(40%)\nfit(batch_size=full)\n"
    result = cspec.run(text, train=(x, y))
    assert result.method == "spg" and result.termination == "converged"
    assert result.vars["w"] == pytest.approx([2, 0, 0, -1, 0], abs=1e-7)
    assert not any("not used" in note for note in result.notes)


def test_a_simplex_of_rows_is_no_sum_over_the_matrix() -> None:
    result = cspec.run(
        "var X[2, 2] = 0\nminimize sumsq(X - [[2, 0], [0, 2]])\ns.t. rows: X in simplex\n"
    )
    assert np.array(result.vars["X"]) == pytest.approx(np.eye(2), abs=1e-9)


def test_the_emitted_call_names_every_set() -> None:
    source = cspec.compile(WITH_TRACE.format(more="")).source
    assert '("X", PSD),  # psd' in source and "equalities=(True,)" in source
    assert "convex=True" in source


def test_an_interrupted_run_keeps_its_iterate(monkeypatch: pytest.MonkeyPatch) -> None:
    record = Session.record

    def stop(self: Session, *values: Any) -> None:
        record(self, *values)
        self.interrupted = self.step >= 2

    monkeypatch.setattr(Session, "record", stop)
    result = cspec.run(EIGEN.format(more=""))
    assert result.status == "interrupted"
    assert np.linalg.norm(result.vars["v"]) == pytest.approx(1)


def test_a_run_is_repeated_to_the_same_bits() -> None:
    first, second = (cspec.run(EIGEN.format(more="")) for _ in range(2))
    assert first.vars == second.vars and first.steps == second.steps


def test_words_of_sets_are_those_of_the_operators() -> None:
    for word in CONVEX | CURVED:
        assert OPERATORS[word].convex == (word in CONVEX), word
