"""What one step does: the gradient of what is written, by differences of the evaluator's values."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from dataclasses import replace

import torch
from meaning.arithmetic import Arithmetic, Call, Extreme
from meaning.compare import moving, named
from meaning.evaluator import Constraint, Judged
from meaning.generate import Written, param_lines
from meaning.made import make, with_models
from meaning.means import Mean, OfGroups, OverValues, Tail
from meaning.outputs import Loss
from meaning.requirements import RequirementWriter
from meaning.shrink import parts
from meaning.tree import Node
from meaning.world import World

import cspec

RATE = 1e-3
STEP = f"optimizer=sgd(lr={RATE}), steps=1, batch_size=full"

FORCES = {
    "using exact_penalty(coefficient=0.7)": lambda g, equal: 0.7 * (abs(g) if equal else max(g, 0)),
    "using quadratic_penalty(coefficient=0.7)": lambda g, equal: (
        0.35 * (g if equal else max(g, 0)) ** 2
    ),
    "using penalty(coefficient=0.7)": lambda g, equal: 0.7 * g,
    "using augmented_lagrangian(penalty=0.5, start=0.3)": lambda g, equal: (
        0.3 * g + 0.25 * g * g if equal else (max(0.3 + 0.5 * g, 0) ** 2 - 0.09) / 1.0
    ),
}
"""What each method adds to the objective, of g (what must be <= 0) or h (what must be 0)."""


def above(row: Judged) -> float:
    """What must be <= 0, or lhs - rhs of an equality."""
    difference = row.left - row.right
    return -difference if row.relation == ">=" else difference


def total(written: Written, world: World) -> float:
    """What the first step goes down on: the objective, and what the requirements add."""
    objective = written.objective.expected(world)
    sign = -1 if written.objective.sense == "maximize" else 1
    added = 0.0
    for constraint in written.constraints:
        for row in constraint.expected(world, world.default):
            if math.isnan(row.left - row.right):
                continue  # what is not measured gives no update
            if constraint.modifier.startswith(" soft"):
                added += preference(constraint, row)
            else:
                added += FORCES[written.method](above(row), row.relation == "==")
    return sign * objective + added


def preference(constraint: Constraint, row: Judged) -> float:
    """Weight times the violation, or its square."""
    weight = 2.0 if "weight=2" in constraint.modifier else 1.0
    power = 2 if "power=2" in constraint.modifier else 1
    return float(weight * row.violation**power)


def slopes(written: Written) -> Iterator[tuple[str, torch.Tensor, float]]:
    """Name and gradient of each parameter, by central differences, and how far rounding may have
    moved them."""
    world = written.made.world
    models = {m: copy.deepcopy(net).double() for m, net in moving(written).items()}
    for m, model in models.items():
        for name, p in model.named_parameters():
            flat, found = p.data.view(-1), torch.zeros(p.numel(), dtype=torch.float64)
            usual, noise = float(flat.abs().mean()), 0.0
            for i in range(p.numel()):
                at, h = float(flat[i]), 1e-6 * max(abs(float(flat[i])), usual)
                values = []
                for shift in (h, -h):
                    flat[i] = at + shift
                    values.append(total(written, with_models(world, models)))
                flat[i] = at
                found[i] = (values[0] - values[1]) / (2 * h)
                noise = max(noise, 1e-14 * abs(values[0]) / h, 4e-16 * abs(at) / RATE)
            yield f"{m}.{name}", found.reshape(p.shape), noise


def wrong_step(written: Written) -> str:
    """Nothing if the first step follows what is written; else what moves otherwise."""
    head = f"seed {written.seed}\n{written.text}\n"
    given = {
        f"{m}.{name}": p.detach().double().clone()
        for m, net in moving(written).items()
        for name, p in net.named_parameters()
    }
    try:
        result = cspec.run(written.text, **named(written))
    except Exception as error:
        return f"{head}{type(error).__name__}: {error}"
    assert result.last is not None
    out = []
    for name, slope, noise in slopes(written):
        moved = (given[name] - result.last.tensors[name].double()) / RATE
        size = max(float(slope.abs().max()), 1e-9)
        if not torch.allclose(moved, slope, rtol=1e-4, atol=2e-5 * size + noise):
            out.append(f"{name}: cspec moves by {moved.tolist()}, right is {slope.tolist()}")
    return head + "\n".join(out) if out else ""


def in_parts(side: Node) -> bool:
    """Whether methods work on the parts of a side (pairs of groups, ends of an absolute value), or
    on another form of it (ratios are compiled to a linear one)."""
    parts = (Arithmetic, OfGroups, OverValues, Extreme, Call)
    return any(isinstance(n, parts) for n in whole_nodes(side))


def whole_nodes(side: Node) -> Iterator[Node]:
    """The nodes of a number of data, without what its means are taken over."""
    yield side
    if not isinstance(side, Mean | Loss | Tail):
        for part in parts(side):
            yield from whole_nodes(part)


def stepping(seed: int, simple: bool = False) -> Written:
    """A spec whose first step is known: everything in it has a gradient."""
    rng = random.Random(f"step {seed}")
    made = make(rng, simple=simple)
    while "ref" in made.models:  # distances of 0 have no gradient
        made = make(rng, simple=simple)
    writer = RequirementWriter(rng, made, still=True)
    objective = writer.objective()
    kind = rng.choice(["alone", "alone", "soft", "method"])
    required: list[Constraint] = []
    for i in range(20):
        if kind == "alone" or len(required) == 2:
            break
        found = writer.constraint(f"c{i}", None)
        if found is None or found.modifier:
            continue
        if kind == "method" and any(in_parts(side) for side in found.sides):
            continue
        if kind == "soft":
            words = [" soft", " soft(weight=2)", " soft(weight=2, power=2)"]
            found = replace(found, modifier=rng.choice(words))
        required.append(found)
    method = rng.choice(list(FORCES)) if kind == "method" and required else ""
    if method.startswith("using penalty"):
        required = [c for c in required if "==" not in c.relations]
    lines, outside = param_lines(writer)
    return Written(
        seed=seed,
        made=made,
        defined=(*lines, *(let.line() for let in writer.lets)),
        objective=objective,
        constraints=tuple(required),
        metrics=(),
        verified=None,
        double=True,
        params=outside,
        method=method,
        fit=STEP,
    )
