"""A bare `eye` has the size of the product beside it, and kernels are read as (outputs, rest)."""

import pytest
import torch

import cspec

SPEC = """data train(x, y) = digits(image=true)
model net = cnn(channels=[12], hidden=[12])
minimize ce(net(x), y)
s.t. tall: forall W in net.weights("conv1*"): sumsq(W.T @ W - eye) == 0
     wide: forall W in net.weights("fc1*", "fc2*"): sumsq(eye - W @ W.T) == 0
     total: sum(sumsq(W @ W.T - eye) for W in net.weights) <= 1e6
using quadratic_penalty(coefficient=0)
fit(steps=1)
metric apart = sum(sumsq(W @ W.T - eye) for W in net.weights)
"""


def off(left: torch.Tensor, right: torch.Tensor) -> float:
    product = left @ right
    return float((product - torch.eye(len(product))).square().sum())


def test_values_are_those_of_the_matrices() -> None:
    result = cspec.run(SPEC, seed=3)
    weights = {
        name: p.detach().flatten(1)
        for name, p in result.model.named_parameters()
        if name.endswith("weight")
    }
    assert list(weights) == ["conv1.weight", "fc1.weight", "fc2.weight"]
    conv = weights["conv1.weight"]
    found = {c.name: c.value for c in result.constraints}
    assert set(found) == {
        "tall[conv1.weight]", "wide[fc1.weight]", "wide[fc2.weight]", "total",
    }  # fmt: skip
    assert found["tall[conv1.weight]"] == pytest.approx(off(conv.T, conv), rel=1e-5)
    fc1 = weights["fc1.weight"]
    assert found["wide[fc1.weight]"] == pytest.approx(off(fc1, fc1.T), rel=1e-5)
    total = sum(off(w, w.T) for w in weights.values())
    assert result.metrics["apart"] == pytest.approx(total, rel=1e-5)
    assert found["total"] == pytest.approx(total, rel=1e-5)
