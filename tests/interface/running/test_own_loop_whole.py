"""Handles as objects: copies, pickles, and shapes that the first batch tells."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec import SpecError
from cspec.runtime.own_loop.handle import Handle

DRAW = torch.Generator().manual_seed(0)
X = torch.randn(120, 4, generator=DRAW)
Y = (X[:, 0] > 0).long()
FEW = "data train(x, y)\nmodel net\nminimize ce(net(x), y)\ns.t. few: P[pred == 1] <= 30%"


def bound(text: str, net: nn.Module) -> Handle:
    return cspec.bind(text, net=net, optimizer=torch.optim.Adam(net.parameters(), lr=1e-2))


def trained(steps: int = 15) -> Handle:
    torch.manual_seed(0)
    handle = bound(FEW, nn.Linear(4, 2))
    for _ in range(steps):
        handle.step(x=X, y=Y)
    return handle


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda handle: pickle.loads(pickle.dumps(handle))],
    ids=["copy", "pickle"],
)
def test_a_copy_goes_on_by_itself(copied: Callable[[Handle], Handle]) -> None:
    handle, straight = trained(), trained(25)
    before = handle.multipliers
    other = copied(handle)
    for _ in range(10):
        other.optimizer.zero_grad()
        other.loss(x=X, y=Y).backward()
        other.optimizer.step()  # its own hook
    assert handle.multipliers == before and handle.steps == 15
    assert other.steps == 25 and other.multipliers == straight.multipliers
    torch.testing.assert_close(
        list(other.primal["net"].parameters()), list(straight.primal["net"].parameters())
    )
    assert pickle.loads(pickle.dumps(other.verify((X, Y))))["few"].n == 120


class PerToken(nn.Module):
    """(B, T, 4) to (B, T, 5)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.outer = nn.Linear(4, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.outer(self.inner(x).tanh())
        return out


def test_the_first_batch_tells_that_outputs_are_a_token() -> None:
    x = torch.randn(40, 6, 4, generator=DRAW)
    y = torch.randint(5, (40, 6), generator=DRAW)
    text = FEW + "\n     tight: E[ce(net(x), y) | y == 2] <= 1.2"
    alone, net = bound(text, PerToken()), PerToken()
    told = cspec.bind(
        text, net=net, optimizer=torch.optim.Adam(net.parameters(), lr=1e-2), train=(x, y)
    )
    for start in (0, 8, 16):
        batch = {"x": x[start : start + 8], "y": y[start : start + 8]}
        assert float(alone.step(**batch)) == pytest.approx(float(told.step(**batch)), abs=1e-6)
    assert alone.multipliers == pytest.approx(told.multipliers, abs=1e-6)
    with torch.no_grad():
        z = alone.primal["net"](x)
    share = float((z.argmax(-1) == 1).double().mean())
    hard = nn.functional.cross_entropy(z[y == 2], y[y == 2]).item()
    found = alone.verify((x, y))
    assert found["few"].value == pytest.approx(share, abs=1e-9)
    assert found["tight"].value == pytest.approx(hard, rel=1e-5)
    again = bound(text, PerToken())
    again.load_state_dict(alone.state_dict())
    again.loss(x=x[:8], y=y[:8])
    assert again.multipliers == alone.multipliers and again.steps == 3


def test_verdicts_come_before_the_first_batch() -> None:
    x = torch.randn(10, 6, 4, generator=DRAW)
    y = torch.randint(5, (10, 6), generator=DRAW)
    found = bound(FEW, PerToken()).verify((x, y))
    share = float((PerToken()(x).argmax(-1) == 1).double().mean())
    assert found["few"].value == pytest.approx(share, abs=1e-9)


def test_shapes_that_never_fit_are_still_said() -> None:
    with pytest.raises(SpecError, match="needs one label an example"):
        bound(FEW, PerToken()).loss(x=X.reshape(20, 6, 4), y=torch.zeros(20, 5, dtype=torch.long))


def test_restore_takes_off_what_the_steps_left() -> None:
    torch.manual_seed(0)
    text = (
        "data train(x, y)\nmodel net\nminimize sumsq(net.weights)\n"
        "s.t. fit: E[ce(net(x), y)] <= 0.3\n     pos: E[ce(net(x), y) | y == 1] <= 0.25"
    )
    handle = bound(text, nn.Linear(4, 2))
    for _ in range(300):
        handle.step(x=X, y=Y)
    before = handle.multipliers
    with torch.no_grad():
        for parameter in handle.primal["net"].parameters():
            parameter.mul_(0.9)  # a little short of both
    assert not handle.verify((X, Y)).satisfied
    found = handle.restore((X, Y))
    with torch.no_grad():
        z = handle.primal["net"](X)
    each = nn.functional.cross_entropy(z, Y, reduction="none")
    assert found.satisfied and float(each.mean()) <= 0.3 + 1e-5
    assert float(each[Y == 1].mean()) <= 0.25 + 1e-5
    assert found["fit"].value == pytest.approx(float(each.mean()), rel=1e-5)
    assert any(note.startswith("restored:") for note in found.notes)
    assert handle.multipliers == before and handle.steps == 300


def test_restore_takes_given_values_and_is_refused_where_a_method_acts_as_written() -> None:
    handle = bound(FEW + " by lagrangian(dual=sgd(lr=0.1))", nn.Linear(4, 2))
    with pytest.raises(SpecError, match="acts as written") as error:
        handle.restore((X, Y))
    assert error.value.diagnostics[0].code == "CS632"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loss_is_of_the_type_of_the_model(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    handle = bound(FEW, nn.Linear(4, 2, dtype=dtype))
    assert handle.loss(x=X.to(dtype), y=Y).dtype == dtype
