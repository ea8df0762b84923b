"""minimize ce(net(x), y)

ortho: W in stiefel by projection
prune: W in sparse(10%) by admm

Compiled by cspec from <spec>, plan 2290ec64efac. Running this file
trains exactly as `cspec run` does: the runtime executes this very text.
"""
import torch

from cspec.runtime import operators
from cspec.runtime.functions import ce, fraction, pred
from cspec.runtime.methods.admm import attraction, begin, deliver, report_split, split_round, stay
from cspec.runtime.setup import Setup, adam, cosine_schedule, digits, fit, mlp, requirement
from cspec.runtime.steps.feasible_copies import Split
from cspec.runtime.steps.projection import project_
from cspec.runtime.steps.update import parameter, parameters

STIEFEL = operators.get("stiefel")
SPARSE = operators.get("sparse", 0.1, scope="layer")
SPARSE_2 = operators.get("sparse", 0.1)


def setup():
    """What the loop works on. Nothing is loaded here: `main` does, in this order, seeded."""
    train, val, test = digits(split=[0.6, 0.2, 0.2], seed=0).parts(3)
    net = mlp(inputs=64, hidden=[32, 32], outputs=10)
    optimizer = adam(net, lr=0.001)
    schedule = cosine_schedule()
    return Setup(
        data={
            "train": train.columns("x", "y"),
            "val": val.columns("x", "y"),
            "test": test.columns("x", "y"),
        },
        models={"net": net},
        called_on={"net": ["x"]},
        inputs=["x"],
        fit=fit(optimizer, schedule=schedule, epochs=20, batch_size=64, clip_norm=1.0, seed=0),
    )


def outputs(primal, rows):
    """net(x), on rows of any dataset."""
    return primal["net"](rows["x"])


def objective(primal, batch):
    """The objective as written."""
    z = outputs(primal, batch["train"])
    y = batch["train"]["y"]
    return ce(z, y, reduction="mean")


def ortho_tensors(primal):
    """What `ortho` is about: W in stiefel"""
    return parameters(primal["net"], ["fc1.weight"])


def prune_tensors(primal):
    """What `prune` is about: W in sparse(10%)"""
    return parameters(primal["net"], ["fc2.weight"])


def sets(primal):
    """Every set that parameters are kept in."""
    return [
        (STIEFEL, ortho_tensors(primal)),  # ortho
    ]


def splits(primal, state):
    """Parameters x, their copies z in sets, and the scaled duals u of x = z."""
    return [Split("prune", SPARSE, prune_tensors(primal), state)]


def project(primal, optimizer, progress):
    """Replace each by the nearest member of its set; momentum follows."""
    project_(STIEFEL, ortho_tensors(primal), optimizer)  # ortho


def train(session):
    """The loop. Every line is what `cspec run` executes."""
    primal, state, optimizer = session.primal, session.state, session.optimizer
    [prune_split] = splits(primal, state)
    if session.step == 0:  # not where a run is resumed
        project(primal, optimizer, 0.0)
    for batch in session.batches():
        progress = session.progress
        # free at first, then drawn to a copy in the set, then fine-tuned on it
        prune_apart = 0.3 <= progress < 0.8
        if prune_apart and not prune_split.begun:
            begin(prune_split, rho=0.001)  # z <- P(x), u <- 0
        if progress >= 0.8 and prune_split.begun and not prune_split.delivered:
            deliver(prune_split)  # x <- z
            session.mark("prune")
        f = objective(primal, batch)
        loss = f
        if prune_apart:
            loss = loss + attraction(prune_split)  # rho/2 ||x - z + u||^2
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(session.parameters, 1.0)
        optimizer.step()
        session.schedule.step()
        project(primal, optimizer, session.progress)
        if prune_split.delivered:  # fine-tuning leaves the set no more
            stay(prune_split, optimizer=optimizer)
        session.record(f)
        if session.epoch_ended:
            if prune_apart:
                split_round(prune_split)  # z <- P(x + u), u <- u + x - z
            session.verify()
            if session.feasible(0.001) and session.stalled(epochs=5) or session.stopped():
                break
    if not prune_split.delivered:
        deliver(prune_split)  # x <- z
    report_split(session, prune_split)


def evaluate(primal, data):
    """Value and bound of every constraint as written, on whole data and as deployed."""
    net = primal["net"]
    fc1_weight = parameter(net, "fc1.weight")
    fc2_weight = parameter(net, "fc2.weight")
    return {
        "ortho[fc1.weight]": (STIEFEL.violation(fc1_weight), 0),
        "prune[fc2.weight]": (SPARSE_2.violation(fc2_weight), 0),
    }


def metric_acc(primal, data):
    """Recorded, never optimized."""
    z = outputs(primal, data["test"])
    predicted = pred(z)
    y = data["test"]["y"]
    return fraction(predicted == y)


metrics = {
    "acc": metric_acc,
}


def record():
    """The spec, and what the report says of each requirement: how near counts as met, why."""
    return {
        "name": "<spec>",
        "spec": (
            "data train(x, y), val(x, y), test(x, y) = digits(split=[0.6, 0.2, 0.2], seed=0)\n"
            "model net = mlp(hidden=[32, 32])\n"
            "minimize ce(net(x), y)\n"
            's.t. ortho: forall W in net.weights("fc1.*"): W in stiefel within 1e-5\n'
            '     prune: forall W in net.weights("fc2.*"): W in sparse(10%) by admm(rho=1e-3)\n'
            "metric acc = P[pred == y on test]\n"
            "fit(epochs=20, batch_size=64, schedule=cosine, clip_norm=1)\n"
            "verify all on val every epoch\n"
            "stop when feasible(1e-3) and stalled(epochs=5)\n"
        ),
        "digest": "2290ec64efacc3f13f9c68144948f4b6379792bab2d2f82adac808794fff15ca",
        "sense": "minimize",
        "objective": "ce(net(x), y)",
        "objective_datasets": ["train"],
        "constraints": [
            requirement(
                "ortho[fc1.weight]",
                "W in stiefel",
                family="ortho",
                relation="in",
                tolerance=1e-05,
                method="projection",
                reason=(
                    "a set of parameters with a known projection, `stiefel`: exact at every step, "
                    "and there is nothing to tune"
                ),
                line=4,
            ),
            requirement(
                "prune[fc2.weight]",
                "W in sparse(10%)",
                family="prune",
                relation="in",
                tolerance=0.0,
                exact=True,
                method="admm",
                reason="as written: the constraint's own `by`",
                line=5,
            ),
        ],
        "metrics": {"acc": "P[pred == y on test]"},
        "verify": [{"dataset": "val", "every": (1, "epoch")}],
        "stop": "feasible(1e-3) and stalled(epochs=5)",
        "method": "projection+admm",
    }


if __name__ == "__main__":
    from cspec.runtime import main

    raise SystemExit(main(globals()))
