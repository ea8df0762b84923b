"""`where` behind a quantifier: which members stay, and what is refused."""

from __future__ import annotations

import pytest

from cspec.compiler.passes.expansion.where import group_size, holds
from cspec.compiler.records.facts import ColumnFacts, DataFacts, Facts
from cspec.compiler.records.problem import Category
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.tree.nodes import Binder, Expr, walk

SEX = ColumnFacts(kind="categorical", classes=("female", "male", "other"), counts=(30, 60, 2))
AGE = ColumnFacts(kind="categorical", classes=(18, 40, 65), counts=(10, 20, 30))
FACTS = Facts(data={"train": DataFacts(rows=92, columns={"sex": SEX, "age": AGE})})


def condition(text: str) -> Expr:
    spec, found = parse_text(f"minimize ce\ns.t. forall g in S where {text}: x <= 1")
    assert found == ()
    (binder,) = (node for node in walk(spec) if isinstance(node, Binder))
    assert binder.condition is not None
    return binder.condition


def kept(text: str, column: str = "sex") -> list[str]:
    """The groups that a condition keeps."""
    classes = FACTS.data["train"].columns[column].classes
    groups = [Category(column=column, text=str(c), code=i) for i, c in enumerate(classes)]
    return [
        g.text for g in groups if holds(condition(text), {"g": g}, {"g": g}, FACTS, {"least": 5.0})
    ]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ('g != "male"', ["female", "other"]),
        ('"male" == g', ["male"]),
        ('g in {"male", "other"}', ["male", "other"]),
        ("count >= least", ["female", "male"]),
        ('count >= least and g != "male"', ["female"]),
        ('g == "other" or count > 50', ["male", "other"]),
        ('not g == "other"', ["female", "male"]),
        ("2 < count < 50", ["female"]),
    ],
)
def test_groups_of_texts(text: str, groups: list[str]) -> None:
    assert kept(text) == groups


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("g >= 40", ["40", "65"]),
        ('g != "40"', ["18", "65"]),
        ("g in [18, 50]", ["18", "40"]),
        ("20 <= g <= 8*least", ["40"]),
    ],
)
def test_groups_of_numbers_compare_by_value(text: str, groups: list[str]) -> None:
    assert kept(text, "age") == groups


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ('g != "mael"', "CS208", 'column `sex` has no value "mael"'),
        ('g in {"male", "femal"}', "CS208", 'column `sex` has no value "femal"'),
        ('g < "male"', "CS302", "texts have no order: they are equal or not"),
        ("f(g) > 3", "CS520", "this `where` can't be decided before training"),
        ("g", "CS520", "this `where` can't be decided before training"),
    ],
)
def test_what_can_not_be_decided_is_refused(text: str, code: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        kept(text)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (code, message)
    assert found.helps


def test_names_of_outer_binders_count_as_values() -> None:
    male = Category(column="sex", text="male", code=1)
    other = Category(column="sex", text="other", code=2)
    assert holds(condition("g != h"), {"g": male}, {"g": male, "h": other}, FACTS, {})
    assert not holds(condition("g != h"), {"g": male}, {"g": male, "h": male}, FACTS, {})


def test_the_size_of_a_group_is_its_rows() -> None:
    assert group_size((Category(column="sex", text="male", code=1),), FACTS) == 60
    assert group_size((Category(column="race", text="a", code=0),), FACTS) is None
