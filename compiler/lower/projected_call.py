"""What the emitted call of the spectral projected gradient solver needs, and its update graph."""

from __future__ import annotations

from typing import NamedTuple

from cspec.compiler.records.graph import Kind, Operation, Update, UpdateGraph
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


def set_solve_of(lowered: Lowered) -> SetSolve:
    """The call of the solver for a lowered problem that it owns."""
    settings = lowered.problem.solver
    assert isinstance(settings, Spg)
    return SetSolve(
        settings=settings,
        sets=tuple(
            (target.id, action)
            for action in lowered.actions
            for target in action.targets
            if isinstance(target, Name)
        ),
        equalities=tuple(e for rule in lowered.rules for e in rule.rule.equalities),
        convex=lowered.problem.convex,
        ways=lowered.ways,
    )


def set_graph(graph: UpdateGraph) -> UpdateGraph:
    """The graph of such a run: an inner step of measure, combine, search; multipliers around it.

    An epoch is one inner minimization, up to its tolerance.
    """
    kept = {
        kind: tuple(op for op in graph.operations if op.kind is kind)
        for kind in (Kind.MEASURE, Kind.COMBINE, Kind.BACKWARD, Kind.PROJECT, Kind.RECORD)
    }
    step = Operation(
        kind=Kind.PRIMAL_STEP,
        name="spectral_step",
        meaning="t = <s, s> / <s, y>; x moves toward P(x - t grad L), or along it where a set is "
        "not convex, as far as the largest of the last values allows",
    )
    duals = tuple(_multipliers(op) for op in kept[Kind.COMBINE])
    end = Operation(
        kind=Kind.STOP, name="stop", meaning="||P(x - grad L) - x|| <= tolerance max(1, ||grad L||)"
    )
    before = (*kept[Kind.MEASURE], *kept[Kind.COMBINE], *kept[Kind.BACKWARD])
    after = (step, *kept[Kind.PROJECT], *kept[Kind.RECORD], end, *duals)
    return UpdateGraph(state=graph.state, operations=(*before, *after))


def _multipliers(combine: Operation) -> Operation:
    """The step of the multipliers that belongs to an augmented Lagrangian."""
    weight = next(update for update in combine.updates if update.target == "weight")
    return Operation(
        kind=Kind.DUAL_STEP,
        name=f"update_{combine.name}",
        rule=combine.rule,
        updates=(Update(target="multipliers", formula=weight.formula),),
        trigger=EPOCH,
        meaning="multipliers <- [multipliers + c g]+ after each inner minimization; c grows "
        "tenfold where the violation did not halve",
    )
