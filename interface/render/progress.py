"""Progress of a run: a bar on a terminal, a line now and then elsewhere, JSON lines, or nothing."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cspec.compiler.records.program import Program
from cspec.dsl.text.visible import visible_line
from cspec.render.words import number
from cspec.runtime.result.result import finite_or_none

OnProgress = Callable[[Mapping[str, Any]], None]
"""What is called now and then with where a run is."""

SHOWN = 3
"""Multipliers beside the bar."""
LINES = 10
"""Lines of a run without a terminal."""


@contextmanager
def progress(program: Program, mode: str) -> Iterator[OnProgress | None]:
    """A callback for the run. `mode`: `auto` (bar or lines, by standard error), `json`, `none`."""
    if mode == "none":
        yield None
    elif mode == "json":
        yield _while_it_can_be_shown(_json_line)
    elif sys.stderr.isatty():
        with _bar(program) as update:
            yield update
    else:
        yield _while_it_can_be_shown(_lines(program))


def _while_it_can_be_shown(update: OnProgress) -> OnProgress:
    """A pipe that nobody reads or a full disk ends the lines, not the training."""
    shown = [True]

    def guarded(state: Mapping[str, Any]) -> None:
        if shown[0]:
            try:
                update(state)
            except OSError:
                shown[0] = False

    return guarded


def describe(program: Program, state: Mapping[str, Any]) -> str:
    """`objective 0.31  violation 0.02 (c1)  c1 1.2`: objective, worst violation, multipliers."""
    parts = [f"objective {number(state['objective'], 4)}"]
    worst = worst_violation(program, state["violations"])
    if worst is not None:
        label, value = worst
        allowed = next(c.tolerance for c in program.constraints if c.label == label)
        met = value <= allowed
        parts.append("feasible" if met else f"violation {number(value, 2)} ({label})")
    multipliers = sorted(state["multipliers"].items(), key=lambda item: -abs(item[1]))
    if multipliers:
        shown = " ".join(f"{label} {number(value, 3)}" for label, value in multipliers[:SHOWN])
        more = " ..." if len(multipliers) > SHOWN else ""
        parts.append(f"multipliers {shown}{more}")
    if state.get("skipped"):
        parts.append(f"{state['skipped']} steps skipped")
    return visible_line("  ".join(parts))


def worst_violation(program: Program, violations: Mapping[str, float]) -> tuple[str, float] | None:
    """The largest canonical violation of a requirement: of g, or of |h|."""
    equal = {c.label: c.equal for c in program.constraints if not c.soft}
    sized = [
        (label, abs(value) if equal[label] else value)
        for label, value in violations.items()
        if label in equal and not math.isnan(value)
    ]
    return max(sized, key=lambda item: item[1], default=None)


def step_of(state: Mapping[str, Any]) -> str:
    """`step 45/5,000`; `step 45` where nobody knows how many there will be."""
    total = state["total_steps"]
    return f"step {state['step']:,}" + ("" if total is None else f"/{total:,}")


def _json_line(state: Mapping[str, Any]) -> None:
    plain = {k: dict(v) if isinstance(v, Mapping) else v for k, v in state.items()}
    print(json.dumps(finite_or_none({"type": "progress", **plain}), allow_nan=False), flush=True)


def _lines(program: Program) -> OnProgress:
    printed = [-1]

    def update(state: Mapping[str, Any]) -> None:
        total = state["total_steps"]
        # A solver knows no number of steps before: a line each time it has doubled.
        step = state["step"]
        part = step.bit_length() if total is None else LINES * step // max(1, total)
        if part > printed[0]:
            printed[0] = part
            print(f"{step_of(state)}  {describe(program, state)}", file=sys.stderr, flush=True)

    return update


@contextmanager
def _bar(program: Program) -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.fields[epoch]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=None, epoch="")

        def update(state: Mapping[str, Any]) -> None:
            bar.update(
                task,
                total=state["total_steps"],
                completed=state["step"],
                description=describe(program, state),
                epoch=f"epoch {state['epoch']}" if state["epoch"] else "",
            )

        yield update
