"""Demographic parity with confidence on Adult: a spec beside the Seldonian Toolkit.

    python benchmarks/certificates.py [--seeds 5]

Parity of 0.05 between the sexes at 95%. Each way gets all rows in an order that the seed draws, and
divides them into those that train and those that certify. Accuracy and the disparity of decisions
are measured on those that certify: nothing was chosen by them. The rows:

- cspec: `verify dp on test with confidence 95%`, half of the rows for each, one run without a
  setting but its length and batches. What is certified are decisions.
- Seldonian Toolkit: logistic regression, its parity string, 60% of the rows for its safety test
  (its default), gradient descent of 200 and of 1,000 steps. What is certified are mean chances.

CPU seconds are of one process (`OMP_NUM_THREADS=1`), imports left out. Data are read as in
`fairness.py`; the Toolkit's rows need `seldonian-engine`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import time
import warnings
from collections.abc import Iterator
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import torch
from fairness import Columns, adult, decided
from numpy.typing import NDArray
from untuned.peers import installed

import cspec

LIMIT, DELTA = 0.05, 0.05
SPEC = f"""data train(x, y, sex), test(x, y, sex)
model f = linear
minimize P[pred != y on train]
s.t. dp: gap(P[pred == 1 | sex]) <= {LIMIT:g}
verify dp on test with confidence {1 - DELTA:g}
fit(epochs=60, batch_size=512)
"""
TEXT = "abs((PR | [Male]) - (PR | [Female])) <= {limit:g}"


class Found(NamedTuple):
    """What came of one way on one seed."""

    certified: bool
    decisions: NDArray[Any]
    """0 or 1 for each row that certifies."""
    rows: Columns
    """Those."""
    seconds: float


def shuffled(table: Columns, seed: int) -> Columns:
    """All rows, in an order that the seed draws."""
    order = np.random.default_rng(seed).permutation(len(table["y"]))
    return {name: values[order] for name, values in table.items()}


def ours(given: Columns, seed: int) -> Found:
    """One run of the spec, half of the rows to certify."""
    half = len(given["y"]) // 2
    train, test = (
        {k: v[rows] for k, v in given.items()} for rows in (slice(half), slice(half, None))
    )
    began = time.process_time()
    result = cspec.run(SPEC, train=train, test=test, seed=seed)
    seconds = time.process_time() - began
    proof = result["dp"].certificate
    certified = proof is not None and proof.certified
    return Found(certified, decided(result.model, test), test, seconds)


def toolkit(given: Columns, seed: int, steps: int) -> Found | None:
    """The Toolkit's own classes, as its tutorial on fairness puts them together."""
    if installed("seldonian") is None:
        return None
    load = importlib.import_module
    dataset: Any = load("seldonian.dataset")
    trees: Any = load("seldonian.parse_tree.parse_tree")
    models: Any = load("seldonian.models.models")
    objectives: Any = load("seldonian.models.objectives")
    spec: Any = load("seldonian.spec")
    algorithm: Any = load("seldonian.seldonian_algorithm")
    groups = ["Male", "Female"]
    sensitive = np.stack([(given["sex"] == g).astype(int) for g in groups], axis=1)
    names = [f"x{i}" for i in range(given["x"].shape[1])]
    began = time.process_time()
    meta = dataset.SupervisedMetaData(
        sub_regime="classification",
        all_col_names=[*names, "y", *groups],
        feature_col_names=names,
        label_col_names=["y"],
        sensitive_col_names=groups,
    )
    data = dataset.SupervisedDataSet(
        features=given["x"],
        labels=given["y"],
        sensitive_attrs=sensitive,
        num_datapoints=len(given["y"]),
        meta=meta,
    )
    np.random.seed(seed)
    torch.manual_seed(seed)
    model = models.BinaryLogisticRegressionModel()
    asked = spec.SupervisedSpec(
        dataset=data,
        model=model,
        parse_trees=trees.make_parse_trees_from_constraints(
            [TEXT.format(limit=LIMIT)],
            [DELTA],
            regime="supervised_learning",
            sub_regime="classification",
            columns=groups,
        ),
        sub_regime="classification",
        primary_objective=objectives.binary_logistic_loss,
        initial_solution_fn=models.BinaryLogisticRegressionModel.fit,
        optimization_hyperparams={
            "lambda_init": np.array([0.5]),
            "alpha_theta": 0.01,
            "alpha_lamb": 0.01,
            "beta_velocity": 0.9,
            "beta_rmsprop": 0.95,
            "use_batches": False,
            "num_iters": steps,
            "gradient_library": "autograd",
            "hyper_search": None,
            "verbose": False,
        },
    )
    with contextlib.redirect_stdout(io.StringIO()):
        run = algorithm.SeldonianAlgorithm(asked)
        passed, solution = run.run()
    seconds = time.process_time() - began
    held = run.safety_dataset
    sex = np.where(held.sensitive_attrs[:, 0] == 1, *groups)
    rows = {"x": held.features, "y": held.labels, "sex": sex}
    if isinstance(solution, str):
        return Found(False, np.full(len(sex), np.nan), rows, seconds)
    chance = np.asarray(model.predict(np.asarray(solution), held.features))
    return Found(bool(passed), (chance > 0.5).astype(float), rows, seconds)


def rows(table: Columns, seed: int) -> Iterator[tuple[str, list[float]]]:
    """Certified or not, accuracy and disparity of decisions on the rows that certify, seconds."""
    given = shuffled(table, seed)
    tried = {"cspec": ours(given, seed)}
    for steps in (200, 1000):
        found = toolkit(given, seed, steps)
        if found is not None:
            tried[f"Seldonian Toolkit, {steps} steps"] = found
    for name, found in tried.items():
        sex = found.rows["sex"]
        rates = [found.decisions[sex == group].mean() for group in np.unique(sex)]
        right = (found.decisions == found.rows["y"]).mean() if np.isfinite(rates).all() else np.nan
        gap = max(rates) - min(rates)
        yield name, [float(found.certified), float(right), float(gap), found.seconds]


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    table = adult().columns
    found: dict[str, list[list[float]]] = {}
    for seed in range(seeds):
        for name, numbers in rows(table, seed):
            found.setdefault(name, []).append(numbers)
    print(f"{'':32}{'certified':>10}{'accuracy':>10}{'disparity':>11}{'largest':>9}{'CPU s':>8}")
    for name, numbers in found.items():
        certified, right, gap, seconds = zip(*numbers, strict=True)
        print(
            f"{name:32}{sum(certified):7.0f}/{seeds}{mean(right):10.4f}{mean(gap):11.4f}"
            f"{max(gap):9.4f}{mean(seconds):8.2f}"
        )


if __name__ == "__main__":
    main()
