"""Methods: rule -> fragment of the update graph. One file a method (and its kin)."""

from collections.abc import Callable

from cspec.compiler.methods.augmented_lagrangian import augmented_lagrangian
from cspec.compiler.methods.base import Fragment, Rule
from cspec.compiler.methods.bisection import bisection
from cspec.compiler.methods.lagrangian import lagrangian
from cspec.compiler.methods.penalty import exact_penalty, penalty, quadratic_penalty
from cspec.compiler.methods.proxy_lagrangian import proxy_lagrangian
from cspec.compiler.methods.sal import sal
from cspec.compiler.methods.spg import spg
from cspec.compiler.methods.sqp import sqp

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

__all__ = ["FUNCTIONAL", "Fragment", "Rule"]
