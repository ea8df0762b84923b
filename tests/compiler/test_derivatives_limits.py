"""Derivatives that can't be written in the language are left to automatic differentiation."""

import sympy as sp

from cspec.compiler.derivatives import derivatives

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
