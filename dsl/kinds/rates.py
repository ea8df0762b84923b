"""Rates and measures of fairness by the names that they have elsewhere.

recall(3)                  P[pred == 3 | y == 3]
tpr(sex == "F")            P[pred == 1 | y == 1, sex == "F"]
fpr(sex)                   P[pred == 1 | y != 1, sex], one number a group
demographic_parity(sex)    gap(P[pred == 1 | sex])
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.synonyms import FAIRNESS, RATES
from cspec.dsl.tree.nodes import EVENTS, Call, Expr, Name, Number, String

_CLASS = frozenset(("class_", "label", "pos_label", "positive", "c", "k", "cls"))
_OWN = frozenset(("x", "y", "pred", "prob"))
_CLOSE = re.compile(r"(\|[^\]]*)?\]")


def rate(typer: Typer, call: Call, word: str) -> str | None:
    """What a spec writes for `f1_score(y, pred)`, `tpr(sex == "F")`; None for another call."""
    form = word.lower()
    columns = [a.id for a in call.arguments if isinstance(a, Name) and _column(typer, a)]
    if form in FAIRNESS:
        return FAIRNESS[form].format(g=columns[0] if columns else group(typer))
    if form not in RATES:
        return None
    values = [k.value for k in call.keywords if k.name in _CLASS]
    values += [a for a in call.arguments if isinstance(a, Number | String)]
    written = RATES[form].format(c=typer.source.slice(values[0].span) if values else "1")
    given = [typer.source.slice(a.span) for a in call.arguments if isinstance(a, EVENTS)]
    given += [
        f"{k.name} == {typer.source.slice(k.value.span)}"
        for k in call.keywords
        if k.name in typer.symbols.column_names
    ]
    sets = [
        a.id for a in call.arguments if isinstance(a, Name) and a.id in typer.symbols.datasets()
    ]
    if sets and not given and not columns:
        return written.replace("]", f" on {sets[0]}]")
    return _under(written, (*given, *columns))


def measured(word: str, conditions: Sequence[str]) -> str:
    """`P[pred == 1 | y == 1, sex]` for `TPR` under conditions: a rate that has a name elsewhere."""
    return _under(RATES[word.lower()].format(c="1"), conditions)


def _under(rate: str, conditions: Sequence[str]) -> str:
    joined = ", ".join(conditions)
    return _CLOSE.sub(lambda m: _behind_bar(m, joined), rate) if joined else rate


def _behind_bar(close: re.Match[str], conditions: str) -> str:
    """The end of `P[...]` with more conditions."""
    return f"{close[1]}, {conditions}]" if close[1] else f" | {conditions}]"


def fairness(typer: Typer, word: str) -> str | None:
    """`gap(P[pred == 1 | sex])` for `demographic_parity` alone."""
    form = FAIRNESS.get(word.lower())
    return form.format(g=group(typer)) if form else None


def group(typer: Typer) -> str:
    """The column of groups, as far as one can guess: the first that is neither input nor target."""
    names = (c.name for columns in typer.symbols.datasets().values() for c in columns)
    return next((name for name in names if name not in _OWN), "column")


def _column(typer: Typer, name: Expr) -> bool:
    known = isinstance(name, Name) and name.id in typer.symbols.column_names
    return known and isinstance(name, Name) and name.id not in _OWN
