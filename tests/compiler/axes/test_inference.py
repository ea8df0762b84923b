"""What every expression over data is, as a table: axes in words, or the finding."""

from __future__ import annotations

import pytest

from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.record import what
from cspec.compiler.axes.targets import targets_of
from cspec.compiler.records.facts import ColumnFacts, DataFacts, Facts, OutputFacts
from cspec.dsl.check import Checked, check
from cspec.dsl.text.source import Source
from cspec.dsl.tree.nodes import Call, Expectation, Expr, Metric

REAL, ROW = ColumnFacts(kind="real"), ColumnFacts(kind="real", shape=(1,))
SEX = ColumnFacts(kind="categorical", classes=("F", "M"), counts=(5, 5))
FLAG = ColumnFacts(kind="categorical", classes=(False, True), counts=(5, 5))
Y = ColumnFacts(kind="categorical", classes=("cat", "dog", "owl"), counts=(3, 3, 4))
KIND = ColumnFacts(kind="integer", levels=(1, 2, 5), counts=(3, 3, 4))
TOKENS = ColumnFacts(kind="integer", shape=(7,), levels=(0, 1, 2), counts=(20, 20, 30))
MASK = ColumnFacts(kind="categorical", shape=(7,), classes=(False, True), counts=(30, 40))

HEAD = """
data train(x, y, w, t, sex, flag, kind, words, labels, mask), val(x, w)
param mu[3]
model f
model one
model two
model seq
minimize E[ce(f(x), y)]
s.t. c: E[bce(one(x), flag) + ce(seq(words), labels)] <= 9
"""
FACTS = Facts(
    data={
        "train": DataFacts(
            rows=10,
            columns={
                "x": ColumnFacts(kind="real", shape=(4,)), "y": Y, "w": REAL, "t": ROW,
                "sex": SEX, "flag": FLAG, "kind": KIND,
                "words": TOKENS, "labels": TOKENS, "mask": MASK,
            },
            feature_names=("age", "pay", "a b", "h"),
        ),
        "val": DataFacts(rows=3, columns={"x": ColumnFacts(kind="real", shape=(4,)), "w": REAL}),
    },
    outputs={
        "f(x) on train": OutputFacts(shape=(3,)),
        "one(x) on train": OutputFacts(shape=(1,)),
        "seq(words) on train": OutputFacts(shape=(7, 3)),
        "two(x) on train": OutputFacts(
            parts=(("logits", OutputFacts(shape=(3,))), ("score", OutputFacts(shape=(1,)))),
            style="key",
        ),
    },
)  # fmt: skip


def checked(expression: str) -> Checked:
    found = check(Source(text=f"{HEAD}metric m = {expression}\n"), params={"mu": (1.0, 2.0, 3.0)})
    assert [d for d in found.diagnostics if d.severity == "error"] == []
    return found


def prepared(expression: str, facts: Facts = FACTS) -> tuple[Inference, Expr]:
    """An inference, and the expression that it is asked about."""
    known = checked(expression)
    targets = targets_of(known.elaborated, known.symbols)
    inference = Inference(Known(known.symbols, facts, known.params, {}, {}, targets))
    (metric,) = (i.value for i in known.elaborated.items if isinstance(i, Metric))
    return inference, metric


def inferred(expression: str) -> tuple[str, list[str]]:
    """What the body of `E[expression on train]` is, and the codes of what was found."""
    inference, metric = prepared(f"E[{expression} on train]")
    assert isinstance(metric, Expectation)
    axes = inference.axes(metric.body, "train")
    inference.axes(metric)
    return (what(axes) if axes.known else "unknown"), [d.code for d in inference.findings.all]


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        ("w", "one number an example"),
        ("t", "one number an example"),
        ("one(x)", "one number an example"),
        ("one(x)[0]", "one number an example"),
        ("f(x)[2]", "one number an example"),
        ("f(x)[-1]", "one number an example"),
        ("f(x)[y]", "one number an example"),
        ("prob(f(x))[1]", "one number an example"),
        ("prob(f(x)).owl", "one number an example"),
        ("prob(one(x))[0]", "one number an example"),
        ("prob(one(x))[flag]", "one number an example"),
        ("x.age + x[1]", "one number an example"),
        ('x["a b"]', "one number an example"),
        ("w*one(x) - t^2/3", "one number an example"),
        ("sum(w*f(x))", "one number an example"),
        ("max(f(x)) - min(x)", "one number an example"),
        ("norm(f(x) - mu, 2)", "one number an example"),
        ("f(x) @ mu", "one number an example"),
        ("x @ x", "one number an example"),
        ("sumsq(x) + l1(w)", "one number an example"),
        ("max(w, 0, one(x))", "one number an example"),
        ("(flag + (sex == \"F\"))*w", "one number an example"),
        ("all(f(x) > 0)", "one truth value an example"),
        ("sex == \"F\" and flag or not w > 1", "one truth value an example"),
        ("pred(f(x)) == \"owl\"", "one truth value an example"),
        ("kind in {1, 5}", "one truth value an example"),
        ("two(x).logits[1] + two(x)[\"score\"] + two(x)[0][2]", "one number an example"),
        ("ce(two(x).logits, y)", "one number an example"),
        ("ce(seq(words), labels)", "one number a token"),
        ("pred(seq(words)) == labels", "one truth value a token"),
        ("w*ce(seq(words), labels)", "one number a token"),
        ("max(prob(seq(words)))", "one number a token"),
        ("prob(seq(words))[labels]", "one number a token"),
        ("0.5", "one number"),
        ("mu[1]", "one number"),
    ],
)  # fmt: skip
def test_what_an_expression_is(expression: str, meaning: str) -> None:
    assert inferred(expression) == (meaning, [])


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("f(x)", "CS332"),
        ("prob(f(x))", "CS332"),
        ("x", "CS332"),
        ("f(x) > 0", "CS332"),
        ("tanh(f(x))*2", "CS332"),
        ("two(x)", "CS332"),
        ("ce(two(x), y)", "CS332"),
        ("y[0]", "CS333"),
        ("w[0]", "CS333"),
        ("(w + t)[0]", "CS333"),
        ("x[0][0]", "CS333"),
        ("f(x)[w]", "CS333"),
        ("softmax(one(x))", "CS333"),
        ("f(x)[3]", "CS210"),
        ("one(x)[1]", "CS210"),
        ("prob(f(x)).hail", "CS210"),
        ("prob(one(x))[2]", "CS210"),
        ("x.height", "CS210"),
        ("two(x).nothing", "CS210"),
        ("f(x) - x", "CS329"),
        ("f(x) @ x", "CS329"),
        ("w @ t", "CS329"),
        ("mse(f(x), w)", "CS331"),
        ("ce(one(x), y)", "CS331"),
        ("bce(f(x), flag)", "CS331"),
        ("sex + 1", "CS334"),
        ("sex", "CS334"),
        ("abs(y)", "CS334"),
        ("sex == kind", "CS334"),
        ("sex == 1", "CS334"),
    ],
)  # fmt: skip
def test_what_does_not_fit(expression: str, code: str) -> None:
    assert inferred(expression)[1] == [code]


@pytest.mark.parametrize(
    ("mean", "groups"),
    [
        ("P[pred(f(x)) == 1 | sex]", ("F", "M")),
        ("P[pred(f(x)) == 1 | kind, w > 0]", ("1", "2", "5")),
        ("E[w | flag]", ()),
        ("E[ce(seq(words), labels) | mask]", ()),
        ("E[ce(seq(words), labels) | mask, w > 0]", ()),
    ],
)
def test_what_stands_behind_the_bar(mean: str, groups: tuple[str, ...]) -> None:
    inference, metric = prepared(mean.replace("]", " on train]"))
    assert isinstance(metric, Expectation)
    found = inference.axes(metric)
    assert inference.findings.all == ()
    assert found.names == groups and (found.groups.names if found.groups else ()) == groups
    assert tuple(g.text for g in inference.grouping(metric).groups) == groups


def test_true_and_false_make_groups_where_only_groups_make_sense() -> None:
    inference, metric = prepared("gap(E[w | flag on train])")
    assert isinstance(metric, Call)
    assert inference.axes(metric.arguments[0]).names == ("False", "True")


def test_outputs_that_were_not_seen_are_asked_for_once() -> None:
    unseen = FACTS.model_copy(update={"outputs": {}})
    inference, metric = prepared("E[sum(f(x)) + sum(f(x)) on train]", unseen)
    assert inference.axes(metric).known
    assert list(inference.asked) == ["f(x) on train"]
    assert inference.findings.all == ()
