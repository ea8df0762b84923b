"""`forall (x, y) in train: f(x) in [0, 1]` of several outputs: the least and the largest of them.

f(x) >= 0 of every output   ->   min(f(x)) >= 0
f(x) <= 1 of every output   ->   max(f(x)) <= 1
"""

from __future__ import annotations

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.rewrite import call
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.records.problem import Constraint, PerExample, Problem


def every_entry(problem: Problem, inference: Inference) -> Problem:
    """The problem with one number an example where an interval has to hold several."""
    found = tuple(_of_one(c, inference) if c.every else c for c in problem.constraints)
    return problem.model_copy(update={"constraints": found})


def _of_one(c: Constraint, inference: Inference) -> Constraint:
    each, value = c.each, c.value
    if each is None or not isinstance(value, PerExample) or not inference.axes(value).shape:
        return c
    word = "max" if c.relation == "<=" else "min"
    extreme = value.model_copy(update={"body": call(word, value.body)})
    bound = c.bound.body if isinstance(c.bound, PerExample) else c.bound
    plain = c.model_copy(update={"bound": bound})
    part = each.model_copy(update={"body": as_written(extreme.body, plain)})
    return c.model_copy(update={"value": extreme, "parts": (part,)})
