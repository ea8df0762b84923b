"""A minimum is claimed only where it is one: objectives that fall for ever, flat points."""

from __future__ import annotations

import numpy as np
import pytest

import cspec

ENDLESS = [
    ("var x = 1\nminimize x^3\ns.t. x <= 2", None),
    ("var x = 1\nminimize x^5 + x^3", None),
    ("var x = 0\nminimize -x^4", None),
    ("var x = 1\nminimize -log(x)\ns.t. x >= 0.1", None),
    ("var x = 1\nmaximize log(x)", None),
    ("var x = 1\nmaximize sqrt(x)\ns.t. x >= 0", None),
    ("var x = 1\nvar y = 0\nminimize x^2*y", None),
    ("var x = 1\nvar y = 1\nminimize -x*y\ns.t. x >= 0; y >= 0", None),
    ("var x = 1\nvar y = 1 in [0, 2]\nminimize y^2 - log(1 + x)\ns.t. x >= 0", None),
    ("var x = 1\nminimize exp(-x)", 0),
    ("var x = 1\nminimize 3 + exp(-x)", 3),
    ("var x = 1\nminimize 1/x\ns.t. x >= 0.1", 0),
    ("var x = 1\nminimize -tanh(x)", -1),
    ("var x = 1\nminimize log(1 + exp(-x))", 0),
    ("var x = 1\nminimize sqrt(1 + x^2) - x", 0),
    ("var x = 0.5\nminimize exp(-x^2)", 0),
    ("var x = 1\nvar y = 1\nminimize exp(-x - y) + (x - y)^2", 0),
    ("var x = 1\nvar y = 1\nminimize x\ns.t. x*y >= 1; x >= 0; y >= 0", 0),
    ("var x = 1\nvar y = 1\nminimize 1/x\ns.t. x*y == 1; x >= 0", 0),
    ("var w[3] = 1\nminimize sum(exp(-w))\ns.t. w >= 0", 0),
    ("var w[3] = 1\nminimize 1/sum(w)\ns.t. w in nonneg", 0),
    ("var V[2, 2] = 3\nminimize exp(-sum(V))\ns.t. V in psd", 0),
    ("var V[2, 2] = 3\nminimize -log(V[0, 0])\ns.t. V in psd", None),
]


@pytest.mark.parametrize(
    ("text", "limit"), ENDLESS, ids=[e[0].replace("\n", "; ") for e in ENDLESS]
)
def test_an_objective_that_falls_for_ever_is_unbounded(text: str, limit: float | None) -> None:
    result = cspec.run(text)
    assert (result.termination, result.status, result.exit_code) == ("unbounded", "nonfinite", 5)
    said = [note for note in result.notes if note.startswith("unbounded: ")]
    assert len(said) == 1
    assert ("no minimum is attained" in said[0]) == (limit is not None)
    if limit is not None:
        assert float(said[0].split("toward ")[1].split(" at")[0]) == pytest.approx(limit, abs=1e-6)


ATTAINED = [
    ("var x = 1\nminimize x^4", 0),
    ("var x = 1\nminimize x^3\ns.t. x >= 0", 0),
    ("var x = 2\nminimize x*exp(-x)\ns.t. x >= 0", 0),
    ("var x = 1 in [0, 5]\nminimize exp(-x)", np.exp(-5)),
    ("var x = 1\nminimize exp(-x)\ns.t. x <= 5", np.exp(-5)),
    ("var x = 3\nvar y = 1\nminimize (x - y)^2", 0),
    ("var x = 3\nvar y = 1\nminimize (x - y)^4", 0),
    ("var x = 1\nvar y = 1\nminimize x + y\ns.t. x + y >= 1", 1),
    ("var x = 1\nminimize max(0, 1 - x)", 0),
    ("var x = 1\nminimize relu(1 - x)^2", 0),
    ("var x = -3\nminimize relu(1 - x)^2", 0),
    ("var x = 0\nminimize exp(-x) + x", 1),
    ("var x = 0\nminimize log(1 + exp(-x)) + 1e-3*x^2", 0.0311374),
    ("var x = 1\nvar y = 1\nminimize x^2 + 1/y\ns.t. x*y == 1", -0.25),
    ("var w[3] = 1\nminimize sum(exp(-w))\ns.t. sum(w) <= 3; w >= 0", 3 * np.exp(-1)),
    ("var w[3] = 1\nminimize 1/sum(w)\ns.t. w in simplex", 1),
    ("var V[2, 2] = 3\nminimize exp(-sum(V)) + sumsq(V)\ns.t. V in psd", None),
]


@pytest.mark.parametrize(("text", "f"), ATTAINED, ids=[e[0].replace("\n", "; ") for e in ATTAINED])
def test_a_minimum_that_is_attained_is_one(text: str, f: float | None) -> None:
    result = cspec.run(text)
    assert result.status == "satisfied" and result.termination == "converged"
    if f is not None:
        assert result.objective == pytest.approx(f, abs=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_generated_functions_are_told_apart(seed: int) -> None:
    """A sum of exponentials along random rays: attained exactly where a ray points each way."""
    random = np.random.default_rng(seed)
    n = 1 + seed % 3
    rays = random.standard_normal((n + 1, n)).round(2)
    if seed % 2:
        rays[-1] = -rays[:-1].sum(axis=0).round(2)  # 0 lies inside of what they span
    else:
        rays[:, 0] = np.abs(rays[:, 0]) + 0.1  # all fall along -x[0]
    names = [f"x[{i}]" for i in range(n)]
    terms = (" + ".join(f"({a})*{v}" for a, v in zip(ray, names, strict=True)) for ray in rays)
    text = f"var x[{n}] = 0\nminimize {' + '.join(f'exp({term})' for term in terms)}\n"
    result = cspec.run(text)
    assert result.termination == ("converged" if seed % 2 else "unbounded")


def test_a_local_minimum_stays_one_though_the_objective_falls_elsewhere() -> None:
    result = cspec.run("var x = 1\nminimize x^3 - 3*x\ns.t. x <= 2")
    assert result.vars["x"] == pytest.approx(1.0, abs=1e-6)
    assert any("what is reported is a local minimum" in note for note in result.notes)


@pytest.mark.parametrize(
    "text",
    [
        "var x = 0\nminimize sin(x) + 0.001*x",
        "var x = 0\nminimize cos(2*x) - 0.01*x\ns.t. x >= -5",
        "var x = 0\nvar y = 1\nminimize sin(x) + 0.001*x + (y - 2)^2",
    ],
)
def test_ripples_hide_no_slope(text: str) -> None:
    """Local minima everywhere, and no least one: told, the point itself is one of them."""
    result = cspec.run(text)
    assert result.exit_code == 0
    assert any("also falls without end" in note for note in result.notes)


@pytest.mark.parametrize("text", ["sin(x)", "x^4 - x^2", "sin(x) + 1e-6*x^2", "cos(x)*exp(-x^2)"])
def test_ripples_alone_are_none(text: str) -> None:
    notes = cspec.run(f"var x = 1\nminimize {text}").notes
    assert not any("without end" in note for note in notes)
