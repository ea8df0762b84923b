"""minimize ce

c1: density(model) <= 0.5 by lagrangian

Compiled by cspec from <spec>, plan eac08f87c673. Running this file
trains exactly as `cspec run` does: the runtime executes this very text.
"""
import math

import torch

from cspec.runtime.functions import ce, density, expected_density, fraction, pred
from cspec.runtime.methods.gates import decide_gates
from cspec.runtime.models import clamp_gates
from cspec.runtime.setup import Setup, adam, cosine_schedule, digits, fit, mlp, requirement
from cspec.runtime.steps.update import keep, ramp, vector, weigh


def setup():
    """What the loop works on. Nothing is loaded here: `main` does, in this order, seeded."""
    data = digits()
    model = mlp(inputs=64, hidden=[16], gates="hard_concrete", outputs=10)
    optimizer = [adam(model, lr=0.00861, params="*log_alpha"), adam(model, lr=0.001)]
    schedule = cosine_schedule(hold=0.7)
    return Setup(
        data={"data": data.columns("x", "y")},
        models={"model": model},
        called_on={"model": ["x"]},
        inputs=["x"],
        fit=fit(optimizer, schedule=schedule, epochs=334, seed=0),
    )


def outputs(primal, rows):
    """model(x), on rows of any dataset."""
    return primal["model"](rows["x"])


def initial_state():
    """Multipliers and what else the updates remember, at the start."""
    return {
        "multipliers": torch.zeros(1),
        "average": torch.full((1,), math.nan),  # xi, the smoothed g (g itself at the start)
    }


def measure(primal, batch):
    """f, the constraints g with gradient, and the true constraints, on one batch."""
    z = outputs(primal, batch["data"])
    y = batch["data"]["y"]
    f = ce(z, y, reduction="mean")
    model = primal["model"]
    c1 = expected_density(model) - ramp(1, 0.5, batch["clock"], 1202)  # c1: density(model) <= 0.5
    g = vector(c1)
    with torch.no_grad():
        true_c1 = density(model) - ramp(1, 0.5, batch["clock"], 1202)  # c1: density(model) <= 0.5
        true = vector(true_c1)
    return f, g, true.to(g.dtype)


def combine(f, g, true, state):
    """L = f + <multipliers, g>"""
    return f + weigh(state["multipliers"], g)


def ascend_lagrangian(state, true):
    """multipliers <- [multipliers + lr (ki g + kp (xi - xi_before))]+"""
    multipliers = state["multipliers"]
    average = state["average"]
    average = keep(true, torch.where(torch.isnan(average), true, average), average)
    state["multipliers"] = keep(
        true, torch.relu(multipliers + 0.031311 * (true + 574.878 * (true - average))), multipliers
    )
    state["average"] = keep(true, true, average)


def sizes(primal):
    """Sizes on gates less their bounds, as deployed."""
    model = primal["model"]
    return (
        vector(density(model) - 0.5),
    )


def decide(primal, progress):
    """Once sizes are at their bounds, or late in the run, gates are decided: the most open
    stay, as many as the bounds allow, the others shut for good.
    """
    late = progress >= 0.8
    decide_gates([primal["model"]], lambda: sizes(primal)[0], late)


def train(session):
    """The loop. Every line is what `cspec run` executes."""
    primal, state, optimizer = session.primal, session.state, session.optimizer
    if session.step == 0:  # not where a run is resumed
        clamp_gates(primal["model"])
    for batch in session.batches():
        f, g, true = measure(primal, batch)
        ascend_lagrangian(state, true)
        loss = combine(f, g, true, state)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        session.schedule.step()
        decide(primal, session.progress)
        session.record(f, true)
        if session.epoch_ended:
            session.verify()
            if session.stopped():
                break
    if session.step < session.total_steps:  # it stopped early
        decide(primal, 1.0)


def objective(primal, data):
    """The objective as written."""
    z = outputs(primal, data["data"])
    y = data["data"]["y"]
    return ce(z, y, reduction="mean")


def evaluate(primal, data):
    """Value and bound of every constraint as written, on whole data and as deployed."""
    model = primal["model"]
    return {
        "c1": (density(model), 0.5),
    }


def metric_accuracy(primal, data):
    """Recorded, never optimized."""
    z = outputs(primal, data["test"])
    predicted = pred(z)
    y = data["test"]["y"]
    return fraction(predicted == y)


metrics = {
    "accuracy": metric_accuracy,
}


def record():
    """The spec, and what the report says of each requirement: how near counts as met, why."""
    return {
        "name": "<spec>",
        "spec": "minimize ce s.t. density(model) <= 0.5",
        "digest": "eac08f87c673792195701878aae3b3cfa957ebf4190217c33d86ede219155b35",
        "sense": "minimize",
        "objective": "ce",
        "objective_datasets": ["data"],
        "constraints": [
            requirement(
                "c1",
                "density(model) <= 0.5",
                relation="<=",
                tolerance=0.0,
                exact=True,
                method="lagrangian",
                reason=(
                    "the model has hard-concrete gates, so the expected density has a gradient; "
                    "the dual step follows from bound and number of steps, and a proportional term "
                    "damps it; the bound comes down from every weight over 40% of the run, so that "
                    "gates do not shut in droves, and once it is reached, or at 80%, the most open "
                    "gates stay, as many as it allows"
                ),
                rule="lagrangian",
                segment=(0, 1),
                surrogate="expected density of the gates",
                stand_in=["expected_density(model) - ramp(1, 0.5, steps=1202) <= 0"],
                multipliers=True,
                line=1,
            ),
        ],
        "metrics": {"accuracy": "P[pred == y on test]"},
        "method": "lagrangian",
        "notes": [
            (
                "gates get Adam with lr = 0.00861 (22 / steps): 2555 steps of 0.001, the rate of "
                "the other parameters, would move a gate by about 2.6, and it travels about 8 to "
                "shut"
            ),
        ],
    }


if __name__ == "__main__":
    from cspec.runtime import main

    raise SystemExit(main(globals()))
