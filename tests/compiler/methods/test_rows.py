"""Sets on rows and entries of decision variables and of weights, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

import cspec
from cspec.dsl.messages.diagnostic import SpecError

Array = NDArray[np.float64]
TARGET = np.random.default_rng(0).uniform(-2, 2, (3, 4)).round(2)


def written(a: Array) -> str:
    return "[" + ", ".join("[" + ", ".join(map(str, row)) + "]" for row in a.tolist()) + "]"


def nearest(rows: list[tuple[str, object]], shape: tuple[int, ...] = (3, 4)) -> float:
    """The least squared distance of TARGET by SLSQP from a few starts."""
    target = TARGET[: shape[0], : shape[1]].ravel()
    constraints = [{"type": kind, "fun": function} for kind, function in rows]
    found = []
    for seed in range(4):
        start = target + np.random.default_rng(seed).standard_normal(target.size)
        end = minimize(
            lambda x: float(((x - target) ** 2).sum()),
            start,
            constraints=constraints,
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        if end.success:
            found.append(end.fun)
    return min(found)


def at(x: Array) -> Array:
    return np.reshape(x, (3, 4))


ROWS = [
    ("W in simplex", [("eq", lambda x: at(x).sum(1) - 1), ("ineq", lambda x: x)]),
    ("W in sphere", [("eq", lambda x: (at(x) ** 2).sum(1) - 1)]),
    ("norm(W, 2) == 1", [("eq", lambda x: (x**2).sum() - 1)]),
    ("W in monotone", [("ineq", lambda x: np.diff(at(x), axis=1).ravel())]),
    ("forall i in range(3): norm(W[i], 2) <= 1", [("ineq", lambda x: 1 - (at(x) ** 2).sum(1))]),
    ("forall i in range(2): sumsq(W[i]) <= 0.25",
     [("ineq", lambda x: 0.25 - (at(x)[:2] ** 2).sum(1))]),
    ("forall i in range(3): sum(W[i]) <= 0.5", [("ineq", lambda x: 0.5 - at(x).sum(1))]),
    ("forall i in range(3): sum(W[i]) == 1; d: W >= 0",
     [("eq", lambda x: at(x).sum(1) - 1), ("ineq", lambda x: x)]),
    ("W[1] in simplex", [("eq", lambda x: at(x)[1].sum() - 1), ("ineq", lambda x: at(x)[1])]),
    ("W[2] in sphere", [("eq", lambda x: (at(x)[2] ** 2).sum() - 1)]),
    ("W[:, 1] in simplex",
     [("eq", lambda x: at(x)[:, 1].sum() - 1), ("ineq", lambda x: at(x)[:, 1])]),
    ("W[0:2, :] in simplex",
     [("eq", lambda x: at(x)[:2].sum(1) - 1), ("ineq", lambda x: at(x)[:2].ravel())]),
    ("W[:, 2] in sphere", [("eq", lambda x: (at(x)[:, 2] ** 2).sum() - 1)]),
    ("norm(W[0:2, 1:3], 2) <= 0.5", [("ineq", lambda x: 0.25 - (at(x)[:2, 1:3] ** 2).sum())]),
    ("W[1:, 0] >= 0.3; d: max(W[0, 1:]) <= -0.5",
     [("ineq", lambda x: at(x)[1:, 0] - 0.3), ("ineq", lambda x: -0.5 - at(x)[0, 1:])]),
    ("mean(W) == 0.2", [("eq", lambda x: x.mean() - 0.2)]),
    ("diag(W) == 0.1; d: W[0, :] <= 0.5",
     [("eq", lambda x: np.diag(at(x)) - 0.1), ("ineq", lambda x: 0.5 - at(x)[0])]),
    ("sum(W[i, i] for i in range(3)) == 1; d: sum(W[:, 0]) <= 0",
     [("eq", lambda x: np.trace(at(x)) - 1), ("ineq", lambda x: -at(x)[:, 0].sum())]),
    ("W[0, 1] <= -1; d: 0.5 <= W[1, 0] <= 0.75",
     [("ineq", lambda x: -1 - at(x)[0, 1]),
      ("ineq", lambda x: np.array([at(x)[1, 0] - 0.5, 0.75 - at(x)[1, 0]]))]),
    ("forall i in range(3), j in range(3) where j > i: W[i, j] == 0",
     [("eq", lambda x: np.triu(at(x)[:, :3], 1)[np.triu_indices(3, 1)])]),
    ("forall i in range(3), j in range(3) where j > i: W[i, j] == W[j, i]",
     [("eq", lambda x: (at(x)[:, :3] - at(x)[:, :3].T)[np.triu_indices(3, 1)])]),
    ("forall i in range(2): sum(W[i]) + sum(W[i + 1]) == 1",
     [("eq", lambda x: at(x)[:2].sum(1) + at(x)[1:].sum(1) - 1)]),
]  # fmt: skip
USING = ["auto", "sqp", "spg", "projection"]


@pytest.mark.parametrize("method", USING)
@pytest.mark.parametrize(("text", "rows"), ROWS, ids=[text for text, _ in ROWS])
def test_rows_of_a_variable(text: str, rows: list[tuple[str, object]], method: str) -> None:
    result = cspec.run(
        f"var W[3, 4] = 0.3\nminimize sumsq(W - {written(TARGET)})\n"
        f"s.t. c: {text}\nusing {method}\n"
        + "fit(optimizer=sgd(lr=0.2), steps=200)\n"
        * (method == "projection")
    )
    assert result.status == "satisfied"
    assert result.objective == pytest.approx(nearest(rows), abs=1e-5)


def net(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(4, 3, bias=False))


def trained(text: str, model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> cspec.Result:
    return cspec.run(
        f"data train(x, y)\nmodel f\nminimize mse(f(x), y)\ns.t. {text}\n"
        "fit(optimizer=sgd(lr=0.1), steps=300, batch_size=full, precision=float64)\n",
        train=(x, y),
        f=model,
    )


@pytest.mark.parametrize(("text", "rows"), ROWS, ids=[text for text, _ in ROWS])
def test_rows_of_weights_are_projected_to_the_same_optimum(
    text: str, rows: list[tuple[str, object]]
) -> None:
    """With x x' / n = 1/4 the identity, mse is ||W - TARGET||^2 / 3 / 4 up to nothing."""
    first, _, second = text.partition("; d: ")
    lines = f"c: forall W in f.weights: {first}"
    lines += f"\n     d: forall W in f.weights: {second}" if second else ""
    x = torch.eye(4, dtype=torch.float64)
    y = x @ torch.as_tensor(TARGET).T
    result = trained(lines, net(), x, y)
    assert result.status == "satisfied"
    assert {c.method for c in result.constraints} <= {"projection"}
    assert 12 * result.objective == pytest.approx(nearest(rows), abs=1e-3)


def test_three_parameters_are_held_together() -> None:
    class Three(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, start in (("A", 0.3), ("B", 0.9), ("C", -0.4)):
                self.register_parameter(name, torch.nn.Parameter(torch.full((2,), start)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.cat([self.A, self.B, self.C])

    x = torch.eye(6, dtype=torch.float64) * 6**0.5
    y = torch.diag(torch.tensor([1.0, 2, 0.5, -1, 0.7, 0], dtype=torch.float64)) * 6**0.5
    text = (
        'a: forall A in f.params("A"), B in f.params("B"), C in f.params("C"): 0 <= A + B + C <= 1'
    )
    result = trained(text, Three(), x, y)
    # Each sum is shifted to the nearest end of [0, 1], by a third on every parameter.
    sums = np.array([1 + 0.5 + 0.7, 2 - 1 + 0.0])
    expected = ((sums - sums.clip(0, 1)) ** 2 / 3).sum() / 6
    assert result.status == "satisfied" and result["a.hi[A, B, C]"].method == "projection"
    assert result.objective == pytest.approx(expected, abs=1e-4)


KERNELS = [
    "W == W.T",
    "W == -W.T",
    "W in simplex",
    "W in sphere",
    "sum(W[0]) == 1",
    "W in symmetric",
]


@pytest.mark.parametrize("text", KERNELS)
def test_kernels_are_outputs_by_rest(text: str) -> None:
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, 4, 2), torch.nn.Flatten(), torch.nn.Linear(36, 2))
    model = torch.nn.Sequential(*layers).double()
    x, y = torch.randn(20, 1, 4, 4, dtype=torch.float64), torch.randint(0, 2, (20,))
    result = cspec.run(
        "data train(x, y)\nmodel f\nminimize ce(f(x), y)\n"
        f's.t. a: forall W in f.weights("0.weight"): {text}\n'
        "fit(steps=20, batch_size=full, precision=float64)\n",
        train=(x, y),
        f=model,
    )
    assert result.status == "satisfied"
    kernel = model[0].weight.detach()
    seen = kernel.flatten(1)
    off = {
        "W == W.T": seen - seen.T,
        "W == -W.T": seen + seen.T,
        "W in simplex": torch.cat([seen.sum(1) - 1, seen.clamp(max=0).flatten()]),
        "W in sphere": seen.norm(dim=1) - 1,
        "sum(W[0]) == 1": kernel[0].sum() - 1,
        "W in symmetric": kernel - kernel.mT,
    }[text]
    assert float(off.abs().max()) < 1e-12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("W[7, 1] <= 0", r"f.0.weight has no entry \[7, 1\]: it is 3 x 4"),
        ("W[1, 1, 1] <= 0", "f.0.weight has 2 axes, not 3"),
        ("W in psd", "f.0.weight is 3 x 4, which is not square"),
    ],
)
def test_what_a_shape_rules_out_is_said_by_name(text: str, said: str) -> None:
    x, y = torch.randn(5, 4), torch.randn(5, 3)
    with pytest.raises(SpecError, match=said) as found:
        trained(f"a: forall W in f.weights: {text}", net(), x, y)
    assert [d.code for d in found.value.diagnostics] == ["CS529"]


FORMS = [
    "nonneg", "spectral(1)", "nuclear(1)", "ball(1, norm=1)", "ball(1, norm=2)",
    "ball(1, norm=inf)", "simplex", "sphere", "monotone", "symmetric", "psd", "stiefel",
]  # fmt: skip


@pytest.mark.parametrize("word", FORMS)
def test_multipliers_act_on_every_set_that_has_a_form(word: str) -> None:
    """One step: the constraint vector has as many entries as the compiler counted."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 4, bias=False)
    result = cspec.run(
        "data train(x, y)\nmodel f\nminimize mse(f(x), y)\n"
        f"s.t. a: forall W in f.weights: W in {word} by augmented_lagrangian\n"
        "fit(steps=2, batch_size=full)\n",
        train=(torch.randn(8, 4), torch.randn(8, 4)),
        f=model,
    )
    assert result["a[weight]"].violation >= 0


def test_what_is_no_row_is_seen_without_being_written_out() -> None:
    """Written out it has 10^10 terms."""
    text = "var x[10] = 0.1\nvar y = 0.1\nminimize sumsq(x) + y^2\ns.t. c: (sum(x) + y)^40 <= 3\n"
    program = cspec.compile(text)
    assert [c.method for c in program.constraints] == ["sqp"]
