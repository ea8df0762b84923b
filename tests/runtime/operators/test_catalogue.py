"""What every set must satisfy: feasible, idempotent, nearest, and sane on degenerate input."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from cspec.runtime import operators
from cspec.runtime.operators import NoFormError, Operator, OperatorError

SEEDS = range(5)


def members(case: Any, dtype: torch.dtype, count: int = 60) -> list[Tensor]:
    """Members far and near: projections at several scales, for convex sets also mixtures."""
    operator = case.make()
    found = [
        operator.project(case.random(dtype, 1000 + i, scale=(0.1, 1.0, 10.0)[i % 3]))
        for i in range(count)
    ]
    if operator.convex:
        found += [0.3 * a + 0.7 * b for a, b in itertools.pairwise(found)]
    return found


def test_every_word_is_covered(cases: tuple[Any, ...]) -> None:
    assert {type(case.make()) for case in cases} == set(operators.OPERATORS.values())
    for word, kind in operators.OPERATORS.items():
        assert kind.name == word


def test_projection_is_feasible_and_idempotent(
    case: Any, dtype: torch.dtype, tolerance: float
) -> None:
    operator = case.make()
    for seed in SEEDS:
        x = case.random(dtype, seed)
        before = x.clone()
        projected = operator.project(x)
        assert projected.dtype == dtype and projected.shape == x.shape
        assert projected is not x and torch.equal(x, before)
        assert float(operator.violation(projected)) <= tolerance
        assert float((operator.project(projected) - projected).abs().max()) <= tolerance


@pytest.mark.parametrize(
    ("word", "arguments"),
    [
        ("box", (-9.0, 9.0)),
        ("ball", (9.0,)),
        ("rank", (4,)),
        ("nuclear", (20.0,)),
        ("spectral", (9.0,)),
        ("psd", ()),
    ],
)
def test_what_is_inside_comes_back_to_the_last_bit(
    word: str, arguments: tuple[Any, ...], dtype: torch.dtype
) -> None:
    x = torch.diag(torch.tensor([1.0, 0.3, 2.0, 0.7], dtype=dtype))
    x[0, 2] = x[2, 0] = 0.1
    assert torch.equal(operators.get(word, *arguments).project(x), x)


def test_sets_of_counts_are_met_exactly(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    if not operator.counts:
        pytest.skip("not a set of counts")
    for seed in SEEDS:
        assert float(operator.violation(operator.project(case.random(dtype, seed)))) == 0


def test_violation_separates_members_from_others(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    outside = 0
    for seed in SEEDS:
        x = case.random(dtype, seed)
        violation = operator.violation(x)
        moved = float((operator.project(x) - x).abs().max())
        assert violation.ndim == 0
        assert (float(violation) > 1e-3) == (moved > 1e-3)
        outside += moved > 1e-3
    assert outside > 0


def test_no_member_is_nearer(case: Any, dtype: torch.dtype, tolerance: float) -> None:
    operator = case.make()
    found = members(case, dtype)
    for seed in SEEDS:
        x = case.random(dtype, seed)
        distance = float((x - operator.project(x)).norm())
        nearest = min(float((x - member).norm()) for member in found)
        assert distance <= nearest + 10 * tolerance


def test_variational_inequality(case: Any, dtype: torch.dtype, tolerance: float) -> None:
    """<v - P v, s - P v> <= 0 for every member s characterizes the projection on a convex set."""
    operator = case.make()
    if not operator.convex:
        pytest.skip("not convex")
    found = members(case, dtype)
    for seed in SEEDS:
        x = case.random(dtype, seed)
        projected = operator.project(x)
        for member in found:
            inner = ((x - projected) * (member - projected)).sum()
            size = 1 + (x - projected).norm() * (1 + (member - projected).norm())
            assert float(inner) <= tolerance * float(size)


def test_inequality_form_agrees_with_violation(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    x = case.random(dtype, 4)
    if operator.equality:
        with pytest.raises(NoFormError, match=operator.name):
            operator.inequality(x)
        return
    g = operator.inequality(x)
    assert g.ndim == 1
    assert float(g.max()) == pytest.approx(float(operator.violation(x)), rel=1e-5)
    assert float(operator.inequality(operator.project(x)).max()) <= 1e-5


def test_residual_has_a_gradient(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    x = case.random(dtype, 5).requires_grad_()
    operator.residual(x).square().sum().backward()
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all()) and float(x.grad.abs().max()) > 0


def test_a_small_step_down_the_residual_lowers_it(case: Any) -> None:
    operator = case.make()
    x = next(
        x
        for x in (case.random(torch.float64, seed) for seed in SEEDS)
        if float(operator.violation(x)) > 1e-3
    ).requires_grad_()
    value = operator.residual(x).square().sum()
    (gradient,) = torch.autograd.grad(value, x)
    moved = x.detach() - 1e-6 * gradient / gradient.norm()
    assert float(operator.residual(moved).square().sum()) < float(value.detach())


def test_parameters_are_projected_too(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    x = case.random(dtype, 13)
    parameter = nn.Parameter(x.clone())
    torch.testing.assert_close(operator.project(parameter).detach(), operator.project(x))
    assert torch.equal(parameter.detach(), x)


def test_linear_oracle_beats_members(case: Any, dtype: torch.dtype, tolerance: float) -> None:
    operator = case.make()
    found = members(case, dtype)
    for seed in SEEDS:
        gradient = case.random(dtype, 50 + seed)
        try:
            vertex = operator.lmo(gradient)
        except NoFormError:
            assert type(operator).lmo is Operator.lmo or operator.name in ("box", "simplex")
            return
        assert float(operator.violation(vertex)) <= tolerance
        best = min(float((gradient * member).sum()) for member in found)
        assert float((gradient * vertex).sum()) <= best + 20 * tolerance


def test_parametrization_round_trip(case: Any, dtype: torch.dtype, tolerance: float) -> None:
    operator = case.make()
    if not operator.maps and operator.parametrization() is None:
        with pytest.raises(NoFormError, match="softmax"):
            operator.parametrization("softmax")
        return
    member = operator.project(case.random(dtype, 7))
    for by in (None, *[name for name in operator.maps if _reaches(operator, name)]):
        holder = nn.Module()
        holder.register_parameter("w", nn.Parameter(member.clone()))
        module = operator.parametrization(by)
        assert module is not None
        parametrize.register_parametrization(holder, "w", module)
        assert holder.w.dtype == dtype
        # Maps that reach the boundary only in the limit start 1e-4 inside it, entry by entry.
        reached = holder.w.detach()
        assert float((reached - member).abs().max()) <= 1e-3
        assert float(operator.violation(reached)) <= tolerance


def _reaches(operator: Operator, by: str) -> bool:
    try:
        return operator.parametrization(by) is not None
    except NoFormError:
        return False


def test_parametrization_stays_feasible_and_learns(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    for by in [name for name in operator.maps if _reaches(operator, name)]:
        holder = nn.Module()
        holder.register_parameter("w", nn.Parameter(operator.project(case.random(dtype, 8))))
        module = operator.parametrization(by)
        assert module is not None
        parametrize.register_parametrization(holder, "w", module)
        target = operator.project(case.random(dtype, 9))
        optimizer = torch.optim.SGD(holder.parameters(), lr=0.05)
        start = float((holder.w - target).square().sum().detach())
        for _ in range(30):
            optimizer.zero_grad()
            loss = (holder.w - target).square().sum()
            loss.backward()
            optimizer.step()
            assert float(operator.violation(holder.w.detach())) <= 1e-5
        assert float((holder.w.detach() - target).square().sum()) < start


def test_momentum_no_longer_leaves_the_set(case: Any, dtype: torch.dtype) -> None:
    """A step along the treated momentum goes no further out than one along the plain momentum."""
    operator = case.make()
    before = case.random(dtype, 10)
    projected = operator.project(before)
    outward = projected - before  # minus this is the direction out of the set
    kept = operator.project_momentum(projected, before, outward)
    assert kept.shape == outward.shape and bool(torch.isfinite(kept).all())
    plain = float((outward * outward).sum())
    assert float((kept * outward).sum()) <= 0.5 * plain


@pytest.mark.parametrize("value", [0.0, 1.0, 1e20, -1e20, 1e-30])
def test_constant_tensors(case: Any, dtype: torch.dtype, value: float) -> None:
    """All ties, all zero, huge and tiny: the projection stays finite and feasible."""
    operator = case.make()
    x = torch.full(case.shape, value, dtype=dtype)
    projected = operator.project(x)
    assert bool(torch.isfinite(projected).all())
    scale = max(1.0, float(projected.abs().max()))
    assert float(operator.violation(projected)) <= 1e-5 * scale


def test_huge_random_tensors(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    projected = operator.project(case.random(dtype, 11, scale=1e18))
    assert bool(torch.isfinite(projected).all())
    scale = max(1.0, float(projected.abs().max()))
    assert float(operator.violation(projected)) <= 1e-5 * scale


def test_nan_stays_and_does_not_hang(case: Any, dtype: torch.dtype) -> None:
    operator = case.make()
    x = case.random(dtype, 12)
    x.view(-1)[1] = torch.nan
    projected = operator.project(x)
    assert bool(projected.isnan().any())
    assert bool(operator.violation(x).isnan())


@pytest.mark.parametrize("shape", [(0, 4), (0,), (4, 0), (2, 0, 0)])
def test_empty_tensors(case: Any, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    operator = case.make()
    x = torch.zeros(shape, dtype=dtype)
    try:
        projected = operator.project(x)
        violation = operator.violation(x)
    except OperatorError:
        return  # undefined on this shape, and it says so
    assert projected.shape == x.shape
    assert violation.ndim == 0


def test_get_refuses_by_name() -> None:
    with pytest.raises(OperatorError, match="no set is called stifel"):
        operators.get("stifel")
    with pytest.raises(OperatorError, match="ball"):
        operators.get("ball")
    with pytest.raises(OperatorError, match="ball"):
        operators.get("ball", 1.0, norm=3)
    with pytest.raises(operators.EmptySetError):
        operators.get("box", 1.0, 0.0)
    with pytest.raises(NoFormError, match="cayley does not parametrize nonneg"):
        operators.get("nonneg").parametrization("cayley")


def test_every_map_of_a_set_is_in_the_dictionary() -> None:
    for kind in operators.OPERATORS.values():
        assert set(kind.maps) <= set(operators.PARAMETRIZATIONS)
