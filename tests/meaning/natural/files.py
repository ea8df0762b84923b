"""Natural specs about tables in files: units, names, classes, parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from meaning.natural.kept import natural

RNG = np.random.default_rng(77)
AGES = RNG.integers(18, 80, 40)
HOURS = RNG.integers(10, 60, 40)
JOBS = RNG.choice(["baker", "cook", "smith"], 40)
SEXES = RNG.choice(["F", "M"], 40)
BOUGHT = np.concatenate([["no", "yes"], RNG.choice(["no", "yes"], 38)])
PRICES = np.round(RNG.normal(300, 40, 40), 2)


def csv_text(target: str) -> str:
    """A table of forty people."""
    heads = {
        "age": AGES,
        "hours per week": HOURS,
        "job": JOBS,
        "sex": SEXES,
        "bought": BOUGHT,
        "price": PRICES,
    }
    names = [n for n in heads if n not in {"bought", "price"} - {target}]
    rows = [",".join(str(heads[n][i]) for n in names) for i in range(40)]
    return "\n".join([",".join(names), *rows]) + "\n"


FILES = {"people.csv": csv_text("bought"), "prices.csv": csv_text("price")}


@natural(
    None,
    """
    data train(x, y, sex) = csv("people.csv", target="bought")
    model f = linear
    minimize bce(f(x), y)
    s.t. old: P[pred == 1 | x.age > 40] <= 90%
         mid: P[pred == 1 | x.age in [30, 50] and sex == "F"] <= 90%
    metric age = E[x.age]
    metric hours = E[x["hours per week"] | sex == "F"]
    metric young = P[x.age < 30]
    metric yes = P[y == 1 | x.age > 40]
    metric word = P[y == "yes"]
    fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, precision=float64)
""",
    files=FILES,
)
def features_in_the_units_of_the_file(r: Any) -> dict:
    bought = BOUGHT == "yes"
    return {
        "old.n": int((AGES > 40).sum()),
        "mid.n": int(((AGES >= 30) & (AGES <= 50) & (SEXES == "F")).sum()),
        "age": AGES.mean(),
        "hours": HOURS[SEXES == "F"].mean(),
        "young": (AGES < 30).mean(),
        "yes": bought[AGES > 40].mean(),
        "word": bought.mean(),
    }


@natural(
    None,
    """
    data train(x, y, sex, "hours per week" as hours) =
         csv("people.csv", target="bought", scale=none)
    model f = linear
    minimize bce(f(x), y)
    metric long = P[hours > 40]
    metric work = E[hours | sex == "M"]
    metric age = E[x.age]
    metric yes = P[y == 1 | sex, hours > 20]
    fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, precision=float64)
""",
    files=FILES,
)
def columns_of_a_file_that_is_not_scaled(r: Any) -> dict:
    bought = BOUGHT == "yes"
    right = {f"yes[{s}]": bought[(s == SEXES) & (HOURS > 20)].mean() for s in ("F", "M")}
    return right | {
        "long": (HOURS > 40).mean(),
        "work": HOURS[SEXES == "M"].mean(),
        "age": AGES.mean(),
    }


@natural(
    None,
    """
    data train(x, y) = csv("people.csv", target="bought", positive="no")
    model f = linear
    minimize bce(f(x), y)
    metric no = P[y == 1]
    metric word = P[y == "no"]
    metric cooks = P[x.job == "cook"]
    fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, precision=float64)
""",
    files=FILES,
)
def the_positive_class_of_a_file(r: Any) -> dict:
    share = (BOUGHT == "no").mean()
    return {"no": share, "word": share, "cooks": (JOBS == "cook").mean()}


@natural(
    None,
    """
    data train(x, y, job) = csv("prices.csv", target="price")
    model f = linear
    minimize mse(f(x), y)
    s.t. even: gap(E[mse | job]) <= 1000
         dear: E[f(x) | x.age >= 65] >= 100
    metric mean_price = E[y]
    metric price = E[y | job]
    metric old = E[y*(x.age > 60)]
    fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, precision=float64)
""",
    files=FILES,
)
def prices_in_a_file(r: Any) -> dict:
    right = {f"price[{j}]": PRICES[j == JOBS].mean() for j in ("baker", "cook", "smith")}
    return right | {
        "dear.n": int((AGES >= 65).sum()),
        "mean_price": PRICES.mean(),
        "old": (PRICES * (AGES > 60)).mean(),
    }


@natural(
    None,
    """
    data train(x, y, sex), test(x, y, sex) =
         csv("people.csv", target="bought", split=[0.5, 0.5], seed=3)
    model f = linear
    minimize bce(f(x), y)
    metric here = E[x.age]
    metric there = E[x.age on test]
    metric all = (E[x.age] + E[x.age on test])/2
    fit(optimizer=sgd(lr=1e-30), steps=1, batch_size=full, precision=float64)
""",
    files=FILES,
)
def two_halves_of_a_file(r: Any) -> dict:
    return {"all": AGES.mean()}
