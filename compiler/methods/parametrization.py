"""Parametrization: a free pre-image is trained, and a map makes a member of the set of it.

    W = map(V), V free        `runtime/models/parametrization`

Default: the first map of the set. Pitfalls: softplus, sigmoid and softmax reach the boundary only
at infinity, where their gradient is gone; Householder and the matrix exponential cost about 12
times a small step at 128 x 128, Cayley 3 times. `benchmarks/compare/orthogonal.cspec` (three 128 x
128 layers, digits, 25 epochs, 3 seeds): |W'W - I| <= 6e-7 for all maps at 94.1-94.3%, projection
4e-7 at 92.9%, augmented Lagrangian 0.01 at 93.3%, unconstrained 97.4%.
"""

from cspec.compiler.methods.set_targets import set_operation
from cspec.compiler.records.fragment import Around, unfit
from cspec.compiler.records.graph import Kind
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import Constraint
from cspec.dsl.settings.methods import Method, Parametrization
from cspec.dsl.words.sets import maps_of


def maps(action: SetAction) -> bool:
    """Whether an action trains a pre-image."""
    return isinstance(action.settings, Parametrization)


def map_of(action: SetAction) -> str | None:
    """The map that the spec names; None: the first of the set."""
    assert isinstance(action.settings, Parametrization)
    return action.settings.map


def parametrization(action: SetAction, _: Lowered) -> Around:
    """The map, before anything is measured."""
    meaning = "W = map(V), V free, is a member of the set whatever V is"
    return Around(before=(set_operation(action, Kind.PROJECT, "map", action.set.word, meaning),))


def require_map(c: Constraint, word: str, method: Method) -> None:
    """Not every set has a map, or the map that is named.

    Raises:
        SpecError: this one has not.
    """
    assert isinstance(method, Parametrization)
    known = maps_of(word)
    if known and (method.map or known[0]) in known:
        return
    listed = (
        f"maps onto `{word}`: {', '.join(known)}" if known else f"no map onto `{word}` is known"
    )
    raise unfit(
        c,
        method.map or "parametrization",
        listed,
        (f"write `by {known[0]}`, or `by projection`" if known else "write `by projection`",),
        label=f"a member of `{word}`",
    )
