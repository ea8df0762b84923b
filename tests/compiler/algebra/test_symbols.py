"""Trees to sympy, exact derivatives, and back."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
import sympy as sp

from cspec.compiler.algebra.derivatives import derivatives, tree
from cspec.compiler.algebra.sympy import NotSymbolicError, entries, matmul, power, scalar
from cspec.compiler.algebra.variables import functions_of, scalar_parts, space_of
from cspec.compiler.plan import canonical_problem
from cspec.dsl.check import Checked

FUNCTIONS = [
    "x^2*y - 3*x/y + 1/3",
    "exp(-x*y) + log(1 + x^2) - sqrt(y)",
    "sin(x)*cos(y) + tan(x/4)",
    "arcsin(x/4) + arccos(x/5) + arctan(y)",
    "sinh(x) - cosh(y) + tanh(x*y)",
    "sigmoid(x - y) + softplus(2*x)",
    "(x - 0.1)^4/(1 + y)^0.5 - 10%*x",
    "-(x + y)^3 - 2^x",
    "pow(x, 3) + 1e-3*x*y^(-1.5)",
]


def space(checked: Callable[[str], Checked], text: str):  # type: ignore[no-untyped-def]
    found = checked(text)
    return canonical_problem(found), space_of(found)


@pytest.mark.parametrize("text", FUNCTIONS)
def test_a_derivative_is_the_slope_and_survives_the_way_back(
    checked: Callable[[str], Checked], text: str
) -> None:
    problem, known = space(checked, f"var x = 1\nvar y = 1\nminimize {text}")
    f = scalar(problem.objective, known)
    variables = known.symbols()
    found = derivatives(f, [], variables)
    assert found.gradient is not None and found.hessian is not None
    rng = random.Random(0)
    at = {v: rng.uniform(0.5, 1.5) for v in variables}
    for v, slope in zip(variables, found.gradient, strict=True):
        ends = [f.subs({**at, v: at[v] + s * 1e-6}).evalf() for s in (1, -1)]
        assert float(slope.subs(at)) == pytest.approx(float(ends[0] - ends[1]) / 2e-6, rel=1e-6)
        again = scalar(tree(slope), known)
        assert float(again.subs(at)) == pytest.approx(float(slope.subs(at)), rel=1e-12)


def test_digits_stay_exact(checked: Callable[[str], Checked]) -> None:
    problem, known = space(checked, "var x = 1\nminimize 0.1*x + 10%*x + 1_000*x")
    assert scalar(problem.objective, known) == sp.Rational(10002, 10) * known.symbols()[0]


def test_huge_powers_never_reach_exact_arithmetic() -> None:
    assert power(sp.Integer(9), sp.Integer(300)).is_Float
    with pytest.raises(NotSymbolicError):
        power(sp.Integer(9), sp.Integer(9**9))


@pytest.mark.parametrize("text", ["abs(x)", "max(x, 1)", "relu(x)", "norm(w, 1)"])
def test_kinks_have_no_closed_form(checked: Callable[[str], Checked], text: str) -> None:
    problem, known = space(checked, f"var x = 1\nvar w[2] = 1\nminimize {text} + x + sum(w)")
    with pytest.raises(NotSymbolicError):
        scalar(problem.objective, known)


def test_vectors_are_taken_entry_by_entry(checked: Callable[[str], Checked]) -> None:
    text = "var w[3] = 1\nminimize sumsq(w) + sum(w)\ns.t. a: w >= 0.5"
    problem, known = space(checked, text)
    w = known.symbols()
    assert scalar(problem.objective, known) == sum(x**2 + x for x in w)
    assert entries(problem.constraints[0].parts[0], known) == tuple(
        sp.Rational(1, 2) - x for x in w
    )
    parts = scalar_parts(problem, known).constraints[0].parts
    assert [scalar(part, known) for part in parts] == [sp.Rational(1, 2) - x for x in w]


def test_the_hessian_is_of_the_lagrangian(checked: Callable[[str], Checked]) -> None:
    text = "var x = 1\nvar y = 1\nminimize x*y\ns.t. c: x^2 <= 1"
    problem, known = space(checked, text)
    functions = functions_of(problem, known)
    parts = [part for _, _, part in functions.parts if part is not None]
    found = derivatives(functions.objective, parts, known.symbols())
    x = known.symbols()[0]
    assert found.jacobian == ((0, 0, 2 * x),)
    shown = [(i, j, str(value)) for i, j, value in found.hessian or ()]
    assert shown == [(0, 0, "2*#multipliers[0]"), (1, 0, "1")]


def test_what_is_too_large_is_left_to_autograd() -> None:
    x = sp.symbols("x0:40", real=True)
    large = sp.Mul(*(1 + a * b for a, b in pairwise(x)))
    found = derivatives(large, [], list(x))
    assert found.gradient is not None and found.hessian is None


def test_what_has_data_is_no_problem_of_variables_alone(
    checked: Callable[[str], Checked],
) -> None:
    text = "data train(x, y) = two_gaussians(n=50)\nmodel f = linear\nminimize bce(f(x), y)"
    assert space_of(checked(text)) is None


def test_products_of_kernels_have_no_closed_form_of_their_entries() -> None:
    kernel = tuple(tuple(((1,) * 3,) * 3 for _ in range(4)) for _ in range(4))  # 4 x 4 x 3 x 3
    with pytest.raises(NotSymbolicError, match="kernels"):
        matmul(kernel, kernel)
