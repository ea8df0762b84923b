"""`forall (x, y) in train: f(x) in [0, 1]` of several outputs: the least and the largest of them.

f(x) >= 0 of every output   ->   min(f(x)) >= 0
f(x) <= 1 of every output   ->   max(f(x)) <= 1

A sum of several gaps has an entry for each choice of pairs, u_i + v_j + ...; of more than
`MOST_ENTRIES` those of the longest terms are one, their largest:

every_sum(u, v, w)          ->   every_sum(max(u), v, w)
"""

from math import prod

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.rewrite import call, function_name, rewrite
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.passes.mapping import map_constraints, map_expressions
from cspec.compiler.records.problem import Constraint, PerExample, Problem
from cspec.dsl.tree.nodes import Call, Expr

MOST_ENTRIES = 64
"""Entries of a sum of gaps, each of which has a multiplier and a gradient."""


def few_sums(problem: Problem, inference: Inference) -> Problem:
    """The problem with sums of gaps that have no more than so many entries."""

    def few(expr: Expr) -> Expr:
        if not isinstance(expr, Call) or function_name(expr) != "every_sum":
            return expr
        sizes = [prod(inference.axes(term).shape or ()) for term in expr.arguments]
        terms = list(expr.arguments)
        for place in sorted(range(len(terms)), key=lambda k: -sizes[k]):
            if prod(sizes) > MOST_ENTRIES:
                terms[place], sizes[place] = call("max", terms[place]), 1
        return expr.model_copy(update={"arguments": tuple(terms)})

    return map_expressions(problem, lambda expr: rewrite(expr, few))


def every_entry(problem: Problem, inference: Inference) -> Problem:
    """The problem with one number an example where an interval has to hold several."""
    return map_constraints(problem, lambda c: _of_one(c, inference) if c.every else c)


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
