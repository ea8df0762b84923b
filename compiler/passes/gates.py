"""On a model with L0 gates the expected density drives training; the deployed one is verified.

density(net) - 0.5   ->   expected_density(net) - 0.5          in canonical parts only
"""

from __future__ import annotations

from cspec.compiler.ir import Problem
from cspec.compiler.rewrite import call, rewrite
from cspec.dsl.nodes import Call, Expr, Name

EXPECTED = "expected density of the gates"


def gates(problem: Problem, gated: frozenset[str]) -> Problem:
    """The problem with densities of `gated` models replaced in what is trained on."""

    def step(node: Expr) -> Expr:
        match node:
            case Call(function=Name(id="density"), arguments=(Name(id=model),)) if model in gated:
                return call("expected_density", *node.arguments)
            case _:
                return node

    constraints = []
    for c in problem.constraints:
        parts = tuple(rewrite(part, step) for part in c.parts)
        changed = any(a is not b for a, b in zip(parts, c.parts, strict=True))
        update = {"parts": parts, "surrogate_text": EXPECTED} if changed else {}
        constraints.append(c.model_copy(update=update))
    objective = rewrite(problem.objective, step)
    return problem.model_copy(update={"constraints": tuple(constraints), "objective": objective})
