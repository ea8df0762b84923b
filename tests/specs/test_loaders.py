"""Training on the batches of a loader: its size, sampler and augmentation, anew each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import cspec
from cspec import SpecError

N = 50
X = torch.randn(N, 3, generator=torch.Generator().manual_seed(0))
X[:, 2] = torch.arange(N)  # the number of each example, which no layer sees
Y = (X[:, 0] > 0).long()


class Notes(nn.Module):
    """A linear model of the first two inputs that notes which examples it trains on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(2, 2)
        self.seen: list[list[int]] = []
        self.inputs: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.training and torch.is_grad_enabled():
            self.seen.append([round(float(i)) for i in x[:, 2]])
            self.inputs.append(x.detach().clone())
        out: Tensor = self.layer(x[:, :2])
        return out


class Noisy(Dataset[tuple[Tensor, Tensor]]):
    """Examples that are others at each reading."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        noise = torch.cat([0.1 * torch.randn(2), torch.zeros(1)])
        return X[index] + noise, Y[index]


class Lines(IterableDataset[tuple[Tensor, Tensor]]):
    """Examples one by one, without a length."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        yield from zip(X, Y, strict=True)


def run(data: Any, fit: str, **settings: Any) -> tuple[cspec.Result, Notes]:
    """Nothing is rehearsed where the optimizer is given: the model sees the run's batches alone."""
    model = Notes()
    fit += "" if "optimizer" in fit else ", optimizer=adam"
    text = f"minimize ce\nmetric rows = P[y >= 0]\nmetric ones = P[y == 1]\nfit({fit})"
    return cspec.run(text, model=model, data=data, **settings), model


def flat(batches: list[list[int]]) -> list[int]:
    return [i for batch in batches for i in batch]


PLAIN = TensorDataset(X, Y)


def test_batches_are_the_loaders_own_and_another_order_each_epoch() -> None:
    result, model = run(DataLoader(PLAIN, batch_size=8, shuffle=True), "epochs=3")
    assert result.steps == 21 and [len(b) for b in model.seen] == [*[8] * 6, 2] * 3
    epochs = [flat(model.seen[i : i + 7]) for i in (0, 7, 14)]
    assert all(sorted(order) == list(range(N)) for order in epochs)
    assert len({tuple(order) for order in epochs}) == 3
    assert any("its own 7 batches of 8" in note for note in result.notes)


def test_a_loop_over_the_loader_by_hand_gives_the_same() -> None:
    loader = DataLoader(PLAIN, batch_size=8, drop_last=True)
    result, model = run(loader, "epochs=3, optimizer=sgd(lr=0.1)")
    twin = Notes()
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    for _ in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(twin(x), y).backward()
            optimizer.step()
    assert model.seen == twin.seen
    torch.testing.assert_close(model.layer.weight, twin.layer.weight)
    # What is measured on whole data are all the examples, also those that training drops.
    whole = nn.functional.cross_entropy(twin(X), Y).item()
    assert result.objective == pytest.approx(whole, rel=1e-5)


def test_augmentation_is_drawn_anew() -> None:
    for data, fit in (
        (DataLoader(Noisy(), batch_size=10), "epochs=3"),
        (Noisy(), "epochs=3, batch_size=10"),
    ):
        _, model = run(data, fit)
        by_number: dict[int, list[Tensor]] = {}
        for x in torch.cat(model.inputs):
            by_number.setdefault(round(float(x[2])), []).append(x)
        assert sorted(by_number) == list(range(N))
        for seen in by_number.values():
            assert len(seen) == 3 and not torch.equal(seen[0], seen[1])
            assert all(float((x - X[round(float(x[2]))]).abs().max()) < 1 for x in seen)


def test_a_dataset_that_does_not_augment_is_held() -> None:
    class Counting(Noisy):
        read = 0

        def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
            Counting.read += 1
            return X[index], Y[index]

    result, _ = run(Counting(), "epochs=5, batch_size=10")
    assert Counting.read == 2 * N  # once to have them, once to see that they stay the same
    assert result.notes == ()


@pytest.mark.parametrize("batched", [False, True])
def test_a_sampler_that_weighs_is_no_data(batched: bool) -> None:
    sampler = WeightedRandomSampler(torch.where(Y == 1, 50.0, 1.0).tolist(), 200)
    loader = (
        DataLoader(PLAIN, batch_sampler=BatchSampler(sampler, 20, drop_last=False))
        if batched
        else DataLoader(PLAIN, batch_size=20, sampler=sampler)
    )
    result, model = run(loader, "epochs=2")
    share = sum(int(Y[i]) for i in flat(model.seen)) / len(flat(model.seen))
    assert result.steps == 20 and share > 0.9
    assert result.metrics["ones"] == pytest.approx(Y.double().mean().item())


def test_a_sampler_that_selects_is() -> None:
    chosen = list(range(0, N, 2))
    loader = DataLoader(PLAIN, batch_size=5, sampler=SubsetRandomSampler(chosen))
    result, model = run(loader, "epochs=2")
    assert sorted(set(flat(model.seen))) == chosen
    assert result.metrics["ones"] == pytest.approx(Y[chosen].double().mean().item())


def test_the_length_of_a_run_counts_the_loaders_batches() -> None:
    loader = DataLoader(PLAIN, batch_size=5)
    assert run(loader, "epochs=4")[0].steps == 40
    assert run(loader, "steps=13")[0].steps == 13
    assert run(loader, "steps=13, batch_size=5")[0].steps == 13


def test_another_size_in_the_spec_is_asked_about() -> None:
    loader = DataLoader(PLAIN, batch_size=5)
    with pytest.raises(
        SpecError, match="comes in batches of 5, and the spec asks for 16"
    ) as caught:
        run(loader, "epochs=1, batch_size=16")
    (found,) = caught.value.diagnostics
    assert found.code == "CS516" and len(found.helps) == 2
    result, model = run(loader, "epochs=2, batch_size=full")
    assert [len(b) for b in model.seen] == [N, N]
    assert any("batch_size=full" in note for note in result.notes)
    # Data that are only verified on keep their own size.
    text = (
        "data train(x, y), val(x, y)\nmodel f\nminimize ce(f(x), y)\nfit(epochs=1, batch_size=16)"
    )
    cspec.run(text + "\nmetric a = P[pred == y on val]", f=Notes(), train=(X, Y), val=loader)


ITERABLES = {
    "list": lambda: [(X[i : i + 10], Y[i : i + 10]) for i in range(0, N, 10)],
    "generator": lambda: ((X[i : i + 10], Y[i : i + 10]) for i in range(0, N, 10)),
    "mappings": lambda: [{"y": Y[i : i + 10], "x": X[i : i + 10]} for i in range(0, N, 10)],
    "iterable dataset": lambda: DataLoader(Lines(), batch_size=10),
}


@pytest.mark.parametrize("form", ITERABLES)
def test_batches_of_an_iterable_are_the_trainings(form: str) -> None:
    result, model = run(ITERABLES[form](), "epochs=3")
    assert (
        result.steps == 15 and model.seen == [list(range(i, i + 10)) for i in range(0, N, 10)] * 3
    )
    assert result.metrics["rows"] == 1.0 and result.metrics["ones"] == pytest.approx(
        Y.double().mean().item()
    )


def forever() -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        x = torch.randn(10, 3)
        yield x, (x[:, 0] > 0).long()


class Endless(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for x, y in forever():
            yield x[0], y[0]


@pytest.mark.parametrize("make", [forever, lambda: DataLoader(Endless(), batch_size=10)])
def test_a_source_without_end_runs_for_so_many_steps(make: Any) -> None:
    result, model = run(make(), "steps=60")
    assert result.steps == 60 and result.termination == "completed" and len(model.seen) == 60
    assert len({tuple(x.flatten().tolist()) for x in model.inputs}) == 60
    assert any("no known end" in note for note in result.notes)


def test_a_source_without_end_needs_a_number_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cspec.runtime.data.loaders.MOST_ROWS", 2000)
    for fit in ("epochs=2", "batch_size=10"):
        with pytest.raises(SpecError, match="goes on, and nothing says how long") as caught:
            run(forever(), fit)
        assert any("fit(steps=...)" in text for text in caught.value.diagnostics[0].helps)


def test_a_generator_that_ends_early_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cspec.runtime.data.loaders.MEASURED_ROWS", 100)
    batches = ((X[:10], Y[:10]) for _ in range(30))
    result, model = run(batches, "steps=50")
    assert (result.steps, result.termination, len(model.seen)) == (30, "data ended", 30)
    assert any("no batch left after 30 of 50" in note for note in result.notes)
    again = (batch for batch in ITERABLES["list"]())
    run(again, "epochs=1")
    with pytest.raises(SpecError, match="yields no batch") as caught:
        run(again, "epochs=1")
    assert "once" in str(caught.value)


def test_a_loader_is_no_source_of_randomness() -> None:
    """What it draws leaves the run's own numbers alone, and the other way round."""
    drops = [nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)) for _ in range(2)]
    seen = []
    sources = [(DataLoader(PLAIN, batch_size=N), ""), ((X, Y), ", batch_size=full")]
    for drop, (data, size) in zip(drops, sources, strict=True):
        with torch.no_grad():
            drop[0].weight.fill_(0.1), drop[0].bias.zero_()
        cspec.run(f"minimize ce\nfit(steps=3{size})", model=drop, data=data)
        seen.append(drop[0].weight.detach())
    torch.testing.assert_close(seen[0], seen[1])
    orders = [
        run(DataLoader(PLAIN, batch_size=8, shuffle=True), "epochs=1", seed=s)[1].seen
        for s in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]


def test_workers_read_the_same_batches() -> None:
    one = run(DataLoader(PLAIN, batch_size=8, shuffle=True), "epochs=2")[1].seen
    two = run(DataLoader(PLAIN, batch_size=8, shuffle=True, num_workers=1), "epochs=2")[1].seen
    assert one == two


SOURCE = """
import torch
from torch.utils.data import DataLoader, Dataset

class Noisy(Dataset):
    def __len__(self):
        return 50
    def __getitem__(self, index):
        x = torch.randn(3, generator=torch.Generator().manual_seed(index))
        return x + 0.1 * torch.randn(3), int(x[0] > 0)

def loader():
    return DataLoader(Noisy(), batch_size=8, shuffle=True)

def items():
    return Noisy()
"""


@pytest.mark.parametrize("factory", ["loader", "items"])
def test_a_run_that_is_interrupted_goes_on_with_the_same_batches(
    factory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cspec.runtime.session.session import Session

    (tmp_path / "data.py").write_text(SOURCE)
    (tmp_path / "a.cspec").write_text(
        f'from "data.py" import {factory}\ndata train(x, y) = {factory}()\n'
        "model f = mlp(hidden=[4])\nminimize ce(f(x), y)\n"
        f"fit(epochs=4{', batch_size=8' if factory == 'items' else ''})\n"
    )
    whole = cspec.run(tmp_path / "a.cspec")
    record = Session.record

    def stop(self: Session, f: Tensor, true: Tensor | None = None) -> None:
        record(self, f, true)
        self.interrupted = self.step == 11

    with monkeypatch.context() as patch:
        patch.setattr(Session, "record", stop)
        cut = cspec.run(tmp_path / "a.cspec", out=tmp_path / "run")
    assert cut.steps == 11 and cut.status == "interrupted"
    again = cspec.resume(tmp_path / "run")
    assert whole.last is not None and again.last is not None and again.steps == whole.steps
    for name, tensor in whole.last.tensors.items():
        assert torch.equal(tensor, again.last.tensors[name]), name
    assert whole.history == again.history


def test_two_datasets_come_in_their_own_batches() -> None:
    text = (
        "data train(x, y), other(x, y)\nmodel f\nminimize E[ce(f(x), y) on train]\n"
        "s.t. c: E[ce(f(x), y) on other] <= 5\nfit(epochs=2)"
    )
    model = Notes()
    other = DataLoader(TensorDataset(X[:9] + torch.tensor([0, 0, 100.0]), Y[:9]), batch_size=4)
    cspec.run(text, f=model, train=DataLoader(PLAIN, batch_size=25), other=other)
    sizes = [(len(b), b[0] >= 100) for b in model.seen]
    assert [s for s, old in sizes if not old] == [25] * 4
    assert [s for s, old in sizes if old] == [4, 4, 1, 4]


@pytest.mark.parametrize("sampler", [SequentialSampler, RandomSampler])
def test_plain_samplers_are_read_in_the_order_of_the_data(sampler: Any) -> None:
    loader = DataLoader(PLAIN, batch_size=8, sampler=sampler(PLAIN))
    result, model = run(loader, "epochs=1")
    assert sorted(flat(model.seen)) == list(range(N))
    assert any("in their own order" in note for note in result.notes)
