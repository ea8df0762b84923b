"""Derivatives that can't be written in the language are left to automatic differentiation."""

import ast
from pathlib import Path

import pytest
import sympy as sp

from cspec.compiler.algebra import classify as classification
from cspec.compiler.algebra import derivatives as differentiation
from cspec.compiler.algebra.bounds import Counted, range_of, sign_of
from cspec.compiler.algebra.derivatives import derivatives
from cspec.compiler.plan import plan
from cspec.dsl.check import check
from cspec.dsl.text.source import Source

X, Y = sp.symbols("x y", real=True)


def test_an_absolute_value_that_sympy_brings_in_leaves_no_exact_derivative() -> None:
    found = derivatives(X**2 + Y, (sp.sqrt(X**6 * Y**2),), (X, Y))
    assert found.gradient == (2 * X, 1)
    assert found.jacobian is None
    assert found.hessian is None


def test_smooth_functions_of_the_language_keep_theirs() -> None:
    found = derivatives(sp.erf(X) + sp.tanh(Y), (sp.exp(X) * sp.atan(Y),), (X, Y))
    assert found.gradient is not None
    assert found.jacobian is not None
    assert found.hessian is not None


def test_what_is_differentiated_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differentiation, "WORK", 30)
    found = derivatives(X**2 + Y, (sp.exp(X) * sp.atan(Y),), (X, Y))
    assert found.gradient is not None and found.hessian is None


def test_ranges_are_counted_over_a_box_and_its_parts() -> None:
    box = Counted({X: (sp.Integer(0), sp.Integer(2))})
    range_of(X + 1, box)
    assert box.work == 3
    assert sign_of(X**2 - X + 1, box) == 1
    assert box.work > 10  # halves of the interval are counted, too


def test_beyond_the_count_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    def notes() -> str:
        text = "var x = 1 in [0, 1]\nminimize exp(x)*(x + 1)\ns.t. c: x*exp(x) <= 2"
        return str(plan(check(Source(text=text))).problem.history)

    assert "convex" in notes()
    monkeypatch.setattr(classification, "RANGES", -1)
    assert "convex" not in notes()


def test_no_clock_decides_what_is_compiled() -> None:
    """What is emitted is the same on a fast and on a slow machine."""
    compiler = Path(differentiation.__file__).parent
    for path in (*compiler.glob("**/*.py"), *(compiler.parent / "dsl").glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"time", "signal", "datetime", "threading"}, path
