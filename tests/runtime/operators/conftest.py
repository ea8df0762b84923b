"""One instance of every set with a shape it is defined on, in both precisions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from cspec.runtime import operators
from cspec.runtime.operators import Operator


@dataclass(frozen=True)
class Case:
    label: str
    make: Callable[[], Operator]
    shape: tuple[int, ...]

    def random(self, dtype: torch.dtype, seed: int, scale: float = 3.0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return scale * torch.randn(*self.shape, generator=generator, dtype=dtype)


def _affine() -> Operator:
    A = torch.tensor([[1.0, 1, 1, 1, 1, 1], [1, -1, 0, 0, 2, 0], [2, 0, 1, 1, 3, 1]])
    return operators.Affine(A, torch.tensor([1.0, 0.5, 1.5]))  # the third row repeats the others


def _halfspace() -> Operator:
    return operators.Halfspace(torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0, 1.0]), -0.7)


def _intersection() -> Operator:
    return operators.Intersection(operators.Ball(1.5), operators.Nonneg(), _halfspace_through())


def _halfspace_through() -> Operator:
    return operators.Halfspace(-torch.ones(6), -1.0)


def _polyhedron() -> Operator:
    rows = torch.tensor([[1.0, 1, 1, 1, 1, 1], [1, -1, 0, 0, 2, 0], [-3, 0, 1, 1, 0, 0]])
    return operators.get("polyhedron", rows, [1.0, -0.5, 0.25])


def _separate() -> Operator:
    rows = [(0.0, (((0, i), 1.0 + i) for i in range(4))), (0.0, (((1, 0), 1.0), ((2, 0), -1.0)))]
    rows = [(every, tuple(entries)) for every, entries in rows]
    return operators.get("separate", rows, [-math.inf, 0.0], [1.0, 0.0])


def _turned() -> Operator:
    return operators.get("combination", (1.0, -1.0), 0.0, 0.0, (2, 3), (False, True))


def _ordered() -> Operator:
    paths = [[(0, 0), (1, 0), (2, 0)], [(2, 3), (0, 1)]]
    return operators.get("ordered", [[tuple(i) for i in path] for path in paths])


CENTER = torch.linspace(-2, 3, 12).reshape(3, 4)

CASES = (
    Case("nonneg", lambda: operators.get("nonneg"), (3, 4)),
    Case("box", lambda: operators.get("box", -0.5, 1.0), (3, 4)),
    Case("box_tensor", lambda: operators.Box(torch.zeros(4), torch.arange(1.0, 5.0)), (3, 4)),
    Case("box_half", lambda: operators.Box(-1.0, float("inf")), (3, 4)),
    Case("simplex", lambda: operators.get("simplex"), (3, 5)),
    Case("simplex_total", lambda: operators.Simplex(2.5), (5,)),
    Case("sphere", lambda: operators.get("sphere"), (3, 4)),
    Case("simplex_kernel", lambda: operators.Simplex(1.5), (3, 2, 2)),
    Case("sphere_kernel", lambda: operators.Sphere(2.0), (3, 2, 2)),
    Case("sphere_whole", lambda: operators.Sphere(2.0, whole=True), (3, 2, 2)),
    Case("monotone_kernel", lambda: operators.Monotone(), (3, 2, 2)),
    Case("ball_1_center", lambda: operators.Ball(1.5, 1, center=CENTER), (3, 4)),
    Case("ball_2_center", lambda: operators.Ball(1.5, 2, center=CENTER), (3, 4)),
    Case("ball_inf_center", lambda: operators.Ball(1.5, "inf", center=-2.0), (3, 4)),
    Case("ball_1_rows", lambda: operators.Ball(1.5, 1, rows=True), (3, 2, 2)),
    Case("ball_2_rows", lambda: operators.Ball(1.5, 2, rows=True), (3, 4)),
    Case("on_rows", lambda: operators.OnRows(operators.Sphere(0.5), [(0,), (2,)]), (3, 2, 2)),
    Case("on_some_rows", lambda: operators.OnRows(operators.Simplex(), [(0, 0)]), (2, 2, 3)),
    Case("on_part", lambda: operators.OnPart(operators.Simplex(), ((0, 2), 1)), (3, 4)),
    Case("separate", _separate, (3, 4)),
    Case("jointly", lambda: operators.get("jointly", operators.get("ball", 1.5)), (3, 4)),
    Case("combination", lambda: operators.Combination((1.0, -2.0), -1.0, 0.5, (2, 3)), (12,)),
    Case("combination_turned", _turned, (12,)),
    Case("totals", lambda: operators.get("totals", (1.0, 0.0, -2.0), 1.0, 1.0, (3, 2, 4)), (9,)),
    Case("ordered", _ordered, (3, 4)),
    Case("ball_1", lambda: operators.get("ball", 1.5, norm=1), (3, 4)),
    Case("ball_2", lambda: operators.get("ball", 1.5), (3, 4)),
    Case("ball_inf", lambda: operators.get("ball", 1.5, norm="inf"), (3, 4)),
    Case("group_ball", lambda: operators.get("group_ball", 2.0), (4, 2, 2)),
    Case("stiefel_tall", lambda: operators.get("stiefel"), (6, 3)),
    Case("stiefel_wide", lambda: operators.get("stiefel"), (3, 7)),
    Case("stiefel_conv", lambda: operators.get("stiefel"), (4, 2, 3, 3)),
    Case("symmetric", lambda: operators.get("symmetric"), (2, 4, 4)),
    Case("skew", lambda: operators.get("skew"), (2, 4, 4)),
    Case("psd", lambda: operators.get("psd"), (2, 4, 4)),
    Case("correlation", lambda: operators.get("correlation"), (2, 4, 4)),
    Case("rank", lambda: operators.get("rank", 2), (5, 2, 2)),
    Case("nuclear", lambda: operators.get("nuclear", 1.5), (5, 4)),
    Case("spectral", lambda: operators.get("spectral", 1.0), (3, 5)),
    Case("sparse", lambda: operators.get("sparse", 0.25), (3, 4)),
    Case("sparse_row", lambda: operators.Sparse(2, scope="row"), (3, 4)),
    Case("nm", lambda: operators.get("nm", 2, 4), (3, 8)),
    Case("nm_dim", lambda: operators.NM(1, 2, dim=1), (3, 4, 3, 3)),
    Case("channels", lambda: operators.get("channels", 2), (4, 2, 3)),
    Case("sparse_simplex", lambda: operators.get("sparse_simplex", 2), (3, 5)),
    Case("grid", lambda: operators.get("grid", 3), (3, 4)),
    Case("grid_binary", lambda: operators.Grid(1), (3, 4)),
    Case("grid_channel", lambda: operators.Grid(4, scope="channel"), (3, 2, 3)),
    Case("monotone", lambda: operators.get("monotone"), (3, 6)),
    Case("monotone_down", lambda: operators.Monotone(increasing=False), (6,)),
    Case("halfspace", _halfspace, (2, 3)),
    Case("halfspace_sum", lambda: operators.get("halfspace", 1.0, -0.7), (2, 3)),
    Case("affine", _affine, (2, 3)),
    Case("polyhedron", _polyhedron, (2, 3)),
    Case("capped_simplex", lambda: operators.get("box_row", 0.0, math.inf, 1.0, 1.0), (2, 3)),
    Case(
        "box_row",
        lambda: operators.get("box_row", -1.0, 2.0, (1.0, (((0, 0), -3.0),)), 0.3, equals=True),
        (2, 3),
    ),
    Case("birkhoff", lambda: operators.get("birkhoff"), (2, 4, 4)),
    Case("second_order_cone", lambda: operators.get("second_order_cone"), (3, 4)),
    Case("intersection", _intersection, (2, 3)),
)


@pytest.fixture
def cases() -> tuple[Case, ...]:
    return CASES


@pytest.fixture(params=CASES, ids=lambda case: case.label)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture(params=(torch.float32, torch.float64), ids=("float32", "float64"))
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    found: torch.dtype = request.param
    return found


@pytest.fixture
def tolerance(dtype: torch.dtype) -> float:
    return 4e-6 if dtype == torch.float32 else 1e-8
