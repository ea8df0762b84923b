"""Sets of weights that a parametrization or a hook of torch computes: nothing can be put into one.

W in stiefel      with `parametrizations.weight_norm(layer)`: refused, with what to do instead
l2(W) <= 1        a function of the weight, whose gradient flows through what computes it
"""

from typing import NamedTuple

from cspec.compiler.records.facts import Facts
from cspec.compiler.records.fragment import unfit
from cspec.compiler.records.problem import Constraint, ParameterRef
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.tree.nodes import walk


class Computed(NamedTuple):
    """A weight as `f.fc.weight`, and what to do for it to be a parameter."""

    weight: str
    instead: str


def computed_in(c: Constraint, facts: Facts | None) -> Computed | None:
    """The first computed weight in the set of a constraint."""
    if c.set is None or facts is None:
        return None
    nodes = () if c.set.subject is None else walk(c.set.subject)
    named = {(node.model, node.name) for node in nodes if isinstance(node, ParameterRef)}
    for model, found in facts.models.items():
        for p in found.parameters:
            of_model = p.prunable and model == c.set.model
            if p.computed and (of_model or (model, p.name) in named):
                return Computed(f"{model}.{p.name}", p.computed)
    return None


def computed_weight(c: Constraint, by: str, computed: Computed) -> SpecError:
    """The finding that a method can't put a computed weight into a set."""
    by_what = "a hook" if "hook" in computed.instead else "a parametrization"
    return unfit(
        c,
        by,
        f"{by_what} computes `{computed.weight}`, so nothing can be put into it",
        (
            computed.instead,
            "or bound a function of the weight: `spectral(W) <= 1`",
        ),
        label="a set of weights that are computed",
    )
