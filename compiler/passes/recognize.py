"""See the sets in what people write: a set has a projection, an inequality has only a gradient.

forall W in net.weights: W >= 0      ->   W in nonneg;  min(W) >= 0, too
norm(w, 1) <= r, l2(w) <= r          ->   w in ball(r, norm=p)
sumsq(w) <= r, sum(w^2) <= r         ->   w in ball(sqrt(r), norm=2);  == r: w in sphere(sqrt(r))
norm(net.weights, 2) <= r            ->   all weights together in one ball
spectral(W) <= r, nuclear(W) <= r    ->   W in spectral(r), W in nuclear(r)
W.T @ W == eye, W @ W.T == eye       ->   W in stiefel
lo <= W <= hi, abs(W) <= r, W^2 <= r ->   W in box(lo, hi);  max(W) <= hi, too
W == W.T, norm(W - W.T, 2) == 0      ->   W in symmetric;  W == -W.T: W in skew
sum(w) <= 1, c @ w == b, A @ w <= b  ->   half-space, affine subspace, polyhedron (`rows`)
sum(w) == 1 beside w >= 0            ->   w in simplex, both together (w a vector)
density(net) <= d                    ->   all weights of net in sparse(d)

Also scaled, moved to the other side or squared (`normalize`), and by other names of the same
quantity (`quantities`): `2*norm(w, 1) - 2*r <= 0`, `sqrt(sum(w*w)) <= r`.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping
from typing import Any, NamedTuple

from cspec.compiler.ir import Constraint, Problem, Relation, SetMember
from cspec.compiler.passes.joint import joint_sets
from cspec.compiler.passes.normalize import Values, normalized, square_root
from cspec.compiler.passes.rows import affine_rows
from cspec.compiler.rewrite import function_name, method_name, number, same
from cspec.dsl.constants import value_or_none
from cspec.dsl.grams import orthonormal
from cspec.dsl.nodes import (
    Attribute,
    Call,
    Compare,
    Expr,
    Interval,
    Keyword,
    Name,
    Negate,
    Number,
    Power,
    Product,
    Sum,
    walk,
)
from cspec.dsl.symbols import Symbols


def recognize(problem: Problem, symbols: Symbols, params: Values | None = None) -> Problem:
    """The problem with `set` filled in wherever a constraint is a known set of parameters."""
    params = {} if params is None else params
    constraints = tuple(
        c if c.set else c.model_copy(update={"set": set_of(c, symbols, params)})
        for c in problem.constraints
    )
    return problem.model_copy(update={"constraints": joint_sets(constraints, symbols, params)})


def set_of(
    constraint: Constraint, symbols: Symbols, params: Values | None = None
) -> SetMember | None:
    """The set a constraint confines parameters to, if it is one that is known."""
    value, relation, bound = normalized(
        constraint.value, constraint.relation, constraint.bound, params or {}
    )
    tensors = _tensors(constraint, symbols, params or {})
    seen = _Seen(constraint, value, bound, tensors, symbols, params or {})
    match relation:
        case "in" if _is_tensor(value, tensors):
            return _membership(value, bound)
        case "<=":
            found = _upper(seen)
        case ">=":
            found = _lower(seen)
        case "==":
            found = _equal(seen)
        case _:
            return None
    return found or _rows(seen, relation)


class _Seen(NamedTuple):
    """A relation in normal form, and what its names are."""

    constraint: Constraint
    value: Expr
    bound: Expr
    tensors: Mapping[str, tuple[int, ...] | None]
    symbols: Symbols
    params: Values

    @property
    def text(self) -> str:
        return self.constraint.text

    def number(self, expr: Expr) -> float | None:
        """The value of a constant; None for what is none."""
        return value_or_none(expr, self.params)

    def constant(self, expr: Expr) -> bool:
        """Whether an expression has no tensor in it: a number, a vector of params."""
        return not any(isinstance(n, Name) and n.id in self.tensors for n in walk(expr))

    def listed(self, expr: Expr) -> bool:
        """Whether an expression is a list of a model's weights, `net.weights("fc*")`."""
        found = method_name(expr)
        models = self.symbols.models()
        return found is not None and found[0] in models and found[1] in ("weights", "params")


def _tensors(
    constraint: Constraint, symbols: Symbols, params: Values
) -> Mapping[str, tuple[int, ...] | None]:
    """Names that stand for parameter tensors, with their shapes where the spec gives them."""
    quantified = {
        name: None
        for binder in constraint.binders
        if (method := method_name(binder.domain)) and method[1] in ("weights", "params")
        for name in binder.names
    }
    shapes = {
        name: tuple(int(value_or_none(d, params) or 0) for d in var.dimensions)
        for name, var in symbols.vars().items()
    }
    return {**quantified, **shapes}


def _is_tensor(expr: Expr, tensors: Container[str]) -> bool:
    return isinstance(expr, Name) and expr.id in tensors


def _membership(value: Expr, bound: Expr) -> SetMember | None:
    match bound:
        case Name(id=word):
            return SetMember(word=word, subject=value)
        case Call(function=Name(id=word), arguments=arguments, keywords=keywords):
            named = {str(i): a for i, a in enumerate(arguments)} | {
                k.name: k.value for k in keywords
            }
            return SetMember(word=word, subject=value, arguments=named)
        case Interval(lower=low, upper=high):
            return SetMember(word="box", subject=value, arguments={"0": low, "1": high})
        case _:
            return None


def _upper(seen: _Seen) -> SetMember | None:
    value, bound, tensors = seen.value, seen.bound, seen.tensors
    if isinstance(value, Compare):
        low, middle, high = value.operands
        if value.operators[0] in (">", ">="):
            low, high = high, low
        return _box(seen, middle, low, high) if _is_tensor(middle, tensors) else None
    if _is_tensor(value, tensors) and seen.constant(bound):
        return _box(seen, value, None, bound)
    squared = _square_box(seen)
    if squared is not None:
        return squared
    name = function_name(value)
    if not isinstance(value, Call) or not value.arguments:
        return None
    subject = value.arguments[0]
    if name == "density" and isinstance(subject, Name):
        recognized = {"arguments": {"0": bound}, "recognized": seen.text}
        return SetMember(word="sparse", model=subject.id, **recognized)
    if name == "abs":
        return _around(seen, subject)
    joint = seen.listed(subject)
    if not (_is_tensor(subject, tensors) or joint) or not seen.constant(bound):
        return None
    match name:
        case "max" if not joint and len(value.arguments) == 1:
            return _box(seen, subject, None, bound)
        case "norm" | "l1" | "l2":
            return _ball(seen, subject, bound, _norm(value), joint)
        case "sumsq":
            radius = _root(seen, bound)
            return _ball(seen, subject, radius, Number(text="2", value=2.0), joint)
        case "spectral" | "nuclear" if not joint:
            return _member(seen, name, subject, {"0": bound})
        case _:
            return None


def _lower(seen: _Seen) -> SetMember | None:
    subject = seen.value
    match subject:
        case Call(function=Name(id="min"), arguments=(inner,)):
            subject = inner
    if not _is_tensor(subject, seen.tensors) or not seen.constant(seen.bound):
        return None
    if isinstance(seen.bound, Number) and seen.bound.value == 0:
        return _member(seen, "nonneg", subject, {})
    return _box(seen, subject, seen.bound, None)


def _equal(seen: _Seen) -> SetMember | None:
    relation = Compare(operands=(seen.value, seen.bound), operators=("==",))
    found = orthonormal(relation, seen.params)
    if found is not None and not found.binders and _is_tensor(found.weight, seen.tensors):
        return _member(seen, "stiefel", found.weight, {})
    mirrored = _mirrored(seen)
    if mirrored is not None:
        return mirrored
    if _is_tensor(seen.value, seen.tensors) and seen.constant(seen.bound):
        return _box(seen, seen.value, seen.bound, seen.bound)
    match seen.value:
        case Call(function=Name(id="norm" | "l2" | "sumsq" as name), arguments=(subject, *_)):
            bound = seen.number(seen.bound)
            if not _is_tensor(subject, seen.tensors) or bound is None or bound <= 0:
                return None
            if name == "norm" and seen.number(_norm(seen.value)) != 2:
                return None
            radius = _root(seen, seen.bound) if name == "sumsq" else seen.bound
            return _member(seen, "sphere", subject, {"radius": radius})
    return None


def _rows(seen: _Seen, relation: Relation) -> SetMember | None:
    """A half-space, an affine subspace or a polyhedron of the entries of one tensor."""
    found = affine_rows(seen.value, relation, seen.bound, seen.tensors, seen.params)
    if found is None:
        return None
    one = found.word == "halfspace"
    arguments = {
        "0": found.coefficients[0] if one else found.coefficients,
        "1": found.bounds[0] if one else found.bounds,
    }
    return SetMember(
        word=found.word, subject=found.subject, arguments=arguments, recognized=seen.text
    )


def _member(seen: _Seen, word: str, subject: Expr, arguments: Mapping[str, Any]) -> SetMember:
    return SetMember(word=word, subject=subject, arguments=dict(arguments), recognized=seen.text)


def _ball(seen: _Seen, subject: Expr, radius: Expr, norm: Expr, joint: bool) -> SetMember | None:
    order = math.inf if norm == Name(id="inf") else seen.number(norm)
    if order not in (1.0, 2.0, math.inf):
        return None
    arguments: dict[str, Any] = {"0": radius, "norm": norm}
    if joint and order != math.inf:  # the largest entry of all is that of each alone
        arguments["joint"] = True
    return _member(seen, "ball", subject, arguments)


def _around(seen: _Seen, inner: Expr) -> SetMember | None:
    """W of `abs(W) <= r` and of `abs(W - c) <= r`."""
    reach = seen.number(seen.bound)
    if _is_tensor(inner, seen.tensors) and seen.constant(seen.bound):
        return _box(seen, inner, Negate(operand=seen.bound), seen.bound)
    if reach is None or reach < 0:
        return None
    low = normalized(
        inner, ">=", number(-reach) if reach == 0 else Negate(operand=number(reach)), seen.params
    )
    high = normalized(inner, "<=", number(reach), seen.params)
    if low.relation == "<=":
        low, high = high, low
    whole = _is_tensor(low.value, seen.tensors) and same(low.value, high.value)
    if not whole or (low.relation, high.relation) != (">=", "<="):
        return None
    ends = [seen.number(side.bound) for side in (low, high)]
    return None if None in ends else _box(seen, low.value, low.bound, high.bound)


def _square_box(seen: _Seen) -> SetMember | None:
    """`W^2 <= r`, entry by entry."""
    match seen.value:
        case Power(base=base, exponent=exponent) if (
            _is_tensor(base, seen.tensors) and seen.number(exponent) == 2
        ):
            bound = seen.number(seen.bound)
            if bound is None or bound < 0:
                return None
            root = _root(seen, seen.bound)
            return _box(seen, base, Negate(operand=root), root)
    return None


def _root(seen: _Seen, bound: Expr) -> Expr:
    return square_root(bound, seen.params)


def _norm(value: Call) -> Expr:
    match function_name(value), value.arguments, value.keywords:
        case "l1", _, _:
            return Number(text="1", value=1.0)
        case "norm", (_, order), _:
            return order
        case "norm", _, (Keyword(value=order), *_):
            return order
        case _:
            return Number(text="2", value=2.0)


def _box(seen: _Seen, subject: Expr, low: Expr | None, high: Expr | None) -> SetMember:
    infinity = Name(id="inf")
    arguments: dict[str, Expr] = {
        "0": low if low is not None else Negate(operand=infinity),
        "1": high if high is not None else infinity,
    }
    return _member(seen, "box", subject, arguments)


def _mirrored(seen: _Seen) -> SetMember | None:
    """W of `W == W.T` (symmetric) and `W == -W.T` (skew), also as a norm that is 0."""
    value = seen.value
    match value:
        case Call(function=Name(id=name), arguments=(inner, *_)) if (
            name in ("norm", "l1", "l2", "sumsq") and seen.number(seen.bound) == 0
        ):
            value = inner
    bound = seen.bound if value is seen.value else number(0)
    terms = [*_terms(seen, value, 1.0), *_terms(seen, bound, -1.0)]
    subjects = {name for _, name, _ in terms}
    direct = sum(factor for factor, _, mirror in terms if not mirror)
    flipped = sum(factor for factor, _, mirror in terms if mirror)
    if len(subjects) != 1 or direct == 0 or abs(direct) != abs(flipped):
        return None
    subject = subjects.pop()
    word = "symmetric" if direct == -flipped else "skew"
    return None if subject is None else _member(seen, word, Name(id=subject), {})


def _terms(seen: _Seen, expr: Expr, factor: float) -> Iterator[tuple[float, str | None, bool]]:
    """Factor, tensor and whether it is transposed, of every term; a tensor of None for others."""
    match expr:
        case Negate(operand=operand):
            yield from _terms(seen, operand, -factor)
        case Sum(operands=operands, operators=operators):
            for operator, operand in zip(("+", *operators), operands, strict=True):
                yield from _terms(seen, operand, -factor if operator == "-" else factor)
        case Product(operands=(left, right), operators=(("*" | "/") as operator,)):
            one, other = seen.number(left), seen.number(right)
            if other:
                scaled = factor * other if operator == "*" else factor / other
                yield from _terms(seen, left, scaled)
            elif one and operator == "*":
                yield from _terms(seen, right, factor * one)
            else:
                yield factor, None, False
        case Name(id=name) if name in seen.tensors:
            yield factor, name, False
        case Attribute(value=Name(id=name), name="T") if name in seen.tensors:
            yield factor, name, True
        case _:
            if seen.number(expr) != 0:
                yield factor, None, False
