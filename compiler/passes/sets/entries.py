"""A relation that is looked at, and those of every entry, or of entries and their mirror images.

abs(W) <= r, W^2 <= r, abs(W - c) <= r   ->   W in box(lo, hi)
W == W.T, norm(W - W.T, 2) == 0          ->   W in symmetric;  W == -W.T: W in skew
"""

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from cspec.compiler.expressions.rewrite import method_name, number, same
from cspec.compiler.passes.canonical import minus
from cspec.compiler.passes.normalize import normalized, square_root
from cspec.compiler.passes.sets.between_tensors import terms
from cspec.compiler.records.problem import Constraint, SetMember
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Attribute, Call, Expectation, Expr, Name, Negate, Power, walk

Tensors = Mapping[str, tuple[int, ...] | None]
"""Names that stand for parameters, with their shapes where they are known."""


class Seen(NamedTuple):
    """A relation in normal form, and what its names are."""

    constraint: Constraint
    value: Expr
    bound: Expr
    tensors: Tensors
    symbols: Symbols
    params: Values

    @property
    def text(self) -> str:
        return self.constraint.text

    def number(self, expr: Expr) -> float | None:
        """The value of a constant; None for what is none."""
        return value_or_none(expr, self.params)

    def constant(self, expr: Expr) -> bool:
        """Whether an expression is known before training: numbers, params, vectors of them.

        What is measured (`E[..]`, `density(net)`) and other weights move: no set has such an end.
        """
        return not any(
            isinstance(n, Expectation) or (isinstance(n, Name) and self._moves(n.id))
            for n in walk(expr)
        )

    def _moves(self, name: str) -> bool:
        role = self.symbols.role(name)
        return name in self.tensors or role not in (None, "param", "let")

    def listed(self, expr: Expr) -> bool:
        """Whether an expression is a list of a model's weights, `net.weights("fc*")`."""
        found = method_name(expr)
        models = self.symbols.models()
        return found is not None and found[0] in models and found[1] in ("weights", "params")


def is_tensor(expr: Expr, tensors: Container[str]) -> bool:
    return isinstance(expr, Name) and expr.id in tensors


def member(seen: Seen, word: str, subject: Expr, arguments: Mapping[str, Any]) -> SetMember:
    return SetMember(word=word, subject=subject, arguments=dict(arguments), recognized=seen.text)


def box(seen: Seen, subject: Expr, low: Expr | None, high: Expr | None) -> SetMember:
    infinity = Name(id="inf")
    arguments: dict[str, Expr] = {
        "0": low if low is not None else Negate(operand=infinity),
        "1": high if high is not None else infinity,
    }
    return member(seen, "box", subject, arguments)


def around(seen: Seen, inner: Expr) -> SetMember | None:
    """W of `abs(W) <= r` and of `abs(W - c) <= r`."""
    reach = seen.number(seen.bound)
    if is_tensor(inner, seen.tensors) and seen.constant(seen.bound):
        return box(seen, inner, Negate(operand=seen.bound), seen.bound)
    if reach is None or reach < 0:
        return None
    low = normalized(
        inner, ">=", number(-reach) if reach == 0 else Negate(operand=number(reach)), seen.params
    )
    high = normalized(inner, "<=", number(reach), seen.params)
    if low.relation == "<=":
        low, high = high, low
    whole = is_tensor(low.value, seen.tensors) and same(low.value, high.value)
    if not whole or (low.relation, high.relation) != (">=", "<="):
        return None
    ends = [seen.number(side.bound) for side in (low, high)]
    return None if None in ends else box(seen, low.value, low.bound, high.bound)


def square_box(seen: Seen) -> SetMember | None:
    """`W^2 <= r`, entry by entry."""
    match seen.value:
        case Power(base=base, exponent=exponent) if (
            is_tensor(base, seen.tensors) and seen.number(exponent) == 2
        ):
            bound = seen.number(seen.bound)
            if bound is None or bound < 0:
                return None
            root = square_root(seen.bound, seen.params)
            return box(seen, base, Negate(operand=root), root)
    return None


def mirrored(seen: Seen) -> SetMember | None:
    """W of `W == W.T` (symmetric) and `W == -W.T` (skew), also as a norm that is 0."""
    value = seen.value
    match value:
        case Call(function=Name(id=name), arguments=(inner, *_)) if (
            name in ("norm", "l1", "l2", "sumsq") and seen.number(seen.bound) == 0
        ):
            value = inner
    bound = seen.bound if value is seen.value else number(0)
    direct, flipped, subjects = 0.0, 0.0, set()
    for term in terms(minus(value, bound), seen.params):
        match term.expr:
            case Name(id=name):
                direct += term.factor
            case Attribute(value=Name(id=name), name="T"):
                flipped += term.factor
            case None if term.factor == 0:
                continue
            case _:
                return None
        subjects.add(name)
    if len(subjects) != 1 or direct == 0 or abs(direct) != abs(flipped):
        return None
    subject = Name(id=subjects.pop())
    word = "symmetric" if direct == -flipped else "skew"
    return member(seen, word, subject, {}) if is_tensor(subject, seen.tensors) else None
