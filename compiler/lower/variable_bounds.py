"""The bounds of decision variables: `var x in [0, 1]` holds at every step, by projection."""

from __future__ import annotations

from collections.abc import Iterable

from cspec.compiler.expressions.rewrite import number
from cspec.compiler.records.lowered import SetAction
from cspec.compiler.records.problem import SetMember
from cspec.compiler.records.program import VariableSetup
from cspec.dsl.settings.methods import Projection
from cspec.dsl.tree.nodes import Expr, Name, Negate


def bound_actions(
    variables: Iterable[VariableSetup], taken: Iterable[str]
) -> tuple[SetAction, ...]:
    """One projection onto a box for each bounded variable, after all other projections.

    `taken` are the names of the other actions.
    """
    names = set(taken)
    found = []
    for variable in variables:
        if variable.lower is None and variable.upper is None:
            continue
        name = f"{variable.name}_bounds"
        while name in names:
            name += "_"
        names.add(name)
        low = Negate(operand=Name(id="inf")) if variable.lower is None else number(variable.lower)
        high: Expr = Name(id="inf") if variable.upper is None else number(variable.upper)
        box = SetMember(word="box", subject=Name(id=variable.name), arguments={"0": low, "1": high})
        found.append(
            SetAction(
                name=name,
                family=variable.name,
                settings=Projection(),
                set=box,
                targets=(Name(id=variable.name),),
                constraints=(),
            )
        )
    return tuple(found)
