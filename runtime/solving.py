"""A run that a solver owns: its problem is made of the session, its outcome put into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cspec.runtime.task import Measure, Outcome, Task

if TYPE_CHECKING:
    from cspec.runtime.session.session import Session

Solver = Callable[..., Outcome]
"""A function of a task and settings."""


def solve(session: Session, solver: Solver, measure: Measure, **settings: Any) -> None:
    """Move the session's variables to where the solver ends, and note what it says of it."""
    # Multipliers are known at the end: no zeros are shown in their place on the way.
    unknown = session.state.pop("multipliers", None)
    task = task_of(session, measure)
    try:
        found = solver(task, **settings)
        session.flush()
    finally:
        if unknown is not None:
            session.state["multipliers"] = unknown
    _conclude(session, task, found)


def task_of(session: Session, measure: Measure) -> Task:
    """The problem of a session."""
    program, batch = session.program, session.whole_batch()

    def seen(f: Tensor, g: Tensor) -> None:
        session.step += 1
        session.epoch = session.step
        session.record(f, g)

    def objective() -> Tensor:
        value: Tensor = session.sign * session.module["objective"](session.primal, batch)
        return value

    return Task(
        measure=measure,
        primal=session.primal,
        variables=tuple(program.variables),
        batch=batch,
        objective=objective,
        sense=program.sense,
        written=program.objective,
        constraints=tuple(program.constraints),
        foreign=bool(program.functions),
        seed=session.seed,
        seen=seen,
        interrupted=lambda: bool(session.interrupted),
        flush=session.flush,
    )


def _conclude(session: Session, task: Task, found: Outcome) -> None:
    held = session.state.get("multipliers")
    if found.multipliers is not None and held is not None:
        session.state["multipliers"] = found.multipliers[: len(held)].to(held)
    if found.residual is not None:
        session.state["residual"] = torch.tensor(found.residual, dtype=torch.float64)
    if found.end is not None:
        task.seen(*found.end)
    if found.projected_gradient is not None:
        session.projected_gradient = found.projected_gradient
    session.termination = session.termination or found.termination
    session.notes.extend(found.notes)
    session.flush()
