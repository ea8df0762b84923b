"""Sets on the weights of linear regressions: optima by projected gradients or SLSQP."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from untuned import projections
from untuned.datasets import regression
from untuned.task import Columns, Half, Task, mean, output

Count = Callable[[Tensor], Tensor]
"""Of a weight: what must be <= 0, or a residual that must vanish."""


def linear(features: int, count: int) -> nn.Module:
    """A linear map without a bias."""
    torch.manual_seed(0)
    return nn.Linear(features, count, bias=False)


def loss(m: nn.Module, d: Columns, soft: bool) -> Tensor:
    """Mean over examples of the squared error, summed over outputs."""
    if d["y"].dim() == 1:
        return mean((output(m, d) - d["y"]).square())
    return mean((m(d["x"]) - d["y"]).square().sum(1))


def weight(m: nn.Module) -> Tensor:
    """The only weight, (outputs, features)."""
    return next(iter(m.parameters()))


def task(
    name: str,
    half: Half,
    count: Count,
    project: projections.Map | None,
    equal: bool = False,
    square: bool = False,
    scales: bool = False,
) -> Task:
    """A task over one weight `w`; `square`: four outputs of four features."""
    sizes = (4, 4) if square else (8, 1)
    return Task(
        name=name,
        family="sets",
        half=half,
        data=partial(regression, 300, *sizes),
        start=partial(linear, *sizes),
        objective=loss,
        requirements=lambda m, d, soft: {"w": count(weight(m))},
        equal=frozenset({"w"} if equal else ()),
        allowed=1e-3 if not scales else 1e-4,
        project=projections.everywhere(project) if project else None,
        optimum="projected" if project else "slsqp",
        scales=scales,
    )


def _simplex(w: Tensor) -> Tensor:
    return torch.cat([-w.reshape(-1), (w.sum(1) - 1).abs()])


def _affine() -> Task:
    plain = task("affine_rows", "development", lambda w: w[0, 0] + w[0, 1] - 1, None, equal=True)

    def both(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
        w = weight(m)
        return {"w": w[0, 0] + w[0, 1] - 1, "v": w[0, 2] - w[0, 3] - 0.5}

    changed = {"requirements": both, "equal": frozenset({"w", "v"}), "scales": True}
    return Task(**{**plain.__dict__, **changed})


def _norm_and_mean() -> Task:
    plain = task("norm_and_mean", "held", lambda w: w.norm() - 1, None, scales=True)

    def both(m: nn.Module, d: Columns, soft: bool) -> dict[str, Tensor]:
        return {"w": weight(m).norm() - 1, "level": mean(output(m, d)) - 0.1}

    changed = {"requirements": both, "equal": frozenset({"level"})}
    return Task(**{**plain.__dict__, **changed})


def _spectral(w: Tensor) -> Tensor:
    return torch.sub(torch.linalg.matrix_norm(w, 2), 1)


TASKS = (
    task("l1_ball", "development", lambda w: w.abs().sum() - 2, projections.l1(2.0), scales=True),
    task("l2_ball", "held", lambda w: w.norm() - 1, projections.l2(1.0), scales=True),
    task("simplex", "development", _simplex, projections.simplex),
    task("box", "held", lambda w: w.abs() - 0.5, projections.box(-0.5, 0.5)),
    task("nonneg", "development", lambda w: -w, lambda w: w.clamp(min=0), scales=True),
    task("half_space", "held", lambda w: w.sum() + 4, projections.half_space(-4.0), scales=True),
    _affine(),
    task(
        "unit_norm",
        "development",
        lambda w: w.norm() - 1,
        projections.unit,
        equal=True,
        scales=True,
    ),
    task("monotone", "held", lambda w: w[:, :-1] - w[:, 1:], projections.monotone),
    task(
        "largest_entry",
        "held",
        lambda w: w.abs().max() - 0.7,
        projections.box(-0.7, 0.7),
        scales=True,
    ),
    task(
        "orthogonal",
        "development",
        lambda w: (w.T @ w - torch.eye(4, dtype=w.dtype)).abs().max(),
        projections.orthogonal,
        equal=True,
        square=True,
    ),
    task("spectral_ball", "held", _spectral, projections.spectral(1.0), square=True, scales=True),
    task(
        "nuclear_ball",
        "development",
        lambda w: torch.linalg.matrix_norm(w, "nuc") - 2,
        projections.nuclear(2.0),
        square=True,
        scales=True,
    ),
    task("row_simplex", "held", _simplex, projections.simplex, square=True),
    _norm_and_mean(),
    task(
        "symmetric",
        "development",
        lambda w: (w - w.T).abs().max(),
        projections.symmetric,
        equal=True,
        square=True,
    ),
)
