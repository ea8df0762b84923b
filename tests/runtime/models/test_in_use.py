"""Weights that parametrizations or hooks of torch compute: requirements are about those in use."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import cspec
from cspec.runtime.models.gates import frozen
from cspec.runtime.models.in_use import in_use

pytestmark = pytest.mark.filterwarnings("ignore:.*norm. is deprecated:FutureWarning")
X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
HEAD = "data train(x, y)\nmodel f\nminimize ce(f(x), y)\n"


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return self.scale * weight * (weight.abs() > 0.1)


def scaled(layer: nn.Module) -> nn.Module:
    parametrize.register_parametrization(layer, "weight", Scaled())
    return layer


MAPS: dict[str, Any] = {
    "weight_norm": parametrizations.weight_norm,
    "orthogonal": parametrizations.orthogonal,
    "spectral_norm": parametrizations.spectral_norm,
    "own": scaled,
    "hook of weight_norm": nn.utils.weight_norm,
    "hook of spectral_norm": nn.utils.spectral_norm,
    "hook of prune": lambda layer: prune.l1_unstructured(layer, "weight", amount=0.5),
    "hooks of prune": lambda layer: prune.ln_structured(
        prune.l1_unstructured(layer, "weight", amount=0.3), "weight", amount=0.5, n=2, dim=0
    ),
}


def network(name: str) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(MAPS[name](nn.Linear(4, 4)), nn.Tanh(), nn.Linear(4, 2))


@pytest.mark.parametrize("name", MAPS)
def test_values_are_those_of_the_weights_in_use(name: str) -> None:
    net = network(name)
    state = copy.deepcopy(net.state_dict())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    spec = (
        f"{HEAD}s.t. a: l1(f[0].weight) <= 9\n     b: forall W in f.weights: l2(W) <= 9\n"
        "metric size = params(f)\nmetric stored = bytes(f)\nmetric share = density(f)\n"
        "metric widest = max(spectral(W) for W in f.weights)\nmetric all = sumsq(f.params)"
    )
    found = cspec.bind(spec, f=net, optimizer=optimizer, train=(X, Y)).evaluate()
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    net.eval()(X)
    weights = [net[0].weight.detach(), net[2].weight.detach()]
    rest = [net[0].bias, net[2].bias]
    rest += [net[0].parametrizations.weight[0].scale] if name == "own" else []
    count = sum(int((p != 0).sum()) for p in (*weights, *rest))
    assert (found["size"], found["stored"]) == (count, 4 * count)
    assert found["share"] == sum(int((w != 0).sum()) for w in weights) / 24
    by_hand = {
        "a": float(weights[0].abs().sum()),
        "b[0.weight]": float(weights[0].norm()),
        "b[2.weight]": float(weights[1].norm()),
        "widest": max(float(torch.linalg.matrix_norm(w, 2)) for w in weights),
        "all": sum(float(p.detach().square().sum()) for p in (*weights, *rest)),
    }
    assert {key: found[key] for key in by_hand} == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("line", ["l2(f[0].weight) <= 0.5", "f[0].weight >= -0.1"])
def test_gradients_flow_through_the_parametrization(line: str) -> None:
    net = network("weight_norm")
    result = cspec.run(
        f"{HEAD}s.t. a: {line} by penalty(coefficient=100)\nfit(epochs=60, batch_size=full)",
        f=net,
        train=(X, Y),
    )
    weight = net[0].weight.detach()
    value = weight.norm() if "l2" in line else weight.min()
    assert result["a"].value == pytest.approx(float(value), rel=1e-5)
    assert parametrize.is_parametrized(net[0])
    assert abs(result["a"].value - (0.5 if "l2" in line else -0.1)) < 0.05


@pytest.mark.parametrize(
    "line",
    [
        "f[0].weight in stiefel by projection",
        "forall W in f.weights: W in nonneg by softplus",
        "forall W in f.weights: l2(W) <= 1 by admm",
        "l2(f[0].weight) <= 1 by construction",
        "density(f) <= 50%",
        "params(f) <= 20",
        "f[0].weight in sparse(50%)",
    ],
)
def test_what_would_put_numbers_into_a_computed_weight_is_refused(line: str) -> None:
    with pytest.raises(
        cspec.SpecError, match=r"a parametrization computes `f\.0\.weight`"
    ) as error:
        cspec.run(f"{HEAD}s.t. a: {line}\nfit(epochs=1)", f=network("orthogonal"), train=(X, Y))
    assert {found.code for found in error.value.diagnostics} == {"CS521"}


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("hook of weight_norm", "remove_weight_norm"),
        ("hook of spectral_norm", "without the hook"),
        ("hook of prune", "prune.remove"),
    ],
)
@pytest.mark.parametrize(
    "line", ["density(f) <= 50%", "f[0].weight in nonneg", "l2(f[0].weight) <= 1 by construction"]
)
def test_sets_of_weights_that_hooks_compute_are_refused(name: str, off: str, line: str) -> None:
    """Where they have no functions; what the help says to type makes the weight a parameter."""
    net = network(name)
    spec = f"{HEAD}s.t. a: {line}\nfit(epochs=1)"
    if "nonneg" in line:
        spec = spec.replace("nonneg", "nonneg by projection")
    with pytest.raises(cspec.SpecError, match=r"a hook computes `f\.0\.weight`") as error:
        cspec.run(spec, f=net, train=(X, Y))
    (help_, *_) = error.value.diagnostics[0].helps
    assert off in help_
    if "`" in help_:
        exec(help_.split("`")[1], {"torch": torch, "layer": net[0]})
    else:
        net = network("hook of spectral_norm")
        net[0] = nn.Linear(4, 4)
    assert cspec.run(spec, f=net, train=(X, Y))["a"].satisfied


@pytest.mark.parametrize("name", ["hook of weight_norm", "hook of spectral_norm", "hook of prune"])
def test_models_with_hooks_are_copied_behind_a_call(name: str) -> None:
    net = network(name)
    outputs = net.eval()(X)
    assert torch.equal(frozen(net)(X), outputs.detach())
    head = HEAD.replace("model f", "model f\nmodel g = frozen(f)")
    spec = f"{head}s.t. a: E[mse(f(x), g(x))] <= 1"
    result = cspec.run(f"{spec}\nfit(epochs=1)", f=net, train=(X, Y))
    assert torch.allclose(result.models["g"](X), outputs.detach(), atol=1e-6)


@pytest.mark.parametrize("name", ["hook of weight_norm", "hook of prune"])
def test_gradients_flow_through_hooks(name: str) -> None:
    net = network(name)
    spec = f"{HEAD}s.t. a: l2(f[0].weight) <= 0.5 by penalty(coefficient=100)"
    result = cspec.run(f"{spec}\nfit(epochs=60, batch_size=full)", f=net, train=(X, Y))
    net(X)
    value = float(net[0].weight.detach().norm())
    assert result["a"].value == pytest.approx(value, rel=1e-5)
    assert abs(value - 0.5) < 0.05


def test_shared_and_plain_weights_come_once_in_the_order_of_the_model() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    net[2].weight = net[0].weight
    assert [used.name for used in in_use(net)] == [name for name, _ in net.named_parameters()]
    assert not any(used.computed for used in in_use(net))
