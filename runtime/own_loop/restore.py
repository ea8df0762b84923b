"""Parameters brought to where the spec asks for them, behind the steps of somebody else's loop."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.runtime.functions.worst_case import whole_rows
from cspec.runtime.own_loop.data import Look
from cspec.runtime.session.batches import many_rows


class Loop(Protocol):
    """What is read of a handle."""

    program: Program
    module: Mapping[str, Any]
    primal: dict[str, Any]
    state: dict[str, Tensor]
    steps: int

    def held(self) -> list[Tensor]:
        """What the optimizer trains."""

    def models(self) -> dict[str, nn.Module]:
        """The modules of the spec, by name."""


def into_sets(
    module: Mapping[str, Any],
    primal: dict[str, Any],
    state: dict[str, Tensor],
    optimizer: torch.optim.Optimizer | None,
    progress: float,
) -> None:
    """Parameters into their sets, gates where they are decided; what was pruned stays zero."""
    masks = "freeze" in module
    if masks:
        module["keep_zeros"](primal, state)
    if "project" in module:
        module["project"](primal, optimizer, progress)
    if masks:
        module["freeze"](primal, state, progress)
    if "decide" in module:
        module["decide"](primal, progress)


def restore(loop: Loop, look: Look) -> tuple[str, ...]:
    """Newton's shortest steps to the requirements, on whole data; what is told of them.

    Raises:
        SpecError: CS632, a program that ends without.
    """
    if "restore" not in loop.module:
        message = "not available in your own loop: `restore`, for a method that acts as written"
        note = (
            "a penalty or a dual step that the spec gives is used to the last step and no further"
        )
        helps = ("leave the method, or its settings, to the spec: then the end is restored",)
        raise Diagnostic(code="CS632", message=message, notes=(note,), helps=helps).error()
    parameters = [p for p in loop.held() if p.requires_grad]
    run = SimpleNamespace(
        program=loop.program,
        module=loop.module,
        primal=loop.primal,
        state=loop.state,
        data=look.data,
        large=many_rows(look.data),
        device=parameters[0].device,
        parameters=parameters,
        models=lambda: list(loop.models().values()),
        whole_batch=lambda: _whole(look, loop.steps, parameters[0].device),
        notes=[],
        sign=-1.0 if loop.program.sense == "maximize" else 1.0,
        schedule=SimpleNamespace(fastest=1.0),  # what the loop's rates move, nobody says
        total_steps=max(1, loop.steps),
        measured=[],
        told=None,
        told_each={},
        inward={},
        interrupted=False,
        out_of_reach=False,
    )
    loop.module["restore"](run)
    if run.out_of_reach and not run.notes:
        run.notes.append("restored: no step on whole data takes the violation away")
    with torch.no_grad():
        into_sets(loop.module, loop.primal, loop.state, None, 1.0)
    return tuple(run.notes)


def _whole(look: Look, step: int, device: torch.device) -> dict[str, Any]:
    """All the data as one batch, beside the `given` values."""
    columns = {name: data.part.columns for name, data in look.data.items()}
    clock = torch.full((1,), float(step), device=device)
    return {**whole_rows(columns, clock), "given": look.given}
