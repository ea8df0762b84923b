"""Whether each requirement pulls: with it the first step goes elsewhere than without it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import fields, replace

import torch
from meaning.compare import named
from meaning.expressions import EVENTS
from meaning.generate import Written, param_lines
from meaning.made import make
from meaning.outputs import Logits, Pred
from meaning.requirements import RequirementWriter
from meaning.steps import STEP

import cspec

METHODS = ("using lagrangian(start=1)", "using lagrangian(start=2, dual=sgd(lr=0.1))")
"""Methods that weigh a requirement whether or not its surrogate is violated, too."""


def through_events(part: object) -> bool:
    """Whether a value depends on a model through events and predictions only."""
    if isinstance(part, (*EVENTS, Pred)):
        return True
    if isinstance(part, Logits):
        return False
    if isinstance(part, tuple):
        return all(through_events(p) for p in part)
    if hasattr(part, "__dataclass_fields__"):
        return all(through_events(getattr(part, f.name)) for f in fields(part))  # type: ignore[arg-type]
    return True


def asks(written: Written) -> bool:
    """Whether a part of the requirement is violated that another model changes."""
    made = written.made
    other = replace(
        made.other,
        params=made.world.params,
        vectors=made.world.vectors,
        levels=made.world.levels,
    )
    (constraint,) = written.constraints
    there = constraint.expected(other, other.default)
    pairs = zip(written.judged(), there, strict=True)
    return any(a.violation > 1e-6 and abs(a.violation - b.violation) > 1e-6 for a, b in pairs)


def pulling(seed: int, simple: bool = False) -> Written | None:
    """A spec with one requirement that is violated, and that moves with a model through events."""
    rng = random.Random(f"pull {seed}")
    made = make(rng, simple=simple, even=True)
    while "ref" in made.models:  # distances of 0 have no gradient
        made = make(rng, simple=simple, even=True)
    writer = RequirementWriter(rng, made)
    objective = writer.objective()
    for i in range(30):
        found = writer.constraint(f"c{i}", None)
        if found is None or found.modifier or not through_events(found):
            continue
        lines, outside = param_lines(writer)
        written = Written(
            seed=seed,
            made=made,
            defined=(*lines, *(let.line() for let in writer.lets)),
            objective=objective,
            constraints=(found,),
            metrics=(),
            verified=None,
            double=True,
            params=outside,
            method=rng.choice(METHODS),
            fit=STEP,
        )
        if asks(written):
            return written
    return None


def step(written: Written, text: str | None = None) -> Mapping[str, torch.Tensor]:
    """The parameters after the first step, also of another text bound to the same names."""
    result = cspec.run(text or written.text, **named(written))
    assert result.last is not None
    return result.last.tensors


def slack(written: Written) -> str:
    """Nothing if the requirement pulls; else the spec, and how it fails to."""
    head = f"seed {written.seed}\n{written.text}\n"
    try:
        free = step(replace(written, constraints=(), method=""))
        bound = step(written)
    except Exception as error:
        return f"{head}{type(error).__name__}: {error}"
    same = [torch.equal(p, bound[name]) for name, p in free.items()]
    return f"{head}the step is the same without it" if all(same) else ""
