"""See the sets in what people write: a set has a projection, an inequality has only a gradient.

forall W in net.weights: W >= 0      ->   W in nonneg
norm(w, 1) <= r, l2(w) <= r          ->   w in ball(r, norm=p)
sumsq(w) <= r                        ->   w in ball(sqrt(r), norm=2)
spectral(W) <= r, nuclear(W) <= r    ->   W in spectral(r), W in nuclear(r)
W.T @ W == eye                       ->   W in stiefel
lo <= W <= hi                        ->   W in box(lo, hi)
W == W.T                             ->   W in symmetric
sum(w) == 1 beside w >= 0            ->   w in simplex, both together (w a vector)
density(net) <= d                    ->   all weights of net in sparse(d)

Also scaled, moved to the other side or squared (`normalize`): `2*norm(w, 1) - 2*r <= 0`.
"""

from __future__ import annotations

from cspec.compiler.ir import Constraint, Problem, SetMember
from cspec.compiler.passes.joint import joint_simplexes
from cspec.compiler.passes.normalize import Values, normalized
from cspec.compiler.rewrite import call, function_name, method_name, same
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
    Product,
)
from cspec.dsl.symbols import Symbols


def recognize(problem: Problem, symbols: Symbols, params: Values | None = None) -> Problem:
    """The problem with `set` filled in wherever a constraint is a known set of parameters."""
    params = {} if params is None else params
    constraints = tuple(
        c if c.set else c.model_copy(update={"set": set_of(c, symbols, params)})
        for c in problem.constraints
    )
    return problem.model_copy(update={"constraints": joint_simplexes(constraints, symbols, params)})


def set_of(
    constraint: Constraint, symbols: Symbols, params: Values | None = None
) -> SetMember | None:
    """The set a constraint confines parameters to, if it is one that is known."""
    value, relation, bound = normalized(
        constraint.value, constraint.relation, constraint.bound, params or {}
    )
    tensors = _tensors(constraint, symbols)
    match relation:
        case "in" if _is_tensor(value, tensors):
            return _membership(value, bound)
        case "<=":
            return _upper(constraint, value, bound, tensors)
        case ">=" if _is_tensor(value, tensors):
            if isinstance(bound, Number) and bound.value == 0:
                return SetMember(word="nonneg", subject=value, recognized=constraint.text)
            return _box(constraint, value, bound, None)
        case "==" if (subject := _gram(value, bound, tensors)) is not None:
            return SetMember(word="stiefel", subject=subject, recognized=constraint.text)
        case "==" if (subject := _mirrored(value, bound, tensors)) is not None:
            return SetMember(word="symmetric", subject=subject, recognized=constraint.text)
        case _:
            return None


def _tensors(constraint: Constraint, symbols: Symbols) -> frozenset[str]:
    """Names that stand for parameter tensors: quantified weights and vector variables."""
    quantified = (
        name
        for binder in constraint.binders
        if (method := method_name(binder.domain)) and method[1] in ("weights", "params")
        for name in binder.names
    )
    return frozenset(quantified) | frozenset(symbols.vars())


def _is_tensor(expr: Expr, tensors: frozenset[str]) -> bool:
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


def _upper(
    constraint: Constraint, value: Expr, bound: Expr, tensors: frozenset[str]
) -> SetMember | None:
    text = constraint.text
    if isinstance(value, Compare):
        low, middle, high = value.operands
        if value.operators[0] in (">", ">="):
            low, high = high, low
        return _box(constraint, middle, low, high) if _is_tensor(middle, tensors) else None
    if _is_tensor(value, tensors):
        return _box(constraint, value, None, bound)
    name = function_name(value)
    if not isinstance(value, Call) or not value.arguments:
        return None
    subject = value.arguments[0]
    if name == "density" and isinstance(subject, Name):
        return SetMember(word="sparse", arguments={"0": bound}, model=subject.id, recognized=text)
    if not _is_tensor(subject, tensors):
        return None
    match name:
        case "norm" | "l1" | "l2":
            return SetMember(
                word="ball",
                subject=subject,
                arguments={"0": bound, "norm": _norm(value)},
                recognized=text,
            )
        case "sumsq":
            arguments = {"0": call("sqrt", bound), "norm": Number(text="2", value=2.0)}
            return SetMember(word="ball", subject=subject, arguments=arguments, recognized=text)
        case "spectral" | "nuclear":
            return SetMember(word=name, subject=subject, arguments={"0": bound}, recognized=text)
        case _:
            return None


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


def _box(constraint: Constraint, subject: Expr, low: Expr | None, high: Expr | None) -> SetMember:
    infinity = Name(id="inf")
    arguments: dict[str, Expr] = {
        "0": low if low is not None else Negate(operand=infinity),
        "1": high if high is not None else infinity,
    }
    return SetMember(word="box", subject=subject, arguments=arguments, recognized=constraint.text)


def _gram(value: Expr, bound: Expr, tensors: frozenset[str]) -> Expr | None:
    """W of `W.T @ W == eye`."""
    match value, bound:
        case (
            Product(operands=(Attribute(value=left, name="T"), right), operators=("@",)),
            Name(id="eye") | Call(function=Name(id="eye")),
        ) if same(left, right) and _is_tensor(right, tensors):
            return right
        case (Name(id="eye") | Call(function=Name(id="eye")), Product()):
            return _gram(bound, value, tensors)
        case _:
            return None


def _mirrored(value: Expr, bound: Expr, tensors: frozenset[str]) -> Expr | None:
    """W of `W == W.T` and `W.T == W`."""
    match value, bound:
        case (left, Attribute(value=right, name="T")) if same(left, right):
            return left if _is_tensor(left, tensors) else None
        case (Attribute(name="T"), _) if not isinstance(bound, Attribute):
            return _mirrored(bound, value, tensors)
        case _:
            return None
