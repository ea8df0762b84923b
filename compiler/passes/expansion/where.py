"""Whether `where condition` holds of a member of an index set.

forall g in values(sex) where g != "male" and count >= 50: ...
forall i in range(9), j in range(9) where i < j: ...
"""

import operator
from collections.abc import Callable, Mapping

from cspec.compiler.passes.expansion.codes import truth_place
from cspec.compiler.passes.spellings import truth
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Category
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError, replacing
from cspec.dsl.messages.wording import closest
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.rebuild import substitute

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def holds(
    condition: nodes.Expr,
    own: Mapping[str, nodes.Expr],
    values: Mapping[str, nodes.Expr],
    facts: Facts,
    params: Values,
) -> bool:
    """Whether a condition holds of a member.

    `own` are the values of the binder that the condition stands behind: `count` is the number of
    training rows in the group that they make. `values` are those of all binders so far.

    Raises:
        SpecError: a value that its column does not have, or a condition that can't be decided
            before training.
    """
    match condition:
        case nodes.And(operands=operands):
            return all(holds(part, own, values, facts, params) for part in operands)
        case nodes.Or(operands=operands):
            return any(holds(part, own, values, facts, params) for part in operands)
        case nodes.Not(operand=operand):
            return not holds(operand, own, values, facts, params)
        case nodes.Compare(operands=operands, operators=operators):
            sides = [_counted(o, own, facts, condition) or substitute(o, values) for o in operands]
            pairs = zip(sides, operators, sides[1:], strict=False)
            return all(_compared(a, o, b, facts, params, condition) for a, o, b in pairs)
        case nodes.Membership(element=element, set=members):
            return _within(substitute(element, values), members, facts, params, condition)
    raise _undecided(condition)


def group_size(values: tuple[nodes.Expr, ...], facts: Facts) -> int | None:
    """How many training rows are in a group, if the data say so."""
    categories = tuple(v for v in values if isinstance(v, Category))
    if len(categories) != len(values) or not categories:
        return None
    held = {c.column: c.code for c in categories}
    counts = (data.rows_with(held) for data in facts.data.values())
    return next((count for count in counts if count is not None), None)


def _counted(
    expr: nodes.Expr, own: Mapping[str, nodes.Expr], facts: Facts, condition: nodes.Expr
) -> Category | None:
    """`count` as the number that it stands for."""
    if not (isinstance(expr, nodes.Name) and expr.id == "count" and "count" not in own):
        return None
    size = group_size(tuple(own.values()), facts)
    if size is None:
        raise _undecided(condition)
    return Category(column="", text=str(size), code=size)


def _compared(
    left: nodes.Expr,
    operator: str,
    right: nodes.Expr,
    facts: Facts,
    params: Values,
    condition: nodes.Expr,
) -> bool:
    """One link of a comparison: texts are equal or not, numbers have an order, too."""
    for text, other in ((left, right), (right, left)):
        if isinstance(text, nodes.String) and isinstance(other, Category):
            _check_value(text, other, facts)
    if (truths := _truths(left, right)) is not None:
        return truths == (operator == "==")
    texts = isinstance(left, nodes.String) or isinstance(right, nodes.String)
    one, two = (_value(side, params, texts) for side in (left, right))
    if one is None or two is None:
        raise _undecided(condition)
    if isinstance(one, str) or isinstance(two, str):
        if operator not in ("==", "!="):
            raise Diagnostic(
                code="CS302",
                message="texts have no order: they are equal or not",
                span=condition.span,
                label="compares texts",
                helps=('write `==`, `!=` or `in {"a", "b"}`',),
            ).error()
        return (str(one) == str(two)) == (operator == "==")
    return COMPARISONS[operator](one, two)


def _truths(left: nodes.Expr, right: nodes.Expr) -> bool | None:
    """Whether a value of a column is the truth it is compared with; None of anything else."""
    for one, other in ((left, right), (right, left)):
        said = truth(one)
        if said is not None and isinstance(other, Category):
            return truth_place(said, (other.text,)) is not None
    return None


def _within(
    element: nodes.Expr, members: nodes.Expr, facts: Facts, params: Values, condition: nodes.Expr
) -> bool:
    match members:
        case nodes.FiniteSet(items=items):
            # Every value is looked at, also behind one that fits: each may be misspelt.
            equal = [_compared(element, "==", i, facts, params, condition) for i in items]
            return any(equal)
        case nodes.Interval(lower=lower, upper=upper):
            return _compared(lower, "<=", element, facts, params, condition) and _compared(
                element, "<=", upper, facts, params, condition
            )
    raise _undecided(condition)


def _value(expr: nodes.Expr, params: Values, texts: bool) -> float | str | None:
    """A side as a number, or as text where text is compared; None for what is neither."""
    match expr:
        case nodes.String(value=value):
            return value
        case Category(text=text) if texts:
            return text
        case Category(text=text):
            try:
                return float(text)
            except ValueError:
                return text
    return value_or_none(expr, params)


def _check_value(text: nodes.String, category: Category, facts: Facts) -> None:
    """A value in quotes is one that the column has."""
    column = category.column
    having = (d.columns[column] for d in facts.data.values() if column in d.columns)
    known = [str(value) for facts_ in having for value in facts_.classes]
    if not known or text.value in known:
        return
    close = closest(text.value, known)
    shown = ", ".join(f'"{value}"' for value in dict.fromkeys(known))
    meant = f'"{close}"' if close else ""
    raise Diagnostic(
        code="CS208",
        message=f'column `{category.column}` has no value "{text.value}"',
        span=text.span,
        label="no row has it",
        notes=(f"its values: {shown}",),
        helps=(f"did you mean `{meant}`?",) if close else ("write one of its values",),
        fixes=replacing(text.span, meant) if close else (),
    ).error()


def _undecided(condition: nodes.Expr) -> SpecError:
    return Diagnostic(
        code="CS520",
        message="this `where` can't be decided before training",
        span=condition.span,
        label="not a comparison of what the quantifier goes over",
        notes=(
            'conditions compare names of the quantifier: `g != "a"`, `i < j`, `g in {"a", "b"}`',
            "`count` is the number of rows in the group: `count >= 50`",
        ),
        helps=("compare the names before `in` with values, numbers or params",),
    ).error()
