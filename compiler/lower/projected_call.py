"""What the emitted call of the spectral projected gradient solver needs, and its update graph."""

from __future__ import annotations

from typing import NamedTuple

from cspec.compiler.records.graph import Kind, Operation, UpdateGraph, assigned
from cspec.compiler.records.lowered import EntryRules, Lowered, SetAction
from cspec.dsl.settings.base import EPOCH
from cspec.dsl.settings.methods import Spg
from cspec.dsl.tree.nodes import Name


class SetSolve(NamedTuple):
    """One call of the solver."""

    settings: Spg
    sets: tuple[tuple[str, SetAction], ...]
    """Every variable with each set that it is held in."""
    equalities: tuple[bool, ...]
    convex: bool
    ways: EntryRules = ()
    """How rules can hold."""


def set_solve_of(lowered: Lowered) -> SetSolve | None:
    """The call of the solver for a lowered problem that it owns; None for another."""
    settings = lowered.problem.solver
    if not isinstance(settings, Spg):
        return None
    return SetSolve(
        settings=settings,
        sets=tuple(
            (target.id, action)
            for action in lowered.actions
            for target in action.targets
            if isinstance(target, Name)
        ),
        equalities=lowered.equalities,
        convex=lowered.problem.convex,
        ways=lowered.ways,
    )


def set_graph(graph: UpdateGraph) -> UpdateGraph:
    """The graph of such a run: an inner step of measure, combine, search; multipliers around it.

    An epoch is one inner minimization, up to its tolerance.
    """
    step = Operation(
        kind=Kind.PRIMAL_STEP,
        name="spectral_step",
        meaning="t = <s, s> / <s, y>; x moves toward P(x - t grad L), or along it where a set is "
        "not convex, as far as the largest of the last values allows",
    )
    combined = graph.of(Kind.COMBINE)
    end = Operation(
        kind=Kind.STOP, name="stop", meaning="||P(x - grad L) - x|| <= tolerance max(1, ||grad L||)"
    )
    before = (*graph.of(Kind.MEASURE), *combined, *graph.of(Kind.BACKWARD))
    after = (*graph.of(Kind.PROJECT), *graph.of(Kind.RECORD), end, *map(_multipliers, combined))
    return UpdateGraph(state=graph.state, operations=(*before, step, *after))


def _multipliers(combine: Operation) -> Operation:
    """The step of the multipliers that belongs to an augmented Lagrangian."""
    weight = next(update for update in combine.updates if update.target == "weight")
    return Operation(
        kind=Kind.DUAL_STEP,
        name=f"update_{combine.name}",
        rule=combine.rule,
        updates=assigned(f"multipliers <- {weight.formula}"),
        trigger=EPOCH,
        meaning="multipliers <- [multipliers + c g]+ after each inner minimization; c grows "
        "tenfold where the violation did not halve",
    )
