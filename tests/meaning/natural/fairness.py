"""Natural specs about groups of people."""

from __future__ import annotations

from meaning.natural.kept import Facts, bce, natural
from meaning.natural.settings import loans, loans_n_by_1

SEXES, RACES = ("F", "M"), ("A", "B", "C")


def spread(values: list[float]) -> float:
    return max(values) - min(values)


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. dp: gap(P[pred == 1 | sex]) <= 5%
""",
)
def demographic_parity(d: Facts) -> dict:
    found = spread([d.pred[d.sex == s].mean() for s in SEXES])
    return {"dp": found, "dp.bound": 0.05, "dp.met": found <= 0.05, "dp.split": "train"}


@natural(
    loans_n_by_1,
    """
    minimize bce(f(x), y)
    s.t. dp: gap(P[pred == 1 | sex]) <= 5%
""",
)
def demographic_parity_of_columns_n_by_1(d: Facts) -> dict:
    found = spread([d.pred[d.sex == s].mean() for s in SEXES])
    return {"dp": found, "objective": bce(d.z, d.y).mean()}


@natural(
    loans,
    """
    minimize bce
    s.t. four_fifths: ratio(P[pred == 1 | sex]) >= 80%
""",
)
def four_fifths_rule(d: Facts) -> dict:
    rates = [d.pred[d.sex == s].mean() for s in SEXES]
    return {"four_fifths": min(rates) / max(rates)}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. eopp: gap(P[pred == 1 | sex, y == 1]) <= 5%
""",
)
def equal_opportunity(d: Facts) -> dict:
    return {"eopp": spread([d.pred[(d.sex == s) & (d.y == 1)].mean() for s in SEXES])}


@natural(
    loans_n_by_1,
    """
    minimize bce(f(x), y)
    s.t. tpr: gap(P[pred == 1 | race, y == 1]) <= 10%
         fpr: gap(P[pred == 1 | race, y == 0]) <= 10%
""",
)
def equalized_odds(d: Facts) -> dict:
    return {
        name: spread([d.pred[(d.race == r) & (d.y == k)].mean() for r in RACES])
        for name, k in (("tpr", 1), ("fpr", 0))
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. cells: gap(P[pred == 1 | sex, race]) <= 20%
""",
)
def intersectional_parity(d: Facts) -> dict:
    cells = [d.pred[(d.sex == s) & (d.race == r)].mean() for s in SEXES for r in RACES]
    return {"cells": spread(cells)}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. cells: gap(P[pred == 1 | sex, race, y == 1]) <= 20%
""",
)
def intersectional_opportunity(d: Facts) -> dict:
    cells = [d.pred[(d.sex == s) & (d.race == r) & (d.y == 1)].mean() for s in SEXES for r in RACES]
    return {"cells": spread(cells)}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. eo: forall a in values(sex): {
           tpr: P[pred == 1 | y == 1 and sex == a] >= 55%
           fpr: P[pred == 1 | y == 0 and sex == a] <= 10%
         }
""",
)
def rates_of_each_sex(d: Facts) -> dict:
    right = {}
    for s in SEXES:
        for name, k in (("tpr", 1), ("fpr", 0)):
            chosen = d.pred[(d.sex == s) & (d.y == k)]
            right[f"eo.{name}[{s}]"] = chosen.mean()
            right[f"eo.{name}[{s}].n"] = len(chosen)
    return right


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. worst: min(P[pred == y | race]) >= 60%
    metric best = max(P[pred == y | race])
""",
)
def accuracy_of_the_worst_group(d: Facts) -> dict:
    rates = [(d.pred == d.y)[d.race == r].mean() for r in RACES]
    return {"worst": min(rates), "best": max(rates)}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    metric rate = P[pred == 1 | race]
    metric size = E[amount | sex]
""",
)
def metrics_by_group(d: Facts) -> dict:
    rates = {f"rate[{r}]": d.pred[d.race == r].mean() for r in RACES}
    return rates | {f"size[{s}]": d.amount[d.sex == s].mean() for s in SEXES}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    metric rate = P[pred == 1 | sex, race]
    metric kept = P[pred == 1 | race, age >= 40 and not married]
""",
)
def metrics_by_group_under_conditions(d: Facts) -> dict:
    cells = {
        f"rate[{s}, {r}]": d.pred[(d.sex == s) & (d.race == r)].mean() for s in SEXES for r in RACES
    }
    chosen = (d.age >= 40) & ~d.married
    return cells | {f"kept[{r}]": d.pred[(d.race == r) & chosen].mean() for r in RACES}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. scores: gap(E[prob | sex]) <= 0.1
""",
)
def gap_of_mean_scores(d: Facts) -> dict:
    return {"scores": spread([d.p[d.sex == s].mean() for s in SEXES])}


@natural(
    loans_n_by_1,
    """
    minimize bce(f(x), y)
    s.t. worst: max(E[bce | race]) <= 0.9
         even:  gap(E[bce(f(x), y) | race]) <= 0.1
""",
)
def bounded_group_loss(d: Facts) -> dict:
    losses = [bce(d.z, d.y)[d.race == r].mean() for r in RACES]
    return {"worst": max(losses), "even": spread(losses)}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. even: abs(P[pred == 1 | sex == "F"] - P[pred == 1 | sex == "M"]) <= 5%
""",
)
def absolute_difference(d: Facts) -> dict:
    return {"even": spread([d.pred[d.sex == s].mean() for s in SEXES])}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. near: forall g in values(race): abs(P[pred == 1 | race == g] - P[pred == 1]) <= 10%
""",
)
def each_group_near_the_overall_rate(d: Facts) -> dict:
    return {f"near[{r}]": abs(d.pred[d.race == r].mean() - d.pred.mean()) for r in RACES}


@natural(
    loans,
    """
    let share = P[sex == "F"]
    minimize bce(f(x), y)
    s.t. cov: abs(E[((sex == "F") - share)*f(x)]) <= 0.1
""",
)
def covariance_of_group_and_score(d: Facts) -> dict:
    female = (d.sex == "F").astype(float)
    return {"cov": abs(((female - female.mean()) * d.z).mean())}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. cal: forall g in values(race): abs(E[prob - y | race == g]) <= 0.1
""",
)
def calibration_of_each_group(d: Facts) -> dict:
    return {f"cal[{r}]": abs((d.p - d.y)[d.race == r].mean()) for r in RACES}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. young: P[pred == 1 | age < 30] >= 0.8*P[pred == 1 | age >= 30]
""",
)
def young_against_old(d: Facts) -> dict:
    young, old = d.pred[d.age < 30].mean(), d.pred[d.age >= 30].mean()
    return {"young": young, "young.bound": 0.8 * old, "young.violation": max(0, 0.8 * old - young)}


@natural(
    loans_n_by_1,
    """
    minimize bce(f(x), y)
    s.t. mid: P[pred == 1 | age in [30, 60] and sex == "F"] >= 20%
""",
)
def an_interval_of_ages(d: Facts) -> dict:
    chosen = d.pred[(d.age >= 30) & (d.age <= 60) & (d.sex == "F")]
    return {"mid": chosen.mean(), "mid.n": len(chosen)}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. ppv: gap(P[y == 1 | sex, pred == 1]) <= 10%
""",
)
def predictive_parity(d: Facts) -> dict:
    return {"ppv": spread([d.y[(d.sex == s) & (d.pred == 1)].mean() for s in SEXES])}
