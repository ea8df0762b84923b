"""Which column each model predicts, whatever else its outputs meet and wherever it is said."""

import pytest

from cspec.compiler.axes.targets import targets_of
from cspec.dsl.check import check
from cspec.dsl.text.source import Source

HEAD = "data train(x, y, price, w)\nmodel f\nmodel g\nmodel ref = frozen(f)\n"


def targets(body: str) -> dict[str, str]:
    checked = check(Source(text=HEAD + body))
    return dict(targets_of(checked.elaborated, checked.symbols).of)


@pytest.mark.parametrize(
    ("body", "model", "column"),
    [
        ("minimize E[mse(f(x), price)]", "f", "price"),
        ("minimize E[(f(x) - price)^2]", "f", "price"),
        ("let d = w - f(x)\nminimize E[bce(f(x), y)] + E[d^2]", "f", "y"),
        ("minimize E[(w - f(x))^2] + E[hinge(f(x), y)]", "f", "y"),
        ("minimize E[mae(f(x), w)] + E[bce(f(x), y)]", "f", "y"),
        ("minimize E[mae(f(x), w)]\ns.t. P[pred(f(x)) == y] >= 50%", "f", "y"),
        ("minimize E[(w - f(x))^2]\ns.t. P[pred(f(x)) == 1] >= 50%", "f", "y"),
        ("minimize E[bce(f(x), w)] + E[bce(f(x), y)]", "f", "y"),
        ("minimize E[bce(f(x), w)]\ns.t. P[pred(f(x)) == y] >= 50%", "f", "w"),
        ("minimize E[bce(f(x), price)]\ns.t. P[pred(f(x)) == w] >= 50%", "f", "price"),
        (
            "minimize E[bce(f(x), price)]\ns.t. E[mae(ref(x), w)]*P[pred(ref(x)) == 1] <= 1",
            "ref",
            "price",
        ),
        (
            "minimize E[bce(f(x), price)] + E[mae(g(x), w)]\n"
            "s.t. P[pred(f(x)) == pred(g(x))] >= 50%",
            "g",
            "price",
        ),
        ("minimize E[ce(f(x), price)]", "g", "price"),
    ],
)
def test_the_column_of_a_model(body: str, model: str, column: str) -> None:
    assert targets(body)[model] == column
