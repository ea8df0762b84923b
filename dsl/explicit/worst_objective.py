"""The worst example as an objective: a variable above (below) the value of each.

    minimize max(e for (x, y) in train)   ->   minimize worst
                                               s.t. each: forall (x, y) in train: e <= worst

The epigraph form (Boyd and Vandenberghe 2004, section 4.2.4): a maximum has the gradient of one
example, the requirement on each has a multiplier an example. So for what is added to the objective
with a positive constant before it, for `maximize min(..)`, and for pairs and points of a domain.
"""

from __future__ import annotations

from functools import cached_property

from cspec.dsl.explicit.points import point_set
from cspec.dsl.names.symbols import Symbol, Symbols
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import (
    Binder,
    Call,
    Compare,
    Comprehension,
    Constraint,
    Expr,
    Item,
    Name,
    Number,
    Objective,
    Product,
    Spec,
    SubjectTo,
    Sum,
    Var,
)
from cspec.dsl.tree.rebuild import fresh

_SIGN = {"minimize": ("max", "<="), "maximize": ("min", ">=")}
"""The extreme that is the worst of an objective, and how each example stands to it."""


def with_worst_objective(spec: Spec, symbols: Symbols) -> tuple[Spec, Symbols]:
    """The spec with a variable and a requirement for each worst example of its objective."""
    items: list[Item] = []
    made: list[tuple[Var, Constraint]] = []
    for item in spec.items:
        if isinstance(item, Objective) and item.expression is not None and item.sense in _SIGN:
            worker = _Worst(*_SIGN[item.sense], spec, symbols)
            item = item.model_copy(update={"expression": worker.replaced(item.expression)})
            made += worker.made
        items.append(item)
    if not made:
        return spec, symbols
    variables = [var for var, _ in made]
    places = [i for i, item in enumerate(items) if isinstance(item, Objective | SubjectTo)]
    behind = places[-1] + 1
    below = SubjectTo(constraints=tuple(c for _, c in made))
    before = next(i for i, item in enumerate(items) if isinstance(item, Objective))
    changed = (*items[:before], *variables, *items[before:behind], below, *items[behind:])
    table = {var.name: Symbol(var.name, "var", var, var.name_span) for var in variables}
    known = symbols.model_copy(update={"table": {**symbols.table, **table}})
    return spec.model_copy(update={"items": changed}), known


class _Worst:
    """Replaces the worst examples of an objective, `function` of them, and notes what for."""

    def __init__(self, function: str, relation: str, spec: Spec, symbols: Symbols) -> None:
        self._function, self._relation = function, relation
        self._symbols, self._spec = symbols, spec
        self.made: list[tuple[Var, Constraint]] = []

    @cached_property
    def _names(self) -> set[str]:
        return {*self._symbols.table, *self._symbols.metrics}

    @cached_property
    def _labels(self) -> set[str | None]:
        return {c.label for c in self._spec.constraints()}

    def replaced(self, expr: Expr) -> Expr:
        """The expression with variables for worst examples that it rises with."""
        match expr:
            case Comprehension(function=function, binders=(binder,)) if (
                function == self._function and self._of_each(binder)
            ):
                return self._variable(expr)
            case Sum(operands=operands, operators=operators):
                signs = ("+", *operators)
                new = tuple(
                    self.replaced(o) if sign == "+" else o
                    for o, sign in zip(operands, signs, strict=True)
                )
                return expr.model_copy(update={"operands": new})
            case Product(operands=(Number() as factor, rest), operators=("*",)) if (
                value_or_none(factor, {}) or 0
            ) > 0:
                return expr.model_copy(update={"operands": (factor, self.replaced(rest))})
        return expr

    def _of_each(self, binder: Binder) -> bool:
        """Whether it goes over examples, pairs of them, or points of a domain."""
        match binder.domain:
            case Name(id=name):
                return name in self._symbols.datasets()
            case Call(function=Name(id="pairs")):
                return True
        return point_set(binder.domain, self._symbols.domains()) is not None

    def _variable(self, worst: Comprehension) -> Name:
        name, label = fresh("worst", self._names), fresh("each", self._labels)
        self._names.add(name)
        self._labels.add(label)
        bound = Name(id=name, span=worst.span)
        each = Compare(operands=(worst.body, bound), operators=(self._relation,), span=worst.span)
        constraint = Constraint(
            label=label, binders=worst.binders, relation=each, modifiers=(), span=worst.span
        )
        self.made.append((Var(name=name, span=worst.span, name_span=worst.span), constraint))
        return bound
