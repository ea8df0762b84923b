"""What can't be taken apart into a loss and somebody else's optimizer's step."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.methods import METHODS, SOLVERS
from cspec.runtime.functions.shapes import LabelMismatch, ShapeMismatch
from cspec.runtime.run.execute import module_file
from cspec.runtime.run.explain_failure import explain_failure


def refuse(
    program: Program,
    primal: Mapping[str, Any],
    optimizer: torch.optim.Optimizer,
    projects: bool,
) -> tuple[str, ...]:
    """Refuse what a loop of your own can't run; what is only to be known is returned, in words.

    `projects`: the program projects by step.

    Raises:
        SpecError: CS632, one finding a reason; CS634, an optimizer that moves nothing of the spec.
    """
    _refuse_methods(program, optimizer, projects)
    return tuple(_trained(program, primal, optimizer))


def _trained(
    program: Program, primal: Mapping[str, Any], optimizer: torch.optim.Optimizer
) -> Iterator[str]:
    """Which models the optimizer trains, where it is not all of them.

    Raises:
        SpecError: none of what the spec moves is among its parameters.
    """
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    moving = {
        name: [id(p) for p in value.parameters() if p.requires_grad]
        for name, value in primal.items()
        if isinstance(value, nn.Module)
    }
    moving = {name: parameters for name, parameters in moving.items() if parameters}
    count = {name: sum(p in held for p in parameters) for name, parameters in moving.items()}
    if moving and not any(count.values()) and not program.variables:
        listed = " and ".join(f"`{name}`" for name in moving)
        message = f"the optimizer holds no parameter of {listed}, so nothing would ever be trained"
        note = "it was made from other parameters, or before the model was copied or moved"
        helps = (f"make it from this model: torch.optim.Adam({next(iter(moving))}.parameters())",)
        raise Diagnostic(code="CS634", message=message, notes=(note,), helps=helps).error()
    for name, parameters in moving.items():
        if not count[name]:
            yield f"`{name}` does not move: the optimizer holds none of its parameters"
        elif count[name] < len(parameters):
            yield (
                f"of `{name}` the optimizer trains {count[name]} of {len(parameters)} parameter "
                "tensors; the others stay as they are"
            )


def _refuse_methods(program: Program, optimizer: torch.optim.Optimizer, projects: bool) -> None:
    found: list[str] = []
    if isinstance(optimizer, torch.optim.LBFGS):
        found.append("lbfgs evaluates the loss many times a step")
    if program.method in SOLVERS:
        why = METHODS[program.method].own_loop
        found.append(f"{program.method}, which solves this spec, {why}")
    for constraint in () if program.method in SOLVERS else program.constraints:
        method = METHODS.get(constraint.method)
        if method is not None and method.own_loop:
            found.append(f"{constraint.method} (`{constraint.label}`) {method.own_loop}")
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
        return [f"{rule} has a schedule of its own over the whole run"]
    if operation.data is not None:
        return [f"{rule}(dual_data={operation.data}) draws batches of another split"]
    if operation.sees == "surrogate":
        return [f"{rule}(dual_on=surrogate) measures the constraints a second way"]
    if operation.options and operation.kind not in (Kind.UNITS, Kind.PROJECT, Kind.GATES):
        return [f"{rule}(escalate=true) watches the whole run"]
    return []


def misfitting(program: Program, error: ShapeMismatch, bound: bool) -> Diagnostic:
    """Values that do not go together; which do is known before where data are bound."""
    found = explain_failure(program, error, module_file(program))
    if isinstance(error, LabelMismatch):
        helps = (
            "number the labels 0, 1, ...: `y = torch.unique(y, return_inverse=True)[1]`, once",
        )
        return found.model_copy(update={"code": "CS331", "message": str(error), "helps": helps})
    if bound:
        return found
    help_ = "give the training data, or a batch of it, to `bind`: shapes are known then"
    return found.model_copy(update={"helps": (*found.helps, help_)})
