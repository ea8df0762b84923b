"""Functions of vectors and matrices over what each example has: metrics against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cspec

ROWS, CLASSES = 7, 4
MAKE = np.random.default_rng(3)
X = MAKE.normal(size=(ROWS, 3)).astype(np.float32)
Y = MAKE.integers(0, CLASSES, ROWS)
W = MAKE.normal(size=(CLASSES, 3)).astype(np.float32)
Z = X @ W.T
P = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)
U = 1 / (1 + np.exp(-Z[:, 0]))
M = np.stack([X, X[:, ::-1], X**2], 1)


def _linear(weight: np.ndarray) -> nn.Module:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = torch.tensor(weight)
    layer.requires_grad_(False)
    return layer


class Square(nn.Module):
    """A 3 x 3 matrix an example."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x, x.flip(1), x**2], 1)


def _kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return (p * np.log(p / q)).sum(-1)


def _binary(p: np.ndarray) -> np.ndarray:
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


UNIFORM = np.full(CLASSES, 1 / CLASSES)
EXPECTED: dict[str, Any] = {
    "E[mean(f(x))]": Z.mean(),
    "E[variance(f(x))]": Z.var(1).mean(),
    "E[std(f(x))]": Z.std(1).mean(),
    "E[median(f(x))]": np.median(Z, 1).mean(),
    "E[median(x)]": np.median(X, 1).mean(),
    "E[sum(topk(f(x), 2))]": np.sort(Z, 1)[:, -2:].sum(1).mean(),
    "E[topk(f(x), 2)[1]]": np.sort(Z, 1)[:, -2].mean(),
    "P[argmax(f(x)) == y]": (Z.argmax(1) == Y).mean(),
    "E[argmax(f(x)) + 0.5]": Z.argmax(1).mean() + 0.5,
    "E[cumsum(f(x))[2]]": np.cumsum(Z, 1)[:, 2].mean(),
    "E[dot(f(x), f(x))]": (Z * Z).sum(1).mean(),
    "E[dot(x, mu)]": (X @ np.array([1.0, 2, 3])).mean(),
    "E[entropy(prob(f(x)))]": -(P * np.log(P)).sum(1).mean(),
    "E[kl(prob(f(x)), uniform)]": _kl(P, UNIFORM).mean(),
    "E[kl(uniform, prob(f(x)))]": _kl(UNIFORM, P).mean(),
    "E[entropy(prob(one(x)))]": _binary(U).mean(),
    "E[kl(prob(one(x)), 0.3)]": (U * np.log(U / 0.3) + (1 - U) * np.log((1 - U) / 0.7)).mean(),
    "E[sum(f(x)[1:3])]": Z[:, 1:3].sum(1).mean(),
    "E[max(f(x)[1:])]": Z[:, 1:].max(1).mean(),
    "E[norm(x[0:2], 2)]": np.linalg.norm(X[:, :2], axis=1).mean(),
    "E[clip(one(x), -0.5, 0.5)]": Z[:, 0].clip(-0.5, 0.5).mean(),
    "E[mean(clip(f(x), -0.5, 0.5))]": Z.clip(-0.5, 0.5).mean(),
    "E[where(y == 1, one(x), 2)]": np.where(Y == 1, Z[:, 0], 2).mean(),
    "E[sum(where(f(x) > 0, f(x), 0))]": np.maximum(Z, 0).sum(1).mean(),
    "E[sum(where(y == 1, f(x), 0))]": np.where(Y[:, None] == 1, Z, 0).sum(1).mean(),
    "E[floor(3*one(x))]": np.floor(3 * Z[:, 0]).mean(),
    "E[trace(g(x))]": np.trace(M, axis1=1, axis2=2).mean(),
    "E[det(g(x))]": np.linalg.det(M).mean(),
    "E[inv(g(x) + 3*eye(3))[0, 1]]": np.linalg.inv(M + 3 * np.eye(3))[:, 0, 1].mean(),
    "E[sum(diag(g(x)))]": np.trace(M, axis1=1, axis2=2).mean(),
    "E[trace(expm(0.1*g(x)))]": np.mean(
        [np.trace(torch.linalg.matrix_exp(torch.tensor(0.1 * m)).numpy()) for m in M]
    ),
    "E[g(x)[1, 2]]": M[:, 1, 2].mean(),
    "E[sum(g(x)[1, 0:2])]": M[:, 1, :2].sum(1).mean(),
    "E[sum(g(x)[:, 1])]": M[:, :, 1].sum(1).mean(),
    "mean(E[f(x)[0] | y])": np.mean([Z[k == Y, 0].mean() for k in np.unique(Y)]),
    "std(E[f(x)[0] | y])": np.std([Z[k == Y, 0].mean() for k in np.unique(Y)]),
    "median(E[f(x)[0] | y])": np.median([Z[k == Y, 0].mean() for k in np.unique(Y)]),
    "cvar(mean(f(x)), 0.5)": None,
}


def _result(metrics: list[str]) -> cspec.Result:
    lines = "".join(f"metric m{i} = {text}\n" for i, text in enumerate(metrics))
    spec = f"""
data train(x, y)
param mu[3]
param uniform[{CLASSES}]
model f
model one
model g
var c = 0
minimize c^2 + 0*E[ce(f(x), y)] + 0*E[one(x)] + 0*E[sum(g(x))]
fit(steps=1, batch_size=full, optimizer=sgd(lr=1e-3))
{lines}"""
    return cspec.run(
        spec,
        mu=[1.0, 2.0, 3.0],
        uniform=list(UNIFORM),
        data={"x": torch.tensor(X), "y": torch.tensor(Y)},
        f=_linear(W),
        one=_linear(W[:1]),
        g=Square(),
    )


def test_values_are_those_of_numpy() -> None:
    texts = [text for text, value in EXPECTED.items() if value is not None]
    found = _result(texts).metrics
    for place, text in enumerate(texts):
        assert found[f"m{place}"] == pytest.approx(float(EXPECTED[text]), rel=2e-5, abs=1e-6), text


REFUSED = {
    "E[mean(one(x))]": ("CS333", "over the examples it is `E[one(x)]`"),
    "E[median(ce(f(x), y))]": ("CS302", "quantile(ce(f(x), y), 0.5)"),
    "E[argmax(one(x))]": ("CS333", "pred(one(x))"),
    "E[mean(y)]": ("CS333", "E[y]"),
    "E[topk(f(x), 9)[0]]": ("CS329", "takes 9 entries, and there are 4"),
    "E[trace(f(x))]": ("CS329", "square"),
    "E[dot(f(x), x)]": ("CS329", "4 numbers and 3 numbers"),
    "E[kl(prob(f(x)), x)]": ("CS329", "one shape"),
    "E[sum(f(x)[1:9])]": ("CS329", "goes beyond the 4 entries"),
    "E[sum(y[0:2])]": ("CS333", "one number an example"),
    "E[topk(f(x), 2)]": ("CS332", "which one"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_has_no_entries_is_refused(text: str) -> None:
    with pytest.raises(cspec.SpecError) as caught:
        _result([text])
    code, words = REFUSED[text]
    shown = str(caught.value)
    assert f"[{code}]" in shown and words in shown
