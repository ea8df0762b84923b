"""What else `P[pred == 1 | sex]` may be meant to say where one number is wanted; rates and measures
of fairness by the names that they have elsewhere.

recall(3)                  P[pred == 3 | y == 3]
tpr(sex == "F")            P[pred == 1 | y == 1, sex == "F"]
fpr(sex)                   P[pred == 1 | y != 1, sex], one number a group
demographic_parity(sex)    gap(P[pred == 1 | sex])
"""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import is_

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.synonyms import FAIRNESS, RATES
from cspec.dsl.text.source import NOWHERE
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import column_of, names

_LETTERS = ("g", "h", "i")


def each_group(expr: nodes.Expr, shown: Callable[[nodes.Expr], str]) -> tuple[str, str] | None:
    """`forall g in values(sex):` and `P[pred == 1 | sex == g]`; None for other forms."""
    columns = _columns(expr)
    # Letters that name nothing in it: beside a column `g` none is called `g`.
    letters = [letter for letter in _LETTERS if letter not in names(expr)][: len(columns)]
    if not columns or len(letters) < len(columns) or not isinstance(expr, nodes.Expectation):
        return None
    events = {name: f"{name} == {letter}" for name, letter in zip(columns, letters, strict=True)}
    head = f"({', '.join(letters)}) in cross" if len(columns) > 1 else f"{letters[0]} in values"
    return f"forall {head}({', '.join(columns)}):", _under(expr, events, shown)


def grouped_part(expr: nodes.Expr, lets: Mapping[str, nodes.Expr]) -> nodes.Expr | None:
    """The rate by group that arithmetic is made of: `P[.. | sex]` of `abs(P[.. | sex] - P[..])`.

    Names in `lets` stand for what these say.
    """
    match expr:
        case nodes.Name(id=word) if word in lets:
            # Without its own name: a circle is said elsewhere.
            return grouped_part(lets[word], {k: v for k, v in lets.items() if k != word})
        case nodes.Expectation():
            return expr if _columns(expr) else None
        case nodes.Call(function=nodes.Name(id=word), arguments=(inner,)) if word in _EACH:
            return grouped_part(inner, lets)
        case nodes.Sum() | nodes.Product() | nodes.Power() | nodes.Negate():
            parts = (grouped_part(p, lets) for p in expr.children() if isinstance(p, nodes.Expr))
            return next((part for part in parts if part is not None), None)
    return None


_EACH = frozenset(("abs", "exp", "log", "sqrt", "relu", "sign"))
"""Functions of one number that are applied to that of each group."""


def given(expr: nodes.Expr, shown: Callable[[nodes.Expr], str]) -> str | None:
    """`P[pred == 1 | seen == true]`: where a column that holds true and false is true."""
    columns = _columns(expr)
    if len(columns) != 1 or not isinstance(expr, nodes.Expectation):
        return None
    return _under(expr, {columns[0]: f"{columns[0]} == true"}, shown)


def separated(expr: nodes.Expr, shown: Callable[[nodes.Expr], str]) -> str | None:
    """`P[.. | sex, y == 1]` for `P[.. | sex and y == 1]`, `P[.. | a, b]` for `P[.. | cross(a, b)]`.

    None where no column is joined to a condition.
    """
    if not isinstance(expr, nodes.Expectation):
        return None
    parts = [part for condition in expr.conditions for part in apart(condition)]
    if len(parts) == len(expr.conditions) and all(map(is_, parts, expr.conditions)):
        return None
    data = f" on {expr.dataset}" if expr.dataset and expr.dataset_span != NOWHERE else ""
    return f"{expr.kind}[{shown(expr.body)} | {', '.join(map(shown, parts))}{data}]"


def apart(condition: nodes.Expr) -> tuple[nodes.Expr, ...]:
    """The columns and events of one condition, where a column is among them."""
    match condition:
        case nodes.And(operands=operands) if any(isinstance(o, nodes.Name) for o in operands):
            return operands
        case nodes.Call(function=nodes.Name(id="values" | "cross"), arguments=columns):
            return columns
    return (condition,)


def _columns(expr: nodes.Expr) -> list[str]:
    """The columns that stand alone behind `|`."""
    conditions = expr.conditions if isinstance(expr, nodes.Expectation) else ()
    return [name for condition in conditions if (name := column_of(condition))]


def _under(
    expr: nodes.Expectation, events: dict[str, str], shown: Callable[[nodes.Expr], str]
) -> str:
    """The expectation with events in the place of columns."""
    conditions = [events.get(column_of(c) or "") or shown(c) for c in expr.conditions]
    data = f" on {expr.dataset}" if expr.dataset and expr.dataset_span != NOWHERE else ""
    return f"{expr.kind}[{shown(expr.body)} | {', '.join(conditions)}{data}]"


_CLASS = frozenset(("class_", "label", "pos_label", "positive", "c", "k", "cls"))
_OWN = frozenset(("x", "y", "pred", "prob"))
_CLOSE = re.compile(r"(\|[^\]]*)?\]")


def rate(typer: Typer, call: nodes.Call, word: str) -> str | None:
    """What a spec writes for `f1_score(y, pred)`, `tpr(sex == "F")`; None for another call."""
    form = word.lower()
    known = typer.symbols.column_names - _OWN
    columns = [a.id for a in call.arguments if isinstance(a, nodes.Name) and a.id in known]
    if form in FAIRNESS:
        return FAIRNESS[form].format(g=columns[0] if columns else group(typer))
    if form not in RATES:
        return None
    values = [k.value for k in call.keywords if k.name in _CLASS]
    values += [a for a in call.arguments if isinstance(a, nodes.Number | nodes.String)]
    written = RATES[form].format(c=typer.slice(values[0]) if values else "1")
    given = [typer.slice(a) for a in call.arguments if isinstance(a, nodes.EVENTS)]
    data, known = typer.symbols.datasets(), typer.symbols.column_names
    given += [f"{k.name} == {typer.slice(k.value)}" for k in call.keywords if k.name in known]
    sets = [a.id for a in call.arguments if isinstance(a, nodes.Name) and a.id in data]
    if sets and not given and not columns:
        return written.replace("]", f" on {sets[0]}]")
    return _with_conditions(written, (*given, *columns))


def measured(word: str, conditions: Sequence[str]) -> str:
    """`P[pred == 1 | y == 1, sex]` for `TPR` under conditions: a rate that has a name elsewhere."""
    return _with_conditions(RATES[word.lower()].format(c="1"), conditions)


def _with_conditions(rate: str, conditions: Sequence[str]) -> str:
    joined = ", ".join(conditions)
    return (
        _CLOSE.sub(lambda m: f"{m[1] + ',' if m[1] else ' |'} {joined}]", rate) if joined else rate
    )


def fairness(typer: Typer, word: str) -> str | None:
    """`gap(P[pred == 1 | sex])` for `demographic_parity` alone."""
    form = FAIRNESS.get(word.lower())
    return form.format(g=group(typer)) if form else None


def group(typer: Typer) -> str:
    """The column of groups, as far as one can guess: the first that is neither input nor target."""
    names = (c.name for columns in typer.symbols.datasets().values() for c in columns)
    return next((name for name in names if name not in _OWN), "column")
