"""minimize bce(f(x), y)

quota: P[pred == 0] >= level by augmented_lagrangian
band.lo: 0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9 by augmented_lagrangian
band.hi: 0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9 by augmented_lagrangian
small: sum(sumsq(W) for W in f.weights) <= 4 by soft

Compiled by cspec from <spec>, plan e1730fe80b0f. Running this file
trains exactly as `cspec run` does: the runtime executes this very text.
"""
import math

import torch

from cspec.runtime.finish.restore import Restoration, jacobian
from cspec.runtime.finish.shortest_step import shortest
from cspec.runtime.functions import bce, class_prob, fraction, mean, pred, sigmoid, sumsq
from cspec.runtime.methods.units import gradient_rate, size_of, slopes
from cspec.runtime.setup import Setup, fit, linear, requirement, sgd, two_gaussians
from cspec.runtime.steps.update import keep, parameter, shortfall, temperature, vector, weigh

level = 0.7  # param level


def setup():
    """What the loop works on. Nothing is loaded here: `main` does, in this order, seeded."""
    train = two_gaussians(n=100, seed=0)
    f = linear(inputs=2, outputs=1)
    optimizer = sgd(f, lr=0.02)
    return Setup(
        data={"train": train.columns("x", "y")},
        models={"f": f},
        called_on={"f": ["x"]},
        inputs=["x"],
        fit=fit(optimizer, steps=500, batch_size="full", seed=0),
    )


def outputs(primal, rows):
    """f(x), on rows of any dataset."""
    return primal["f"](rows["x"])


def initial_state():
    """Multipliers and what else the updates remember, at the start."""
    return {
        "multipliers": torch.zeros(3),
        "penalty": torch.zeros(3),  # penalties c
        "slope": torch.zeros(3),  # largest |grad g| so far
        "pull": torch.zeros(1),  # largest |grad f| so far
        "far": torch.zeros(3),  # largest violation so far
        "large": torch.zeros(3),  # largest |g| so far
        "most": torch.zeros(3),  # cap of the penalties
        "total": torch.zeros(3),  # sum of g since multipliers moved
        "count": torch.zeros(3),  # how often g was measured since then
        "before": torch.full((3,), math.inf),  # g when they moved
        "share": torch.tensor([0.3, 1.0, 1.0]),  # share of the first penalty, less where g jumps
        "mean": torch.zeros(3),  # mean of late g
        "measured": torch.zeros(3),  # how often g was measured
        "late": torch.zeros(3),  # sum of late multipliers
        "moves": torch.zeros(1),  # how many they are
    }


def measure(primal, batch):
    """f, the constraints g with gradient, and the true constraints, on one batch."""
    z = outputs(primal, batch["train"])
    y = batch["train"]["y"]
    f = bce(z, y, reduction="mean")
    f_model = primal["f"]
    fc1_weight = parameter(f_model, "fc1.weight")
    f = f + 0.1 * shortfall(vector(sumsq(fc1_weight) - 4))  # preference small
    heat = temperature(batch, 1, 0.25, 300)
    softened = z / heat
    soft = class_prob(softened, 0)
    quota = level - mean(soft)  # quota: P[pred == 0] >= level
    # band.lo: 0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9
    band_lo = 0.2 - mean(sigmoid(z), where=y == 1)
    # band.hi: 0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9
    band_hi = mean(sigmoid(z), where=y == 1) - 0.9
    g = vector(quota, band_lo, band_hi)
    with torch.no_grad():
        predicted = pred(z)
        true_quota = level - fraction(predicted == 0)  # quota: P[pred == 0] >= level
        true = vector(true_quota, band_lo, band_hi)
    return f, g, true.to(g.dtype)


def combine(f, g, true, state):
    """L_c: gradient weight [multipliers + c g]+ a constraint"""
    return f + weigh(
        torch.relu(
            state["multipliers"]
            + state["penalty"] * torch.where(state["share"] < 1, state["mean"], true)
        ),
        g,
    )


def units_of_augmented_lagrangian(state, f, g, true, parameters, rate, step):
    """penalty <- 1.08 |grad f| / (|x| |grad g| + violation) / |grad g|, slopes of the first 50
    steps
    """
    steep = torch.maximum(state["slope"], slopes(g, parameters))
    pull = torch.maximum(state["pull"], slopes(f, parameters))
    far = torch.maximum(state["far"], torch.relu(torch.nan_to_num(true)).to(steep))
    large = torch.maximum(state["large"], torch.nan_to_num(true).abs().to(steep))
    size = size_of(parameters)
    slope = torch.maximum(steep, 0.001 * large / size.clamp(1))
    drive = torch.where(pull > 0, pull, 1.0)
    stable = 0.2 / (rate * len(steep) * steep**2)
    seen = state["measured"] + (~torch.isnan(true))
    first = 1.08 * state["share"] * drive / (size * slope + far) / slope
    first = torch.minimum(step / torch.clamp(seen, 1) * first, stable)
    state["slope"], state["pull"] = steep, pull
    state["far"], state["large"] = far, large
    state["penalty"] = torch.where(steep > 0, first, 0.0)
    state["most"] = torch.minimum(10000 * state["penalty"], stable)


def see_augmented_lagrangian(state, true):
    """what was seen of g since multipliers moved"""
    total = state["total"]
    count = state["count"]
    mean = state["mean"]
    measured = state["measured"]
    state["total"] = keep(true, total + true, total)
    state["count"] = keep(true, count + 1, count)
    state["mean"] = keep(true, mean + torch.clamp(1 / (measured + 1), 0.2) * (true - mean), mean)
    state["measured"] = keep(true, measured + 1, measured)


def update_augmented_lagrangian(state, true):
    """multipliers <- [multipliers + c mean(g)]+; c grows where mean(g) did not halve"""
    multipliers = state["multipliers"]
    penalty = state["penalty"]
    far = state["far"]
    most = state["most"]
    total = state["total"]
    count = state["count"]
    before = state["before"]
    seen = total / torch.clamp(count, 1)
    left = torch.where(before > 0, seen, 0)
    state["multipliers"] = keep(true, torch.relu(multipliers + penalty * seen), multipliers)
    state["penalty"] = keep(
        true,
        torch.where(
            (left > 0.5 * torch.abs(before)) & (left > 0.0001 * far),
            torch.minimum(1.2394 * penalty, most),
            penalty,
        ),
        penalty,
    )
    state["before"] = keep(true, seen, before)
    state["total"] = keep(true, 0 * total, total)
    state["count"] = keep(true, 0 * count, count)


def average_augmented_lagrangian(state, true):
    """the weights of the last 40% of the run are averaged"""
    multipliers = state["multipliers"]
    penalty = state["penalty"]
    mean = state["mean"]
    late = state["late"]
    moves = state["moves"]
    state["late"] = keep(true, late + torch.relu(multipliers + penalty * mean), late)
    state["moves"] = moves + 1


def settle_augmented_lagrangian(state):
    """the mean of late multipliers is told"""
    multipliers = state["multipliers"]
    late = state["late"]
    moves = state["moves"]
    state["multipliers"] = torch.where(moves > 0, late / moves, multipliers)


def restore(session):
    """Newton's shortest steps to what is asked, on whole data: J step <= -g."""
    # Descent on a penalty or a Lagrangian ends near the boundary, not on it.
    with Restoration(session) as end:  # put back where it is interrupted
        for _ in range(30):
            g, amounts = end.measured()
            # What was violated before stays in, or two requirements would take turns.
            rows = end.left(amounts)
            if not len(rows):
                break
            # min |step| s.t. J step <= -amounts, = of equations
            J = jacobian(g, rows, session)
            step = shortest(J, amounts[rows], end.equations(rows), end.slope)
            if not end.go(step):  # no length along it leaves less
                break
        end.tell()


def train(session):
    """The loop. Every line is what `cspec run` executes."""
    primal, state, optimizer = session.primal, session.state, session.optimizer
    for batch in session.batches():
        f, g, true = measure(primal, batch)
        if session.step <= 50:
            units_of_augmented_lagrangian(
                state, f, g, true, session.parameters, gradient_rate(optimizer), session.step
            )
        loss = combine(f, g, true, state)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        see_augmented_lagrangian(state, true)
        if session.step % 9 == 0:
            update_augmented_lagrangian(state, true)
        if session.step > 300:
            average_augmented_lagrangian(state, true)
        session.record(f, true)
        if session.epoch_ended:
            session.verify()
            if session.stopped():
                break
    settle_augmented_lagrangian(state)
    session.tell()
    restore(session)


def objective(primal, data):
    """The objective as written."""
    z = outputs(primal, data["train"])
    y = data["train"]["y"]
    return bce(z, y, reduction="mean")


def evaluate(primal, data):
    """Value and bound of every constraint as written, on whole data and as deployed."""
    z = outputs(primal, data["train"])
    predicted = pred(z)
    y = data["train"]["y"]
    f_model = primal["f"]
    fc1_weight = parameter(f_model, "fc1.weight")
    return {
        "quota": (fraction(predicted == 0, on="train"), level),
        "band.lo": (mean(sigmoid(z), where=y == 1, on="train"), 0.2),
        "band.hi": (mean(sigmoid(z), where=y == 1, on="train"), 0.9),
        "small": (sumsq(fc1_weight), 4),
    }


def preferences(primal, data):
    """What each preference adds to what is minimized, on whole data and as deployed."""
    f_model = primal["f"]
    fc1_weight = parameter(f_model, "fc1.weight")
    return {
        "small": 0.1 * shortfall(vector(sumsq(fc1_weight) - 4)),
    }


def metric_acc(primal, data):
    """Recorded, never optimized."""
    z = outputs(primal, data["train"])
    predicted = pred(z)
    y = data["train"]["y"]
    return fraction(predicted == y)


metrics = {
    "acc": metric_acc,
}


def record():
    """The spec, and what the report says of each requirement: how near counts as met, why."""
    return {
        "name": "<spec>",
        "spec": (
            "param level = 70%\n"
            "data train(x, y) = two_gaussians(n=100, seed=0)\n"
            "model f = linear\n"
            "minimize bce(f(x), y)\n"
            "s.t. quota: P[pred == 0] >= level\n"
            "     band: 0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9\n"
            "     small: sum(sumsq(W) for W in f.weights) <= 4 soft(weight=0.1)\n"
            "metric acc = P[pred == y]\n"
            "fit(optimizer=sgd(lr=0.02), steps=500, batch_size=full)\n"
        ),
        "digest": "e1730fe80b0f0de7045ea45c20cbb4be646bebb090bf44c153913530e52a7d50",
        "sense": "minimize",
        "objective": "bce(f(x), y)",
        "objective_datasets": ["train"],
        "constraints": [
            requirement(
                "quota",
                "P[pred == 0] >= level",
                relation=">=",
                tolerance=0.0,
                exact=True,
                method="augmented_lagrangian",
                reason=(
                    "a rate is flat almost everywhere: the true rate moves the multiplier, a "
                    "surrogate moves the model, and the penalty's proportional term damps the pair"
                ),
                rule="augmented_lagrangian",
                segment=(0, 1),
                sign=-1.0,
                datasets=["train"],
                surrogate="sigmoid of temperature 1, which falls to 0.25 along the run",
                stand_in=["level - E[prob(f(x))[0] on train] <= 0"],
                multipliers=True,
                line=5,
            ),
            requirement(
                "band.lo",
                "0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9",
                relation=">=",
                tolerance=1e-06,
                method="augmented_lagrangian",
                reason=(
                    "a statistic of the data without exploitable structure: descend on the model, "
                    "ascend on the multiplier, and a penalty that damps the pair"
                ),
                rule="augmented_lagrangian",
                segment=(1, 2),
                sign=-1.0,
                datasets=["train"],
                multipliers=True,
                line=6,
                means=[{"condition": "y == 1"}],
            ),
            requirement(
                "band.hi",
                "0.2 <= E[sigmoid(f(x)) | y == 1] <= 0.9",
                relation="<=",
                tolerance=1e-06,
                method="augmented_lagrangian",
                reason=(
                    "a statistic of the data without exploitable structure: descend on the model, "
                    "ascend on the multiplier, and a penalty that damps the pair"
                ),
                rule="augmented_lagrangian",
                segment=(2, 3),
                datasets=["train"],
                multipliers=True,
                line=6,
                means=[{"condition": "y == 1"}],
            ),
            requirement(
                "small",
                "sum(sumsq(W) for W in f.weights) <= 4",
                relation="<=",
                tolerance=4e-06,
                soft=True,
                weight=0.1,
                method="soft",
                reason="a preference: its violation is added to the objective",
                line=7,
            ),
        ],
        "metrics": {"acc": "P[pred == y]"},
        "params": {"level": level},
        "method": "augmented_lagrangian",
    }


if __name__ == "__main__":
    from cspec.runtime import main

    raise SystemExit(main(globals()))
