"""`true` and `false` as values of columns, against loops over rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cspec
from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import Source

Rows = Callable[[Any], Any]
EVENTS: dict[str, Rows] = {
    "q == true": lambda t: t["q"],
    "q != true": lambda t: ~t["q"],
    "false == q": lambda t: ~t["q"],
    "q in {true}": lambda t: t["q"],
    "y == true": lambda t: t["y"] == 1,
    "(x[0] > 0) == true": lambda t: t["x"][:, 0] > 0,
    "(x[0] > 0) == false": lambda t: t["x"][:, 0] <= 0,
    "true != (x[0] > 0)": lambda t: t["x"][:, 0] <= 0,
}


@pytest.mark.parametrize("event", EVENTS)
def test_a_column_is_compared_with_true_and_false(grouped: Any, event: str) -> None:
    where = EVENTS[event](grouped)
    result, pred = grouped.trained(
        f"c: P[{event}] <= 1 + 0*E[bce(f(x), y)]", f"metric m = P[pred == 1 | {event}]"
    )
    assert result["c"].value == pytest.approx(where.mean())
    assert result.metrics["m"] == pytest.approx(grouped.rate(pred, where))


@pytest.mark.parametrize("kind", ["text", "whole numbers", "real numbers"])
def test_columns_that_say_true_in_other_ways(grouped: Any, kind: str) -> None:
    held = {
        "text": np.where(grouped["q"], "true", "false"),
        "whole numbers": grouped["q"].astype(np.int64),
        "real numbers": grouped["q"].astype(np.float32),
    }[kind]
    result, pred = grouped.trained("c: P[pred == 1 | q == true] <= 1", q=held)
    assert result["c"].value == pytest.approx(grouped.rate(pred, grouped["q"]))


def test_a_quantifier_picks_the_true_ones(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: forall g in values(q) where g == true: P[pred == 1 | q == g] <= 1"
    )
    (only,) = result.constraints
    assert only.value == pytest.approx(grouped.rate(pred, grouped["q"]))


@pytest.mark.parametrize("column", ["sex", "k"])
def test_columns_that_hold_neither_are_refused(grouped: Any, column: str) -> None:
    with pytest.raises(SpecError) as caught:
        grouped.trained(f"c: P[pred == 1 | {column} == true] <= 1")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("CS208", f"column `{column}` has no value true")


def test_the_words_are_taken_and_python_spelling_is_understood() -> None:
    (found,) = check(Source(text="param true = 2\nvar x = 1\nminimize x^2")).diagnostics
    assert found.code == "CS209"
    text = (
        "data train(x, y, q)\nmodel f\nminimize bce(f(x), y)\nmetric m = P[pred == 1 | q == True]"
    )
    (found,) = check(Source(text=text)).diagnostics
    assert found.fixes[0].replacement == "true"


@pytest.mark.parametrize(
    ("event", "classes"),
    [("pred == true", (1,)), ("pred == false", (0,)), ("pred in {true}", (1,)),
     ("not pred == true", (0,)), ("pred != false", (1,))],
)  # fmt: skip
def test_predictions_of_true_and_false_are_trained(
    grouped: Any, event: str, classes: tuple[int, ...]
) -> None:
    result, pred = grouped.trained(f"c: P[{event}] <= 1%", y=grouped["y"] == 1)
    assert result["c"].value == pytest.approx(np.isin(pred, classes).mean())
    assert (result["c"].multiplier or 0) > 0


def test_a_quantifier_over_predicted_truths(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: forall v in values(y): P[pred == v | y == v] >= 99%", y=grouped["y"] == 1
    )
    for name, value in (("c[False]", False), ("c[True]", True)):
        wanted = grouped.rate(pred == value, grouped["y"] == value)
        assert result[name].value == pytest.approx(wanted)


def test_a_lone_truth_is_a_condition_beside_groups_of_it(grouped: Any) -> None:
    result, pred = grouped.trained(
        "c: gap(P[pred == 1 | q]) <= 1\n     d: 2*P[pred == 1 | q] <= 1",
        "metric m = P[pred == 1 | q] - P[pred == 1]",
    )
    rates = [grouped.rate(pred, grouped["q"] == v) for v in (False, True)]
    assert result["c"].value == pytest.approx(abs(rates[1] - rates[0]))
    assert result["d"].value == pytest.approx(2 * rates[1])
    assert result.metrics["m"] == pytest.approx(rates[1] - pred.mean())


@pytest.mark.parametrize(
    ("text", "of"),
    [("std({})", np.std), ("mean({})", np.mean), ("median({})", np.median),
     ("sumsq({})", lambda v: np.sum(np.square(v))), ("norm({}, 2)", np.linalg.norm)],
)  # fmt: skip
def test_true_and_false_are_groups_in_functions_of_groups(
    grouped: Any, text: str, of: Callable[[Any], float]
) -> None:
    result, pred = grouped.trained(
        "c: P[pred == 1] <= 1", f"metric m = {text.format('P[pred == 1 | q]')}"
    )
    rates = [grouped.rate(pred, grouped["q"] == v) for v in (False, True)]
    assert result.metrics["m"] == pytest.approx(of(rates))


# --- a matrix of truth values, and columns of them as `where` -------------------------------------

TABLE = """data train(x, y, q, m, g, k)
model f
minimize ce(f(x), y)
metric v = {}
fit(steps=1, optimizer=sgd(lr=1e-30))"""


class Table:
    """What an example has, and what a model gives it."""

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(4)
        self.x = torch.randn(90, 3, generator=draw)
        self.y = (self.x[:, 0] > 0).long()
        self.q = torch.rand(90, generator=draw) > 0.5
        self.m = torch.rand(90, 3, generator=draw) > 0.4
        self.g, self.k = np.array(["u", "v"] * 45), np.array([3, 4, 5] * 30)
        torch.manual_seed(1)
        self.f = nn.Linear(3, 2)
        with torch.no_grad():
            self.loss = nn.functional.cross_entropy(self.f(self.x), self.y, reduction="none")
            self.one = self.f(self.x).argmax(1) == 1

    def value(self, expression: str) -> float:
        columns = (self.x, self.y, self.q, self.m, self.g, self.k)
        return cspec.run(TABLE.format(expression), f=self.f, train=columns).metrics["v"]

    def refused(self, expression: str) -> str:
        with pytest.raises(SpecError) as caught:
            self.value(expression)
        return " ".join(d.code for d in caught.value.diagnostics)


WHERE: dict[str, Callable[[Table], Any]] = {
    "q": lambda t: t.q,
    "not q": lambda t: ~t.q,
    "m[0]": lambda t: t.m[:, 0],
    "m[0] == true": lambda t: t.m[:, 0],
    "m[-1] and q": lambda t: t.m[:, 2] & t.q,
    "m[1] or m[2]": lambda t: t.m[:, 1] | t.m[:, 2],
    "m[y]": lambda t: t.m[torch.arange(90), t.y],
    "any(m[0:2])": lambda t: t.m[:, :2].any(1),
}


@pytest.mark.parametrize("event", WHERE)
def test_entries_of_truth_values_are_events(event: str) -> None:
    table = Table()
    rows = WHERE[event](table)
    assert table.value(f"P[{event}]") == pytest.approx(rows.float().mean().item())
    assert table.value(f"P[pred == 1 | {event}]") == pytest.approx(
        table.one[rows].float().mean().item()
    )
    largest = table.value(f"quantile(ce(f(x), y), 100%, where={event})")
    assert largest == pytest.approx(table.loss[rows].max().item(), rel=1e-5)


def test_an_entry_of_truth_values_counts_as_a_number() -> None:
    table = Table()
    both = (2 * table.m[:, 0].float() + table.m[:, 1]).mean().item()
    assert table.value("E[2*m[0] + m[1]]") == pytest.approx(both, rel=1e-6)


@pytest.mark.parametrize(("event", "code"), [("g", "CS313"), ("k", "CS313"), ("m", "CS332")])
def test_where_takes_one_truth_value_an_example(event: str, code: str) -> None:
    assert Table().refused(f"cvar(ce(f(x), y), 90%, where={event})") == code


def test_groups_of_text_and_numbers_are_picked_by_what_they_hold() -> None:
    table = Table()
    rate = table.one.numpy()[(table.g == "u") & (table.k == 4)].mean()
    for key in ('["u", 4]', '["u", "4"]'):
        assert table.value(f"P[pred == 1 | g, k]{key}") == pytest.approx(rate)
    assert table.value('P[pred == 1 | k, g][4, "u"]') == pytest.approx(rate)
    assert table.refused('P[pred == 1 | g, k][4, "u"]') == "CS210"
    assert table.refused('P[pred == 1 | g, k]["u", 9]') == "CS210"
