"""Sets of weights that a parametrization of torch computes: nothing can be put into such a weight.

W in stiefel      with `parametrizations.weight_norm(layer)`: refused, with what to do instead
l2(W) <= 1        a function of the weight, whose gradient flows through the parametrization
"""

from cspec.compiler.records.facts import Facts
from cspec.compiler.records.fragment import unfit
from cspec.compiler.records.problem import Constraint, ParameterRef
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.tree.nodes import walk


def computed_in(c: Constraint, facts: Facts | None) -> str | None:
    """The first computed weight in the set of a constraint, as `f.fc.weight`."""
    if c.set is None or facts is None:
        return None
    nodes = () if c.set.subject is None else walk(c.set.subject)
    named = {(node.model, node.name) for node in nodes if isinstance(node, ParameterRef)}
    for model, found in facts.models.items():
        for p in found.parameters:
            of_model = p.prunable and model == c.set.model
            if p.computed and (of_model or (model, p.name) in named):
                return f"{model}.{p.name}"
    return None


def computed_weight(c: Constraint, by: str, weight: str) -> SpecError:
    """The finding that a method can't put a computed weight into a set."""
    last = weight.rpartition(".")[2]
    taken = f'torch.nn.utils.parametrize.remove_parametrizations(layer, "{last}")'
    return unfit(
        c,
        by,
        f"a parametrization computes `{weight}`, so nothing can be put into it",
        (
            f"take the parametrization off: `{taken}`",
            "or bound a function of the weight: `spectral(W) <= 1`",
        ),
        label="a set of weights that are computed",
    )
