"""`by construction`: which constraints can hold at every step, seen from the spec alone."""

from __future__ import annotations

from cspec.dsl.explicit.var_sets import held_in
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import (
    Attribute,
    Call,
    Compare,
    Comprehension,
    Constraint,
    Expectation,
    Expr,
    Index,
    Interval,
    Membership,
    Name,
    Negate,
    Product,
    Sum,
    walk,
)

_BALLS = frozenset({"norm", "l1", "l2", "sumsq", "spectral", "nuclear"})


def check_construction(typer: Typer, constraint: Constraint, by: Expr, scope: Scope) -> None:
    """Report `by construction` behind a constraint that has none."""
    relation = constraint.relation
    if _known_set(typer, relation, scope) or _affine_output(typer, relation):
        return
    if not isinstance(relation, Compare | Membership):
        return
    kind = typer.quiet(relation, scope)
    if kind.what == "unknown":
        return
    rate = any(isinstance(node, Expectation) for node in walk(relation))
    helps: tuple[str, ...] = ("remove `by construction`: the method in force then enforces it",)
    if rate:
        why = "it is a mean over data, which no single parameter or output decides"
        helps = (*helps, "for a rate of predictions: `by threshold` moves the decision afterwards")
    else:
        why = "it is not a set of one parameter, nor affine in the outputs of one example"
    typer.report(
        "CS533",
        f"{typer.text(relation)} can't hold by construction",
        by.span,
        "no construction is known",
        notes=(
            "tried: projection of a parameter, parametrization, projection of the outputs",
            why,
        ),
        helps=helps,
    )


def _parameter(typer: Typer, expr: Expr, scope: Scope) -> bool:
    """Whether an expression is a weight, a variable, or all weights of a model."""
    match expr:
        case Name(id=name):
            local = scope.local.get(name)
            if local is not None:
                return local.what == "tensor" and local.moves
            return typer.symbols.role(name) == "var"
        case Index(value=value):
            return _parameter(typer, value, scope)
        case Attribute(value=Name(id=name), name="weights" | "params"):
            return typer.symbols.role(name) == "model"
        case Call(function=Attribute() as part):
            return _parameter(typer, part, scope)
        case _:
            return False


def _known_set(typer: Typer, relation: Expr, scope: Scope) -> bool:
    match relation:
        case Membership(element=element, set=members):
            known = held_in(members) or isinstance(members, Interval)
            return known and _parameter(typer, element, scope)
        case Compare(operands=operands, operators=operators):
            sides = [o for o in operands if value_or_none(o, typer.values) is None]
            if any(_parameter(typer, side, scope) for side in sides):
                return True
            return any(_bounded(typer, side, operators, scope) for side in sides)
        case _:
            return False


def _bounded(typer: Typer, side: Expr, operators: tuple[str, ...], scope: Scope) -> bool:
    """A norm, a density, a sum or a Gram matrix of a parameter."""
    match side:
        case Call(function=Name(id="density")):
            return True
        case Call(function=Name(id=word), arguments=(first, *_)) if word in _BALLS:
            return _parameter(typer, first, scope)
        case Call(function=Name(id="sum"), arguments=(first,)):
            return "==" in operators and _parameter(typer, first, scope)
        case Comprehension(function="sum", body=Call(function=Name(id="sumsq" | "l1"))):
            return True
        case Product(operands=(Attribute(name="T"), Name()), operators=("@",)):
            return "==" in operators
        case _:
            return False


def _affine_output(typer: Typer, relation: Expr) -> bool:
    """Whether both sides are affine in the outputs of a model, one example at a time."""
    if not isinstance(relation, Compare):
        return False
    found = [_affine(typer, operand) for operand in relation.operands]
    return all(degree is not None for degree in found) and 1 in found


def _affine(typer: Typer, expr: Expr) -> int | None:
    """The degree in the model's outputs: 0, 1, or None for something else."""
    match expr:
        case Call(function=Name(id=name)) if typer.symbols.role(name) == "model":
            return 1
        case Index(value=value) | Attribute(value=value) | Negate(operand=value):
            return _affine(typer, value)
        case Sum(operands=operands):
            degrees = [_affine(typer, operand) for operand in operands]
            return None if None in degrees else max(d for d in degrees if d is not None)
        case Product(operands=operands, operators=operators):
            degrees = [_affine(typer, operand) for operand in operands]
            if None in degrees or sum(d for d in degrees if d is not None) > 1:
                return None
            divides = any(
                operator == "/" and degree == 1
                for operator, degree in zip(operators, degrees[1:], strict=True)
            )
            return None if divides else sum(d for d in degrees if d is not None)
        case Expectation() | Comprehension():
            return None
        case _:
            models = (n for n in walk(expr) if isinstance(n, Name))
            return None if any(typer.symbols.role(n.id) == "model" for n in models) else 0
