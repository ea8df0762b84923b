"""Relations of several weights, of all rows and of entries in order: which set, and met."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import cspec

BOTH = 'forall A in f.params("a.*"), B in f.params("b.*")'


class Two(nn.Module):
    """Two layers with more entries than are read by sympy."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Linear(inputs, outputs, bias=False)
        self.b = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) + self.b(x.tanh())


Check = Callable[[Tensor, Tensor], Tensor]

MET: list[tuple[str, str, Check]] = [
    (f"{BOTH}: A + B == 1", "combination", lambda a, b: (a + b - 1).abs().max()),
    (f"{BOTH}: A == B", "combination", lambda a, b: (a - b).abs().max()),
    (f"{BOTH}: A == B.T", "combination", lambda a, b: (a - b.T).abs().max()),
    (f"{BOTH}: A <= B - 1", "combination", lambda a, b: (a - b + 1).max()),
    (f"{BOTH}: 0.2 <= 2*A - B/2 <= 0.3", "combination", lambda a, b: _out(2 * a - b / 2, 0.2, 0.3)),
    (f"{BOTH}: sum(A) + 2*sum(B) == 1", "totals", lambda a, b: (a.sum() + 2 * b.sum() - 1).abs()),
    (f"{BOTH}: mean(A) >= mean(B) + 1", "totals", lambda a, b: b.mean() + 1 - a.mean()),
    (
        f"{BOTH}, i in range(16), j in range(16): A[i, j] == 2*B[j, i]",
        "separate",
        lambda a, b: (a - 2 * b.T).abs().max(),
    ),
    (
        f"{BOTH}, i in range(16): sum(A[i]) <= B[0, i] + 0.1",
        "separate",
        lambda a, b: (a.sum(dim=1) - b[0] - 0.1).max(),
    ),
    (f"{BOTH}: sumsq(A) + sumsq(B) <= 2", "ball", lambda a, b: (a**2 + b**2).sum() - 2),
    (f"{BOTH}: 2*sumsq(A) + 2*l2(B)^2 == 4", "sphere", lambda a, b: (a**2 + b**2).sum() - 2),
    (f"{BOTH}: l1(A) + sum(abs(B)) <= 3", "ball", lambda a, b: a.abs().sum() + b.abs().sum() - 3),
    (
        "forall W in f.weights: sum(l2(W[i]) for i in range(9)) <= 1",
        "group_ball",
        lambda a, b: torch.maximum(a.norm(dim=1).sum(), b.norm(dim=1).sum()) - 1,
    ),
    (
        "forall W in f.weights: sum(sumsq(W[i]) for i in range(9)) <= 1",
        "ball",
        lambda a, b: torch.maximum((a**2).sum(), (b**2).sum()) - 1,
    ),
    (
        "forall W in f.weights, i in range(9), j in range(8): W[i, j] <= W[i, j + 1]",
        "monotone",
        lambda a, b: torch.maximum(-a.diff(dim=1).min(), -b.diff(dim=1).min()),
    ),
    (
        "forall W in f.weights, i in range(8), j in range(9): W[i, j] >= W[i + 1, j]",
        "ordered",
        lambda a, b: torch.maximum(a.diff(dim=0).max(), b.diff(dim=0).max()),
    ),
    (
        "forall W in f.weights, i in range(8), j in range(8): W[i, j] == W[i + 1, j + 1]",
        "affine",
        lambda a, b: (a[:-1, :-1] - a[1:, 1:]).abs().max(),
    ),
    (
        "forall W in f.weights, i in range(9), j in range(9): W[i, j] == W[j, i]",
        "separate",
        lambda a, b: torch.maximum((a - a.T).abs().max(), (b - b.T).abs().max()),
    ),
]


def _out(value: Tensor, low: float, high: float) -> Tensor:
    return torch.maximum(low - value.min(), value.max() - high)


@pytest.mark.parametrize(("text", "word", "over"), MET, ids=[text for text, _, _ in MET])
def test_it_is_a_set_and_met(text: str, word: str, over: Check) -> None:
    torch.manual_seed(1)
    size = 16 if "A" in text else 9  # more than 200 entries, or more than 64 rows
    data = (torch.randn(20, size), torch.randn(20, size))
    model = Two(size, size)
    spec = f"data train(x, y)\nmodel f\nminimize mse(f(x), y)\ns.t. c: {text}\nfit(steps=3)"
    plan = cspec.compile(spec, f=model, train=data)
    assert f'"{word}"' in plan.source
    result = cspec.run(spec, f=model, train=data)
    assert result.status == "satisfied"
    assert {c.method for c in result.constraints} == {"projection"}
    with torch.no_grad():
        # 256 entries of size 1 in float32.
        assert float(over(model.a.weight, model.b.weight)) <= 1e-5


def test_rows_and_columns_in_order_are_two_sets() -> None:
    torch.manual_seed(1)
    model, data = Two(9, 9), (torch.randn(20, 9), torch.randn(20, 9))
    each = "forall W in f.weights, i in range({}), j in range({}): W[i, j] <= W[{}]"
    result = cspec.run(
        "data train(x, y)\nmodel f\nminimize mse(f(x), y)\n"
        f"s.t. down: {each.format(8, 9, 'i + 1, j')}\n     along: {each.format(9, 8, 'i, j + 1')}\n"
        "fit(steps=3)",
        f=model,
        train=data,
    )
    assert {c.method for c in result.constraints} == {"projection"}
    for weight in (model.a.weight.detach(), model.b.weight.detach()):
        assert float(weight.diff(dim=0).min()) >= -1e-6
        assert float(weight.diff(dim=1).min()) >= -1e-6


def test_other_relations_of_several_weights_are_none() -> None:
    others = ("A*B == 1", "sumsq(A) + l1(B) <= 1", "sum(A) + B <= 1", "sumsq(A) - sumsq(B) <= 1")
    for text in others:
        spec = f"data train(x, y)\nmodel f\nminimize mse(f(x), y)\ns.t. c: {BOTH}: {text}"
        data = (torch.zeros(4, 16), torch.zeros(4, 16))
        source = cspec.compile(spec, f=Two(16, 16), train=data).source
        assert "def project(" not in source, text
