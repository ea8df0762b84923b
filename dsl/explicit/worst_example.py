"""What is asked of the worst, and of each.

max(e for (x, y) in train) <= b                ->   forall (x, y) in train: e <= b
max(e for (t, x) in q.grid(9)) <= b            ->   forall (t, x) in q.grid(9): e <= b
forall (x, y) in train, z in ball(x, r): e <= b   ->   forall (x, y) in train:
                                                         max(e for z in ball(x, r)) <= b
forall (x, y) in train, z in ball(x, r), a in [0, 1]: e <= b   ->   of both together
.., z in ball(x, r): lo <= e <= hi   ->   max(max(lo - e, e - hi) for z in ball(x, r)) <= 0
.., z in ball(x, r): A => B          ->   not any(A and not B for z in ball(x, r))

`min(..) >= b` alike, and numbers of an interval, `a in [lo, hi]`.

The worst example as an objective is a variable above (below) the value of each:

    minimize max(e for (x, y) in train)   ->   minimize worst
                                               s.t. each: forall (x, y) in train: e <= worst

The epigraph form (Boyd and Vandenberghe 2004, section 4.2.4): a maximum has the gradient of one
example, the requirement on each has a multiplier an example. So for what is added to the objective
with a positive constant before it, for `maximize min(..)`, and for pairs and points of a domain.
"""

from collections.abc import Container, Mapping
from functools import cached_property

from cspec.dsl.explicit.points import point_set
from cspec.dsl.names.symbols import Symbol, Symbols
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.rebuild import fresh, head_word, names
from cspec.dsl.words.sets import BALL, BOXES

EXTREME = {"<=": "max", ">=": "min"}
"""The extreme that has to meet a bound, by the relation."""


def worst_of(
    relation: nodes.Expr, datasets: Container[str], domains: Mapping[str, nodes.Domain]
) -> tuple[nodes.Expr, tuple[nodes.Binder, ...]]:
    """A relation of the worst example or point as that of each, and the quantifier.

    Others are as they are.
    """
    match relation:
        case nodes.Compare(operands=(nodes.Comprehension() as worst, bound), operators=(operator,)):
            pass
        case nodes.Compare(operands=(bound, nodes.Comprehension() as worst), operators=(turned,)):
            operator = nodes.TURNED[turned]
        case _:
            return relation, ()
    domain = worst.binders[0].domain
    examples = isinstance(domain, nodes.Name) and domain.id in datasets
    each = examples or point_set(domain, domains) is not None
    if len(worst.binders) > 1 or not each or EXTREME.get(operator) != worst.function:
        return relation, ()
    of_each = nodes.Compare(operands=(worst.body, bound), operators=(operator,), span=relation.span)
    return of_each, worst.binders


def worst_point(
    relation: nodes.Expr, binders: tuple[nodes.Binder, ...], inside: bool
) -> tuple[nodes.Expr, tuple[nodes.Binder, ...]]:
    """A relation on each point of a ball around each example as that of the worst point.

    `inside`: the examples are those of a quantifier around it.
    """
    rows = binders[:0] if inside else binders[:1]
    sets = binders[len(rows) :]
    examples = all(isinstance(b.domain, nodes.Name) and len(b.names) > 1 for b in rows)
    if not examples or not sets or not all(is_searched(s.domain) for s in sets):
        return relation, binders
    found = _of_worst(relation, sets)
    return (relation, binders) if found is None else (found, rows)


def _of_worst(relation: nodes.Expr, sets: tuple[nodes.Binder, ...]) -> nodes.Expr | None:
    """What of the worst point says the same; None of an equation between numbers."""
    zero = nodes.Number(text="0", value=0)
    match relation:
        case nodes.Compare(operands=(left, right), operators=("<=" | ">=" as operator,)):
            left = _worst(left, "max" if operator == "<=" else "min", sets)
            right = _worst(right, "min" if operator == "<=" else "max", sets)
            return relation.changed(operands=(left, right))
        case nodes.Compare(operators=operators) if set(operators) <= {"<=", ">="}:
            links = zip(relation.operands, operators, relation.operands[1:], strict=False)
            over = [_over(*pair) for pair in links]
        case nodes.Membership(element=element, set=nodes.Interval(lower=lower, upper=upper)):
            over = [_over(lower, "<=", element), _over(element, "<=", upper)]
        case nodes.Compare() if "pred" not in map(head_word, relation.operands):
            return None
        case (
            nodes.Compare()
            | nodes.Membership()
            | nodes.Implies()
            | nodes.And()
            | nodes.Or()
            | nodes.Not()
        ):
            broken = _worst(_broken(relation), "any", sets)
            return nodes.Not(operand=broken, span=relation.span)
        case _:
            return None
    most = nodes.Call(function=nodes.Name(id="max"), arguments=tuple(over), span=relation.span)
    worst = _worst(most, "max", sets)
    return nodes.Compare(operands=(worst, zero), operators=("<=",), span=relation.span)


def _over(left: nodes.Expr, operator: str, right: nodes.Expr) -> nodes.Expr:
    """How much the left side is above the right, of `>=` below it."""
    sides = (left, right) if operator == "<=" else (right, left)
    return nodes.Sum(operands=sides, operators=("-",), span=left.span.to(right.span))


def _broken(relation: nodes.Expr) -> nodes.Expr:
    """The event that a relation does not hold."""
    match relation:
        case nodes.Implies(condition=condition, consequence=consequence):
            missed = nodes.Not(operand=consequence, span=consequence.span)
            return nodes.And(operands=(condition, missed), span=relation.span)
        case nodes.Compare(operators=("==" | "!=" as operator,)):
            turned = "!=" if operator == "==" else "=="
            return relation.changed(operators=(turned,))
    return nodes.Not(operand=relation, span=relation.span)


def _worst(side: nodes.Expr, extreme: str, sets: tuple[nodes.Binder, ...]) -> nodes.Expr:
    """The extreme of a side over the sets whose points stand in it."""
    found = names(side)
    kept = tuple(binder for binder in sets if not found.isdisjoint(binder.names))
    if not kept:
        return side
    return nodes.Comprehension(function=extreme, body=side, binders=kept, span=side.span)


def joint(expr: nodes.Comprehension) -> nodes.Comprehension:
    """`max(max(e for a in [lo, hi]) for z in ball(x, r))`: the worst of both sets together."""
    inner = expr.body
    if not isinstance(inner, nodes.Comprehension) or inner.function != expr.function:
        return expr
    binders = (*expr.binders, *inner.binders)
    if expr.function not in nodes.EXTREMES or not all(is_searched(b.domain) for b in binders):
        return expr
    return expr.changed(body=inner.body, binders=binders)


def is_searched(domain: nodes.Expr) -> bool:
    """Whether the worst of a set is searched: of a ball, an interval or a box."""
    match domain:
        case nodes.Interval():
            return True
        case nodes.Call(function=nodes.Name(id=word)):
            return word == BALL or word in BOXES
    return False


_SIGN = {"minimize": ("max", "<="), "maximize": ("min", ">=")}
"""The extreme that is the worst of an objective, and how each example stands to it."""


def with_worst_objective(spec: nodes.Spec, symbols: Symbols) -> tuple[nodes.Spec, Symbols]:
    """The spec with a variable and a requirement for each worst example of its objective."""
    items: list[nodes.Item] = []
    made: list[tuple[nodes.Var, nodes.Constraint]] = []
    for item in spec.items:
        if (
            isinstance(item, nodes.Objective)
            and item.expression is not None
            and item.sense in _SIGN
        ):
            worker = _Worst(*_SIGN[item.sense], spec, symbols)
            item = item.changed(expression=worker.replaced(item.expression))
            made += worker.made
        items.append(item)
    if not made:
        return spec, symbols
    variables = [var for var, _ in made]
    places = [
        i for i, item in enumerate(items) if isinstance(item, nodes.Objective | nodes.SubjectTo)
    ]
    behind = places[-1] + 1
    below = nodes.SubjectTo(constraints=tuple(c for _, c in made))
    before = next(i for i, item in enumerate(items) if isinstance(item, nodes.Objective))
    changed = (*items[:before], *variables, *items[before:behind], below, *items[behind:])
    known = symbols.more(Symbol(var.name, "var", var, var.name_span) for var in variables)
    return spec.changed(items=changed), known


class _Worst:
    """Replaces the worst examples of an objective, `function` of them, and notes what for."""

    def __init__(self, function: str, relation: str, spec: nodes.Spec, symbols: Symbols) -> None:
        self._function, self._relation = function, relation
        self._symbols, self._spec = symbols, spec
        self.made: list[tuple[nodes.Var, nodes.Constraint]] = []

    @cached_property
    def _names(self) -> set[str]:
        return {*self._symbols.table, *self._symbols.metrics}

    @cached_property
    def _labels(self) -> set[str | None]:
        return {c.label for c in self._spec.constraints()}

    def replaced(self, expr: nodes.Expr) -> nodes.Expr:
        """The expression with variables for worst examples that it rises with."""
        match expr:
            case nodes.Comprehension(function=function, binders=(binder,)) if (
                function == self._function and self._of_each(binder)
            ):
                return self._variable(expr)
            case nodes.Sum(operands=operands, operators=operators):
                signs = ("+", *operators)
                new = tuple(
                    self.replaced(o) if sign == "+" else o
                    for o, sign in zip(operands, signs, strict=True)
                )
                return expr.changed(operands=new)
            case nodes.Product(operands=(nodes.Number() as factor, rest), operators=("*",)) if (
                value_or_none(factor, {}) or 0
            ) > 0:
                return expr.changed(operands=(factor, self.replaced(rest)))
        return expr

    def _of_each(self, binder: nodes.Binder) -> bool:
        """Whether it goes over examples, pairs of them, or points of a domain."""
        match binder.domain:
            case nodes.Name(id=name):
                return name in self._symbols.datasets()
            case nodes.Call(function=nodes.Name(id="pairs")):
                return True
        return point_set(binder.domain, self._symbols.domains()) is not None

    def _variable(self, worst: nodes.Comprehension) -> nodes.Name:
        name, label = fresh("worst", self._names), fresh("each", self._labels)
        self._names.add(name)
        self._labels.add(label)
        bound = nodes.Name(id=name, span=worst.span)
        each = nodes.Compare(
            operands=(worst.body, bound), operators=(self._relation,), span=worst.span
        )
        constraint = nodes.Constraint(
            label=label, binders=worst.binders, relation=each, modifiers=(), span=worst.span
        )
        self.made.append((nodes.Var(name=name, span=worst.span, name_span=worst.span), constraint))
        return bound
