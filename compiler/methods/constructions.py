"""Which sets the methods that hold a set by construction can take, by the sets' words.

parametrization   W = map(V) with V free (`runtime/parametrization`). Defaults: the first map of
                  the set. Pitfalls: softplus, sigmoid and softmax reach the boundary only at
                  infinity, where their gradient is gone; Householder and the matrix exponential
                  cost about 12 times a small step at 128 x 128, Cayley 3 times.
                  `benchmarks/compare/orthogonal.cspec` (three 128 x 128 layers, digits, 25 epochs,
                  3 seeds): |W'W - I| <= 6e-7 for all maps at 94.1-94.3%, projection 4e-7 at 92.9%,
                  augmented Lagrangian 0.01 at 93.3%, unconstrained 97.4%.
frank_wolfe       x <- x + t (s - x), s the vertex that minimizes the linearized loss
                  (`runtime/frank_wolfe`). Default t = 2 / (k + 2). Pitfalls: slow at the end,
                  where projection is linear; on minibatches s follows the noise.
"""

from __future__ import annotations

import math

from cspec.compiler.ir import Constraint
from cspec.dsl.constants import value_or_none
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.dsl.method_sets import FRANK_WOLFE_SETS, MAPS_OF_SETS
from cspec.dsl.nodes import Expr
from cspec.dsl.settings.methods import FrankWolfe, Method, Parametrization


def require_construction(c: Constraint, word: str, method: Method) -> None:
    """Not every set has a map, the map named, or a vertex oracle.

    Raises:
        SpecError: this one has none.
    """
    partial = c.set is not None and c.set.partial
    if partial and isinstance(method, Parametrization | FrankWolfe):
        raise SpecError([_of_a_part(c, method)])
    if isinstance(method, Parametrization):
        maps = MAPS_OF_SETS.get(word, ())
        if not maps or (method.map or maps[0]) not in maps:
            raise SpecError([_no_map(c, word, method.map)])
    joint = c.set is not None and bool(c.set.arguments.get("joint"))
    reached = not joint and word in FRANK_WOLFE_SETS and not _unbounded(c)
    if isinstance(method, FrankWolfe) and not reached:
        raise SpecError([_no_oracle(c, word)])


def _unbounded(c: Constraint) -> bool:
    """Whether the set is a box with an infinite end."""
    if c.set is None or c.set.word != "box":
        return False
    ends = (c.set.arguments.get(key) for key in ("0", "1"))
    known = [value_or_none(end, {}) for end in ends if isinstance(end, Expr)]
    return any(value is not None and math.isinf(value) for value in known)


def _no_map(c: Constraint, word: str, by: str | None) -> Diagnostic:
    maps = MAPS_OF_SETS.get(word, ())
    known = f"maps onto `{word}`: {', '.join(maps)}" if maps else f"no map onto `{word}` is known"
    return Diagnostic(
        code="CS521",
        message=f"`{c.label}` can't be enforced by `{by or 'parametrization'}`: {known}",
        span=c.span,
        label=f"a member of `{word}`",
        helps=(f"write `by {maps[0]}`, or `by projection`" if maps else "write `by projection`",),
    )


def _of_a_part(c: Constraint, method: Method) -> Diagnostic:
    return Diagnostic(
        code="CS521",
        message=f"`{c.label}` can't be enforced by `{method.word}`: it is about a part of a tensor",
        span=c.span,
        notes=("maps and steps toward vertices know sets of whole tensors",),
        helps=("write `by projection`",),
    )


def _no_oracle(c: Constraint, word: str) -> Diagnostic:
    why = (
        "a box with an open end has no vertex oracle"
        if _unbounded(c)
        else (f"`{word}` has no vertex oracle")
    )
    return Diagnostic(
        code="CS521",
        message=f"`{c.label}` can't be enforced by `frank_wolfe`: {why}",
        span=c.span,
        label=f"a member of `{word}`",
        notes=(f"convex bounded sets that have one: {', '.join(sorted(FRANK_WOLFE_SETS))}",),
        helps=("write `by projection`",),
    )
