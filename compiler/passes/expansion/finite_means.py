"""Means over finite sets, written out; sums over the examples of data, as means.

E[P[pred == 1 | sex == g] for g in values(sex)]  ->  (P[.. | sex == F] + P[.. | sex == M])/2
E[ce(f(x + s), y) for s in {0, 1}]               ->  E[(ce(f(x + 0), y) + ce(f(x + 1), y))/2]
sum(ce(f(x), y) for (x, y) in train where c)     ->  n E[ce(f(x), y)*c on train], of n examples
"""

from collections.abc import Mapping, Sequence

from cspec.compiler.expressions.rewrite import call, number, sum_of
from cspec.dsl.tree.nodes import Binder, Comprehension, Expectation, Expr, Keyword, Name, Product
from cspec.dsl.tree.rebuild import bound_names, names, substitute


def mean_of_members(node: Expectation, members: Sequence[Mapping[str, Expr]]) -> Expr:
    """`E[e for a in S]` over a finite set: the mean of its members, each counts the same.

    With data it is one over all examples and members; those that a condition about a member leaves
    out count in neither, E[sum of e where c]/E[sum of c].
    """
    asked = node.conditions
    bound = bound_names(node.binders)
    inner = tuple(c for c in asked if names(c) & bound)
    outer = tuple(c for c in asked if c not in inner)

    def total(*factors: Expr) -> Expr:
        """The sum over the members of a product."""
        return sum_of([_times(*(substitute(f, values) for f in factors)) for values in members])

    def mean(body: Expr) -> Expr:
        if node.dataset is None:
            return body
        update = {"kind": "E", "body": body, "binders": (), "conditions": outer}
        return node.model_copy(update=update)

    if not inner:
        return mean(_over(total(node.body), number(len(members))))
    return _over(mean(total(node.body, *inner)), mean(total(*inner)))


def sum_over_examples(node: Comprehension, columns: Sequence[str], rows: int) -> Expr:
    """A sum over the examples of data, from their mean: of a batch it is an unbiased estimate."""
    (binder,) = node.binders
    assert isinstance(binder.domain, Name)
    parts = (node.body,) if binder.condition is None else (node.body, binder.condition)
    own = [_of_columns(part, binder, columns) for part in parts]
    span = binder.domain.span
    mean = Expectation(
        kind="E", body=_times(*own), dataset=binder.domain.id, dataset_span=span, span=node.span
    )
    return Product(operands=(number(rows), mean), operators=("*",), span=node.span)


def extreme_of_examples(node: Comprehension, columns: Sequence[str]) -> Expr:
    """The largest or smallest value of the examples of data: the quantile of all or none."""
    (binder,) = node.binders
    level = number(1 if node.function == "max" else 0)
    on = Keyword(name="on", value=binder.domain, span=node.span)
    body = _of_columns(node.body, binder, columns)
    return call("quantile", body, level).model_copy(update={"keywords": (on,), "span": node.span})


def _of_columns(expr: Expr, binder: Binder, columns: Sequence[str]) -> Expr:
    """What is said of an example, by the names of the columns."""
    meant = {
        name: Name(id=column)
        for name, column in zip(binder.names, columns, strict=False)
        if name != column
    }
    return substitute(expr, meant)


def _times(first: Expr, *others: Expr) -> Expr:
    if not others:
        return first
    return Product(operands=(first, *others), operators=("*",) * len(others))


def _over(above: Expr, below: Expr) -> Expr:
    return Product(operands=(above, below), operators=("/",))
