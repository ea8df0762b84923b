"""Post hoc: move the decision threshold of a trained classifier until its rates hold.

    z = f(x) + s         s = 0 while training; chosen afterwards on the training data
    s = argmin loss(s)   over shifts at which every `by threshold` rate holds

The classic post-processing of Hardt, Price and Srebro 2016 with one threshold for all: candidates
are the scores themselves, so every rate the model can reach is tried. Where no shift meets the
rates, the one with the least violation is taken. The shift is a buffer of the model
(`decision_shift`), saved with it and part of every later prediction. No settings.

Pitfalls. One number: it can meet one rate, or several that pull the same way, and gaps between
groups only by luck. The model is trained without the rate, so `augmented_lagrangian` often finds
a better one at the same rate. Models with one output a target (bce, hinge) only. Evidence on the
training data is of a shift that was chosen there: verify on other data.
"""

from collections.abc import Sequence

from cspec.compiler.records.facts import Facts
from cspec.compiler.records.fragment import unfit
from cspec.compiler.records.problem import Constraint
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.tree.nodes import Expectation, walk
from cspec.dsl.tree.rebuild import calls_of, function_name


def thresholded(constraints: Sequence[Constraint], facts: Facts) -> str | None:
    """The model whose threshold is moved; None without such constraints.

    Raises:
        SpecError: not rates of one model with one output.
    """
    models: set[str] = set()
    for c in constraints:
        called = {function_name(node) or "" for node in calls_of(c.value, facts.models)}
        rates = any(isinstance(node, Expectation) for node in walk(c.value))
        if not rates or len(called) != 1:
            raise _no_rate(c, "it is not a rate of one model")
        models |= called
    if not models:
        return None
    if len(models) > 1:
        raise _no_rate(constraints[0], "its rates are of several models")
    model = models.pop()
    outputs = facts.outputs_of(model)
    if outputs not in ((), (1,)):
        raise _no_rate(constraints[0], f"`{model}` has more than one output")
    return model


def _no_rate(c: Constraint, why: str) -> SpecError:
    helps = ("write `by augmented_lagrangian`, or leave the method to cspec",)
    notes = ("it moves the threshold of one binary classifier after training",)
    return unfit(c, "threshold", why, helps, notes=notes)
