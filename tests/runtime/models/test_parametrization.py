"""Models trained through a map are delivered as they came: plain parameters, same names."""

from __future__ import annotations

import copy
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
    torch.testing.assert_close(again(x), net(x))
    assert all(p.is_leaf and p.requires_grad for p in net.parameters())
    # What the result holds has the same names, and the values that the model has.
    assert result.best is not None and result.last is not None
    assert set(result.best.tensors) == {f"net.{name}" for name in names}
    for name, parameter in net.named_parameters():
        assert torch.equal(result.best.tensors[f"net.{name}"], parameter.detach())
    assert set(result.last.tensors) == set(result.best.tensors)


LAYOUTS = [
    *MAPS,
    "stiefel by projection",
    "stiefel by admm",
    "rank(2) by projection",
    "rank(2) by admm",
    "sphere by unit_norm",
    "sphere by projection",
    "monotone by cumulative_softplus",
    "simplex by softmax",
    "simplex by admm",
    "spectral(1) by projection",
    "nuclear(1) by admm",
    "nm(2, 4) by projection",
    "[-1, 1] by sigmoid",
]
SQUARE = ["symmetric by parametrization", "psd by cholesky", "psd by projection"]


def strides_kept(net: nn.Module, plain: nn.Module, how: str, x: torch.Tensor) -> None:
    torch.manual_seed(0)
    y = (x.flatten(1)[:, 0] > 0).long()
    text = (
        "data t(x, y)\nmodel net\nminimize ce(net(x), y)\n"
        f's.t. a: forall W in net.weights("0.*"): W in {how}\nfit(epochs=2, batch_size=16)'
    )
    result = cspec.run(text, net=net, t=(x, y))
    assert result.model is net and result.best is not None and result.last is not None
    for (name, p), like in zip(net.named_parameters(), plain.parameters(), strict=True):
        assert p.stride() == like.stride(), name
    for tensors in (result.best.tensors, result.last.tensors):
        assert all(tensor.is_contiguous() for tensor in tensors.values())
        held = {name.removeprefix("net."): tensor for name, tensor in tensors.items()}
        plain.load_state_dict(held)
    torch.testing.assert_close(plain.eval()(x), net.eval()(x))


@pytest.mark.parametrize(
    ("how", "outputs"), [*((h, n) for h in LAYOUTS for n in (3, 4, 5)), *((h, 4) for h in SQUARE)]
)
def test_parameters_lie_in_memory_as_those_of_a_plain_model(how: str, outputs: int) -> None:
    net = nn.Sequential(nn.Linear(4, outputs), nn.Tanh(), nn.Linear(outputs, 2))
    strides_kept(net, copy.deepcopy(net), how, data()["x"])


@pytest.mark.parametrize("how", [*MAPS, "stiefel by projection", "sphere by unit_norm"])
def test_kernels_keep_the_layout_that_they_came_in(how: str) -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(12, 2))
    net = net.to(memory_format=torch.channels_last)
    assert not net[0].weight.is_contiguous()
    x = torch.randn(64, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    strides_kept(net, copy.deepcopy(net), how, x)


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
