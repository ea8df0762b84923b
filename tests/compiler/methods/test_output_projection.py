"""Affine constraints on outputs, held inside the model."""

from __future__ import annotations

import pytest
import torch

from cspec.compiler.methods.output_projection import rank
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.steps.output_projection import ProjectOutputs

SPEC = """
param top = 0.5
data train(x, y), test(x, y) = digits(split=[0.6, 0.4], seed=0)
model net = mlp(hidden=[16])
minimize ce(net(x), y)
s.t. a: forall (x, y) in train: {a} by output_projection
     b: forall (x, y) in train: -1 <= net(x)[2] <= top by output_projection
fit(epochs=8)
verify all on test
"""


def test_holds_on_every_example_of_data_never_seen(run):
    result = run(SPEC.format(a="net(x)[0] + 2*net(x)[1] <= -1"))
    assert result.status == "satisfied"
    found = {c.name: c for c in result.constraints}
    assert -1 - 1e-3 <= found["a"].value <= -1  # by construction, in float32, too
    assert found["b.hi"].split == "test"
    assert result.history[-1].objective < result.history[0].objective
    far = 1e3 * torch.randn(50, 64, generator=torch.Generator().manual_seed(0))
    out = result.models["net"](far).detach()
    assert float((out[:, 0] + 2 * out[:, 1]).max()) <= -1 + 1e-2
    assert float(out[:, 2].max()) <= 0.5 + 1e-5


def test_using_says_it_for_every_constraint_that_names_no_method(run):
    by = SPEC.format(a="net(x)[0] + 2*net(x)[1] <= -1")
    using = by.replace(" by output_projection", "") + "using output_projection\n"
    one, other = run(using), run(by)
    assert one.status == "satisfied"
    assert [c.value for c in one.constraints] == [c.value for c in other.constraints]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1.0, 50.0, 1e4])
def test_bounds_hold_in_the_rounding_of_the_outputs(dtype: torch.dtype, size: float) -> None:
    rows = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, -3.0]], dtype=torch.float64)
    lower = torch.tensor([-torch.inf, 0.1], dtype=torch.float64)
    upper = torch.tensor([-1.0, 0.3], dtype=torch.float64)
    project = ProjectOutputs(rows.tolist(), lower.tolist(), upper.tolist())
    draw = torch.Generator().manual_seed(0)
    outputs = size * torch.randn(5000, 3, generator=draw, dtype=torch.float64)
    held = project(torch.nn.Identity(), (), outputs.to(dtype))
    for measured in (dtype, torch.float64):
        products = held.to(measured) @ rows.to(measured).T
        assert bool((products <= upper.to(measured)).all())
        assert bool((products >= lower.to(measured)).all())


def test_outputs_that_hold_stay_and_others_meet_the_bound():
    project = ProjectOutputs([[1.0, 1.0, 0.0], [0.0, 1.0, -2.0]], [-1.0, 0.0], [1.0, 0.0])
    outputs = torch.randn(100, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    inside = torch.tensor([[0.25, 0.5, 0.25]], dtype=torch.float64)
    held = project(torch.nn.Identity(), (), outputs)
    products = held @ project.rows.T
    assert float(products[:, 0].abs().max()) <= 1 + 1e-12
    assert float(products[:, 1].abs().max()) <= 1e-12
    assert torch.allclose(project(torch.nn.Identity(), (), inside), inside)


def test_gradient_reaches_the_directions_that_are_free():
    project = ProjectOutputs([[1.0, 0.0]], [-1.0], [1.0])
    outputs = torch.tensor([[5.0, 5.0]], requires_grad=True)
    project(torch.nn.Identity(), (), outputs).sum().backward()
    assert outputs.grad.tolist() == [[0.0, 1.0]]


def test_rank_by_elimination():
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        left = torch.randn(4, 2, generator=generator, dtype=torch.float64)
        rows = (left @ torch.randn(2, 6, generator=generator, dtype=torch.float64)).tolist()
        assert rank(rows) == 2
    assert rank([(0.0, 0.0)]) == 0
    assert rank([(1.0, 0.0), (0.0, 1e-6)]) == 2


@pytest.mark.parametrize(
    ("a", "message"),
    [
        ("net(x)[0]^2 <= 1", "not affine in the"),
        ("net(x)[0] <= net(x)[1]", "not affine in the"),
        ("3*net(x)[2] <= 7", "depend on one another"),
    ],
)
def test_what_has_no_closed_form_is_refused(build, a, message):
    with pytest.raises(SpecError, match=message):
        build(SPEC.format(a=a))
