"""Each line of the page about fairness is the number of its name, by numpy and by fairlearn."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import cspec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "language" / "fairness.md"
ROW = re.compile(r"^\| `(.+?)` \| `(.+)` \|$")
SEEDS = range(20)
Columns = dict[str, NDArray[Any]]


def rows(package: str) -> dict[str, str]:
    """The lines of the page's table for a package."""
    table = PAGE.read_text(encoding="utf-8").split(f"| {package} |")[1].split("\n\n")[0]
    found = (ROW.match(line) for line in table.splitlines())
    return {m[1]: m[2].replace("\\|", "|") for m in found if m}


def people(seed: int) -> Columns:
    """Random labels, predictions and groups, every combination of them there."""
    draw = np.random.default_rng(seed)
    sexes = ["F", "M", "x", "z"][: draw.integers(2, 5)]
    whole = [(s, r, y, p) for s in sexes for r in ("a", "b") for y in (0, 1) for p in (0, 1)]
    chosen = [*whole, *(whole[k] for k in draw.integers(0, len(whole), 200))]
    sex, race, y, pred = map(np.array, zip(*chosen, strict=True))
    return {"sex": sex, "race": race, "y": y, "pred": pred, "x": 2.0 * pred[:, None] - 1}


class Given(nn.Module):
    """The predictions that the input names."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.scale * x).reshape(-1)


def measured(lines: dict[str, str], d: Columns) -> dict[str, float]:
    """The lines as metrics of a run that moves nothing much."""
    metrics = "".join(f"metric m{k} = {line}\n" for k, line in enumerate(lines.values()))
    spec = (
        "data train(x, y, sex, race)\nmodel f\nminimize bce(f(x), y)\n"
        f"{metrics}fit(optimizer=sgd(lr=1e-9), steps=1, batch_size=full)"
    )
    result = cspec.run(spec, f=Given(), train={k: v for k, v in d.items() if k != "pred"})
    return {name: result.metrics[f"m{k}"] for k, name in enumerate(lines)}


# --- The same by hand ---


def rate(event: NDArray[Any], among: NDArray[Any]) -> float:
    return float(event[among].mean())


Rate = Callable[[Columns, NDArray[Any]], float]


def chosen(d: Columns, g: NDArray[Any], value: int = 1, label: int | None = None) -> float:
    return rate(d["pred"] == value, g if label is None else g & (d["y"] == label))


def right(d: Columns, g: NDArray[Any]) -> float:
    return rate(d["pred"] == d["y"], g)


def wrong(d: Columns, g: NDArray[Any]) -> float:
    return rate(d["pred"] != d["y"], g)


def truly(d: Columns, g: NDArray[Any], label: int = 1, value: int = 1) -> float:
    return rate(d["y"] == label, g & (d["pred"] == value))


def f1(d: Columns, g: NDArray[Any]) -> float:
    both = ((d["pred"] == 1) & (d["y"] == 1))[g].sum()
    return float(2 * both / ((d["pred"] == 1)[g].sum() + (d["y"] == 1)[g].sum()))


def balanced(d: Columns, g: NDArray[Any]) -> float:
    return (chosen(d, g, 1, 1) + chosen(d, g, 0, 0)) / 2


def each(of: Rate, d: Columns) -> list[float]:
    return [of(d, d["sex"] == name) for name in np.unique(d["sex"])]


def gap(of: Rate, d: Columns) -> float:
    return max(each(of, d)) - min(each(of, d))


def ratio(of: Rate, d: Columns) -> float:
    return min(each(of, d)) / max(each(of, d))


def off(of: Rate, d: Columns) -> float:
    everyone = of(d, np.ones(len(d["y"]), dtype=bool))
    return max(abs(value - everyone) for value in each(of, d))


def least(of: Rate, d: Columns) -> float:
    everyone = of(d, np.ones(len(d["y"]), dtype=bool))
    return min(min(value / everyone, everyone / value) for value in each(of, d))


def strata(d: Columns) -> float:
    parts = [{k: v[d["race"] == name] for k, v in d.items()} for name in ("a", "b")]
    return max(gap(chosen, part) for part in parts)


def crossed(d: Columns) -> float:
    return gap(chosen, d | {"sex": np.char.add(d["sex"], d["race"])})


POSITIVE, NEGATIVE = partial(chosen, label=1), partial(chosen, label=0)
FAIRLEARN: dict[str, Callable[[Columns], float]] = {
    "demographic_parity_difference": partial(gap, chosen),
    'demographic_parity_difference(method="to_overall")': partial(off, chosen),
    "demographic_parity_ratio": partial(ratio, chosen),
    'demographic_parity_ratio(method="to_overall")': partial(least, chosen),
    "equal_opportunity_difference": partial(gap, POSITIVE),
    "equal_opportunity_ratio": partial(ratio, POSITIVE),
    "equalized_odds_difference": lambda d: max(gap(POSITIVE, d), gap(NEGATIVE, d)),
    'equalized_odds_difference(agg="mean")': lambda d: (gap(POSITIVE, d) + gap(NEGATIVE, d)) / 2,
    'equalized_odds_difference(method="to_overall")': lambda d: max(
        off(POSITIVE, d), off(NEGATIVE, d)
    ),
    "equalized_odds_ratio": lambda d: min(ratio(POSITIVE, d), ratio(NEGATIVE, d)),
    'equalized_odds_ratio(agg="mean")': lambda d: (ratio(POSITIVE, d) + ratio(NEGATIVE, d)) / 2,
    "selection_rate_group_min": lambda d: min(each(chosen, d)),
    "selection_rate_group_max": lambda d: max(each(chosen, d)),
    "true_negative_rate_difference": partial(gap, partial(chosen, value=0, label=0)),
    "false_positive_rate_difference": partial(gap, NEGATIVE),
    "false_negative_rate_ratio": partial(ratio, partial(chosen, value=0, label=1)),
    "accuracy_score_difference": partial(gap, right),
    "accuracy_score_group_min": lambda d: min(each(right, d)),
    "zero_one_loss_ratio": partial(ratio, wrong),
    "precision_score_difference": partial(gap, truly),
    "recall_score_group_min": lambda d: min(each(POSITIVE, d)),
    "f1_score_difference": partial(gap, f1),
    "balanced_accuracy_score_difference": partial(gap, balanced),
    "MetricFrame(selection_rate, control=race).difference().max": strata,
    "MetricFrame(selection_rate, sex and race).difference": crossed,
}


def two(of: Rate, d: Columns) -> tuple[float, float]:
    return of(d, d["sex"] == "F"), of(d, d["sex"] == "M")


def apart(of: Rate, d: Columns) -> float:
    first, second = two(of, d)
    return first - second


def benefits(d: Columns) -> NDArray[Any]:
    """b / mean(b) of b = pred - y + 1."""
    b = d["pred"] - d["y"] + 1.0
    return np.asarray(b / b.mean())


def theil(d: Columns) -> float:
    share = benefits(d)
    return float(np.mean([s * np.log(s) if s > 0 else 0.0 for s in share]))


AIF360: dict[str, Callable[[Columns], float]] = {
    "statistical_parity_difference": partial(apart, chosen),
    "disparate_impact": lambda d: two(chosen, d)[0] / two(chosen, d)[1],
    "equal_opportunity_difference": partial(apart, POSITIVE),
    "average_odds_difference": lambda d: (apart(POSITIVE, d) + apart(NEGATIVE, d)) / 2,
    "average_abs_odds_difference": lambda d: (
        (abs(apart(POSITIVE, d)) + abs(apart(NEGATIVE, d))) / 2
    ),
    "error_rate_difference": partial(apart, wrong),
    "error_rate_ratio": lambda d: two(wrong, d)[0] / two(wrong, d)[1],
    "false_discovery_rate_difference": partial(apart, partial(truly, label=0)),
    "false_omission_rate_difference": partial(apart, partial(truly, value=0)),
    "generalized_entropy_index": lambda d: float(np.mean(benefits(d) ** 2 - 1)) / 2,
    "theil_index": theil,
    "coefficient_of_variation": lambda d: 2 * np.sqrt(np.mean(benefits(d) ** 2 - 1) / 2),
}


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS if seed)]
)
def test_lines_are_the_measures_of_their_names(seed: int) -> None:
    d = people(seed)
    for package, by_hand in (("fairlearn", FAIRLEARN), ("AIF360", AIF360)):
        lines = rows(package)
        assert lines.keys() == by_hand.keys()
        found = measured(lines, d)
        for name in lines:
            assert found[name] == pytest.approx(by_hand[name](d), abs=1e-12), name


@pytest.mark.parametrize("seed", SEEDS)
def test_formulas_by_hand_are_those_of_fairlearn(seed: int) -> None:
    metrics = pytest.importorskip("fairlearn.metrics")
    d = people(seed)
    y, pred = d["y"], d["pred"]
    for name, by_hand in FAIRLEARN.items():
        word, _, settings = name.partition("(")
        pairs = dict(re.findall(r'(\w+)="(\w+)"', settings))
        if word == "MetricFrame":
            crossed = "sex and race" in name
            groups = np.char.add(d["sex"], d["race"]) if crossed else d["sex"]
            control = None if crossed else d["race"]
            frame = metrics.MetricFrame(
                metrics=metrics.selection_rate, y_true=y, y_pred=pred,
                sensitive_features=groups, control_features=control,
            )  # fmt: skip
            value = frame.difference() if crossed else frame.difference().max()
        else:
            function = getattr(metrics, word, None) or _made(metrics, word)
            value = function(y, pred, sensitive_features=d["sex"], **pairs)
        assert by_hand(d) == pytest.approx(value, abs=1e-12), name


def _made(metrics: Any, word: str) -> Callable[..., float]:
    """`true_negative_rate_difference`, where the package has no function of this name."""
    base, way = re.fullmatch(r"(\w+)_(difference|ratio|group_min|group_max)", word).groups()  # type: ignore[union-attr]
    known = getattr(metrics, base, None)
    if known is None:
        known = getattr(pytest.importorskip("sklearn.metrics"), base)
    return metrics.make_derived_metric(metric=known, transform=way)  # type: ignore[no-any-return]
