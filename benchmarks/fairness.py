"""Rates on Adult and COMPAS: a spec beside fairlearn, a penalty by bisection, and moved thresholds.

    python benchmarks/fairness.py                      # both data sets, ten seeds
    python benchmarks/fairness.py adult --seeds 2      # one of them, fewer
    python benchmarks/fairness.py compas --tasks parity odds

A linear model on a split of 70% to 30% that the seed draws; every number of a row is a mean over
the seeds, that in brackets their standard deviation, `feasible` counts the seeds that meet the
limit on the training data. CPU seconds are of one process (`OMP_NUM_THREADS=1`). The rows:

- cspec: one run without a setting but its length and batches, one deterministic model, of which the
  share of errors is minimized, as fairlearn's reduction does (`minimize bce` ends at the likeliest
  model, whose accuracy is about 0.005 less).
- fairlearn: its exponentiated gradient over logistic regressions. It bounds the distance from the
  overall rate, so its bound is the limit times the share of the largest group of two (half the
  limit of more): that is what holds the largest difference of two groups. `randomized` is the
  expected accuracy of its mixture, `deterministic` the class with at least half of its weight.
- penalty: c times the surrogate of the violation is added to the loss; c is found by bisection.
- thresholds: of a logistic regression; one for all, or one a group (its ThresholdOptimizer).

Data are read from `$CSPEC_DATA`, or from `data` beside the checkout (adult/adult.data, adult.test,
compas/compas-two-years.csv); scikit-learn and pandas are needed, fairlearn where it is installed.
"""

from __future__ import annotations

import argparse
import importlib
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean, pstdev
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from untuned.datasets import folder
from untuned.peers import installed

import cspec

Columns = dict[str, NDArray[Any]]
Bools = NDArray[np.bool_]
ODDS = "gap(P[pred == 1 | {g}, y == 1]) <= 2%\n     false: gap(P[pred == 1 | {g}, y == 0]) <= 2%"
CELLS = (
    "gap(P[pred == 1 | {g} == a, {h} == b] for (a, b) in cross({g}, {h}) where count >= 50) <= 5%"
)


@dataclass(frozen=True)
class Table:
    """A data set: its columns, the group, the column that crosses it, how a run is fitted."""

    columns: Columns
    group: str
    other: str
    fit: str


@dataclass(frozen=True)
class Measure:
    """A rate: which examples it is over, by which groups, and the limit of it."""

    line: str
    limit: float
    events: tuple[Callable[[NDArray[Any]], Bools], ...] = ()  # rates of the groups, given y
    above: float = 0.0  # a rate of all that must be at least this
    below: float = 1.0  # or at most this
    among: int | None = None  # of the examples of this class
    of: int = 1  # the class predicted
    moment: str = ""
    crossed: bool = False
    epochs: int = 12


def everyone(y: NDArray[Any]) -> Bools:
    """All examples."""
    return np.ones(len(y), dtype=bool)


ACTUAL = (lambda y: y == 1, lambda y: y == 0)
TASKS = {
    "parity": Measure(
        "gap(P[pred == 1 | {g}]) <= 2%", 0.02, (everyone,), moment="DemographicParity"
    ),
    "odds": Measure(ODDS, 0.02, ACTUAL, moment="EqualizedOdds"),
    "recall": Measure("P[pred == 1 | y == 1] >= 90%", 0.0, above=0.9, among=1),
    "alarms": Measure("P[pred == 1 | y == 0] <= 5%", 0.0, below=0.05, among=0),
    "coverage": Measure("P[pred == 0] >= 70%", 0.0, above=0.7, of=0),
    "cells": Measure(CELLS, 0.05, (everyone,), moment="DemographicParity", crossed=True, epochs=24),
}


def adult() -> Table:
    """48,842 people; income above 50K, five numbers, the categories one by one."""
    names = [
        *("age", "workclass", "fnlwgt", "education", "years", "marital", "occupation"),
        *("relationship", "race", "sex", "gain", "loss", "hours", "country", "income"),
    ]
    parts = [
        pd.read_csv(folder() / "adult" / name, names=names, skipinitialspace=True, skiprows=skip)
        for name, skip in (("adult.data", 0), ("adult.test", 1))
    ]
    table = pd.concat(parts, ignore_index=True)
    y = table["income"].str.startswith(">50K").to_numpy().astype(np.int64)
    groups = {name: table[name].to_numpy(dtype=str) for name in ("sex", "race")}
    numbers = table[["age", "years", "gain", "loss", "hours"]]
    kinds = table[["workclass", "marital", "occupation", "relationship", "race", "sex", "country"]]
    return Table(
        features(numbers, kinds) | groups | {"y": y},
        "sex",
        "race",
        "epochs={epochs}, batch_size=512",
    )


def compas() -> Table:
    """5,278 people; two-year recidivism of two races."""
    table = pd.read_csv(folder() / "compas" / "compas-two-years.csv")
    kept = table["days_b_screening_arrest"].between(-30, 30) & (table["is_recid"] != -1)
    kept &= (table["c_charge_degree"] != "O") & (table["score_text"] != "N/A")
    table = table[kept & table["race"].isin(["African-American", "Caucasian"])]
    numbers = table[["age", "priors_count", "juv_fel_count", "juv_misd_count", "juv_other_count"]]
    kinds = table[["age_cat", "c_charge_degree", "race", "sex"]]
    groups = {name: table[name].to_numpy(dtype=str) for name in ("sex", "race")}
    y = table["two_year_recid"].to_numpy().astype(np.int64)
    return Table(
        features(numbers, kinds) | groups | {"y": y},
        "race",
        "sex",
        "epochs=60",
    )


def features(numbers: pd.DataFrame, kinds: pd.DataFrame) -> Columns:
    """`x`: numbers standardized beside one column for each category."""
    scaled = (numbers - numbers.mean()) / numbers.std()
    return {"x": np.hstack([scaled, pd.get_dummies(kinds, dtype=float)]).astype(np.float64)}


def halves(table: Table, seed: int) -> tuple[Columns, Columns]:
    """The rows that train, 70%, and those that test."""
    n = len(table.columns["y"])
    order = np.random.default_rng(seed).permutation(n)
    cut = round(0.7 * n)
    return tuple(
        {name: column[part] for name, column in table.columns.items()}
        for part in (order[:cut], order[cut:])
    )  # type: ignore[return-value]


def groups_of(task: Measure, table: Table, rows: Columns) -> NDArray[Any]:
    """The group of each row; cells of fewer than 50 rows of training are in none."""
    names = rows[table.group]
    if not task.crossed:
        return names
    cells = np.char.add(np.char.add(names, ", "), rows[table.other])
    names, counts = np.unique(cells, return_counts=True)
    return np.where(np.isin(cells, names[counts >= 50]), cells, "")


def value(task: Measure, chance: NDArray[Any], y: NDArray[Any], groups: NDArray[Any]) -> float:
    """By how much the task is missed; `chance` is the chance that 1 is predicted."""
    if not task.events:
        rate = chance if task.of else 1 - chance
        rate = rate if task.among is None else rate[y == task.among]
        return float(max(task.above - rate.mean(), rate.mean() - task.below))
    gaps = []
    for event in task.events:
        rates = [chance[event(y) & (groups == g)].mean() for g in np.unique(groups) if g]
        gaps.append(max(rates) - min(rates))
    return max(gaps) - task.limit


Row = tuple[str, float, NDArray[Any], NDArray[Any]]
"""Its name, CPU seconds, and the chances of class 1 on the rows of training and of test."""


def ours(task: Measure, table: Table, train: Columns, test: Columns, seed: int) -> Row:
    """The spec of the task in one run."""
    line = task.line.format(g=table.group, h=table.other)
    names = f"(x, y, {table.group}, {table.other})"
    spec = (
        f"data train{names}\nmodel f = linear\nminimize P[pred != y]\n"
        f"s.t. rate: {line}\nfit({table.fit.format(epochs=task.epochs)})"
    )
    began = time.process_time()
    model = cspec.run(spec, train=train, seed=seed).model
    seconds = time.process_time() - began
    chances = [decided(model, d) for d in (train, test)]
    return "cspec", seconds, chances[0], chances[1]


def fairlearn(task: Measure, table: Table, train: Columns, test: Columns) -> Iterator[Row]:
    """Its reduction, as it predicts (at random) and made deterministic."""
    if not task.moment or installed("fairlearn") is None:
        return
    reductions: Any = importlib.import_module("fairlearn.reductions")
    groups = groups_of(task, table, train)
    counts = np.unique(groups, return_counts=True)[1]
    share = counts.max() / counts.sum() if len(counts) == 2 else 0.5
    began = time.process_time()
    moment = getattr(reductions, task.moment)(difference_bound=task.limit * share)
    fair = reductions.ExponentiatedGradient(LogisticRegression(max_iter=200), moment)
    fair.fit(train["x"], train["y"], sensitive_features=groups)
    seconds = time.process_time() - began
    mixed = [fair._pmf_predict(d["x"])[:, 1] for d in (train, test)]
    yield "fairlearn, randomized", seconds, mixed[0], mixed[1]
    whole = [(chance >= 0.5).astype(float) for chance in mixed]
    yield "fairlearn, deterministic", seconds, whole[0], whole[1]


def penalized(task: Measure, table: Table, train: Columns, test: Columns, runs: int = 8) -> Row:
    """The least weight of the surrogate's violation that bisection finds to be enough."""
    began = time.process_time()
    y, groups = train["y"], groups_of(task, table, train)
    tried: list[tuple[bool, float, torch.nn.Module]] = []
    low, high = -3.0, 3.0
    for _ in range(runs):
        power = (low + high) / 2
        model = fitted(task, train, groups, 10.0**power)
        met = value(task, decided(model, train), y, groups) <= 0
        tried.append((met, power, model))
        low, high = (low, power) if met else (power, high)
    met = [t for t in tried if t[0]]
    model = min(met, key=lambda t: t[1])[2] if met else tried[-1][2]
    seconds = time.process_time() - began
    return f"penalty, {runs} runs", seconds, decided(model, train), decided(model, test)


def decided(model: torch.nn.Module, rows: Columns) -> NDArray[Any]:
    """1 where the model predicts 1."""
    with torch.no_grad():
        scores = model(torch.tensor(rows["x"]).float())
        margin = scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores[:, 0]
        return (margin > 0).double().numpy()


def fitted(task: Measure, train: Columns, groups: NDArray[Any], weight: float) -> torch.nn.Module:
    """300 steps of Adam on all rows at once, with the penalty on probabilities."""
    torch.manual_seed(0)
    x, y = torch.tensor(train["x"]).float(), torch.tensor(train["y"]).float()
    model = torch.nn.Linear(x.shape[1], 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    masks = [
        [torch.tensor(event(train["y"]) & (groups == g)) for g in np.unique(groups) if g]
        for event in task.events
    ]
    for _ in range(300):
        score = model(x)[:, 0]
        chance = torch.sigmoid(score)
        if task.events:
            rates = [torch.stack([chance[m].mean() for m in each]) for each in masks]
            missed = torch.stack([r.max() - r.min() for r in rates]).max() - task.limit
        else:
            rate = chance if task.of else 1 - chance
            rate = (rate if task.among is None else rate[y == task.among]).mean()
            missed = torch.maximum(task.above - rate, rate - task.below)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score, y)
        optimizer.zero_grad()
        (loss + weight * torch.relu(missed)).backward()
        optimizer.step()
    return model


def moved(task: Measure, table: Table, train: Columns, test: Columns) -> Row | None:
    """A logistic regression with thresholds moved until the task is met."""
    began = time.process_time()
    plain = LogisticRegression(max_iter=200).fit(train["x"], train["y"])
    if not task.events:
        scores = [plain.decision_function(d["x"]) for d in (train, test)]
        cut = threshold(task, scores[0], train["y"])
        seconds = time.process_time() - began
        return "threshold", seconds, *((s > cut).astype(float) for s in scores)
    if installed("fairlearn") is None:
        return None
    post: Any = importlib.import_module("fairlearn.postprocessing")
    kind = "equalized_odds" if len(task.events) == 2 else "demographic_parity"
    by = [groups_of(task, table, d) for d in (train, test)]
    if task.crossed and not set(np.unique(by[1])) <= set(np.unique(by[0])):
        return None
    mover = post.ThresholdOptimizer(
        estimator=plain, constraints=kind, prefit=True, predict_method="predict_proba"
    )
    mover.fit(train["x"], train["y"], sensitive_features=by[0])
    chances = [
        mover._pmf_predict(d["x"], sensitive_features=g)[:, 1]
        for d, g in zip((train, test), by, strict=True)
    ]
    return "thresholds by group, randomized", time.process_time() - began, *chances


def threshold(task: Measure, scores: NDArray[Any], y: NDArray[Any]) -> float:
    """Of all thresholds that meet the task, the most accurate one on the rows of training."""
    best, cut = -1.0, 0.0
    for candidate in np.quantile(scores, np.linspace(0, 1, 2001)):
        chance = (scores > candidate).astype(float)
        if value(task, chance, y, y) <= 0 and (right := (chance == y).mean()) > best:
            best, cut = right, float(candidate)
    return cut


def accuracy(chance: NDArray[Any], y: NDArray[Any]) -> float:
    """The expected share of right answers."""
    return float(np.where(y == 1, chance, 1 - chance).mean())


def rows(task: Measure, table: Table, seed: int) -> Iterator[tuple[str, list[float]]]:
    """For each way: feasible, accuracy and excess on training and on test, seconds."""
    train, test = halves(table, seed)
    found = [ours(task, table, train, test, seed), *fairlearn(task, table, train, test)]
    found.append(penalized(task, table, train, test))
    found += [row for row in (moved(task, table, train, test),) if row is not None]
    for name, seconds, *chances in found:
        numbers: list[float] = []
        for chance, part in zip(chances, (train, test), strict=True):
            y, groups = part["y"], groups_of(task, table, part)
            numbers += [accuracy(chance, y), value(task, chance, y, groups)]
        yield name, [float(numbers[1] <= 1e-12), *numbers, seconds]


def main() -> None:
    """Print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="?", choices=("adult", "compas"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--tasks", nargs="+", choices=tuple(TASKS), default=tuple(TASKS))
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    cspec.run("minimize ce\nfit(steps=1)", data="digits", model="linear")  # imports are not timed
    for read in (adult, compas):
        if given.data in (None, read.__name__):
            report(read.__name__, read(), given.tasks, given.seeds)


def report(name: str, table: Table, tasks: list[str], seeds: int) -> None:
    """The tables of a data set."""
    for word in tasks:
        print(f"\n{name}, {word}: {TASKS[word].line.format(g=table.group, h=table.other)}")
        print(
            f"{'':32} feasible       train acc (sd)  missed by        test acc (sd)  missed by"
            "    CPU s"
        )
        seen: dict[str, list[list[float]]] = {}
        for seed in range(seeds):
            for way, numbers in rows(TASKS[word], table, seed):
                seen.setdefault(way, []).append(numbers)
        for way, found in seen.items():
            met, right, missed, new, missed_new, seconds = zip(*found, strict=True)
            cells = " ".join(
                f"{mean(a):11.4f} ({pstdev(a):.4f}) {mean(m):10.4f}"
                for a, m in ((right, missed), (new, missed_new))
            )
            count = f"{round(sum(met)):3} of {seeds:<2}"
            print(f"{way:32} {count} {cells} {mean(seconds):8.2f}", flush=True)


if __name__ == "__main__":
    main()
