"""One group of several by its name or value, and groups of two columns that never meet."""

from typing import Any

import pytest

import cspec
from cspec import SpecError


@pytest.mark.parametrize(
    ("metric", "column", "group"),
    [
        ('P[pred == 1 | sex]["b"]', "sex", "b"),
        ("P[pred == 1 | sex].b", "sex", "b"),
        ("P[pred == 1 | sex][1]", "sex", "b"),
        ("P[pred == 1 | k][5]", "k", 5),
        ('P[pred == 1 | k]["2"]', "k", 2),
        ("P[pred == 1 | k][0]", "k", 1),
        ('(2*P[pred == 1 | sex] - P[pred == 1 | sex])["c"]', "sex", "c"),
    ],
)
def test_the_rate_of_one_group(grouped: Any, metric: str, column: str, group: object) -> None:
    result, pred = grouped.trained("c: P[pred == 1] <= 1", f"metric m = {metric}")
    assert result.metrics["m"] == pytest.approx(grouped.rate(pred, grouped[column] == group))


def test_a_requirement_on_one_group_and_the_difference_of_two(grouped: Any) -> None:
    result, pred = grouped.trained(
        'a: P[pred == 1 | sex]["a"] <= 0.2\n'
        '     b: P[pred == 1 | sex].a - P[pred == 1 | sex]["b"] <= 0.1'
    )
    rate = {g: grouped.rate(pred, grouped["sex"] == g) for g in "ab"}
    assert result["a"].value == pytest.approx(rate["a"])
    assert result["b"].value == pytest.approx(rate["a"] - rate["b"])


@pytest.mark.parametrize(
    ("metric", "code", "said"),
    [
        ('P[pred == 1 | sex]["d"]', "CS210", 'has no part "d"'),
        ("P[pred == 1 | k][7]", "CS210", 'has no part "7"'),
        ("P[pred == 1 | k][2]", "CS208", "two readings: the group 2, or group number 2"),
        ("P[q | sex] - P[q | k]", "CS329", "one number a group of `sex`"),
        ("max(P[q | sex], P[q | sex, race])", "CS329", "one a group of `sex, race`"),
        ("P[q | sex] @ P[q | k]", "CS329", "can't be multiplied"),
        ("[P[q | sex], 1]", "CS312", "an entry of a vector is one number"),
    ],
)
def test_what_no_group_is(grouped: Any, metric: str, code: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        grouped.trained("c: P[pred == 1] <= 1", f"metric m = {metric}")
    (found,) = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert (found.code, said in found.message) == (code, True), str(caught.value)


def test_one_frame_of_one_feature_keeps_its_name(grouped: Any) -> None:
    frame = pytest.importorskip("pandas").DataFrame({"age": grouped["x"][:, 0]})
    spec = (
        "data train(x, y)\nmodel f = linear\nminimize bce(f(x), y)\n"
        'metric a = E[x.age]\nmetric b = E[x["age"]^2]\nfit(epochs=1)'
    )
    result = cspec.run(spec, train={"x": frame, "y": grouped["y"]})
    age = grouped["x"][:, 0].astype(float)
    assert result.metrics == pytest.approx({"a": age.mean(), "b": (age**2).mean()}, rel=1e-5)
