"""One and five steps of `run` and `bind` beside autograd and the update equations written by hand.

Every requirement is written twice: as text, and as a function of the model's outputs in plain
torch, in the two forms that methods see: `parts`, the canonical functions g <= 0 (h == 0) that
multipliers belong to, and `violation`, value - bound as written, which penalties and preferences
weigh. Weights and multipliers agree to 1e-9 in float64, and each requirement pulls: after five
steps it is violated less than without it.

To add a requirement (a rate and its surrogate, another function): an entry of REQUIREMENTS; `seen`
is what is differentiated in the place of `parts` and `violation` where they are flat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import cspec

D = torch.float64
LR = 0.05
Data = dict[str, Tensor]
Function = Callable[[nn.Module, Data], Tensor]


def table(n: int = 61, seed: int = 5) -> Data:
    draw = torch.Generator().manual_seed(seed)
    return {
        "x": torch.randn(n, 3, generator=draw, dtype=D),
        "y": torch.randint(0, 3, (n,), generator=draw),
        "g": torch.randint(0, 3, (n,), generator=draw),
        "b": torch.rand(n, generator=draw, dtype=D) + 0.5,
    }


def net() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()


# --- Requirements ---------------------------------------------------------------------------------


def losses(model: nn.Module, data: Data) -> Tensor:
    return cross_entropy(model(data["x"]), data["y"], reduction="none")


def output(index: int) -> Function:
    return lambda model, data: model(data["x"])[:, index]


def mean_of(values: Function) -> Function:
    return lambda model, data: values(model, data).mean()


def groups(values: Function) -> Function:
    """Means within the three groups."""

    def means(model: nn.Module, data: Data) -> Tensor:
        found = values(model, data)
        return torch.stack([found[data["g"] == k].mean() for k in range(3)])

    return means


def pairs(values: Tensor) -> Tensor:
    """Differences of all ordered pairs."""
    return torch.stack([values[i] - values[j] for i, j in permutations(range(len(values)), 2)])


@dataclass(frozen=True)
class Requirement:
    """A relation as text, and what it is by hand."""

    text: str
    parts: Function
    """Canonical functions: each <= 0, or == 0 for an equality."""
    violation: Function | None = None
    """value - bound as written (bound - value for `>=`), where it is not the only part."""
    equality: bool = False
    seen: Function | None = None
    """What is differentiated in their place, where they are flat."""

    def written(self, model: nn.Module, data: Data) -> Tensor:
        found = self.violation or self.parts
        return found(model, data).reshape(-1)

    def canonical(self, model: nn.Module, data: Data) -> Tensor:
        return self.parts(model, data).reshape(-1)

    def amount(self, model: nn.Module, data: Data) -> float:
        """How far it is from being met."""
        with torch.no_grad():
            found = self.written(model, data)
            return float((found.abs() if self.equality else found.relu()).sum())


z0, z1 = output(0), output(1)


def _tail(model: nn.Module, data: Data) -> Tensor:
    """CVaR at 70%: the mean of the worst 30%, the last of them by its share."""
    ordered = losses(model, data).sort(descending=True).values
    k = 0.3 * len(ordered)
    weights = (k - torch.arange(len(ordered), dtype=D)).clamp(0, 1) / k
    return (weights * ordered).sum()


def _matrix(model: nn.Module, data: Data) -> Tensor:
    assert isinstance(model, nn.Sequential)
    W = model[0].weight
    return W.T @ W - torch.eye(3, dtype=D)


REQUIREMENTS = [
    Requirement("E[f(x)[0]] >= 2", lambda m, d: 2 - z0(m, d).mean()),
    Requirement("E[ce] <= 0.3", lambda m, d: losses(m, d).mean() - 0.3),
    Requirement("E[ce | y == 1] <= 0.2", lambda m, d: losses(m, d)[d["y"] == 1].mean() - 0.2),
    Requirement(
        "E[b*f(x)[0] | y == 1, g == 2] >= 1",
        lambda m, d: 1 - (d["b"] * z0(m, d))[(d["y"] == 1) & (d["g"] == 2)].mean(),
    ),
    Requirement(
        "E[f(x)[0] | g == 0] - E[f(x)[0] | g == 1] >= 1",
        lambda m, d: 1 - (groups(z0)(m, d)[0] - groups(z0)(m, d)[1]),
    ),
    Requirement("E[f(x)[1]] == 1.5", lambda m, d: z1(m, d).mean() - 1.5, equality=True),
    Requirement(
        "abs(E[f(x)[0]] - 1) <= 0.1",
        lambda m, d: torch.stack([z0(m, d).mean() - 1.1, 0.9 - z0(m, d).mean()]),
        lambda m, d: (z0(m, d).mean() - 1).abs() - 0.1,
    ),
    Requirement(
        "gap(E[f(x)[0] | g]) <= 0.001",
        lambda m, d: pairs(groups(z0)(m, d)) - 0.001,
        lambda m, d: groups(z0)(m, d).max() - groups(z0)(m, d).min() - 0.001,
    ),
    Requirement(
        "max(E[ce | g]) <= 0.1",
        lambda m, d: groups(losses)(m, d) - 0.1,
        lambda m, d: groups(losses)(m, d).max() - 0.1,
    ),
    Requirement(
        "min(E[f(x)[1] | g]) >= 1",
        lambda m, d: 1 - groups(z1)(m, d),
        lambda m, d: 1 - groups(z1)(m, d).min(),
    ),
    Requirement(
        "max(E[f(x)[0]], E[f(x)[1]]) <= -1",
        lambda m, d: torch.stack([z0(m, d).mean() + 1, z1(m, d).mean() + 1]),
        lambda m, d: torch.maximum(z0(m, d).mean(), z1(m, d).mean()) + 1,
    ),
    Requirement(
        "E[ce]/E[abs(b)] <= 0.1",
        lambda m, d: losses(m, d).mean() - 0.1 * d["b"].mean(),
        lambda m, d: losses(m, d).mean() / d["b"].mean() - 0.1,
    ),
    Requirement("cvar(ce, 0.7) <= 0.5", lambda m, d: _tail(m, d) - 0.5),
    Requirement(
        "sum(sumsq(W) for W in f.weights) <= 0.1",
        lambda m, d: sum((p**2).sum() for p in m.parameters() if p.ndim > 1) - 0.1,  # type: ignore[return-value]
    ),
    Requirement('forall W in f.weights("0*"): W.T @ W == eye(3)', _matrix, equality=True),
]


# --- Methods by hand ------------------------------------------------------------------------------


@dataclass
class Run:
    """Weights, multipliers and what a method remembers."""

    model: nn.Module
    data: Data
    requirement: Requirement
    multipliers: Tensor
    memory: dict[str, Tensor] = field(default_factory=dict)

    def g(self) -> Tensor:
        return self.requirement.canonical(self.model, self.data)

    def dual(self, values: Tensor) -> Tensor:
        """The dual projection: multipliers of inequalities are not negative."""
        return values if self.requirement.equality else values.relu()

    def descend(self, weights: Callable[[Tensor], Tensor]) -> None:
        """A step on f + <weights, g>, weights being constants of the step."""
        parameters = list(self.model.parameters())
        g = self.g()
        total = losses(self.model, self.data).mean() + (weights(g.detach()).detach() * g).sum()
        gradients = torch.autograd.grad(total, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= LR * gradient


Step = Callable[[Run], None]


def penalized(added: Callable[[Tensor, bool], Tensor]) -> Step:
    """A step on f + what a penalty makes of the violation as written."""

    def step(run: Run) -> None:
        parameters = list(run.model.parameters())
        v = run.requirement.written(run.model, run.data)
        total = losses(run.model, run.data).mean() + added(v, run.requirement.equality)
        gradients = torch.autograd.grad(total, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= LR * gradient

    return step


def size(v: Tensor, equality: bool) -> Tensor:
    return v.abs() if equality else v.relu()


Ascent = Callable[[Run, Tensor], Tensor]


def sgd(lr: float, momentum: float = 0.0) -> Ascent:
    def step(run: Run, g: Tensor) -> Tensor:
        run.memory["v"] = momentum * run.memory.get("v", torch.zeros_like(g)) + g
        return run.dual(run.multipliers + lr * run.memory["v"])

    return step


def optimistic(lr: float) -> Ascent:
    def step(run: Run, g: Tensor) -> Tensor:
        before = run.memory.get("g", g)
        run.memory["g"] = g
        return run.dual(run.multipliers + lr * (2 * g - before))

    return step


def nupi(lr: float, kp: float, ki: float, nu: float) -> Ascent:
    def step(run: Run, g: Tensor) -> Tensor:
        before = run.memory.get("xi", g)
        run.memory["xi"] = nu * before + (1 - nu) * g
        return run.dual(run.multipliers + lr * (ki * g + kp * (run.memory["xi"] - before)))

    return step


def pid(kp: float, ki: float, kd: float, smoothing: float) -> Ascent:
    def step(run: Run, g: Tensor) -> Tensor:
        before = run.memory.get("a", g)
        run.memory["a"] = smoothing * before + (1 - smoothing) * g
        run.memory["I"] = run.dual(run.memory.get("I", torch.zeros_like(g)) + ki * g)
        raised = run.dual(run.memory["a"] - before)
        return run.dual(kp * run.memory["a"] + run.memory["I"] + kd * raised)

    return step


def dual_first(ascent: Ascent) -> Step:
    def step(run: Run) -> None:
        run.multipliers = ascent(run, run.g().detach())
        run.descend(lambda g: run.multipliers)

    return step


def simultaneous(ascent: Ascent) -> Step:
    def step(run: Run) -> None:
        seen = run.g().detach()
        run.descend(lambda g: run.multipliers)
        run.multipliers = ascent(run, seen)

    return step


def primal_first(ascent: Ascent) -> Step:
    def step(run: Run) -> None:
        run.descend(lambda g: run.multipliers)
        run.multipliers = ascent(run, run.g().detach())

    return step


def extragradient(ascent: Ascent) -> Step:
    """Both one step ahead; then both from where they were, with what is found there."""

    def step(run: Run) -> None:
        place = [p.detach().clone() for p in run.model.parameters()]
        multipliers, seen = run.multipliers, run.g().detach()
        run.descend(lambda g: multipliers)
        ahead = ascent(run, seen)
        run.memory.clear()
        g = run.g()
        total = losses(run.model, run.data).mean() + (ahead * g).sum()
        gradients = torch.autograd.grad(total, list(run.model.parameters()))
        with torch.no_grad():
            for p, start, gradient in zip(run.model.parameters(), place, gradients, strict=True):
                p.copy_(start - LR * gradient)
        run.multipliers = ascent(run, g.detach())

    return step


def augmented(c: float, lr: float | None = None, every: int = 1) -> Step:
    """Weight [m + c g]+; m <- the same, or [m + lr max(g, -m / c)]+, with m from before."""

    def step(run: Run) -> None:
        seen, before = run.g().detach(), run.multipliers
        run.descend(lambda g: run.dual(before + c * g))
        run.memory["t"] = run.memory.get("t", torch.zeros(())) + 1
        if int(run.memory["t"]) % every:
            return
        if lr is None:
            run.multipliers = run.dual(before + c * seen)
        else:
            slack = seen if run.requirement.equality else torch.maximum(seen, -before / c)
            run.multipliers = run.dual(before + lr * slack)

    return step


@dataclass(frozen=True)
class Method:
    """A method as text behind a spec, and its step; `bound` is that of `bind` where it differs."""

    text: str
    step: Step
    bound: Step | None = None
    binds: bool = True
    multipliers: bool = True
    soft: str = ""


METHODS = [
    Method("", penalized(lambda v, e: torch.zeros((), dtype=D)), multipliers=False),
    Method(
        "penalty(coefficient=0.7)",
        penalized(lambda v, e: 0.7 * (v.abs() if e else v).sum()),
        multipliers=False,
    ),
    Method(
        "exact_penalty(coefficient=0.7)",
        penalized(lambda v, e: 0.7 * size(v, e).sum()),
        multipliers=False,
    ),
    Method(
        "quadratic_penalty(coefficient=0.7)",
        penalized(lambda v, e: 0.35 * (size(v, e) ** 2).sum()),
        multipliers=False,
    ),
    Method(
        "",
        penalized(lambda v, e: 0.7 * size(v, e).sum()),
        multipliers=False,
        soft=" soft(weight=0.7)",
    ),
    Method(
        "",
        penalized(lambda v, e: 0.7 * (size(v, e) ** 2).sum()),
        multipliers=False,
        soft=" soft(weight=0.7, power=2)",
    ),
    Method("lagrangian(dual=sgd(lr=0.3))", dual_first(sgd(0.3)), simultaneous(sgd(0.3))),
    Method(
        "lagrangian(dual=sgd(lr=0.3, momentum=0.5), order=simultaneous)",
        simultaneous(sgd(0.3, 0.5)),
    ),
    Method("lagrangian(dual=sgd(lr=0.3), order=primal_first)", primal_first(sgd(0.3)), binds=False),
    Method(
        "lagrangian(dual=sgd(lr=0.3), order=extragradient)", extragradient(sgd(0.3)), binds=False
    ),
    Method(
        "lagrangian(dual=sgd(lr=0.3), order=optimistic)", dual_first(optimistic(0.3)), binds=False
    ),
    Method(
        "lagrangian(dual=nupi(lr=0.3, kp=2, ki=0.9, nu=0.4))",
        dual_first(nupi(0.3, 2, 0.9, 0.4)),
        simultaneous(nupi(0.3, 2, 0.9, 0.4)),
    ),
    Method(
        "lagrangian(dual=pid(kp=0.2, ki=0.3, kd=0.4, smoothing=0.5), order=simultaneous)",
        simultaneous(pid(0.2, 0.3, 0.4, 0.5)),
    ),
    Method("augmented_lagrangian(penalty=0.7, every=step)", augmented(0.7)),
    Method("augmented_lagrangian(penalty=0.7, growth=1, every=2)", augmented(0.7, every=2)),
    Method("augmented_lagrangian(penalty=0.7, lr=0.2, every=step)", augmented(0.7, lr=0.2)),
]


# --- The comparison -------------------------------------------------------------------------------


def by_hand(requirement: Requirement, step: Step, steps: int) -> Run:
    model, data = net(), table()
    start = torch.zeros_like(requirement.canonical(model, data))
    run = Run(model, data, requirement, start.detach())
    for _ in range(steps):
        step(run)
    return run


def spec(requirement: Requirement, method: Method, steps: int) -> str:
    using = f"\nusing {method.text}" if method.text else ""
    constraint = f"\ns.t. a: {requirement.text}{method.soft}"
    if not method.text and not method.soft:
        constraint = ""
    return (
        f"data train(x, y, g, b)\nmodel f\nminimize ce(f(x), y){constraint}{using}\n"
        f"fit(optimizer=sgd(lr={LR}), steps={steps}, batch_size=full, precision=float64)"
    )


def same(tensors: dict[str, Tensor], model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        assert torch.allclose(tensors[name], parameter.detach(), rtol=0, atol=1e-9), name


PAIRS = [(r, m) for r in REQUIREMENTS for m in METHODS if m.text or m.soft]
IDS = [f"{r.text} {m.text}{m.soft}" for r, m in PAIRS]


@pytest.mark.parametrize(("requirement", "method"), PAIRS, ids=IDS)
def test_run_takes_the_steps_that_the_equations_say(
    requirement: Requirement, method: Method
) -> None:
    for steps in (1, 5):
        expected = by_hand(requirement, method.step, steps)
        result = cspec.run(spec(requirement, method, steps), f=net(), train=table())
        assert result.last is not None
        found = {k.removeprefix("f."): v for k, v in result.last.tensors.items()}
        same(found, expected.model)
        if method.multipliers:
            state = result.last.state["multipliers"]
            assert torch.allclose(state, expected.multipliers, rtol=0, atol=1e-9)
    before, alone = requirement.amount(net(), table()), without(requirement)
    assert before > 0, "a requirement that holds at the start shows nothing"
    assert requirement.amount(expected.model, table()) < alone - 1e-6 * before, "it does not pull"


def without(requirement: Requirement) -> float:
    """How far the requirement is from being met after five steps on the objective alone."""
    return requirement.amount(by_hand(requirement, METHODS[0].step, 5).model, table())


@pytest.mark.parametrize(
    ("requirement", "method"),
    [pair for pair in PAIRS if pair[1].binds],
    ids=[name for name, pair in zip(IDS, PAIRS, strict=True) if pair[1].binds],
)
def test_bind_takes_the_same_steps(requirement: Requirement, method: Method) -> None:
    model, data = net(), table()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    text = spec(requirement, method, 5)
    handle = cspec.bind(text, f=model, train=data, optimizer=optimizer)
    for steps in range(1, 6):
        optimizer.zero_grad()
        handle.loss(**data).backward()
        optimizer.step()
        if steps in (1, 5):
            expected = by_hand(requirement, method.bound or method.step, steps)
            same(dict(model.state_dict()), expected.model)
            if method.multipliers:
                held = handle.state["multipliers"]
                assert torch.allclose(held, expected.multipliers, rtol=0, atol=1e-9)
