"""Expressions of the problem as people read them: in the language, and in LaTeX.

Functions that only the compiler writes become what they mean: `class_prob(z, k, 1)` is
`prob(z)[k]`, `differences(v)` is `v[i] - v[j]`.
"""

from __future__ import annotations

from cspec.compiler.explain_latex import latex
from cspec.compiler.explain_records import Mathematics
from cspec.compiler.explain_rows import without_rows
from cspec.compiler.ir import Category, ParameterRef, SetMember
from cspec.compiler.rewrite import call, function_name, number, rewrite
from cspec.dsl.format_expressions import format_binder, format_expression
from cspec.dsl.nodes import (
    And,
    Binder,
    Call,
    Expr,
    Index,
    Keyword,
    Name,
    Negate,
    Number,
    Product,
    String,
    Sum,
)


def readable(expr: Expr) -> Expr:
    """The expression with nodes and functions of the compiler as those of the language."""
    return rewrite(expr, _readable)


def mathematics(expr: Expr) -> Mathematics:
    """An expression in both notations."""
    shown = readable(expr)
    return Mathematics(text=format_expression(shown), latex=latex(shown))


def text(expr: Expr) -> str:
    """An expression in the notation of the language."""
    return format_expression(readable(expr))


def set_expression(member: SetMember) -> Expr:
    """A set as one writes it: `stiefel`, `ball(1, norm=2)`, `halfspace(sum(w) <= 1)`."""
    arguments = without_rows(member)
    values = {k: v if isinstance(v, Expr) else Name(id=str(v)) for k, v in arguments.items()}
    positional = tuple(v for k, v in values.items() if k.isdigit())
    keywords = tuple(Keyword(name=k, value=v) for k, v in values.items() if not k.isdigit())
    if not positional and not keywords:
        return Name(id=member.word)
    return Call(function=Name(id=member.word), arguments=positional, keywords=keywords)


def quantifier(binders: tuple[Binder, ...]) -> Mathematics | None:
    """`for a in values(sex)`."""
    if not binders:
        return None
    shown = [
        binder.model_copy(
            update={
                "domain": readable(binder.domain),
                "condition": None if binder.condition is None else readable(binder.condition),
            }
        )
        for binder in binders
    ]
    sets = r",\ ".join(_binder_latex(binder) for binder in shown)
    return Mathematics(
        text="for " + ", ".join(format_binder(binder) for binder in shown),
        latex=rf"\quad\forall\, {sets}",
    )


def _binder_latex(binder: Binder) -> str:
    names = ", ".join(latex(Name(id=name)) for name in binder.names)
    names = f"({names})" if len(binder.names) > 1 else names
    where = "" if binder.condition is None else rf" : {latex(binder.condition)}"
    return rf"{names} \in {latex(binder.domain)}{where}"


def _readable(node: Expr) -> Expr:
    match node:
        case ParameterRef(name=name):
            return Name(id=name)
        case Category(text=category):
            return String(value=category)
        case Sum(operands=(Sum(operands=first, operators=signs), *rest), operators=operators):
            # a + b - c reads as it was written: canonical form puts a sum in front.
            update = {"operands": (*first, *rest), "operators": (*signs, *operators)}
            return node.model_copy(update=update)
        case Call(arguments=arguments):
            return _function(function_name(node), arguments, node)
        case _:
            return node


def _function(name: str | None, arguments: tuple[Expr, ...], node: Call) -> Expr:
    match name, arguments:
        case (("class_prob" | "label_prob"), (z, k)):
            return Index(value=call("prob", z), indices=(k,))
        case (("class_prob" | "label_prob"), (z, k, temperature)):
            return Index(value=call("prob", _over(z, temperature)), indices=(k,))
        case (("class_margin" | "label_margin"), (z, k)):
            return call("margin", z, k)
        case "sigmoid_event", (margin, temperature):
            return call("sigmoid", _over(margin, temperature))
        case "hinge_event", (margin,):
            return call("hinge", margin)
        case "ramp_event", (margin, width):
            return call("ramp", _over(margin, width))
        case "soft_equal", (left, right, temperature):
            return call("close", _over(left, temperature), _over(right, temperature))
        case "product_and", (left, right):
            return Product(operands=(left, right), operators=("*",))
        case "product_not", (operand,):
            return Sum(operands=(number(1), operand), operators=("-",))
        case "product_or", (left, right):
            both = Product(operands=(left, right), operators=("*",))
            return Sum(operands=(left, right, both), operators=("+", "-"))
        case "as_weight", (event,):
            return event
        case "soft", (weight,):
            return call("weight", weight)
        case "soft", (weight, mask):
            return And(operands=(call("weight", weight), mask))
        case "differences", (vector,):
            return Sum(operands=(_entry(vector, "i"), _entry(vector, "j")), operators=("-",))
        case "ratio_differences", (vector, bound):
            least = Product(operands=(bound, _entry(vector, "j")), operators=("*",))
            return Sum(operands=(least, _entry(vector, "i")), operators=("-",))
        case "negative", (operand,):
            return Negate(operand=operand)
        case _:
            return node


def _over(expr: Expr, temperature: Expr) -> Expr:
    """expr / temperature, without dividing by 1."""
    if isinstance(temperature, Number) and temperature.value == 1:
        return expr
    return Product(operands=(expr, temperature), operators=("/",))


def _entry(vector: Expr, index: str) -> Expr:
    return Index(value=vector, indices=(Name(id=index),))
