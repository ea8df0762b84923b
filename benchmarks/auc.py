"""AUC >= 0.9 on Adult, by pairs of people and by 20 thresholds, beside scikit-learn's count.

    python benchmarks/auc.py [--epochs 24]

A linear model on the rows of adult.data. By pairs the requirement is a share of the pairs of one
with and one without a high income. By thresholds it is a Riemann sum of the curve: the mean recall
at 20 thresholds, decision variables whose false alarms are at most 1/40, 3/40, ... `told` is what
the report says, `scikit-learn` its `roc_auc_score` on the same rows.
"""

from __future__ import annotations

import argparse
import time
import warnings

import torch
from fairness import adult
from sklearn.metrics import roc_auc_score

import cspec

TRAINING, COUNT = 32_561, 20
HEAD = "data train(x, y)\nmodel f = linear\nminimize bce\n"
PAIRS = "P[f(a.x) > f(b.x) | a.y == 1 and b.y == 0 for (a, b) in pairs(train)]"
SPECS = {
    "no requirement": f"{HEAD}metric auc = {PAIRS}\n",
    "by pairs": f"{HEAD}s.t. auc: {PAIRS} >= 0.9\n",
    "by thresholds": f"""{HEAD}var t[{COUNT}]
s.t. alarms: forall k in range({COUNT}): P[f(x) > t[k] | y == 0] <= (k + 0.5)/{COUNT}
     auc: sum(P[f(x) > t[k] | y == 1] for k in range({COUNT}))/{COUNT} >= 0.9
""",
}


def main() -> None:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--epochs", type=int, default=24)
    epochs = parser.parse_args().epochs
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    train = {name: values[:TRAINING] for name, values in adult().columns.items()}
    x = torch.as_tensor(train["x"], dtype=torch.float32)
    print(f"{'':16}{'told':>8}{'scikit-learn':>14}{'loss':>8}{'CPU s':>7}")
    for name, spec in SPECS.items():
        began = time.process_time()
        result = cspec.run(f"{spec}fit(epochs={epochs}, batch_size=512)", train=train)
        seconds = time.process_time() - began
        with torch.no_grad():
            scores = result.model(x).flatten().numpy()
        told = result.metrics["auc"] if "auc" in result.metrics else result["auc"].value
        exact = roc_auc_score(train["y"], scores)
        line = f"{name:16}{told:8.4f}{exact:14.4f}{result.objective:8.4f}{seconds:7.1f}"
        print(f"{line}  {result.status}", flush=True)


if __name__ == "__main__":
    main()
