"""What people write about data, each value recomputed example by example."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError

N, TOKENS = 23, 4
FIT = "fit(optimizer=sgd(lr=1e-9), steps=1, batch_size=full)\n"
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(N, 3)).astype("float32")
Y = (RANDOM.random(N) < 0.5).astype("int64")
Y3 = RANDOM.integers(0, 3, N)
T = RANDOM.normal(size=N).astype("float32")
W = RANDOM.random(N).astype("float32")
SEX = np.array(["F", "M"])[RANDOM.integers(0, 2, N)]
RACE = np.array(["a", "b"])[RANDOM.integers(0, 2, N)]
OLD = RANDOM.random(N) < 0.5
AGE = RANDOM.integers(1, 4, N)
WORDS = RANDOM.integers(0, 5, (N, TOKENS))
LABELS = RANDOM.integers(0, 3, (N, TOKENS))
MASK = RANDOM.random((N, TOKENS)) < 0.6
ALL = range(N)


def linear(outputs: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    f = nn.Linear(3, outputs)
    with torch.no_grad():
        f.weight.mul_(3)
        f.bias.zero_()
    return f


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.embed, self.out = nn.Embedding(5, 4), nn.Linear(4, 3)

    def forward(self, words: Tensor) -> Tensor:
        return self.out(self.embed(words))


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.out = nn.Linear(4, 1)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return self.out(torch.cat([x, w.reshape(-1, 1)], dim=1))


def mean(values: Any) -> float:
    listed = [float(value) for value in values]
    return sum(listed) / len(listed)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def softmax(z: Sequence[float]) -> list[float]:
    powers = [math.exp(value) for value in z]
    return [value / sum(powers) for value in powers]


def outputs(f: nn.Module) -> list[list[float]]:
    with torch.no_grad():
        return [f(torch.tensor(X[i : i + 1])).reshape(-1).tolist() for i in ALL]


def largest(z: Sequence[float]) -> int:
    return max(range(len(z)), key=lambda k: z[k])


class Kind(NamedTuple):
    """A family of specs: the head, the model, and the data."""

    head: str
    model: Callable[[], nn.Module]
    data: tuple[Any, ...]


ONE = Kind(
    "data train(x, y, sex, race, old, age, w)\nmodel f\nminimize bce(f(x), y)\n",
    lambda: linear(1),
    (X, Y, SEX, RACE, OLD, AGE, W),
)
NUMBERS = Kind(
    "data train(x, y, w)\nmodel f\nminimize mse(f(x), y)\n", lambda: linear(1), (X, T, W)
)
MANY = Kind(
    "data train(x, y, sex)\nmodel f\nminimize ce(f(x), y)\n", lambda: linear(3), (X, Y3, SEX)
)
TOKEN = Kind(
    "data train(x, y, mask, sex)\nmodel f\nminimize E[ce(f(x), y) | mask]\n",
    Tagger,
    (WORDS, LABELS, MASK, SEX),
)
PAIR = Kind("data train(x, w, y)\nmodel f(x, w)\nminimize bce(f(x, w), y)\n", Two, (X, W, Y))


def run(kind: Kind, line: str) -> cspec.Result:
    return cspec.run(f"{kind.head}{line}\n{FIT}", f=kind.model(), train=kind.data)


def value(kind: Kind, expression: str, relation: str = "<= 0.01") -> float:
    """The value of a requirement, which is the same as that of a metric."""
    required = run(kind, f"s.t. q: {expression} {relation}")["q"].value
    measured = run(kind, f"metric m = {expression}").metrics["m"]
    assert measured == pytest.approx(required, rel=1e-6)
    return required


def refused(kind: Kind, line: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        run(kind, line)
    return caught.value


Z1 = [z[0] for z in outputs(linear(1))]
P3 = [softmax(z) for z in outputs(linear(3))]


def tags() -> list[list[list[float]]]:
    with torch.no_grad():
        return Tagger()(torch.tensor(WORDS)).tolist()


def class_means(sex: str = "FM") -> list[float]:
    return [mean(P3[i][k] for i in ALL if SEX[i] in sex) for k in range(3)]


def test_bounds_of_a_set_may_be_what_moves() -> None:
    inside = mean(Z1[i] - 1 <= T[i] <= Z1[i] + 1 for i in ALL)
    assert value(NUMBERS, "P[y in [f(x) - 1, f(x) + 1]]") == pytest.approx(inside)
    either = mean(Y[i] in (1, int(Z1[i] > 0)) for i in ALL)
    assert value(ONE, "P[y in {1, pred}]") == pytest.approx(either)
    result = run(NUMBERS, "s.t. q: E[y] in [E[f(x)] - 1, E[f(x)] + 1]")
    assert result["q.hi"].bound == pytest.approx(mean(Z1) + 1, rel=1e-5)


def test_where_pulls_by_the_event_that_decides() -> None:
    spec = "data train(x, y)\nmodel f\nsatisfy\ns.t. q: E[where(pred == 1, 0, 3)*y] <= 0.01\n"
    assert value(ONE, "E[where(pred == 1, 0, 3)*y]") == pytest.approx(
        mean(3 * (Z1[i] <= 0) * Y[i] for i in ALL)
    )
    f = ONE.model()
    optimizer = torch.optim.SGD(f.parameters(), lr=0.1)
    handle = cspec.bind(spec, f=f, optimizer=optimizer, train=(X, Y))
    handle.loss(x=torch.tensor(X), y=torch.tensor(Y)).backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in f.parameters())


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("P[pred == y | mask]", lambda i, k: MASK[i, k]),
        ("P[pred == y | not mask]", lambda i, k: not MASK[i, k]),
        ("P[pred == y | mask and y != 2]", lambda i, k: MASK[i, k] and LABELS[i, k] != 2),
        ('P[pred == y | mask, sex == "F"]', lambda i, k: MASK[i, k] and SEX[i] == "F"),
    ],
)  # fmt: skip
def test_masks_of_true_and_false_over_tokens(
    expression: str, chosen: Callable[[int, int], bool]
) -> None:
    z = tags()
    cells = [(i, k) for i in ALL for k in range(TOKENS) if chosen(i, k)]
    right = mean(largest(z[i][k]) == LABELS[i, k] for i, k in cells)
    assert value(TOKEN, expression) == pytest.approx(right)


def test_each_token_has_an_entry_of_its_own() -> None:
    z = tags()
    cells = [(i, k) for i in ALL for k in range(TOKENS)]
    own = mean(softmax(z[i][k])[LABELS[i, k]] for i, k in cells if MASK[i, k])
    assert value(TOKEN, "E[prob[y] | mask]") == pytest.approx(own, rel=1e-5)
    logit = mean(z[i][k][LABELS[i, k]] for i, k in cells)
    assert value(TOKEN, "E[f(x)[y]]") == pytest.approx(logit, rel=1e-4)
    both = mean(MASK[i, k] and largest(z[i][k]) == LABELS[i, k] for i, k in cells)
    assert value(TOKEN, "P[mask and pred == y]") == pytest.approx(both)


@pytest.mark.parametrize("expression", ["P[pred == y | y]", "gap(P[pred == y | y])"])
def test_groups_of_tokens_get_what_to_type(expression: str) -> None:
    error = refused(TOKEN, f"metric m = {expression}")
    assert [d.code for d in error.diagnostics] == ["CS332"]
    assert "for v in values(y)" in str(error)
    run(TOKEN, "metric m = max(P[pred == y | y == v] for v in values(y))")


def rate(race: str, sex: str = "FM") -> float:
    return mean(Z1[i] > 0 for i in ALL if RACE[i] == race and SEX[i] in sex)


def test_a_group_is_chosen_by_its_name() -> None:
    assert value(ONE, 'P[pred == 1 | race]["b"]') == pytest.approx(rate("b"))
    assert value(ONE, "P[pred == 1 | race][0]") == pytest.approx(rate("a"))
    assert value(ONE, 'P[pred == 1 | race, sex]["b", "F"]') == pytest.approx(rate("b", "F"))
    assert "no part" in str(refused(ONE, 'metric m = P[pred == 1 | race]["zz"]'))
    assert "no entries" in str(refused(ONE, 'metric m = P[pred == 1 | race == "a"]["a"]'))


def test_a_group_beside_a_gap_has_one_multiplier() -> None:
    lines = 's.t. q: P[pred == 1 | sex]["F"] <= 0.1\n     b: gap(P[pred == 1 | sex]) <= 0.1'
    result = run(ONE, lines)
    women, men = (mean(Z1[i] > 0 for i in ALL if SEX[i] == s) for s in "FM")
    assert result["q"].value == pytest.approx(women)
    assert result["b"].value == pytest.approx(abs(women - men))
    assert result["q"].multiplier is not None
    assert result["q"].multiplier_norm is None  # one entry has no norm beside it


def test_a_number_of_groups_with_numbers_of_their_own_is_asked_about() -> None:
    error = refused(ONE, "metric m = P[pred == 1 | age][2]")
    assert "`2` has two readings" in str(error)
    two = mean(Z1[i] > 0 for i in ALL if AGE[i] == 2)
    assert value(ONE, 'P[pred == 1 | age]["2"]') == pytest.approx(two)


def test_columns_that_group_beside_one_of_true_and_false() -> None:
    found = run(ONE, "metric m = P[pred == 1 | sex, race, old]").metrics
    for sex in "FM":
        for race in "ab":
            cells = [i for i in ALL if SEX[i] == sex and RACE[i] == race and OLD[i]]
            if cells:
                assert found[f"m[{sex}, {race}]"] == pytest.approx(mean(Z1[i] > 0 for i in cells))


def test_true_and_false_beside_other_groups_in_a_gap_has_two_readings() -> None:
    error = refused(ONE, "metric m = gap(P[pred == 1 | sex, old])")
    assert "a condition, or groups beside `sex`?" in str(error)
    rates = [mean(Z1[i] > 0 for i in ALL if SEX[i] == s and OLD[i]) for s in "FM"]
    found = value(ONE, "gap(P[pred == 1 | sex, old == true])")
    assert found == pytest.approx(max(rates) - min(rates))
    value(
        ONE,
        "max(P[pred == 1 | sex == g, old == h] for (g, h) in cross(sex, old))"
        " - min(P[pred == 1 | sex == g, old == h] for (g, h) in cross(sex, old))",
    )


def test_only_the_column_without_groups_is_named() -> None:
    error = refused(ONE, "metric m = P[pred == 1 | sex, w]")
    assert [d.message for d in error.diagnostics] == [
        "column `w` has no groups: it is not categorical in this data"
    ]


def test_means_of_vectors_where_a_vector_is_wanted() -> None:
    both, women, men = class_means(), class_means("F"), class_means("M")
    assert value(MANY, "entropy(E[prob])") == pytest.approx(
        -sum(p * math.log(p) for p in both), rel=1e-5
    )
    assert value(MANY, "max(E[prob])") == pytest.approx(max(both), rel=1e-5)
    assert value(MANY, "E[prob][1]") == pytest.approx(both[1], rel=1e-5)
    apart = [abs(a - b) for a, b in zip(women, men, strict=True)]
    differences = 'E[prob | sex == "F"] - E[prob | sex == "M"]'
    assert value(MANY, f"norm({differences}, 1)") == pytest.approx(sum(apart), rel=1e-4)
    assert value(MANY, f"max(abs({differences}))") == pytest.approx(max(apart), rel=1e-4)


def test_a_mean_of_a_vector_as_one_number_is_asked_about() -> None:
    assert "which one?" in str(refused(MANY, "s.t. q: E[prob] <= 0.4"))


def test_a_number_in_the_place_of_a_column() -> None:
    f = Two()
    with torch.no_grad():
        zero, one = (f(torch.tensor(X), torch.full((N,), v)).reshape(-1) for v in (0.0, 1.0))
    assert value(PAIR, "E[f(x, 0)]") == pytest.approx(mean(zero), rel=1e-4)
    apart = mean(abs(a - b) for a, b in zip(one, zero, strict=True))
    assert value(PAIR, "E[abs(f(x, 1) - f(x, 0))]") == pytest.approx(apart, rel=1e-4)


def test_a_ratio_of_ratios_has_a_sign() -> None:
    recall = mean(Z1[i] > 0 for i in ALL if Y[i] == 1)
    precision = mean(Y[i] == 1 for i in ALL if Z1[i] > 0)
    found = value(ONE, "2/(1/P[pred == 1 | y == 1] + 1/P[y == 1 | pred == 1])", ">= 0.3")
    assert found == pytest.approx(2 / (1 / recall + 1 / precision))


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("sum(bce(f(x), y))", "E[bce(f(x), y)]`, their total `23*E[bce(f(x), y)]"),
        ("sum(w*bce(f(x), y))", "E[w*bce(f(x), y)]"),
        ("max(bce(f(x), y))", "quantile(bce(f(x), y), 100%)"),
        ("max(w)", "quantile(w, 100%)"),
        ("max(prob)", "max(prob(f(x)), 1 - prob(f(x)))"),
        ("norm(prob, 2)", "abs(prob(f(x)))"),
    ],
)  # fmt: skip
def test_what_has_no_entries_is_not_added_up(expression: str, meant: str) -> None:
    error = refused(ONE, f"metric m = E[{expression}]")
    assert [d.code for d in error.diagnostics] == ["CS333"]
    assert meant in str(error)


def test_the_total_loss_as_an_objective_is_not_its_mean() -> None:
    spec = "data train(x, y)\nmodel f\nminimize sum(bce(f(x), y)) + 0.1*sumsq(f.weights)\n" + FIT
    with pytest.raises(SpecError, match="no entries to go over"):
        cspec.run(spec, f=linear(1), train=(X, Y))


@pytest.mark.parametrize("expression", ["sum((f(x) - y)^2)", "sumsq(f(x) - y)"])
def test_the_only_output_of_a_model_is_an_entry(expression: str) -> None:
    squares = mean((Z1[i] - T[i]) ** 2 for i in ALL)
    assert value(NUMBERS, f"E[{expression}]") == pytest.approx(squares, rel=1e-5)


@pytest.mark.parametrize("expression", ["P[pred == y]", "E[prob]"])
def test_a_model_of_numbers_predicts_no_class(expression: str) -> None:
    error = refused(NUMBERS, f"metric m = {expression}")
    assert [d.code for d in error.diagnostics] == ["CS331"]
    assert "column `y` has no classes" in str(error)


def test_a_probability_may_be_compared_with_numbers() -> None:
    spec = "data train(x, y)\nmodel f\nminimize mse(prob, y)\nmetric m = E[prob]\n" + FIT
    result = cspec.run(spec, f=linear(1), train=(X, W))
    assert result.metrics["m"] == pytest.approx(mean(map(sigmoid, Z1)), rel=1e-5)


def table(folder: Path) -> None:
    lines = ["age,sex,race,hired"]
    lines += [f"{20 + i},{SEX[i]},{RACE[i]},{Y[i]}" for i in ALL]
    (folder / "people.csv").write_text("\n".join(lines) + "\n")


def test_features_by_name_make_groups(tmp_path: Path) -> None:
    table(tmp_path)
    spec = tmp_path / "people.cspec"
    spec.write_text(
        'data train(x, y) = csv("people.csv", target="hired")\n'
        "model f = linear\nminimize bce(f(x), y)\n"
        "s.t. each: forall s in values(x.sex): P[pred == 1 | x.sex == s] >= 0\n"
        "     dp: gap(P[pred == 1 | x.sex]) <= 1\n"
        "metric ages = E[x.age | x.sex]\n"
        'metric both = gap(E[x.age | x.sex, x["race"]])\n' + FIT
    )
    result = cspec.run(spec)
    women, men = (mean(20 + i for i in ALL if SEX[i] == s) for s in "FM")
    assert result.metrics["ages[F]"] == pytest.approx(women)
    assert result.metrics["ages[M]"] == pytest.approx(men)
    cells = [(s, r) for s in "FM" for r in "ab"]
    ages = [mean(20 + i for i in ALL if SEX[i] == s and RACE[i] == r) for s, r in cells]
    assert result.metrics["both"] == pytest.approx(max(ages) - min(ages))
    rates = result["each[F]"].value, result["each[M]"].value
    assert result["dp"].value == pytest.approx(abs(rates[0] - rates[1]))


def test_a_function_that_does_not_say_what_it_gives_is_tried(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import cspec\n\n\n@cspec.function\ndef apart(z, y):\n    return (z - y).abs()\n\n\n"
        "@cspec.function(result='number')\ndef whole(z, y):\n    return ((z - y) ** 2).mean()\n"
    )
    spec = tmp_path / "own.cspec"
    spec.write_text(
        'from "own.py" import apart, whole\ndata train(x, y)\nmodel f\nminimize apart(f(x), y)\n'
        "s.t. a: E[apart(f(x), y) | y > 0] <= 1\n     b: E[whole(f(x), y)] <= 1\n" + FIT
    )
    result = cspec.run(spec, f=linear(1), train=(X, T))
    apart = [abs(Z1[i] - float(T[i])) for i in ALL]
    assert result.objective == pytest.approx(mean(apart), rel=1e-5)
    assert result["a"].value == pytest.approx(mean(apart[i] for i in ALL if T[i] > 0), rel=1e-5)
    assert result["b"].value == pytest.approx(mean(v**2 for v in apart), rel=1e-5)


def test_labels_with_gaps_say_how_to_number_them() -> None:
    spec = "data train(x, y)\nmodel f\nminimize ce(f(x), y)\n" + FIT
    with pytest.raises(SpecError) as caught:
        cspec.run(spec, f=linear(3), train=(X, np.array([2, 5, 9])[Y3]))
    assert "labels are 2, 5, 9" in str(caught.value)
    text = [str(label) for label in np.array([2, 5, 9])[Y3]]
    cspec.run(spec, f=linear(3), train=(X, text))


def test_a_model_that_is_called_with_others_than_it_takes() -> None:
    error = refused(ONE, "metric m = E[f(x, w)]")
    assert [d.code for d in error.diagnostics] == ["CS331"]
    assert "its `forward` takes" in str(error)


@pytest.mark.parametrize("denominator", ["E[abs(w)]", "P[old]"])
def test_a_denominator_of_known_sign(denominator: str) -> None:
    weight = W if "w" in denominator else OLD.astype(float)
    name = "w" if "w" in denominator else "old"
    meant = sum(weight[i] * sigmoid(Z1[i]) for i in ALL) / sum(weight)
    assert value(ONE, f"E[{name}*prob]/{denominator}") == pytest.approx(meant, rel=1e-5)
    assert value(ONE, f"E[{name}*prob]/E[{name}]") == pytest.approx(meant, rel=1e-5)


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.classes, self.number = nn.Linear(3, 2), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.classes(x), self.number(x)


def test_one_head_of_a_model_may_predict_classes_and_another_numbers() -> None:
    spec = (
        "data train(x, y, t)\nmodel f\nminimize mse(f(x)[1], t)\n"
        "s.t. q: P[pred(f(x)[0]) == 1] <= 0.1\n" + FIT
    )
    f = Heads()
    with torch.no_grad():
        classes = f(torch.tensor(X))[0].argmax(1)
    result = cspec.run(spec, f=f, train=(X, Y, T))
    assert result["q"].value == pytest.approx(mean(classes))


def test_a_mask_beside_groups_of_tokens_stays_a_condition() -> None:
    said = str(refused(TOKEN, "metric m = max(P[pred == y | sex, mask])"))
    assert "`max(P[pred(f(x)) == y | sex == v, mask] for v in values(sex))`" in said


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("E[ce(f([1, 2, 3]), 1)]", lambda z: torch.nn.functional.cross_entropy(z, torch.tensor(1))),
        ("E[mse(v, 2)]", lambda _: 1.0),
        ("E[ce(f(x), 1)]", None),
    ],
)
def test_a_mean_of_a_loss_that_is_the_same_for_all(written: str, meant: Any) -> None:
    spec = f"data train(x, y)\nmodel f\nvar v = 3\nminimize ce + {written}\n" + FIT
    f = linear(2)
    with torch.no_grad():
        rows = torch.nn.functional.cross_entropy(f(torch.tensor(X)), torch.tensor(Y))
        same = torch.nn.functional.cross_entropy(f(torch.tensor(X)), torch.ones(N).long())
        more = same if meant is None else meant(f(torch.tensor([1.0, 2.0, 3.0])))
    result = cspec.run(spec, f=f, train=(X, Y))
    assert result.objective == pytest.approx(float(rows + more), rel=1e-5)
