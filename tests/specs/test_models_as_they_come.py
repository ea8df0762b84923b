"""Models as people have them: lazy, in place, with batch statistics, in other precisions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import cspec
from cspec import SpecError
from cspec.runtime.data.order import permutation

X = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
SHORT = "minimize ce\nfit(steps=2)"


# --- Inputs that a model writes into -------------------------------------------------------------


class Halves(nn.Module):
    """Halves its inputs in place, in some of its modes."""

    def __init__(self, when: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 2)
        self.when = when

    def forward(self, x: Tensor) -> Tensor:
        if self.when == "always" or (self.when == "training") == self.training:
            x.mul_(0.5)
        out: Tensor = self.layer(x)
        return out


SPEC = """
data t(x, y)
model f
minimize ce(f(x), y)
s.t. c: E[f(x)[0]*x[1]] <= 5
fit(epochs=3, batch_size={size}, optimizer=sgd(lr=0.1))
"""


@pytest.mark.parametrize("size", ["full", "64"])
@pytest.mark.parametrize("when", ["always", "training", "evaluation"])
def test_a_model_that_writes_into_its_inputs_decays_no_data(when: str, size: str) -> None:
    x, model, twin = X.clone(), Halves(when), Halves(when)
    result = cspec.run(SPEC.format(size=size), f=model, t=(x, Y))
    assert torch.equal(x, X)
    assert any("writes into its inputs" in note for note in result.notes)
    assert not model._forward_pre_hooks and not model._forward_hooks
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    for epoch in range(3):
        order = torch.arange(300) if size == "full" else permutation(300, 0, epoch)
        for rows in order.split(300 if size == "full" else 64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(twin(X[rows]), Y[rows]).backward()
            optimizer.step()
    twin.eval()
    z = twin(X.clone()).detach()
    assert result.objective == pytest.approx(nn.functional.cross_entropy(z, Y).item(), rel=1e-5)
    assert result["c"].value == pytest.approx((z[:, 0] * X[:, 1]).mean().item(), abs=1e-5)


def test_a_model_that_does_not_is_left_alone() -> None:
    model = nn.Linear(4, 2)
    result = cspec.run(SHORT, model=model, data=(X, Y))
    assert result.notes == () and not model._forward_pre_hooks and not model._forward_hooks


# --- Sizes that come with the data ---------------------------------------------------------------


LAZY = {
    "linear": (lambda: nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.LazyLinear(2)), X),
    "kernels": (
        lambda: nn.Sequential(nn.LazyConv2d(3, 2), nn.Flatten(), nn.LazyLinear(2)),
        X.reshape(300, 1, 2, 2),
    ),
    "float64 data": (lambda: nn.Sequential(nn.LazyLinear(2)), X.double().numpy()),
}


@pytest.mark.parametrize("kind", LAZY)
def test_lazy_layers_get_their_sizes_from_the_data(kind: str) -> None:
    make, x = LAZY[kind]
    text = "minimize ce\ns.t. d: density(model) <= 60%\nfit(epochs=2)"
    runs = [cspec.run(text, model=make(), data=(x, Y)) for _ in range(2)]
    assert [r.status for r in runs] == ["satisfied"] * 2
    assert runs[0].objective == runs[1].objective  # the seed decides their first weights
    handle_model = make()
    optimizer = torch.optim.SGD(handle_model.parameters(), 0.1)
    handle = cspec.bind(
        "minimize ce s.t. P[pred == 1] <= 90%", model=handle_model, optimizer=optimizer, data=(x, Y)
    )
    assert torch.isfinite(handle.step(x=torch.as_tensor(x).float(), y=Y))


def test_lazy_layers_without_data_are_asked_to_be_called() -> None:
    model = nn.Sequential(nn.LazyLinear(2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(SpecError, match="no sizes yet") as caught:
        cspec.bind("minimize ce s.t. P[pred == 1] <= 90%", model=model, optimizer=optimizer)
    assert "model(x)" in caught.value.diagnostics[0].helps[0]


# --- Statistics of a batch -----------------------------------------------------------------------


def normalized() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


@pytest.mark.parametrize(
    ("rows", "size", "steps"), [(257, 128, 2), (129, 128, 1), (130, 128, 2), (65, 8, 8), (7, 2, 3)]
)
def test_a_single_example_left_over_joins_the_batch_before(
    rows: int, size: int, steps: int
) -> None:
    x, y = X[:rows], torch.arange(rows) % 2
    seen: list[int] = []
    model = normalized()
    model[1].register_forward_hook(lambda m, a, out: seen.append(len(out)) if m.training else None)
    result = cspec.run(
        f"minimize ce\nfit(epochs=2, batch_size={size}, optimizer=adam)", model=model, data=(x, y)
    )
    assert result.steps == 2 * steps and 1 not in seen and sum(seen) == 2 * rows
    told = [note for note in result.notes if "left over joins it" in note]
    assert bool(told) == (rows % size == 1)
    plain = cspec.run(f"minimize ce\nfit(epochs=1, batch_size={size})", model="linear", data=(x, y))
    assert plain.steps == -(-rows // size)


class Rows(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(X[:25], Y[:25], strict=True)


def batches_of_eight() -> Iterator[tuple[Tensor, Tensor]]:
    return ((X[:25][i : i + 8], Y[:25][i : i + 8]) for i in range(0, 25, 8))


SOURCES: dict[str, Callable[[], Any]] = {
    "loader": lambda: DataLoader(TensorDataset(X[:25], Y[:25]), batch_size=8),
    "no length": lambda: DataLoader(Rows(), batch_size=8),
    "list": lambda: list(batches_of_eight()),
    "generator": batches_of_eight,
}


@pytest.mark.parametrize("source", SOURCES)
def test_of_batches_that_come_the_left_over_example_joins_too(source: str) -> None:
    model, same = normalized(), normalized()
    text = "minimize ce\nfit(epochs=2, optimizer=sgd(lr=0.1))"
    result = cspec.run(text, model=model, data=SOURCES[source]())
    assert result.steps == 6
    assert sum("left over at the end of each epoch joins" in n for n in result.notes) == 1
    optimizer = torch.optim.SGD(same.parameters(), 0.1)
    for _ in range(2):
        for rows in (slice(0, 8), slice(8, 16), slice(16, 25)):
            optimizer.zero_grad()
            nn.functional.cross_entropy(same(X[rows]), Y[rows]).backward()
            optimizer.step()
    for name, value in same.named_parameters():
        assert torch.allclose(dict(model.named_parameters())[name], value, atol=1e-6)
    plain = cspec.run(text, model="linear", data=SOURCES[source]())
    assert plain.steps == 8


def test_batches_of_one_are_refused_by_name() -> None:
    data = TensorDataset(X[:9], Y[:9])
    with pytest.raises(SpecError) as caught:
        cspec.run(SHORT, model=normalized(), data=DataLoader(data, batch_size=1))
    assert "drop_last=True" in caught.value.diagnostics[0].helps[0]
    with pytest.raises(SpecError, match="gives one example at a time") as caught:
        cspec.run(SHORT, model="linear", data=DataLoader(data, batch_size=None))
    assert "DataLoader(dataset, batch_size=32)" in caught.value.diagnostics[0].helps[0]


def test_a_teacher_keeps_its_statistics() -> None:
    old = normalized().requires_grad_(False)
    before = {name: value.clone() for name, value in old.state_dict().items()}
    text = (
        "data t(x, y)\nmodel f\nmodel old\nminimize ce(f(x), y)\n"
        "s.t. c: E[abs(f(x)[0] - old(x)[0])] <= 1\nfit(epochs=1)"
    )
    result = cspec.run(text, f=nn.Linear(4, 2), old=old, t=(X, Y))
    assert all(torch.equal(value, before[name]) for name, value in old.state_dict().items())
    assert not any("trained are" in note for note in result.notes)


# --- Precision -----------------------------------------------------------------------------------


class Spectral(nn.Module):
    """Complex parameters, or a complex buffer (as rotary embeddings have)."""

    def __init__(self, trained: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)
        turn = torch.polar(torch.ones(4), torch.arange(4.0))
        if trained:
            self.turn = nn.Parameter(turn)
        else:
            self.register_buffer("turn", turn)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer((x.to(self.turn.dtype) * self.turn).imag)
        return out


def test_complex_parameters_are_refused() -> None:
    model = Spectral(trained=True)
    with pytest.raises(SpecError, match="complex parameters"):
        cspec.run(SHORT, model=model, data=(X, Y))
    assert model.turn.is_complex()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_complex_buffers_stay_complex(precision: str, tmp_path: Path) -> None:
    model = Spectral(trained=False)
    text = f"minimize ce\nfit(steps=2, precision={precision})"
    result = cspec.run(text, model=model, data=(X, Y), out=tmp_path / "r")
    assert result.model is model
    kind = {"float32": torch.complex64, "float64": torch.complex128}[precision]
    expected = torch.polar(torch.ones(4), torch.arange(4.0)).to(kind)
    torch.testing.assert_close(model.turn, expected)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_models_are_told(kind: torch.dtype) -> None:
    model = nn.Linear(4, 2).to(kind)
    result = cspec.run(SHORT, model=model, data=(X, Y))
    name = str(kind).removeprefix("torch.")
    assert any(f"`model` came in {name}" in note for note in result.notes)
    assert model.weight.dtype is torch.float32
