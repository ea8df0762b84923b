"""What can't be taken apart into a loss and somebody else's optimizer's step."""

from __future__ import annotations

import torch

from cspec.compiler.graph import Kind, Operation
from cspec.compiler.program import Program
from cspec.dsl.diagnostics import Diagnostic, SpecError

OWN_THE_STEP = frozenset({"admm", "sqp", "frank_wolfe", "threshold", "sal"})
"""Methods that are a whole training procedure."""
SOLVERS = frozenset({"spg", "bisection"})
"""Methods of whole programs whose constraints may name others: sets are held by projection."""


def refuse(program: Program, optimizer: torch.optim.Optimizer, projects: bool) -> None:
    """Refuse methods that a loop of your own can't run; `projects`: the program projects by step.

    Raises:
        SpecError: CS632, one finding a reason.
    """
    found: list[str] = []
    if isinstance(optimizer, torch.optim.LBFGS):
        found.append("lbfgs evaluates the loss many times a step")
    if program.method in SOLVERS:
        found.append(f"{program.method}, which solves this spec, is a whole run of its own")
    for constraint in program.constraints:
        if program.method in SOLVERS:
            break
        if constraint.method in OWN_THE_STEP:
            found.append(f"{constraint.method} (`{constraint.label}`) is a whole training run")
        if constraint.method == "output_projection":
            why = f"output_projection (`{constraint.label}`) becomes part of the model"
            found.append(why)
        if constraint.method == "parametrization":
            why = f"parametrization (`{constraint.label}`) changes what the optimizer trains"
            found.append(why)
        if constraint.method == "projection" and not projects:
            found.append(f"projection (`{constraint.label}`) with every other than step")
    for operation in program.graph.operations:
        found += _own_demands(operation)
    if found:
        helps = ("use cspec.run, or another method for this constraint",)
        raise SpecError(
            [
                Diagnostic(
                    code="CS632", message=f"not available in your own loop: {why}", helps=helps
                )
                for why in dict.fromkeys(found)
            ]
        )


def _own_demands(operation: Operation) -> list[str]:
    """What an operation needs that another's loop does not give."""
    rule = operation.rule
    if operation.kind is Kind.EXTRAPOLATE:
        return ["extragradient takes each step twice"]
    if operation.kind is Kind.RESET:
        return [f"{rule} resets the optimizer between its rounds"]
    if operation.data is not None:
        return [f"{rule}(dual_data={operation.data}) draws batches of another split"]
    if operation.sees == "surrogate":
        return [f"{rule}(dual_on=surrogate) measures the constraints a second way"]
    if operation.kind is Kind.PROJECT and operation.options:
        given = ", ".join(operation.options)
        return [f"projection with {given} needs to know how long the run is"]
    if operation.options:
        return [f"{rule}(escalate=true) watches the whole run"]
    return []
