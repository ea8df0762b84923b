"""How many numbers a set has as a function: what the compiler counts is what the operator gives."""

import pytest
import torch

import cspec
from cspec.compiler.algebra.set_forms import FORMS
from cspec.dsl.tree.constants import CONSTANTS
from cspec.dsl.tree.nodes import Expr, Name, Negate, Number
from cspec.dsl.words.sets import FUNCTION_SETS
from cspec.runtime import operators

ONE, INF = Number(text="1", value=1.0), Name(id="inf")
MEMBERS: list[tuple[str, dict[str, Expr]]] = [
    ("nonneg", {}),
    ("box", {"0": Number(text="0", value=0.0), "1": ONE}),
    ("box", {"0": Negate(operand=INF), "1": ONE}),
    ("ball", {"0": ONE, "norm": Number(text="2", value=2.0)}),
    ("ball", {"0": ONE, "norm": ONE}),
    ("ball", {"0": ONE, "norm": INF}),
    ("spectral", {"0": ONE}),
    ("nuclear", {"0": ONE}),
    ("sphere", {}),
    ("simplex", {}),
    ("monotone", {}),
    ("psd", {}),
    ("symmetric", {}),
    ("stiefel", {}),
]


def number(expr: Expr) -> float:
    match expr:
        case Number(value=value):
            return float(value)
        case Negate(operand=operand):
            return -number(operand)
        case Name(id=name):
            return CONSTANTS[name]
    raise AssertionError(expr)


@pytest.mark.parametrize("shape", [(4, 4), (2, 5), (5, 2), (3, 2, 2, 2)])
@pytest.mark.parametrize(("word", "arguments"), MEMBERS)
def test_entries_are_those_of_the_operator(
    word: str, arguments: dict[str, Expr], shape: tuple[int, ...]
) -> None:
    if word in ("symmetric", "psd") and shape != (4, 4):
        pytest.skip("square matrices only")
    named = {k: number(v) for k, v in arguments.items()}
    positional = [value for key, value in named.items() if key.isdigit()]
    keywords = {key: value for key, value in named.items() if not key.isdigit()}
    operator = operators.get(word, *positional, **keywords)
    x = torch.randn(shape)
    values = operator.residual(x) if operator.equality else operator.inequality(x)
    assert FORMS[word](shape, arguments) == values.numel()


def test_every_set_with_a_function_is_counted() -> None:
    assert FORMS.keys() == FUNCTION_SETS


def test_a_set_beside_another_requirement_keeps_its_multipliers() -> None:
    result = cspec.run(
        "var A[2, 3] = 1\nminimize sumsq(A - 3)\ns.t. s: A in spectral(1) by lagrangian\n"
        "     t: A[0, 0] <= 5 by lagrangian\n     u: A[1, 1] >= 4 by lagrangian\nfit(steps=20)"
    )
    assert result["t"].multiplier == 0
    assert result["u"].multiplier is not None and result["u"].multiplier > 0
