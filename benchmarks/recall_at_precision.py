"""Most recall at a precision of 80% on Adult: one spec beside the best threshold of a plain model.

    python benchmarks/recall_at_precision.py             # linear, and mlp(hidden=[32])
    python benchmarks/recall_at_precision.py linear --epochs 15

Rows of adult.data train, those of adult.test are new. `plain` is the same model with `minimize bce`
and as many epochs, at the threshold that has the most recall at 80% precision on the training rows;
`logistic` is scikit-learn's logistic regression at its best threshold. All counted by numpy.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from fairness import adult
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

import cspec

TRAINING = 32_561
PRECISION = 0.8
Scores = NDArray[np.float64]
Labels = NDArray[np.int64]
SPEC = """data train(x, y)
model f = {model}
maximize P[pred == 1 | y == 1]
s.t. precision: P[y == 1 | pred == 1] >= 80%
fit(epochs={epochs})
"""
PLAIN = "data train(x, y)\nmodel f = {model}\nminimize bce\nfit(epochs={epochs})\n"


def counted(positive: NDArray[np.bool_], y: Labels) -> tuple[float, float]:
    """Recall and precision."""
    hits = float((positive & (y == 1)).sum())
    return hits / float(y.sum()), hits / max(1.0, float(positive.sum()))


def threshold(scores: Scores, y: Labels) -> float:
    """The one with the most recall at the precision."""
    order = np.argsort(-scores)
    enough = np.cumsum(y[order]) / np.arange(1, len(y) + 1) >= PRECISION
    return float(scores[order][np.flatnonzero(enough).max()])


def scores_of(spec: str, x: NDArray[Any], y: Labels) -> tuple[str, Scores]:
    """How a run ended, and the scores of its model on all rows."""
    result = cspec.run(spec, data=(x[:TRAINING], y[:TRAINING]))
    model = result.models["f"].eval()
    with torch.no_grad():
        outputs = model(torch.tensor(x)).double().numpy()
    one = outputs[:, 1] - outputs[:, 0] if outputs.ndim > 1 and outputs.shape[1] > 1 else outputs
    return result.status, one.reshape(-1)


def row(name: str, scores: Scores, cut: float, y: Labels, status: str = "") -> str:
    """Recall and precision on both halves, as text."""
    cells = []
    for part in (slice(None, TRAINING), slice(TRAINING, None)):
        recall, precision = counted(scores[part] >= cut, y[part])
        cells.append(f"{recall:8.4f} {precision:10.4f}")
    return f"{name:24} {'   '.join(cells)}   {status}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Most recall at a precision of 80% on Adult.")
    parser.add_argument("models", nargs="*", default=["linear", "mlp(hidden=[32])"])
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()
    table = adult().columns
    x, y = table["x"].astype(np.float32), table["y"]
    print(
        f"{'':24} {'recall':>8} {'precision':>10}   {'recall':>8} {'precision':>10}   (train, new)"
    )
    plain = LogisticRegression(max_iter=2000).fit(x[:TRAINING], y[:TRAINING]).decision_function(x)
    print(row("logistic", plain, threshold(plain[:TRAINING], y[:TRAINING]), y), flush=True)
    for model in args.models:
        _, found = scores_of(PLAIN.format(model=model, epochs=args.epochs), x, y)
        cut = threshold(found[:TRAINING], y[:TRAINING])
        print(row(f"{model}, plain", found, cut, y), flush=True)
        status, found = scores_of(SPEC.format(model=model, epochs=args.epochs), x, y)
        print(row(f"{model}, spec", found, np.nextafter(0.0, 1.0), y, status), flush=True)


if __name__ == "__main__":
    main()
