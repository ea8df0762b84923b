"""Functions of limited domain in branches: only the examples that take one have a slope of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import cspec
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.running.plans import plan_of
from cspec.running.prepare import prepare
from cspec.runtime.run.execute import load_module

N = 12
X = torch.randn(N, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
X[3] = 0.0  # where the output is 0
FIT = "fit(optimizer=sgd(lr=0.1), steps=2, batch_size=full, precision=float64)"


def net() -> nn.Linear:
    torch.manual_seed(2)
    return nn.Linear(2, 1, bias=False).double()


def columns() -> dict[str, Tensor]:
    z = net()(X)[:, 0].detach()
    y = z + torch.linspace(-1, 1, N, dtype=torch.float64)
    w = torch.linspace(-2, 3.5, N, dtype=torch.float64)  # 0 in its middle
    return {"x": X, "y": y, "w": w, "q": z > 0}


def slope(line: str) -> Tensor:
    """The gradient that a step sees of a requirement."""
    data, model = columns(), net()
    text = f"data train({', '.join(data)})\nmodel f\nminimize mse\ns.t. c: {line}\n{FIT}"
    plan = plan_of(check(Source(text=text, name="spec")))
    ready = prepare(plan, {"f": model, "train": data}, base=Path())
    batch = {"train": dict(ready.bound.data["train"].columns), "clock": torch.zeros(1)}
    _, g, true = load_module(ready.program)["measure"]({"f": model}, batch)
    assert torch.isfinite(g).all() and torch.isfinite(true).all()
    return torch.autograd.grad(g.sum(), model.weight)[0]


def taken(branch: Callable[[Tensor], Tensor], event: Tensor, count: int) -> Tensor:
    """The slope of a mean, example by example, over those that take a branch."""
    model = net()
    total = sum(branch(model(X[i : i + 1])[0, 0]) for i in range(N) if event[i])
    return torch.autograd.grad(total / count, model.weight)[0]  # type: ignore[arg-type]


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "log(f(x))": torch.log,
    "sqrt(f(x))": torch.sqrt,
    "1/f(x)": lambda z: 1 / z,
    "f(x)^0.5": lambda z: z**0.5,
    "f(x)^-1.5": lambda z: z**-1.5,
    "f(x)*log(f(x))": lambda z: z * torch.log(z),
    "log1p(2*f(x))": lambda z: torch.log1p(2 * z),
    "arcsin(f(x)/4)": lambda z: torch.arcsin(z / 4),
    "exp(sqrt(f(x)) - 1/f(x))": lambda z: torch.exp(torch.sqrt(z) - 1 / z),
}


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize(
    "form", ["E[where(q, {}, 0)] <= 1", "E[where(not q, 0, {})] <= 1", "E[{} | q] <= 1"]
)
def test_examples_of_the_other_branch_have_no_slope(text: str, form: str) -> None:
    held = columns()["q"]
    count = int(held.sum()) if "|" in form else N
    torch.testing.assert_close(
        slope(form.format(text)), taken(FUNCTIONS[text], held, count), atol=1e-12, rtol=1e-9
    )


def test_columns_outside_of_the_domain_leave_no_trace() -> None:
    w = columns()["w"]
    weigh = [float(v.log()) / float(v) if v > 0 else 0.0 for v in w]
    model = net()
    total = sum(weigh[i] * model(X[i : i + 1])[0, 0] for i in range(N))
    expected = torch.autograd.grad(total / N, model.weight)[0]  # type: ignore[arg-type]
    found = slope("E[where(w > 0, f(x)*log(w)/w, 0)] <= 1")
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-9)


def test_an_event_that_moves_pulls_by_its_chance_alone() -> None:
    assert torch.isfinite(slope("E[where(f(x) > 0, sqrt(f(x)), 0)] <= 0.1")).all()
    assert torch.isfinite(slope("E[log(f(x)) | f(x) > 0] <= 0.1")).all()
    assert torch.isfinite(slope("P[q => log(f(x)) > 0.1] >= 50%")).all()


def test_each_example_of_a_condition_has_a_value_to_follow() -> None:
    data = columns()
    line = "forall (x, y, w, q) in train where q: log(f(x)) <= 0.1"
    text = f"data train(x, y, w, q)\nmodel f\nminimize mse\ns.t. c: {line}\n{FIT}"
    result = cspec.run(text, f=net(), train=data)
    assert result.last is not None
    assert torch.isfinite(result.last.tensors["f.weight"]).all()


THEIL = "E[where({b} > 0, {b} / E[{b}] * log({b} / E[{b}]), 0)]".replace("{b}", "(pred - y + 1)")


def test_the_theil_index_can_be_required() -> None:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(200, 3, generator=random)
    y = (x[:, 0] + 0.7 * torch.randn(200, generator=random) > 0).long()
    text = f"data train(x, y)\nmodel f = linear\nminimize ce\ns.t. r: {THEIL} <= 0.1"
    result = cspec.run(f"{text}\nfit(epochs=10)", train=(x, y))
    assert result.status == "satisfied"
    predicted = result.model(x).argmax(1)
    benefit = predicted - y + 1.0
    share = benefit / benefit.mean()
    index = sum(float(s * s.log()) for s in share if s > 0) / len(share)
    assert result.constraints[0].value == pytest.approx(index, abs=1e-5)


def test_a_branch_over_variables_alone() -> None:
    result = cspec.run("var x = -2\nminimize where(x > 0, sqrt(x) + x, x^2 + x)")
    assert result.objective == pytest.approx(-0.25, abs=1e-3)


def test_a_rule_of_each_example_asks_for_its_consequence_alone_where_the_data_say_so() -> None:
    data = columns()
    line = "forall (x, q) in train: q => log(f(x)) <= 0.1"
    text = f"data train(x, y, w, q)\nmodel f\nminimize mse\ns.t. c: {line}\n{FIT}"
    model = net()
    result = cspec.run(text, f=model, train=data)
    assert result.status == "violated"
    z = model(X)[:, 0]
    broken = [not bool(z[i].log() <= 0.1) for i in range(N) if data["q"][i]]
    assert result.constraints[0].value == pytest.approx(sum(broken) / N)
