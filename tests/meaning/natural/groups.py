"""Natural specs about groups: bool and number columns, cells, reductions, splits, tables."""

from __future__ import annotations

import numpy as np
from meaning.natural.kept import Facts, bce, ce, natural
from meaning.natural.settings import animals, loans, loans_n_by_1, loans_two_logits, weather

SEXES, RACES = ("F", "M"), ("A", "B", "C")


def spread(values: list[float]) -> float:
    return max(values) - min(values)


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. errors: P[pred == 1 and y == 0 | sex == "F"] / P[pred == 0 and y == 1 | sex == "F"] <= 3
""",
)
def treatment_equality(d: Facts) -> dict:
    f = d.sex == "F"
    return {"errors": ((d.pred == 1) & (d.y == 0))[f].sum() / ((d.pred == 0) & (d.y == 1))[f].sum()}


@natural(
    loans_n_by_1,
    """
    minimize bce(f(x), y)
    s.t. wed: P[pred == 1 | married and y == 1] >= 30%
    metric share = P[married]
    metric lent = E[amount*married]
    metric both = P[married == true and sex != "F"]
""",
)
def a_bool_column_as_an_event(d: Facts) -> dict:
    return {
        "wed": d.pred[d.married & (d.y == 1)].mean(),
        "share": d.married.mean(),
        "lent": (d.amount * d.married).mean(),
        "both": (d.married & (d.sex != "F")).mean(),
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. top: max(P[pred == 1 | branch]) <= 60%
         each: forall b in values(branch): P[pred == 1 | branch == b] >= 20%
    metric big = P[branch >= 2]
""",
)
def groups_of_numbers(d: Facts) -> dict:
    rates = {b: d.pred[d.branch == b].mean() for b in (1, 2, 5)}
    each = {f"each[{b}]": r for b, r in rates.items()}
    return {"top": max(rates.values()), "big": (d.branch >= 2).mean()} | each


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. cells: forall (a, b) in cross(sex, race) where count >= 10:
                  P[pred == 1 | sex == a and race == b] <= 50%
""",
)
def cells_that_are_large_enough(d: Facts) -> dict:
    right = {}
    for s in SEXES:
        for r in RACES:
            inside = (d.sex == s) & (d.race == r)
            right[f"cells[{s}, {r}]"] = d.pred[inside].mean() if inside.sum() >= 10 else None
    return right


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. total: sum(P[pred == 1 | race == g] for g in values(race)) <= 2
         most:  max(P[pred == 1 | race == g] for g in values(race) where g != "A") <= 70%
    metric least = min(E[prob | race == g] for g in values(race))
""",
)
def reductions_over_groups(d: Facts) -> dict:
    rates = [d.pred[d.race == r].mean() for r in RACES]
    least = min(d.p[d.race == r].mean() for r in RACES)
    return {"total": sum(rates), "most": max(rates[1:]), "least": least}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. dp: gap(P[pred == 1 | sex]) <= 5%
         eopp: gap(P[pred == 1 | sex, y == 1]) <= 5%
    verify dp on val
    verify eopp on test
""",
)
def each_requirement_on_its_own_split(d: Facts) -> dict:
    v, t = d.val, d.test
    return {
        "dp": spread([v.pred[v.sex == s].mean() for s in SEXES]),
        "dp.split": "val",
        "eopp": spread([t.pred[(t.sex == s) & (t.y == 1)].mean() for s in SEXES]),
        "eopp.split": "test",
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. dp: gap(P[pred == 1 | sex on val]) <= 5%
         there: P[pred == 1 | race == "C" on test] >= 20%
    verify all on test
""",
)
def what_names_its_data_keeps_them(d: Facts) -> dict:
    return {
        "dp": spread([d.val.pred[d.val.sex == s].mean() for s in SEXES]),
        "there": d.test.pred[d.test.race == "C"].mean(),
        "there.split": "test",
    }


@natural(
    loans,
    """
    param floor[race]
    minimize bce(f(x), y)
    s.t. own: forall g in values(race): P[pred == 1 | race == g] >= floor[g]
""",
    also={"floor": {"A": 0.1, "B": 0.45, "C": 0.3}},
)
def a_table_of_levels(d: Facts) -> dict:
    right = {}
    for r, level in (("A", 0.1), ("B", 0.45), ("C", 0.3)):
        right |= {f"own[{r}]": d.pred[d.race == r].mean(), f"own[{r}].bound": level}
    return right


@natural(
    loans,
    """
    let rate(s) = P[pred == 1 | sex == s]
    minimize bce(f(x), y)
    s.t. even: -5% <= rate("F") - rate("M") <= 5%
""",
)
def a_let_of_a_group(d: Facts) -> dict:
    found = d.pred[d.sex == "F"].mean() - d.pred[d.sex == "M"].mean()
    return {"even.lo": found, "even.lo.bound": -0.05, "even.hi": found, "even.hi.bound": 0.05}


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. band: forall g in values(sex): 20% <= P[pred == 1 | sex == g] <= 40%
""",
)
def a_band_for_each_group(d: Facts) -> dict:
    right = {}
    for s in SEXES:
        right |= {f"band.lo[{s}]": d.pred[d.sex == s].mean(), f"band.hi[{s}].bound": 0.4}
    return right


@natural(
    loans_two_logits,
    """
    minimize ce(f(x), y)
    s.t. dp: gap(P[pred == 1 | sex]) <= 5%
         soft_dp: gap(E[prob[1] | sex]) <= 5%
         first: gap(E[f(x)[0] | race]) <= 2
""",
)
def parity_with_two_logits(d: Facts) -> dict:
    return {
        "dp": spread([d.pred[d.sex == s].mean() for s in SEXES]),
        "soft_dp": spread([d.p[d.sex == s, 1].mean() for s in SEXES]),
        "first": spread([d.z[d.race == r, 0].mean() for r in RACES]),
        "objective": ce(d.z, d.y).mean(),
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. lent: E[amount*(pred == 1) | sex == "F"] >= 0.9*E[amount*(pred == 1) | sex == "M"]
""",
)
def money_lent_to_each_sex(d: Facts) -> dict:
    lent = d.amount * d.pred
    return {"lent": lent[d.sex == "F"].mean(), "lent.bound": 0.9 * lent[d.sex == "M"].mean()}


@natural(
    animals,
    """
    minimize ce
    s.t. zoos: forall z in values(zoo): P[pred == y | zoo == z] >= 40%
         shares: gap(P[pred == 2 | zoo]) <= 20%
    metric wild_share = P[pred == 2 | wild and zoo != "north"]
""",
)
def three_classes_by_place(d: Facts) -> dict:
    zoos = ("north", "south", "west")
    right = {f"zoos[{z}]": (d.pred == d.y)[d.zoo == z].mean() for z in zoos}
    chosen = d.wild & (d.zoo != "north")
    return right | {
        "shares": spread([(d.pred == 2)[d.zoo == z].mean() for z in zoos]),
        "wild_share": (d.pred == 2)[chosen].mean(),
    }


@natural(
    weather,
    """
    minimize ce
    s.t. even: gap(P[pred == "rain" | place]) <= 10%
         caught: gap(P[pred == y | place, y == "rain"]) <= 30%
""",
)
def labels_in_words_by_place(d: Facts) -> dict:
    places = ("hill", "sea")
    caught = [(d.pred == 0)[(d.place == q) & (d.y == "rain")].mean() for q in places]
    return {
        "even": spread([(d.pred == 0)[d.place == q].mean() for q in places]),
        "caught": spread(caught),
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. old: P[pred == 1 | age > 200] >= 10%
         both: gap(P[pred == 1 | sex, age > 200]) <= 10%
""",
)
def nobody_is_that_old(d: Facts) -> dict:
    nan = float("nan")
    return {"old": nan, "old.met": False, "both": nan, "both.met": False, "old.n": 0}


@natural(
    loans,
    """
    minimize bce(f(x), y) + 0.1*abs(P[pred == 1 | sex == "F"] - P[pred == 1 | sex == "M"])
""",
    may_be_refused=True,
)
def a_loss_an_example_and_a_rate_of_the_data(d: Facts) -> dict:
    gap = spread([d.pred[d.sex == s].mean() for s in SEXES])
    return {"objective": bce(d.z, d.y).mean() + 0.1 * gap}


@natural(
    loans,
    """
    minimize E[bce(f(x), y)] + 2*gap(E[prob | sex])
    s.t. E[prob] == E[y]
""",
)
def the_gap_in_the_objective(d: Facts) -> dict:
    gap = spread([d.p[d.sex == s].mean() for s in SEXES])
    return {
        "objective": bce(d.z, d.y).mean() + 2 * gap,
        "c1": d.p.mean(),
        "c1.bound": d.y.mean(),
        "c1.violation": abs(d.p.mean() - d.y.mean()),
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. known: P[pred == 1 | sex in {"F", "M"} and race in {"A", "C"}] >= 20%
    metric edges = P[age <= 25 or age >= 65]
    metric neither = P[not (married or age < 40)]
""",
)
def sets_of_words(d: Facts) -> dict:
    return {
        "known": d.pred[np.isin(d.race, ["A", "C"])].mean(),
        "edges": ((d.age <= 25) | (d.age >= 65)).mean(),
        "neither": (~(d.married | (d.age < 40))).mean(),
    }


@natural(
    loans,
    """
    minimize bce(f(x), y)
    s.t. rare: P[pred == 1] <= 30%
    verify all on val every epoch
    verify rare on test
""",
)
def chosen_on_val_and_judged_on_test(d: Facts) -> dict:
    return {"rare": d.test.pred.mean(), "rare.split": "test", "rare.n": len(d.test.pred)}


@natural(
    animals,
    """
    minimize ce
    s.t. a: forall f in values(zoo): P[pred(f(x)) == 1 | zoo == f] <= 50%
""",
)
def a_group_with_the_name_of_the_model(d: Facts) -> dict:
    return {f"a[{z}]": (d.pred == 1)[d.zoo == z].mean() for z in ("north", "south", "west")}
