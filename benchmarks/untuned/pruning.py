"""Budgets of non-zero weights and of what weights may be."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from untuned import datasets
from untuned.models import entropy, linear, logistic, mlp, weights
from untuned.task import Arrays, Columns, Half, Task, mean, output

Prune = Callable[[nn.Module], None]
Count = Callable[[nn.Module], dict[str, Tensor]]


def density(tensors: list[Tensor]) -> Tensor:
    """Share of entries that are not zero."""
    zero = sum(int((w == 0).sum()) for w in tensors)
    return torch.tensor(1 - zero / sum(w.numel() for w in tensors), dtype=torch.float64)


def most(bound: float) -> Count:
    """density(f) - bound, over all weights together."""
    return lambda m: {"small": density(weights(m)) - bound}


def each_at_most(bound: float) -> Count:
    """The largest density(W) - bound."""
    return lambda m: {"small": torch.stack([density([w]) - bound for w in weights(m)])}


def keep(share: float) -> Prune:
    """Zero all but the largest entries of all weights together."""

    def prune(m: nn.Module) -> None:
        flat = torch.cat([w.detach().abs().reshape(-1) for w in weights(m)])
        count = int(share * len(flat) + 1e-9)
        level = flat.sort(descending=True).values[count - 1]
        with torch.no_grad():
            for w in weights(m):
                w.mul_(w.abs() >= level)

    return prune


def keep_each(share: float) -> Prune:
    """The same, each weight alone."""

    def prune(m: nn.Module) -> None:
        with torch.no_grad():
            for w in weights(m):
                count = int(share * w.numel() + 1e-9)
                level = w.abs().reshape(-1).sort(descending=True).values[count - 1]
                w.mul_(w.abs() >= level)

    return prune


def two_of_four(m: nn.Module) -> dict[str, Tensor]:
    """Non-zero entries beyond two in each four neighbours of a row."""
    fours = [w.reshape(-1, 4) for w in weights(m)]
    return {"pattern": torch.stack([((f != 0).sum(1) - 2).max().double() for f in fours])}


def keep_two_of_four(m: nn.Module) -> None:
    """Zero the two smallest of each four."""
    with torch.no_grad():
        for w in weights(m):
            fours = w.reshape(-1, 4)
            order = fours.abs().argsort(1)
            w.copy_(fours.scatter(1, order[:, :2], 0.0).reshape(w.shape))


def rank(bound: int) -> Count:
    """Singular values beyond the bound, relative to the largest, above 1e-5."""

    def count(m: nn.Module) -> dict[str, Tensor]:
        found = [torch.linalg.svdvals(w) for w in weights(m)]
        return {"low": torch.stack([(s > 1e-5 * s[0]).sum().double() - bound for s in found])}

    return count


def truncate(bound: int) -> Prune:
    """The nearest weights of that rank."""

    def prune(m: nn.Module) -> None:
        with torch.no_grad():
            for w in weights(m):
                u, s, v = torch.linalg.svd(w, full_matrices=False)
                s[bound:] = 0
                w.copy_((u * s) @ v)

    return prune


def levels(count: int) -> Count:
    """Different values of a weight beyond a count."""

    def counts(m: nn.Module) -> dict[str, Tensor]:
        relative = [(w / w.abs().max()).double().round(decimals=5) for w in weights(m)]
        found = [len(set(w.reshape(-1).tolist())) for w in relative]
        return {"coarse": torch.tensor([float(n - count) for n in found])}

    return counts


def round_to(bits: int) -> Prune:
    """Multiples of max |w| / (2^(bits - 1) - 1)."""

    def prune(m: nn.Module) -> None:
        with torch.no_grad():
            for w in weights(m):
                step = w.abs().max() / (2 ** (bits - 1) - 1)
                w.copy_((w / step).round() * step)

    return prune


def budget(count: Callable[[nn.Module], float], bound: float) -> Count:
    """A count of the whole model, relative to its bound."""
    return lambda m: {"small": torch.tensor(count(m) / bound - 1, dtype=torch.float64)}


def operations(m: nn.Module) -> float:
    """Two for each entry of its linear maps that is not zero, as they act: gates count."""
    total = 0
    for layer in m.modules():
        if isinstance(layer, nn.Linear):
            unit = torch.eye(layer.in_features, dtype=torch.float64)
            acting = layer(unit) - layer(torch.zeros_like(unit))
            total += 2 * int((acting != 0).sum())
    return float(total)


def stored(m: nn.Module) -> float:
    """Four bytes for each non-zero parameter."""
    return 4.0 * sum(int((p != 0).sum()) for p in m.parameters())


def best_support(d: Columns, count: int = 4) -> float:
    """Least squares on every choice of so many features."""
    x, y = d["x"], d["y"]
    found: list[float] = []
    for chosen in itertools.combinations(range(x.shape[1]), count):
        part = x[:, list(chosen)]
        solved = torch.linalg.lstsq(part, y[:, None]).solution
        found.append((part @ solved - y[:, None]).square().mean().item())
    return min(found)


def _square(m: nn.Module, d: Columns, soft: bool) -> Tensor:
    return mean((output(m, d) - d["y"]).square())


DIGITS_MODEL = mlp(64, 32, 10)


def task(
    name: str,
    half: Half,
    count: Count,
    prune: Prune,
    start: Callable[[], nn.Module] = DIGITS_MODEL,
    data: Callable[..., Arrays] = datasets.digits,
    objective: Callable[[nn.Module, Columns, bool], Tensor] = entropy,
) -> Task:
    """A task judged by its errors on the part of the data that is for testing."""
    return Task(
        name=name,
        family="pruning",
        half=half,
        data=data,
        start=start,
        objective=objective,
        requirements=lambda m, d, soft: count(m),
        allowed=1e-9,
        prune=prune,
        test=partial(data, train=False),
        scales=not name.endswith(("two_of_four", "rank", "grid")),
    )


def _line() -> Task:
    start = linear(8, bias=False)
    plain = task("sparse_line", "development", most(0.5), keep(0.5), start, objective=_square)
    data = partial(datasets.regression, 300, 8)
    return Task(**{**plain.__dict__, "data": data, "test": None, "optimum": best_support})


TASKS = (
    task("digits_half", "held", most(0.5), keep(0.5)),
    task("digits_tenth", "development", most(0.1), keep(0.1)),
    task("digits_twentieth", "held", most(0.05), keep(0.05)),
    task("digits_layers", "development", each_at_most(0.2), keep_each(0.2)),
    task(
        "digits_two_of_four",
        "held",
        two_of_four,
        keep_two_of_four,
        mlp(64, 32, 32, 10),
    ),
    _line(),
    task("wine_fifth", "development", most(0.2), keep(0.2), mlp(13, 16, 3), datasets.wine),
    task("cancer_few", "held", most(0.1), keep(0.1), linear(30), datasets.cancer, logistic),
    task("digits_rank", "development", rank(5), truncate(5)),
    task("digits_grid", "held", levels(8), round_to(3)),
    task("digits_operations", "held", budget(operations, 1000.0), keep(500 / 2368)),
    task("digits_bytes", "development", budget(stored, 3000.0), keep(708 / 2368)),
)
