"""`accumulate`: a step on a batch in parts is the step on the whole batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.models.in_parts import in_parts


def data(rows: int = 96) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(rows, 5, generator=generator)
    return x, (x[:, 0] + 0.3 * torch.randn(rows, generator=generator) > 0).float()


SPEC = """data train(x, y)
model f
minimize bce
s.t. spread: sqrt(E[f(x)^2]) <= 0.8
     rate:   P[pred == 1] >= 55%
fit(steps=40, precision=float64, optimizer=sgd(lr=0.1), {batches})
"""


def weights(batches: str) -> dict[str, Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    cspec.run(SPEC.format(batches=batches), f=model, data=data())
    return model.state_dict()


def test_gradients_are_those_of_one_step_on_the_whole_batch() -> None:
    """Also of what is no sum over examples: a root of a mean, a rate by its surrogate."""
    whole, parts = weights("batch_size=48"), weights("batch_size=12, accumulate=4")
    for name, value in whole.items():
        assert torch.allclose(value, parts[name], rtol=1e-6, atol=1e-8), name


def test_the_whole_data_can_be_a_step_in_parts() -> None:
    whole, parts = weights("batch_size=full"), weights("batch_size=full, accumulate=5")
    for name, value in whole.items():
        assert torch.allclose(value, parts[name], rtol=1e-6, atol=1e-8), name


def test_layers_see_a_part_and_statistics_move_once() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    seen: list[int] = []
    model[0].register_forward_hook(lambda _m, args, _o: seen.append(len(args[0])))
    x, _ = data(23)
    with in_parts([model], 4):
        model(x).sum().backward()
    assert sorted(seen) == sorted([6, 6, 6, 5] * 2)
    assert int(model[1].num_batches_tracked) == 4
    assert all(p.grad is not None for p in model.parameters())
    model.eval()
    with torch.no_grad():
        assert torch.equal(model(x), model(x))


def test_dropout_is_the_same_when_it_is_computed_again() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 1, bias=False))
    x, _ = data(8)
    torch.manual_seed(0)
    with in_parts([model], 2):
        out = model(x)
        (slope,) = torch.autograd.grad(out.sum(), [model[1].weight])
    torch.manual_seed(0)
    kept = torch.cat([nn.functional.dropout(part, 0.5) for part in x.tensor_split(2)])
    assert torch.allclose(slope[0], kept.sum(0))


class Several(nn.Module):
    def __init__(self, wrong: bool) -> None:
        super().__init__()
        self.layer, self.wrong = nn.Linear(5, 1), wrong

    def forward(self, x: Tensor) -> dict[str, Any]:
        out = self.layer(x)
        return {"out": out, "more": (out.mean() if self.wrong else out * 2,)}


def test_outputs_of_several_tensors_are_joined_and_others_refused() -> None:
    x, _ = data(9)
    right, wrong = Several(False), Several(True)
    with in_parts([right, wrong], 3):
        found = right(x)
        with pytest.raises(SpecError, match="joins outputs"):
            wrong(x)
    assert torch.allclose(found["more"][0], 2 * right.layer(x), atol=1e-6)


def test_batches_of_a_loader_are_not_accumulated() -> None:
    x, y = data()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=32)
    text = "data train(x, y)\nmodel f\nminimize bce\nfit(steps=2, accumulate=2)\n"
    with pytest.raises(SpecError, match="CS516"):
        cspec.run(text, f=nn.Linear(5, 1), data=loader)
