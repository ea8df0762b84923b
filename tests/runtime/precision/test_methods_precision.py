"""Every method of the language in both precisions, on problems with known solutions.

One quadratic program, over a variable and over a linear model:

    minimize ||w - t||^2, t = (1, 0.5, -1)      subject to  a: sum(w) >= 2  [,  b: w_0 == w_1]

    with a alone      w* = t + 1/2,               multiplier of a = 1
    with both         w* = (1.25, 1.25, -0.5),    multipliers 1 and 0.5

Tolerances. Each iteration is a contraction that ends where a step no longer changes a number: a
primal step lr * gradient below eps |w| leaves an error of eps |w| / (lr * curvature), a dual step
lr * g below eps m one of eps m / lr in g, and a penalty weighs g by c. STALL is the sum of these
for the steps used here, in units of eps. Methods that do not converge to the solution have an
`error` of their own, derived beside them, that no precision takes away.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

import cspec
from cspec.compiler.methods import FUNCTIONAL
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.methods import AugmentedLagrangian, Lagrangian, ProxyLagrangian
from cspec.dsl.settings.methods import Sqp as SqpSettings

VARIABLE = """
var w[3] = 0.3
minimize (w[0] - 1)^2 + (w[1] - 0.5)^2 + (w[2] + 1)^2
s.t. a: w[0] + w[1] + w[2] >= 2{b}
using {using}
fit(optimizer={optimizer}, schedule={schedule}, steps={steps}, precision={precision})
"""
MODEL = """
data D(x, y)
data S(x)
data one(x)
data two(x)
model net
minimize E[mse(net(x), y) on D]
s.t. a: E[net(x) on S] >= 2{b}
using {using}
fit(optimizer={optimizer}, schedule={schedule}, steps={steps}, batch_size=full,
    precision={precision})
"""
SECOND = {
    VARIABLE: "\n     b: w[0] == w[1]",
    MODEL: "\n     b: E[net(x) on one] == E[net(x) on two]",
}
TARGET = (1.0, 0.5, -1.0)
LR, DUAL_LR = 0.1, 0.2
STALL = 4 * (1.5 / (LR * 2) + 1.0 / DUAL_LR)
"""50: |w| <= 1.5, curvature 2, multipliers <= 1; 4 for the rounding of the terms added up."""
BY_VALUE = 2 * 3.0 * 100
"""A line search sees values: L is known to eps |L|, so c g^2 / 2 is, and with it c g, the step of
a multiplier, to sqrt(2 eps |L| c): |L| <= 3, c <= 100."""


@dataclass(frozen=True)
class Case:
    """One setting of a method, and where it ends."""

    using: str
    w: tuple[float, ...] = (1.25, 1.25, -0.5)
    multipliers: tuple[float, float] | None = (1.0, 0.5)
    optimizer: str = f"sgd(lr={LR})"
    schedule: str = "constant"
    steps: int = 500
    error: float = 0.0
    """Distance to `w` that is the method's own."""
    on: tuple[str, ...] = field(default=(VARIABLE, MODEL))

    @property
    def both(self) -> bool:
        """Whether it is run with the equality, too."""
        return self.w[0] == self.w[1]


SHIFTED = (1.5, 1.0, -0.5)
"""w* without the equality."""


def _quadratic(c: float) -> tuple[float, ...]:
    """w = t + m/2 with m = c (2 - sum(w)) = 1.5 c / (1 + 1.5 c)."""
    m = 1.5 * c / (1 + 1.5 * c)
    return tuple(t + m / 2 for t in TARGET)


CHOICES = {"order", "rule", "regret", "engine"}
SGD = f"sgd(lr={DUAL_LR})"
CASES = [
    # The signed penalty with c at the multiplier has the solution itself as its minimum.
    Case("penalty(coefficient=1)", SHIFTED, None),
    Case("quadratic_penalty(coefficient=4)", _quadratic(4), None),
    # Not smooth: w jumps over a kink by a step, lr c sqrt(3) of it; the last steps are the
    # smallest of the line to 0, LR / steps.
    Case("exact_penalty(coefficient=2)", multipliers=None, schedule="linear", error=5e-3),
    # The default dual step, 0.01, forgets the start by exp(-0.01) a step or faster.
    Case("lagrangian", steps=1200, error=1e-5),
    *(
        Case(f"lagrangian(dual={SGD}, order={order})")
        for order in typing.get_args(Lagrangian.model_fields["order"].annotation)
    ),
    Case(f"lagrangian(dual=sgd(lr={DUAL_LR}, momentum=0.5))", steps=1000),
    Case(f"lagrangian(dual=sgd(lr={DUAL_LR}), restart=false, every=2, warmup=5)", steps=1000),
    # Adam moves a multiplier by about its step size: a cycle of that width around the solution.
    Case("lagrangian(dual=adam(lr=0.005))", steps=600, error=0.01),
    Case(f"lagrangian(dual=nupi(lr={DUAL_LR}, kp=2, nu=0.5))", steps=1000),
    # PID's multiplier of an equality has no sign, so it is tried on an inequality.
    Case(f"lagrangian(dual=pid(ki={DUAL_LR}, kp=1, kd=0.5))", SHIFTED, (1.0, 0.0)),
    *(
        Case(f"augmented_lagrangian(rule={rule}, penalty=2, max_penalty=4, every=10)")
        for rule in typing.get_args(AugmentedLagrangian.model_fields["rule"].annotation)
    ),
    Case(f"augmented_lagrangian(penalty=2, growth=1, lr={DUAL_LR}, every=step)"),
    *(
        Case(f"augmented_lagrangian(rule={rule}, max_penalty=100)", optimizer="lbfgs", steps=20)
        for rule in typing.get_args(AugmentedLagrangian.model_fields["rule"].annotation)
    ),
    # Accepted updates divide ||C|| by 2.5 or more: 20 of them, and the model's 10 single steps
    # of a shuffle, are what is left of 1.
    Case("sal(penalty=1, max_penalty=4)", steps=2000, error=1e-7, on=(VARIABLE,)),
    Case("sal(penalty=1, max_penalty=4, shuffles=4)", steps=200, error=0.1, on=(MODEL,)),
    *(
        Case(f"sqp(engine={engine})", error=1e-9, on=(VARIABLE,))
        for engine in typing.get_args(SqpSettings.model_fields["engine"].annotation)
    ),
    Case("auto", error=1e-9, on=(VARIABLE,)),
    # Swap regret keeps 1e-3 of the weight everywhere; external regret ends at its step.
    Case("proxy_lagrangian(regret=swap, lr=0.5)", SHIFTED, (1.0, 0.0), steps=700, error=2e-3),
    Case("proxy_lagrangian(regret=external)", SHIFTED, (1.0, 0.0), steps=700, error=2e-3),
]


def bindings(text: str) -> dict[str, object]:
    """A linear model that is the variable: E[x x^T] = I on D, and single rows that pick sums."""
    if text == VARIABLE:
        return {}
    net = nn.Linear(3, 1, bias=False)
    nn.init.constant_(net.weight, 0.3)
    x = 3**0.5 * torch.eye(3, dtype=torch.float64)
    return {
        "net": net,
        "D": {"x": x, "y": x @ torch.tensor(TARGET, dtype=torch.float64)},
        "S": {"x": torch.ones(1, 3)},
        "one": {"x": torch.eye(3)[:1]},
        "two": {"x": torch.eye(3)[1:2]},
    }


def solve(case: Case, text: str, precision: str) -> cspec.Result:
    # Half the digits take half the steps.
    fewer = 2 if precision == "float32" and not case.error else 1
    return cspec.run(
        text.format(
            b=SECOND[text] if case.both else "",
            using=case.using,
            optimizer=case.optimizer,
            schedule=case.schedule,
            steps=case.steps // fewer,
            precision=precision,
        ),
        **bindings(text),
    )


def last_weights(result: cspec.Result) -> list[float]:
    """A method is judged by its last iterate: the best one is feasible within the tolerance."""
    assert result.last is not None
    (w,) = (v for name, v in result.last.tensors.items() if name in ("w", "net.weight"))
    return [float(v) for v in w.flatten()]


PAIRS = [(case, text) for case in CASES for text in case.on]


@pytest.mark.parametrize(
    ("case", "text"),
    PAIRS,
    ids=[f"{c.using}{'' if t == VARIABLE else ' on a model'}" for c, t in PAIRS],
)
def test_the_solution_is_reached_and_keeps_its_type(
    case: Case,
    text: str,
    precision: str,
    eps: float,
    delivered: Callable[[cspec.Result], None],
) -> None:
    result = solve(case, text, precision)
    near = (BY_VALUE * eps) ** 0.5 if case.optimizer == "lbfgs" else STALL * eps + case.error
    assert last_weights(result) == pytest.approx(case.w, rel=0, abs=near)
    if case.multipliers is not None:
        assert result.last is not None
        for name, expected in zip("ab", case.multipliers, strict=True):
            if name == "a" or case.both:
                assert result.last.multipliers[name] == pytest.approx(expected, abs=2 * near)
    delivered(result)


def words(using: str) -> set[str]:
    """Every word of a `using`: the method, its settings and their values."""
    return set(re.findall(r"[a-z_]+", using))


def test_no_method_and_no_setting_of_multipliers_is_forgotten() -> None:
    tried = set().union(*(words(case.using) for case in CASES))
    # What needs a set or a single number is in `test_sets_precision.py`.
    assert tried >= {"auto", *FUNCTIONAL} - {"spg", "bisection"}
    assert tried >= set(DUALS)
    for field_of in (Lagrangian, AugmentedLagrangian, ProxyLagrangian, SqpSettings):
        for name in CHOICES & field_of.model_fields.keys():
            assert tried >= set(typing.get_args(field_of.model_fields[name].annotation))


def test_constants_of_a_method_have_the_digits_of_the_run(precision: str) -> None:
    using = "augmented_lagrangian(penalty=0.1, growth=1)"
    result = solve(Case(using, steps=2), VARIABLE, precision)
    assert result.last is not None
    assert float(result.last.state["penalty"][0]) == float(
        torch.tensor(0.1, dtype=getattr(torch, precision))
    )


def test_a_model_that_loses_digits_is_named(precision: str) -> None:
    net = nn.Linear(3, 1, bias=False).double()
    text = MODEL.format(
        b="", using="lagrangian", optimizer="sgd", schedule="constant", steps=2, precision=precision
    )
    result = cspec.run(text, **{**bindings(MODEL), "net": net})
    narrowed = any("net" in note and "float64" in note for note in result.notes)
    assert narrowed == (precision == "float32")


@pytest.mark.parametrize("using", ["lagrangian", "augmented_lagrangian", "proxy_lagrangian"])
def test_autocast_in_a_loop_of_ones_own(using: str) -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(3, 2), torch.randn(64, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    spec = (
        "data D(x, y)\nmodel net\nminimize E[ce(net(x), y) on D]\n"
        "s.t. small: E[net(x)[0] on D] <= -0.2\n     rate: P[pred == 0 on D] <= 40%\n"
        f"using {using}\nfit(optimizer=sgd(lr=0.1))"
    )
    handle = cspec.bind(spec, net=net, optimizer=optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = handle.loss(x=x, y=(x[:, 0] > 0).long())
        loss.backward()
        optimizer.step()
    # Forward passes are in bfloat16; what is remembered of them is not.
    kept = {loss.dtype, *(v.dtype for v in handle.state.values())}
    assert kept == {torch.float32} and next(net.parameters()).dtype is torch.float32
