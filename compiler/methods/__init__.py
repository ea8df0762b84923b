"""Methods: rule -> fragment of the update graph. One file a method (and its kin)."""

from collections.abc import Callable
from typing import NamedTuple

from cspec.compiler.methods.admm import admm
from cspec.compiler.methods.augmented_lagrangian import augmented_lagrangian
from cspec.compiler.methods.bisection import bisection
from cspec.compiler.methods.frank_wolfe import frank_wolfe, require_vertices
from cspec.compiler.methods.lagrangian import lagrangian
from cspec.compiler.methods.parametrization import parametrization, require_map
from cspec.compiler.methods.penalty import exact_penalty, penalty, quadratic_penalty
from cspec.compiler.methods.projection import projection
from cspec.compiler.methods.proxy_lagrangian import proxy_lagrangian
from cspec.compiler.methods.sal import sal
from cspec.compiler.methods.spg import spg
from cspec.compiler.methods.sqp import sqp
from cspec.compiler.records.fragment import Around, Fragment, Rule, unfit
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import Constraint
from cspec.dsl.settings.methods import Method

FUNCTIONAL: dict[str, Callable[[Rule], Fragment]] = {
    "penalty": penalty,
    "exact_penalty": exact_penalty,
    "quadratic_penalty": quadratic_penalty,
    "lagrangian": lagrangian,
    "augmented_lagrangian": augmented_lagrangian,
    "sqp": sqp,
    "spg": spg,
    "bisection": bisection,
    "sal": sal,
    "proxy_lagrangian": proxy_lagrangian,
}
"""Methods that weigh constraint functions in the loss, by their word."""


class SetMethod(NamedTuple):
    """A method that keeps parameters in a set."""

    around: Callable[[SetAction, Lowered], Around]
    require: Callable[[Constraint, str, Method], None] | None = None
    """Refuses sets that it can't keep parameters in, by their word; None: it knows them all."""


SETS: dict[str, SetMethod] = {
    "projection": SetMethod(projection),
    "admm": SetMethod(admm),
    "parametrization": SetMethod(parametrization, require_map),
    "frank_wolfe": SetMethod(frank_wolfe, require_vertices),
}


def require_construction(c: Constraint, word: str, method: Method) -> None:
    """A method that holds a set by construction has to know it.

    Raises:
        SpecError: it does not.
    """
    found = SETS.get(method.word)
    if found is None or found.require is None:
        return
    if c.set is not None and c.set.partial:
        notes = ("maps and steps toward vertices know sets of whole tensors",)
        why = "it is about a part of a tensor"
        raise unfit(c, method.word, why, ("write `by projection`",), notes=notes)
    found.require(c, word, method)
