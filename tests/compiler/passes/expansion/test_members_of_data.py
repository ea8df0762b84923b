"""Members that only data tell are counted when they are bound."""

from __future__ import annotations

import pytest

from cspec.compiler.plan import plan
from cspec.compiler.records.facts import ColumnFacts, DataFacts, Facts
from cspec.compiler.specialize import expanded
from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import Source

TEXT = (
    "data train(x, y, a, b)\nmodel f\nminimize bce(f(x), y)\n"
    "s.t. g: forall (p, q) in cross(a, b): P[pred == 1 | a == p and b == q] <= 90%\n"
)


def column(count: int) -> ColumnFacts:
    names = tuple(f"v{i}" for i in range(count))
    return ColumnFacts(kind="categorical", classes=names, counts=(1,) * count)


def facts(count: int) -> Facts:
    columns = {
        "x": ColumnFacts(kind="real", shape=(2,)),
        "y": ColumnFacts(kind="categorical", classes=("no", "yes"), counts=(4, 4)),
        "a": column(count),
        "b": column(count),
    }
    return Facts(data={"train": DataFacts(rows=8, columns=columns)})


def test_a_cross_of_many_values_is_refused() -> None:
    found = plan(check(Source(text=TEXT)))
    assert len(expanded(found, facts(3)).constraints) == 9
    with pytest.raises(SpecError) as error:
        expanded(found, facts(200))
    assert [d.code for d in error.value.diagnostics] == ["CS343"]
