"""What constraints say about sums of atoms, one fact a bound.

`density(m) + 2*x <= 3` is a bound on a linear form of the atoms `density(m)` and `x`.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.rebuild import substitute

NORMS = frozenset({"sumsq", "l1", "l2", "norm", "spectral", "nuclear"})
"""Functions of a matrix that are 0 at 0 alone."""


class Orthonormal(NamedTuple):
    """The weight that a relation makes orthonormal, and what a sum in it runs over."""

    weight: nodes.Name
    binders: tuple[nodes.Binder, ...] = ()


def orthonormal(relation: nodes.Compare, values: Values) -> Orthonormal | None:
    """The weight that `relation` says to have orthonormal columns or rows, if it says that.

    W.T @ W == eye                                       also W @ W.T, and the sides swapped
    sumsq(W.T @ W - eye) == 0                            also l2, l1, norm: no norm is 0 elsewhere
    sum(sumsq(W.T @ W - eye) for W in net.weights) == 0  terms of at least 0, so each is 0
    """
    if relation.operators != ("==",):
        return None
    left, right = relation.operands
    for one, other in ((left, right), (right, left)):
        if _is_eye(other) and (weight := _gram(one)) is not None:
            return Orthonormal(weight)
        if value_or_none(other, values) == 0 and (found := _vanishing(one)) is not None:
            return found
    return None


def _vanishing(expr: nodes.Expr) -> Orthonormal | None:
    match expr:
        case nodes.Comprehension(function="sum", body=body, binders=binders) if all(
            binder.condition is None for binder in binders
        ):
            inner = _vanishing(body)
            return None if inner is None else Orthonormal(inner.weight, (*binders, *inner.binders))
        case nodes.Call(function=nodes.Name(id=name), arguments=(difference, *_)) if name in NORMS:
            weight = _difference(difference)
            return None if weight is None else Orthonormal(weight)
    return None


def _difference(expr: nodes.Expr) -> nodes.Name | None:
    match expr:
        case nodes.Sum(operands=(one, other), operators=("-",)):
            for first, second in ((one, other), (other, one)):
                if _is_eye(second):
                    return _gram(first)
    return None


def _gram(expr: nodes.Expr) -> nodes.Name | None:
    match expr:
        case nodes.Product(
            operands=(nodes.Attribute(value=nodes.Name() as weight, name="T"), right)
        ) if expr.operators == ("@",) and nodes.shape(weight) == nodes.shape(right):
            return weight
        case nodes.Product(
            operands=(left, nodes.Attribute(value=nodes.Name() as weight, name="T"))
        ) if expr.operators == ("@",) and nodes.shape(weight) == nodes.shape(left):
            return weight
    return None


def _is_eye(expr: nodes.Expr) -> bool:
    match expr:
        case nodes.Name(id="eye") | nodes.Call(function=nodes.Name(id="eye")):
            return True
    return False


Atom = object
"""An atom is known by the shape of its expression."""


class LinearForm(NamedTuple):
    """A sum of coefficients times atoms, plus a constant."""

    terms: dict[Atom, float]
    constant: float


def linear(
    expr: nodes.Expr, values: Values, atoms: dict[Atom, nodes.Expr], context: object
) -> LinearForm:
    """An expression as a linear form; what is not linear is an atom of its own.

    `atoms` collects one expression an atom; `context` keeps atoms of different quantifiers apart.
    """
    if (value := last_value(expr, values)) is not None:
        return LinearForm({}, value)
    match expr:
        case nodes.Negate(operand=operand):
            return _scaled(linear(operand, values, atoms, context), -1.0)
        case nodes.Sum(operands=(first, *rest), operators=operators):
            total = linear(first, values, atoms, context)
            for operator, operand in zip(operators, rest, strict=True):
                part = linear(operand, values, atoms, context)
                total = _added(total, part, 1.0 if operator == "+" else -1.0)
            return total
        case nodes.Product():
            if (scaled := _product(expr, values, atoms, context)) is not None:
                return scaled
    key = (context, nodes.shape(expr))
    atoms.setdefault(key, expr)
    return LinearForm({key: 1.0}, 0.0)


def last_value(expr: nodes.Expr, values: Values) -> float | None:
    """The value of a constant; of a bound that moves, its last value."""
    match expr:
        case nodes.Call(function=nodes.Name(id="ramp"), arguments=(_, last)):
            return value_or_none(last, values)
    return value_or_none(expr, values)


def _product(
    expr: nodes.Product, values: Values, atoms: dict[Atom, nodes.Expr], context: object
) -> LinearForm | None:
    """Numbers times one factor that is no number."""
    factor = 1.0
    rest: nodes.Expr | None = None
    for operator, operand in zip(("*", *expr.operators), expr.operands, strict=True):
        value = value_or_none(operand, values)
        if operator == "@" or (value is None and (rest is not None or operator == "/")):
            return None
        if value is None:
            rest = operand
        elif operator == "/":
            if value == 0:
                return None
            factor /= value
        else:
            factor *= value
    if rest is None:
        return None
    return _scaled(linear(rest, values, atoms, context), factor)


def _scaled(form: LinearForm, factor: float) -> LinearForm:
    if factor == 0:
        return LinearForm({}, 0.0)
    return LinearForm({k: v * factor for k, v in form.terms.items()}, form.constant * factor)


def _added(left: LinearForm, right: LinearForm, sign: float) -> LinearForm:
    terms = dict(left.terms)
    for key, value in right.terms.items():
        terms[key] = terms.get(key, 0.0) + sign * value
    kept = {key: value for key, value in terms.items() if value != 0}
    return LinearForm(kept, left.constant + sign * right.constant)


Form = tuple[tuple[Atom, float], ...]
"""Atoms with coefficients, the first coefficient 1."""


class Fact(NamedTuple):
    """`form <= high` (upper) or `form >= value`; `constraint` says so, as `text` reads."""

    form: Form
    upper: bool
    value: float
    constraint: nodes.Constraint
    shown: nodes.Expr
    implied: str = ""
    law: str = ""
    """Why it holds whatever is trained; no constraint says so then."""
    slack: float = 0.0
    """By how much the tolerance of the verdict (`within`) lets it be missed."""


_AT_LEAST_ONE = (1.0, math.inf)
IMPLIED: dict[str, dict[str, tuple[float, float]]] = {
    "stiefel": {
        "sumsq": _AT_LEAST_ONE,
        "l2": _AT_LEAST_ONE,
        "l1": _AT_LEAST_ONE,
        "nuclear": _AT_LEAST_ONE,
        "spectral": (1.0, 1.0),
    },
    "sphere": {"sumsq": _AT_LEAST_ONE, "l2": _AT_LEAST_ONE, "l1": _AT_LEAST_ONE},
    "simplex": {"l1": _AT_LEAST_ONE, "sum": _AT_LEAST_ONE, "min": (0.0, 1.0), "max": (0.0, 1.0)},
    "nonneg": {"min": (0.0, math.inf), "sum": (0.0, math.inf)},
}
"""What membership says about functions of a weight: an orthonormal matrix has singular values of
1, so a squared sum equal to its rank; a point of the simplex sums to 1 along each row."""


def facts_of(
    binders: tuple[nodes.Binder, ...],
    constraint: nodes.Constraint,
    values: Values,
    atoms: dict[Atom, nodes.Expr],
) -> Iterator[Fact]:
    """The facts that one constraint states."""
    context, renamed = _context(binders)
    relation = constraint.relation
    match relation:
        case nodes.Compare(operands=operands, operators=operators):
            for index, operator in enumerate(operators):
                left = _inside(operands[index], renamed)
                right = _inside(operands[index + 1], renamed)
                yield from _link(left, operator, right, constraint, values, atoms, context)
        case nodes.Membership(element=element, set=nodes.Interval(lower=lower, upper=upper)):
            inner = _inside(element, renamed)
            yield from _link(inner, ">=", lower, constraint, values, atoms, context)
            yield from _link(inner, "<=", upper, constraint, values, atoms, context)


def implied_by(
    binders: tuple[nodes.Binder, ...],
    constraint: nodes.Constraint,
    values: Values,
    atoms: dict[Atom, nodes.Expr],
) -> Iterator[Fact]:
    """What a constraint says about functions of the weight that it keeps in a set.

    `atoms` are those that all constraints speak of: sums over weights are looked for there.
    """
    relation = constraint.relation
    match relation:
        case nodes.Membership(element=nodes.Name() as element, set=nodes.Name(id=word)) if (
            word in IMPLIED
        ):
            yield from _implied(word, element, binders, constraint, atoms)
        case nodes.Compare() if (found := orthonormal(relation, values)) is not None:
            over = (*binders, *found.binders)
            yield from _implied("stiefel", found.weight, over, constraint, atoms)


def _context(binders: tuple[nodes.Binder, ...]) -> tuple[object, dict[str, nodes.Expr]]:
    """The quantifiers as a key, bound names replaced by numbered ones."""
    renamed: dict[str, nodes.Expr] = {}
    key: list[object] = []
    for binder in binders:
        domain = nodes.shape(_inside(binder.domain, renamed))
        for name in binder.names:
            renamed[name] = nodes.Name(id=f"#{len(renamed)}")
        condition = binder.condition
        key.append(
            (domain, None if condition is None else nodes.shape(_inside(condition, renamed)))
        )
    return tuple(key), renamed


def _inside(expr: nodes.Expr, renamed: dict[str, nodes.Expr]) -> nodes.Expr:
    return substitute(expr, renamed) if renamed else expr


def _link(
    left: nodes.Expr,
    operator: str,
    right: nodes.Expr,
    constraint: nodes.Constraint,
    values: Values,
    atoms: dict[Atom, nodes.Expr],
    context: object,
) -> Iterator[Fact]:
    a, b = linear(left, values, atoms, context), linear(right, values, atoms, context)
    terms = dict(a.terms)
    for key, value in b.terms.items():
        terms[key] = terms.get(key, 0.0) - value
    terms = {key: value for key, value in terms.items() if value != 0}
    bound = b.constant - a.constant
    if not terms or not math.isfinite(bound):
        return
    ordered = sorted(terms.items(), key=lambda item: hash(item[0]))
    scale = ordered[0][1]
    form = tuple((key, value / scale) for key, value in ordered)
    shown = left if a.terms else right
    slack = _tolerance(constraint, values) / abs(scale)
    if operator in ("<=", "=="):
        yield Fact(form, scale > 0, bound / scale, constraint, shown, slack=slack)
    if operator in (">=", "=="):
        yield Fact(form, scale < 0, bound / scale, constraint, shown, slack=slack)


def _tolerance(constraint: nodes.Constraint, values: Values) -> float:
    given = [m.tolerance for m in constraint.modifiers if isinstance(m, nodes.Within)]
    return max((value_or_none(tolerance, values) or 0.0 for tolerance in given), default=0.0)


def _implied(
    word: str,
    element: nodes.Name,
    binders: tuple[nodes.Binder, ...],
    constraint: nodes.Constraint,
    atoms: dict[Atom, nodes.Expr],
) -> Iterator[Fact]:
    context, renamed = _context(binders)
    weight = _inside(element, renamed)
    for function, (low, high) in IMPLIED[word].items():
        call = nodes.Call(function=nodes.Name(id=function), arguments=(weight,))
        shown = f"{function}({element.id})"
        for key in ((context, nodes.shape(call)), *_sums(function, binders, atoms, low)):
            if math.isfinite(low):
                yield Fact(((key, 1.0),), False, low, constraint, constraint.relation, shown)
            if math.isfinite(high) and key == (context, nodes.shape(call)):
                yield Fact(((key, 1.0),), True, high, constraint, constraint.relation, shown)


def _sums(
    function: str, binders: tuple[nodes.Binder, ...], atoms: dict[Atom, nodes.Expr], low: float
) -> Iterator[Atom]:
    """Sums of the same function over weights that include the quantified ones."""
    if len(binders) != 1 or low <= 0:
        return
    domain = binders[0].domain
    for key, expr in atoms.items():
        match expr:
            case nodes.Comprehension(
                function="sum",
                body=nodes.Call(function=nodes.Name(id=inner), arguments=(nodes.Name(),)),
                binders=(nodes.Binder(domain=over, condition=None),),
            ) if inner == function and _covers(over, domain):
                yield key


def _covers(over: nodes.Expr, domain: nodes.Expr) -> bool:
    """Whether `net.weights` (or the very same list) includes the weights of `domain`."""
    if nodes.shape(over) == nodes.shape(domain):
        return True
    head = domain.function if isinstance(domain, nodes.Call) else domain
    return isinstance(over, nodes.Attribute) and nodes.shape(over) == nodes.shape(head)
