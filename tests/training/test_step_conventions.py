"""When multipliers and penalties move, what they weigh, and in which precision: run and bind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import cspec
from cspec.runtime.models.without_trace import constants_in
from cspec.runtime.steps.update import vector

D = torch.float64
Data = dict[str, Tensor]
HEAD = "data train(x, y)\nmodel f\nminimize ce\n"


def table(n: int = 60) -> Data:
    draw = torch.Generator().manual_seed(5)
    x = torch.randn(n, 3, generator=draw, dtype=D)
    return {"x": x, "y": torch.randint(0, 3, (n,), generator=draw)}


def net() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()


def fit(steps: int, lr: float = 0.1) -> str:
    return f"\nfit(optimizer=sgd(lr={lr}), steps={steps}, batch_size=full, precision=float64)"


def run(text: str, **bound: object) -> cspec.Result:
    return cspec.run(HEAD + text, **{"f": net(), "train": table(), **bound})


def bound(text: str, model: nn.Module, lr: float = 0.1, **more: object) -> cspec.Handle:
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return cspec.bind(HEAD + text, f=model, optimizer=optimizer, **more)


WARM = "s.t. a: E[f(x)[0]] >= 5\nusing lagrangian(dual=sgd(lr=0.5), warmup=4{more})"


@pytest.mark.parametrize("more", ["", ", order=simultaneous", ", order=primal_first"])
@pytest.mark.parametrize("steps", [3, 4, 5])
def test_multipliers_stand_still_during_the_warmup(steps: int, more: str) -> None:
    result = run(WARM.format(more=more) + fit(steps))
    assert result.last is not None
    assert (result.last.multipliers["a"] > 0) == (steps > 4)


def test_a_loop_of_ones_own_waits_as_long() -> None:
    handle = bound(WARM.format(more=""), net())
    moved = []
    for _ in range(6):
        handle.step(**table())
        moved.append(handle.multipliers["a"] > 0)
    assert moved == [False] * 4 + [True] * 2


@pytest.mark.parametrize("shares", [(1.0, 1.0), (0.5, 0.5), (0.75, 0.25), (3.0, 1.0)])
def test_multipliers_weigh_micro_batches_as_the_gradient_does(shares: tuple[float, float]) -> None:
    """Two calls a step, 45 and 15 examples: whatever factors the losses get, both see them."""
    model, data = net(), table()
    parts = [{k: v[:45] for k, v in data.items()}, {k: v[45:] for k, v in data.items()}]
    text = "s.t. a: E[f(x)[0]] >= 5\nusing lagrangian(dual=sgd(lr=0.5))"
    handle = bound(text, model)
    handle.optimizer.zero_grad()
    for part, share in zip(parts, shares, strict=True):
        (share * handle.loss(**part)).backward()
    handle.optimizer.step()
    with torch.no_grad():
        g = [5 - float(net()(part["x"])[:, 0].mean()) for part in parts]
    mean = sum(s * v for s, v in zip(shares, g, strict=True)) / sum(shares)
    assert handle.multipliers["a"] == pytest.approx(0.5 * mean, abs=1e-12)
    if shares == (0.75, 0.25):  # n / N: the step on all the examples at once
        whole = net()
        cross_entropy(whole(data["x"]), data["y"]).backward()
        for mine, other in zip(model.parameters(), whole.parameters(), strict=True):
            assert torch.allclose(mine, other - 0.1 * other.grad, atol=1e-12)


def test_a_skipped_call_of_a_step_does_not_count() -> None:
    handle = bound("s.t. a: E[f(x)[0]] >= 5\nusing lagrangian(dual=sgd(lr=0.5))", net())
    data = table()
    handle.optimizer.zero_grad()
    handle.loss(**{k: v[:7] for k, v in data.items()})  # no backward: no part of this step
    handle.loss(**data).backward()
    handle.optimizer.step()
    with torch.no_grad():
        expected = 0.5 * (5 - float(net()(data["x"])[:, 0].mean()))
    assert handle.multipliers["a"] == pytest.approx(expected, abs=1e-12)


# --- The augmented Lagrangian --------------------------------------------------------------------


def penalty_after(steps: int, every: str, more: str) -> float:
    """The penalty of a constraint that nothing moves."""
    using = f"augmented_lagrangian(penalty=2, every={every}{more})"
    result = cspec.run(
        f"var x = 1\nminimize x^2\ns.t. a: x >= 2\nusing {using}\n"
        f"fit(optimizer=sgd(lr=1e-12), steps={steps}, precision=float64)"
    )
    assert result.last is not None
    return float(result.last.state["penalty"][0])


@pytest.mark.parametrize("every", ["step", "3", "10"])
@pytest.mark.parametrize("more", ["", ", rule=lancelot"])
def test_penalties_grow_at_most_once_in_fifty_steps(every: str, more: str) -> None:
    found = {steps: penalty_after(steps, every, more) for steps in (48, 98, 148, 230)}
    assert found[48] == 2 and found[98] <= 4 and found[148] <= 8 and 4 <= found[230] <= 32


def test_a_penalty_grows_in_a_loop_of_ones_own_at_most_once_in_fifty_steps() -> None:
    model = net()
    text = "s.t. a: E[f(x)[0]] >= 5\nusing augmented_lagrangian(penalty=0.01, every=step)"
    handle = bound(text, model, lr=1e-4)
    seen = []
    for _ in range(160):
        handle.step(**table())
        seen.append(float(handle.state["penalty"][0]))
    assert seen[:49] == [pytest.approx(0.01)] * 49 and seen[-1] <= 0.01 * 2**3
    assert torch.isfinite(torch.cat([p.flatten() for p in model.parameters()])).all()


@pytest.mark.parametrize(
    ("using", "severity"),
    [
        ("augmented_lagrangian(penalty=0)", "error"),
        ("augmented_lagrangian(penalty=0, every=step, growth=3)", "error"),
        ("lagrangian(dual=pid(kp=0, ki=0))", "error"),
        ("lagrangian(dual=nupi(kp=0, ki=0))", "error"),
        ("penalty(coefficient=0)", "warning"),
        ("exact_penalty(coefficient=0)", "warning"),
        ("quadratic_penalty(coefficient=0)", "warning"),
    ],
)
@pytest.mark.parametrize("place", ["\nusing {}", " by {}"])
def test_a_weight_that_enforces_nothing_is_found(using: str, severity: str, place: str) -> None:
    text = f"var x = 1\nminimize x^2\ns.t. a: x >= 2{place.format(using)}"
    found = [d for d in cspec.check(text) if d.code == "CS540"]
    assert [d.severity for d in found] == [severity]


def test_a_penalty_of_zero_with_a_dual_step_is_an_ascent() -> None:
    text = "var x = 1\nminimize x^2\ns.t. a: x >= 2\nusing augmented_lagrangian(penalty=0, lr=0.5)"
    assert not cspec.check(text)


# --- Precision -----------------------------------------------------------------------------------

EXACT = [
    ("E[f(x)[0]] >= 5\nusing exact_penalty(coefficient=0.7)", 0.7),
    ("E[f(x)[0]] >= 5\nusing penalty(coefficient=0.7)", 0.7),
    ("E[f(x)[0]] >= 5 soft(weight=0.7)", 0.7),
    ("E[f(x)[0]] >= 5\nusing lagrangian(start=0.1, dual=sgd(lr=0.3), warmup=1)", 0.1),
]


@pytest.mark.parametrize(("constraint", "weight"), EXACT)
@pytest.mark.parametrize("way", ["run", "bind"])
def test_constants_keep_their_digits(constraint: str, weight: float, way: str) -> None:
    expected, data, model = net(), table(), net()
    z = expected(data["x"])
    (cross_entropy(z, data["y"]) + weight * (5 - z[:, 0].mean())).backward()
    if way == "run":
        result = run(f"s.t. a: {constraint}{fit(1)}", f=model)
        assert result.last is not None
        found = result.last.tensors["f.2.bias"]
    else:
        bound(f"s.t. a: {constraint}", model).step(**data)
        found = model[2].bias.detach()
    last = expected[2].bias
    assert torch.allclose(found, last - 0.1 * last.grad, rtol=0, atol=1e-15)


@pytest.mark.parametrize("way", ["run", "bind"])
def test_a_bound_that_moves_keeps_its_digits(way: str) -> None:
    text = "s.t. a: E[f(x)[0]] >= ramp(0, 1, steps=10)\nusing lagrangian(dual=sgd(lr=0.5))"
    with torch.no_grad():
        g = float(net()(table()["x"])[:, 0].mean())
    expected = 0.0
    for step in range(4):
        expected = max(0.0, expected + 0.5 * (step / 10 - g))
    if way == "run":
        result = run(text + fit(4, lr=1e-30))
        assert result.last is not None
        found = result.last.multipliers["a"]
    else:
        handle = bound(text, net(), lr=1e-30)
        for _ in range(4):
            handle.step(**table())
        found = handle.multipliers["a"]
    assert found == pytest.approx(expected, rel=0, abs=1e-15)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_callback_and_the_time_after_a_run_have_their_own_default_type(precision: str) -> None:
    types = []
    text = "s.t. a: E[f(x)[0]] >= 5" + fit(3).replace("float64", precision)
    run(text, progress=lambda state: types.append(torch.get_default_dtype()))
    assert set(types) == {torch.float32} and torch.get_default_dtype() is torch.float32


# --- Projection ----------------------------------------------------------------------------------


@pytest.mark.parametrize("every", ["", "(every=10)", "(every=epoch)", "(every=epochs(2))"])
def test_the_start_is_projected_whatever_the_interval(every: str) -> None:
    result = cspec.run(
        "var w[3] = [3, -2, 1]\nminimize sumsq(w - 4)\n"
        f"s.t. a: norm(w, 2) <= 1 by projection{every}\n"
        "fit(optimizer=sgd(lr=1e-30), steps=5, precision=float64)"
    )
    start = torch.tensor([3.0, -2.0, 1.0], dtype=D) / 14**0.5
    expected = float((start - 4).square().sum())
    assert [row.objective for row in result.history] == pytest.approx([expected] * 5)


def test_a_warmup_leaves_the_start_alone() -> None:
    result = cspec.run(
        "var w[3] = [3, -2, 1]\nminimize sumsq(w - 4)\n"
        "s.t. a: norm(w, 2) <= 1 by projection(every=10, warmup=0.5)\n"
        "fit(optimizer=sgd(lr=1e-30), steps=5, precision=float64)"
    )
    assert result.history[0].objective == pytest.approx(1 + 36 + 9)


def test_a_vector_of_constraints_is_as_exact_as_the_run() -> None:
    narrow, wide = torch.tensor(0.1, dtype=torch.float32), torch.tensor(0.1, dtype=D)
    assert vector(narrow, wide).dtype is torch.float32
    with constants_in(D):
        found = vector(narrow, wide, 0.1)
    assert found.dtype is D and found[1:].tolist() == [0.1, 0.1]
    assert vector(wide, 0.1).tolist() == [0.1, 0.1]
