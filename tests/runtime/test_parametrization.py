"""Models trained through a map are delivered as they came: plain parameters, same names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils import parametrizations

import cspec

NET = """
data train(x, y)
model net
minimize ce(net(x), y)
s.t. ortho: forall W in net.weights("0.*"): W in {how} within 1e-4
     signs: forall b in net.params("0.bias"): b >= 0 by softplus
fit(epochs={epochs}, batch_size=16)
"""


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))


def data() -> dict[str, torch.Tensor]:
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
    return {"x": x, "y": (x[:, 0] > 0).long()}


def run(how: str, net: nn.Module, out: Path | None = None, epochs: int = 2) -> cspec.Result:
    return cspec.run(NET.format(how=how, epochs=epochs), net=net, train=data(), out=out)


MAPS = [
    "stiefel by cayley",
    "stiefel by householder",
    "stiefel by matrix_exp",
    "rank(2) by low_rank",
]


@pytest.mark.parametrize("how", MAPS)
def test_names_order_and_values_are_those_of_a_plain_model(how: str) -> None:
    net = network()
    names = [name for name, _ in net.named_parameters()]
    result = run(how, net)
    assert result.status == "satisfied" and result.model is net
    assert [name for name, _ in net.named_parameters()] == names
    assert type(net[0]) is nn.Linear
    again = network()
    again.load_state_dict(net.state_dict())
    x = data()["x"]
    assert torch.equal(again(x), net(x))
    assert all(p.is_leaf and p.requires_grad for p in net.parameters())
    # What the result holds has the same names, and the values that the model has.
    assert result.best is not None and result.last is not None
    assert set(result.best.tensors) == {f"net.{name}" for name in names}
    for name, parameter in net.named_parameters():
        assert torch.equal(result.best.tensors[f"net.{name}"], parameter.detach())
    assert set(result.last.tensors) == set(result.best.tensors)


@pytest.mark.parametrize("how", MAPS)
def test_a_second_run_goes_on_from_what_was_delivered(how: str) -> None:
    net = network()
    first = run(how, net)
    second = run(how, net)
    assert second.status == "satisfied"
    assert second.history[0].objective < first.history[0].objective
    # And one that asks for something else of the same weights.
    third = run("stiefel by projection", net)
    assert third.status == "satisfied"


def test_saved_parameters_load_into_a_plain_model(tmp_path: Path) -> None:
    net = network()
    run("stiefel by cayley", net, tmp_path / "r")
    saved = {
        k.removeprefix("net."): v for k, v in load_file(tmp_path / "r/model.safetensors").items()
    }
    again = network()
    again.load_state_dict(saved)
    assert torch.equal(again[0].weight, net[0].weight)


def test_a_parametrization_of_the_users_own_stays() -> None:
    net = network()
    parametrizations.weight_norm(net[2])
    result = run("stiefel by cayley", net)
    assert result.status == "satisfied"
    names = [name for name, _ in net.named_parameters()]
    assert "0.weight" in names and "2.parametrizations.weight.original1" in names


class Breaks(nn.Module):
    """Fails once it is trained for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        if self.calls > 2:
            raise ValueError("no more")
        return x


def test_a_run_that_fails_leaves_a_plain_model_too() -> None:
    net = nn.Sequential(*network(), Breaks())
    names = [name for name, _ in net.named_parameters()]
    with pytest.raises(cspec.SpecError, match="no more"):
        run("stiefel by cayley", net)
    assert [name for name, _ in net.named_parameters()] == names


VARIABLE = """
var w[3] = [0.2, 0.3, 0.5]
minimize (w[0] - 0.1)^2 + (w[1] - 0.2)^2 + (w[2] - 2)^2
s.t. a: w in simplex by softmax
fit(optimizer=sgd(lr=0.1), steps=200)
"""


def test_variables_are_delivered_by_value(tmp_path: Path) -> None:
    result = cspec.run(VARIABLE, out=tmp_path / "r")
    assert result.best is not None
    assert result.best.tensors["w"].tolist() == result.vars["w"]
    assert set(load_file(tmp_path / "r/model.safetensors")) == {"w"}
