"""What ADMM delivers: the feasible copy at its end, at the optimum of convex problems."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

import cspec
from cspec.runtime.methods.admm import begin, split_round
from cspec.runtime.operators import Ball
from cspec.runtime.steps.feasible_copies import Split

Array = NDArray[np.float64]
N = 4


def quadratic(seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    root = random.standard_normal((N, N))
    return (root @ root.T + 0.3 * np.eye(N)).round(2), (2 * random.standard_normal(N)).round(2)


def optimum(word: str, q: Array, b: Array) -> float:
    """The least of x Q x / 2 - b x on a set, by SLSQP."""

    def f(x: Array) -> float:
        return float(x[:N] @ q @ x[:N] / 2 - b @ x[:N])

    rows = {
        "ball(1, norm=2)": [("ineq", lambda x: 1 - x @ x)],
        "simplex": [("eq", lambda x: x.sum() - 1), ("ineq", lambda x: x)],
        "[-0.2, 0.5]": [("ineq", lambda x: 0.5 - x), ("ineq", lambda x: x + 0.2)],
        "ball(1, norm=1)": [
            ("ineq", lambda x: np.concatenate([x[N:] - x[:N], x[N:] + x[:N]])),
            ("ineq", lambda x: 1 - x[N:].sum()),
        ],
    }[word]
    start = np.zeros(2 * N) if "norm=1" in word else np.full(N, 1 / N)
    constraints = [{"type": kind, "fun": g} for kind, g in rows]
    options = {"ftol": 1e-14, "maxiter": 1000}
    return float(minimize(f, start, constraints=constraints, options=options).fun)


SETS = ["ball(1, norm=2)", "ball(1, norm=1)", "[-0.2, 0.5]", "simplex"]
WAYS = ["admm", "admm(linearized=true)", "admm(rho=0.01)", "admm(relaxation=1.6, warmup=0)"]


@pytest.mark.parametrize("using", WAYS)
@pytest.mark.parametrize("word", SETS)
def test_the_optimum_of_a_quadratic_on_a_set(word: str, using: str) -> None:
    for seed in range(2):
        q, b = quadratic(seed)
        rows = "[" + ", ".join(str(row) for row in q.tolist()) + "]"
        result = cspec.run(
            f"param Q[{N}, {N}] = {rows}\nparam b[{N}] = {b.tolist()}\nvar x[{N}] = 0.3\n"
            f"minimize 0.5*sum(x*(Q @ x)) - sum(b*x)\ns.t. a: x in {word}\nusing {using}\n"
            "fit(optimizer=sgd(lr=5e-2), steps=800)\n"
        )
        expected = optimum(word, q, b)
        assert max(c.violation for c in result.constraints) < 1e-12
        assert result.objective == pytest.approx(expected, abs=1e-6)
        assert result.last is not None
        assert result.last.objective == pytest.approx(expected, abs=1e-5)


def regression(using: str, steps: int = 600) -> cspec.Result:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 3, generator=generator)
    y = (x @ torch.tensor([1.0, -2.0, 0.5])).unsqueeze(1)
    model = torch.nn.Linear(3, 1, bias=False)
    model.weight.data.copy_(torch.tensor([[0.1, 0.1, 0.1]]))
    return cspec.run(
        "data train(x, y)\nmodel f\nminimize mse(f(x), y)\n"
        f"s.t. a: forall W in f.weights: W in ball(1.5, norm=2)\nusing {using}\n"
        f"fit(optimizer=sgd(lr=5e-2), steps={steps}, batch_size=full, precision=float64)\n",
        train=(x, y),
        f=model,
    )


@pytest.mark.parametrize(
    "using",
    [
        "admm",
        "admm(warmup=0, fine_tune=0)",
        "admm(rho=1, warmup=0, fine_tune=0, every=1)",
        "admm(rho=1, warmup=0, fine_tune=0, every=5)",
        "admm(linearized=true, warmup=0, fine_tune=0)",
        "admm(linearized=true, rho=1, warmup=0, fine_tune=0)",
    ],
)
def test_the_copy_is_delivered_at_its_end(using: str) -> None:
    expected = regression("projection").objective
    result = regression(using)
    assert result.constraints[0].violation < 1e-12
    assert result.objective == pytest.approx(expected, rel=1e-6)
    weight = result.model.weight.detach()
    assert float(weight.norm()) == pytest.approx(1.5, abs=1e-12)
    assert any("the feasible copy z is what was measured and delivered" in n for n in result.notes)


def test_a_run_that_ends_early_delivers_a_copy_and_says_that_x_is_elsewhere() -> None:
    result = regression("admm(warmup=0.9, balance=false, rho=1e-6)", steps=40)
    assert result.constraints[0].violation < 1e-12
    assert float(result.model.weight.detach().norm()) <= 1.5 + 1e-12
    assert any("x had not come to it" in note for note in result.notes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rho_stands_where_the_set_is_not_in_the_way(dtype: torch.dtype) -> None:
    """Inside of a set z is x: rho would halve at every round, in float32 to 0 after 140 of them."""
    operator: Ball = Ball(100.0)
    state: dict[str, torch.Tensor] = {}
    x = torch.zeros(3, dtype=dtype)
    split = Split("b", operator, [x], state)
    begin(split, rho=1e-3)
    for step in range(400):
        x += 0.9**step
        split_round(split)
    assert float(state["b.rho"]) == pytest.approx(1e-3)
    assert torch.equal(state["b.z.0"], x) and not state["b.u.0"].any()
