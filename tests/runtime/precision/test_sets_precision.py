"""Methods that hold sets, every map, and what is done to a model, in both precisions.

    minimize ||W - T||^2  subject to  W in S        W* = P_S(T)

over a linear model whose inputs are orthonormal, and over a variable. P_S in float64 is the
reference (its own tests are in `tests/runtime/operators`).

Tolerances. Delivered is the iterate of the least objective, which is flat around W*: objectives
that differ by rounding, some eps of 3, belong to weights sqrt(FEW eps) apart. What a set asks for
holds to rounding whatever the distance to W*.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.compiler.methods import FUNCTIONAL
from cspec.dsl.settings.methods import MAPS, METHODS
from cspec.dsl.words.sets import SET_WORDS
from cspec.runtime import operators

FEW = 16
MODEL = """
data D(x, y)
model net
minimize E[mse(net(x), y) on D]
s.t. {constraints}
fit(optimizer=sgd(lr=0.2, momentum=0.7), steps={steps}, batch_size=full, precision={precision})
"""
VARIABLE = """
var w[4] = 0.3
minimize (w[0] - 1)^2 + (w[1] - 0.5)^2 + (w[2] + 1)^2 + w[3]^2
s.t. {constraints}
{using}fit(optimizer=sgd(lr=0.2), steps={steps}, precision={precision})
"""
T = torch.tensor([[1.0, 0.5, -1.0, 0.0]], dtype=torch.float64)
TALL = torch.tensor([[2.0, 0.3], [-0.4, 1.5], [0.5, 0.2], [0.1, -0.6]], dtype=torch.float64)
SQUARE = TALL[:2]
INSIDE = SQUARE @ SQUARE.T / 4


class Case(NamedTuple):
    """A set held by a method, and what the model is drawn to."""

    how: str
    """What stands behind `W in`."""
    set: tuple[object, ...]
    target: Tensor = T
    steps: int = 400
    error: float = 0.0
    """Distance to the solution that is the method's own."""


SIMPLEX = ("simplex",)
CASES = [
    Case("simplex by projection", SIMPLEX),
    Case("simplex by projection(every=5)", SIMPLEX),
    Case("simplex by construction", SIMPLEX),
    # The last fifth of a run with ADMM is on the set itself: projected descent.
    Case("simplex by admm", SIMPLEX),
    Case("simplex by admm(linearized=true)", SIMPLEX),
    Case("simplex by admm(balance=false, growth=2, grow_every=1, max_rho=8)", SIMPLEX, T, 800),
    Case("simplex by admm(relaxation=1.6)", SIMPLEX),
    # Duality gap at most 2 L diameter^2 / (k + 2) (Jaggi 2013), so ||W - W*|| <= sqrt(8 / k).
    Case("simplex by frank_wolfe", SIMPLEX, error=0.15),
    # Maps: the solution is inside the set, or the map reaches the boundary.
    Case("nonneg by softplus", ("nonneg",), T.abs() + 1),
    Case("nonneg by parametrization(map=softplus)", ("nonneg",), T.abs() + 1),
    Case("[-2, 3] by sigmoid", ("box", -2.0, 3.0)),
    Case("simplex by softmax", SIMPLEX, torch.tensor([[0.4, 0.3, 0.2, 0.1]]).double(), 800),
    Case("sphere by unit_norm", ("sphere",)),
    Case("stiefel by cayley", ("stiefel",), TALL, 700),
    Case("stiefel by householder", ("stiefel",), TALL, 700),
    Case("stiefel by matrix_exp", ("stiefel",), TALL, 700),
    Case("symmetric by parametrization", ("symmetric",), SQUARE),
    Case("psd by cholesky", ("psd",), INSIDE, 700),
    Case("rank(1) by low_rank", ("rank", 1), TALL, 700),
    Case("monotone by cumulative_softplus", ("monotone",), T.sort().values, 1600),
]


def linear(target: Tensor, start: Tensor) -> dict[str, object]:
    """A model and data with E[mse] = ||W - target||^2 / outputs."""
    outputs, inputs = target.shape
    x = inputs**0.5 * torch.eye(inputs, dtype=torch.float64)
    net = nn.Linear(inputs, outputs, bias=False)
    with torch.no_grad():
        net.weight.copy_(start)
    return {"net": net, "D": {"x": x, "y": x @ target.T}}


def weight_of(result: cspec.Result) -> Tensor:
    """The delivered weight, as the model reads it."""
    weight: Tensor = result.model.weight
    return weight.detach()


@pytest.mark.parametrize("case", CASES, ids=[c.how for c in CASES])
def test_sets_of_weights(
    case: Case, precision: str, eps: float, delivered: Callable[[cspec.Result], None]
) -> None:
    operator = operators.get(*case.set)
    expected = operator.project(case.target)
    size = float(expected.abs().max())
    rounding = 16 * eps * size * expected.numel()
    text = MODEL.format(
        constraints=f'a: forall W in net.weights("*weight"): W in {case.how} within {rounding}',
        steps=case.steps // (2 if precision == "float32" and not case.error else 1),
        precision=precision,
    )
    # From beside the solution, inside the set: a map has no slope where it starts on the boundary.
    result = cspec.run(text, **linear(case.target, 0.9 * expected + 0.05))
    found = weight_of(result)
    near = case.error + (FEW * eps) ** 0.5
    assert torch.allclose(found.double(), expected, rtol=0, atol=near)
    assert result.status == "satisfied"
    assert float(operator.residual(found.double()).abs().max()) <= rounding
    delivered(result)


VARIABLES = [
    ("a: w in simplex by projection", SIMPLEX, ""),
    ("a: w in simplex", SIMPLEX, "using spg\n"),
    ("a: w in simplex by admm", SIMPLEX, ""),
    ("a: w in simplex by admm\n     b: w in [0.1, 0.6] by admm", (0.6, 0.2, 0.1, 0.1), ""),
    ("a: norm(w, 2) <= 1 by projection", ("ball", 1.0), ""),
    ("a: w in sphere by unit_norm", ("sphere",), ""),
    ("a: w in [-2, 3] by sigmoid", ("box", -2.0, 3.0), ""),
]


@pytest.mark.parametrize(("constraints", "known", "using"), VARIABLES)
def test_sets_of_variables(
    constraints: str,
    known: tuple[object, ...],
    using: str,
    precision: str,
    eps: float,
    delivered: Callable[[cspec.Result], None],
) -> None:
    text = VARIABLE.format(constraints=constraints, using=using, steps=400, precision=precision)
    result = cspec.run(text)
    if isinstance(known[0], str):
        expected = operators.get(*known).project(T[0])
    else:
        expected = torch.tensor(known, dtype=torch.float64)
    found = torch.tensor(result.vars["w"], dtype=torch.float64)
    assert torch.allclose(found, expected, rtol=0, atol=(FEW * eps) ** 0.5)
    assert result.status == "satisfied"
    delivered(result)


def test_output_projection(
    precision: str, eps: float, delivered: Callable[[cspec.Result], None]
) -> None:
    text = MODEL.format(
        constraints="a: forall (x, y) in D: net(x) <= 0.75 by output_projection",
        steps=300,
        precision=precision,
    )
    result = cspec.run(text, **linear(T / 2, T / 4))
    x = 2 * torch.eye(4, dtype=weight_of(result).dtype)
    found = result.model(x).flatten().detach().double()
    assert torch.allclose(found, (2 * T[0] / 2).clamp(max=0.75), rtol=0, atol=(FEW * eps) ** 0.5)
    assert float(found.max()) <= 0.75 + 4 * eps
    delivered(result)


RATES = """
data train(x, y) = two_gaussians(n=200, seed=0)
model f = {model}
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= 70% by {how}
fit(optimizer=sgd(lr=0.2), epochs=60, batch_size=full, precision={precision})
"""


@pytest.mark.parametrize("how", ["threshold", "augmented_lagrangian", "lagrangian"])
def test_rates(how: str, precision: str, delivered: Callable[[cspec.Result], None]) -> None:
    result = cspec.run(RATES.format(model="linear", how=how, precision=precision))
    # A rate is a quotient of counts, exact in both precisions.
    count = result["quota"].value * result["quota"].n
    assert count == pytest.approx(round(count), abs=1e-9)
    assert result.status == "satisfied" or how == "lagrangian"
    delivered(result)


def test_bisection(precision: str, delivered: Callable[[cspec.Result], None]) -> None:
    x = torch.randn(157, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    text = (
        "data train(x)\nvar t = 0\nminimize t\ns.t. below: P[x <= t on train] >= 90%\n"
        f"using bisection\nfit(precision={precision})"
    )
    result = cspec.run(text, train=(x,))
    # The 142nd of 157 values, in the precision of the run: to the last bit.
    expected = x.to(getattr(torch, precision)).sort().values[141]
    assert result.status == "satisfied" and result.vars["t"] == float(expected)
    delivered(result)


def test_lifting(precision: str, delivered: Callable[[cspec.Result], None]) -> None:
    text = (
        "domain q(x) = box([0, 1])\nmodel u(x) = mlp(hidden=[4])\n"
        "minimize E[(diff(u, x) + u(x))^2 for x in q.sample(16)]\ns.t. wall: u(0) == 1\n"
        f"fit(steps=3, precision={precision})"
    )
    result = cspec.run(text)
    assert result["wall"].method == "lifting" and result["wall"].satisfied
    delivered(result)


def test_gates(precision: str, delivered: Callable[[cspec.Result], None]) -> None:
    text = RATES.format(model="mlp(hidden=[8], gates=hard_concrete)", how="x", precision=precision)
    text = re.sub(r"quota: .*", "size: density(f) <= 60%", text)
    delivered(cspec.run(text))


def test_no_method_and_no_map_is_forgotten() -> None:
    lines = [c.how for c in CASES] + [f"{c} {u}" for c, _, u in VARIABLES]
    lines += ["output_projection", "threshold", "bisection", "lifting"]  # the tests of their names
    tried = set().union(*(re.findall(r"[a-z_]+", line) for line in lines))
    assert tried >= set(METHODS) - set(FUNCTIONAL) - {"auto"} | {"spg", "bisection"}
    assert tried >= set(MAPS)
    # Each map of each set: by its own name, or as `by parametrization`, the first of its set.
    for word, record in SET_WORDS.items():
        known = word in tried or word == "box" or not record.maps
        assert set(record.maps) & set(MAPS) <= tried and known
