"""maximize cos(x) - sumsq(w)

a: w[0] + w[1] + w[2] == 3 by augmented_lagrangian
b: sin(x) <= 0.5 by lagrangian

Compiled by cspec from <spec>, plan 1861c928430e. Running this file
trains exactly as `cspec run` does: the runtime executes this very text.
"""
import math

import torch

from cspec.runtime import operators
from cspec.runtime.functions import cos, sin, sumsq
from cspec.runtime.setup import Setup, adam, fit, requirement, variable
from cspec.runtime.steps.projection import project_
from cspec.runtime.steps.update import keep, vector, weigh

BOX = operators.get("box", 0, 1.5707963267948966)


def setup():
    """What the loop works on. Nothing is loaded here: `main` does, in this order, seeded."""
    w = variable([0.0, 0.0, 0.0], shape=(3,))
    x = variable(0.5, lower=0.0, upper=1.5707963267948966)
    optimizer = adam(w, x, lr=0.01)
    return Setup(
        variables={"w": w, "x": x}, fit=fit(optimizer, steps=1000, precision="float64", seed=0)
    )


def initial_state():
    """Multipliers and what else the updates remember, at the start."""
    return {
        "multipliers": torch.zeros(2),
        "augmented_lagrangian.penalty": torch.full((1,), 10.0),  # penalties c
        "augmented_lagrangian.before": torch.full((1,), math.nan),  # violation at the last update
        # xi, the smoothed g (g itself at the start)
        "lagrangian.average": torch.full((1,), math.nan),
    }


def measure(primal, batch):
    """f, the constraints g with gradient, and the true constraints, on one batch."""
    x = primal["x"][0]
    w = primal["w"]
    f = -(cos(x) - sumsq(w))
    a = w[0] + w[1] + w[2] - 3  # a: w[0] + w[1] + w[2] == 3
    b = sin(x) - 0.5  # b: sin(x) <= 0.5
    g = vector(a, b)
    return f, g, g.detach()


def constraints(primal, batch):
    """The true constraints alone, <= 0 (== 0) where they are met: measured on whole data."""
    w = primal["w"]
    x = primal["x"][0]
    return vector(w[0] + w[1] + w[2] - 3, sin(x) - 0.5)


def combine(f, g, true, state):
    """L_c: gradient weight [multipliers + c g]+ a constraint
    L = f + <multipliers, g>
    """
    return (
        f
        + weigh(
            state["multipliers"][0:1] + state["augmented_lagrangian.penalty"] * true[0:1], g[0:1]
        )
        + weigh(state["multipliers"][1:2], g[1:2])
    )


def update_augmented_lagrangian(state, true):
    """multipliers <- [multipliers + c g]+; c grows where the violation stagnates"""
    true = true[0:1]
    multipliers = state["multipliers"][0:1]
    penalty = state["augmented_lagrangian.penalty"]
    before = state["augmented_lagrangian.before"]
    now = torch.abs(true)
    state["multipliers"][0:1] = keep(true, multipliers + penalty * true, multipliers)
    state["augmented_lagrangian.penalty"] = keep(
        true,
        torch.where(
            (now > 0.9 * before) & (penalty < 1000), torch.clamp(2 * penalty, 0, 1000), penalty
        ),
        penalty,
    )
    state["augmented_lagrangian.before"] = keep(true, now, before)


def ascend_lagrangian(state, true):
    """multipliers <- [multipliers + lr (ki g + kp (xi - xi_before))]+"""
    true = true[1:2]
    multipliers = state["multipliers"][1:2]
    average = state["lagrangian.average"]
    average = keep(true, torch.where(torch.isnan(average), true, average), average)
    state["multipliers"][1:2] = keep(
        true, torch.relu(multipliers + 0.3 * (true + 40 * (true - average))), multipliers
    )
    state["lagrangian.average"] = keep(true, true, average)


def x_bounds_tensors(primal):
    """What `x` is about: its bounds"""
    return [primal["x"]]


def sets(primal):
    """Every set that parameters are kept in."""
    return [
        (BOX, x_bounds_tensors(primal)),  # x
    ]


def project(primal, optimizer, progress):
    """Replace each by the nearest member of its set; momentum follows."""
    project_(BOX, x_bounds_tensors(primal), optimizer)  # x


def train(session):
    """The loop. Every line is what `cspec run` executes."""
    primal, state, optimizer = session.primal, session.state, session.optimizer
    if session.step == 0:  # not where a run is resumed
        project(primal, optimizer, 0.0)
    for batch in session.batches():
        f, g, true = measure(primal, batch)
        if session.step % 10 == 0 and session.step > 100:
            ascend_lagrangian(state, true)
        loss = combine(f, g, true, state)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        project(primal, optimizer, session.progress)
        session.record(f, true)
        if session.epoch_ended:
            true = session.full(constraints)  # on whole data
            update_augmented_lagrangian(state, true)
            session.verify()
            if session.stopped():
                break


def objective(primal, data):
    """The objective as written."""
    x = primal["x"][0]
    w = primal["w"]
    return cos(x) - sumsq(w)


def evaluate(primal, data):
    """Value and bound of every constraint as written, on whole data and as deployed."""
    w = primal["w"]
    x = primal["x"][0]
    return {
        "a": (w[0] + w[1] + w[2], 3),
        "b": (sin(x), 0.5),
    }


def record():
    """The spec, and what the report says of each requirement: how near counts as met, why."""
    return {
        "name": "<spec>",
        "spec": (
            "var w[3] = [0, 0, 0]\n"
            "var x = 0.5 in [0, pi/2]\n"
            "maximize cos(x) - sumsq(w)\n"
            "s.t. a: w[0] + w[1] + w[2] == 3 by augmented_lagrangian(penalty=10)\n"
            "     b: sin(x) <= 0.5 by lagrangian(dual=nupi(lr=0.3, kp=40), every=10, warmup=100)\n"
            "fit(optimizer=adam(lr=0.01), steps=1000, precision=float64)\n"
        ),
        "digest": "1861c928430e992c090a1f04f860ec52a9c305ab93551da025137219eab762b8",
        "sense": "maximize",
        "objective": "cos(x) - sumsq(w)",
        "constraints": [
            requirement(
                "a",
                "w[0] + w[1] + w[2] == 3",
                relation="==",
                tolerance=1e-06,
                method="augmented_lagrangian",
                reason="as written: the constraint's own `by`",
                rule="augmented_lagrangian",
                segment=(0, 1),
                multipliers=True,
                line=4,
            ),
            requirement(
                "b",
                "sin(x) <= 0.5",
                relation="<=",
                tolerance=1e-06,
                method="lagrangian",
                reason="as written: the constraint's own `by`",
                rule="lagrangian",
                segment=(1, 2),
                multipliers=True,
                line=5,
            ),
        ],
        "method": "augmented_lagrangian+lagrangian",
    }


if __name__ == "__main__":
    from cspec.runtime import main

    raise SystemExit(main(globals()))
