"""About how often an event holds in the groups of a mean, before there is a model.

Predictions hold a class about as often as the labels do, and err no more often than one that names
the most frequent class:

    P[pred == c | g]    the share of the labels that are c in group g
    P[pred != y | g]    the share of the labels that are not the most frequent one, at most

Of other events, and of those under further conditions, nothing is known: 1/2, where the standard
error of a fraction is largest.
"""

from __future__ import annotations

import math

from cspec.compiler.axes.groups import Grouping
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.targets import targets_of
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.lower.report import verify_facts
from cspec.compiler.records.facts import DataFacts
from cspec.compiler.records.problem import Category
from cspec.dsl.check import Checked
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import Compare, Expectation, Expr, Name, Number, String, walk

UNKNOWN = 0.5
"""Where a fraction is not known: p (1 - p) is largest there."""


def labels_to_certify(checked: Checked) -> tuple[str, ...]:
    """The columns that models predict, where a certificate is asked for."""
    if all(line.confidence is None for line in verify_facts(checked)):
        return ()
    return tuple(sorted(set(targets_of(checked.elaborated, checked.symbols).of.values())))


def columns_held(condition: Expr) -> set[str]:
    """The columns that a condition groups by, or says the value of."""
    found = {condition.id} if isinstance(condition, Name) else set()
    for node in walk(condition):
        match node:
            case Compare(operators=("==",), operands=(Name(id=name), Number() | String() | Name())):
                found.add(name)
    return found


def rows_of_groups(mean: Expectation, data: DataFacts, inference: Inference) -> list[float]:
    """About how many rows each group of a mean has, in their order; conditions apart."""
    grouping = inference.grouping(mean)
    held, share = _held(grouping, data)
    return [share * _rows(held, group, data) for group in _groups(grouping)]


def _rows(held: dict[str, int], group: dict[str, int], data: DataFacts) -> float:
    """Rows of a group under conditions; as if they were apart where they were not counted."""
    counted = data.rows_with({**held, **group})
    if counted is not None:
        return counted
    alone = (data.rows_with({name: code}) for name, code in held.items())
    shares = (UNKNOWN if n is None or not data.rows else n / data.rows for n in alone)
    return (data.rows_with(group) or 0) * math.prod(shares)


def expected_rates(mean: Expectation, data: DataFacts, inference: Inference) -> list[float]:
    """About how often the event of a mean holds in each of its groups, in their order."""
    grouping = inference.grouping(mean)
    held, share = _held(grouping, data)
    groups = _groups(grouping)
    found = _asked(mean.body, inference)
    if share < 1 or found is None or found[0] not in data.columns or found[0] in held:
        return [UNKNOWN] * len(groups)
    label, code = found
    return [_rate(label, code, {**held, **group}, data) for group in groups]


def _groups(grouping: Grouping) -> list[dict[str, int]]:
    """What the columns of each group hold; one group that holds nothing where there are none."""
    names = [column.id for column in grouping.columns]
    held = [dict(zip(names, group.codes, strict=True)) for group in grouping.groups]
    return held if names else [{}]


def _held(grouping: Grouping, data: DataFacts) -> tuple[dict[str, int], float]:
    """What conditions say that columns hold; the share of rows that others leave, 1/2 each."""
    held: dict[str, int] = {}
    share = 1.0
    for part in grouping.parts:
        match part:
            case Compare(operators=("==",), operands=(Name(id=name), Category(code=code))):
                held[name] = code
            case Compare(operators=("==",), operands=(Name(id=name), Number(value=value))) if (
                is_whole(value) and name in data.columns and data.columns[name].counts
            ):
                held[name] = int(value)
            case _:
                share *= UNKNOWN
    return held, share


def _asked(event: Expr, inference: Inference) -> tuple[str, int | None] | None:
    """The column that is predicted, and the class that an event asks for; None: whether it errs."""
    match event:
        case Compare(operators=("==" | "!=",), operands=operands):
            asked = [o for o in operands if function_name(o) == "pred"]
            others = [o for o in operands if function_name(o) != "pred"]
        case _:
            return None
    label = inference.known.target(asked[0]) if len(asked) == 1 else None
    if label is None:
        return None
    match others[0]:
        case Category(code=code):
            return label, code
        case Number(value=value) if is_whole(value):
            return label, int(value)
        case Name(id=name) if name == label:
            return label, None
    return None


def _rate(label: str, code: int | None, held: dict[str, int], data: DataFacts) -> float:
    """The share of a class, or of all but the most frequent one, among the rows that hold this.

    One row more of either kind: a class that no row of a group has is not impossible.
    """
    found = [data.rows_with({**held, label: value}) for value in data.columns[label].held]
    counts = [count for count in found if count is not None]
    if len(counts) < len(found) or not sum(counts):
        return UNKNOWN
    of_class = 0 if code is None else data.rows_with({**held, label: code}) or 0
    holds = sum(counts) - max(counts) if code is None else of_class
    return (holds + 1) / (sum(counts) + 2)
