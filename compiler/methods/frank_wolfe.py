"""Frank-Wolfe (Frank and Wolfe 1956): steps toward vertices of a convex bounded set.

    x <- x + t (s - x)        s the vertex that minimizes the linearized loss, t = 2 / (k + 2)

`runtime/methods/frank_wolfe`. Pitfalls: slow at the end, where projection is linear; on minibatches
s follows the noise.
"""

from __future__ import annotations

import math

from cspec.compiler.methods.set_targets import targets_in_words
from cspec.compiler.records.fragment import Around
from cspec.compiler.records.graph import Kind, Operation
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import Constraint
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.methods import FrankWolfe, Method
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr
from cspec.dsl.words.sets import VERTICES


def steps_to_vertices(action: SetAction) -> bool:
    """Whether an action steps toward vertices."""
    return isinstance(action.settings, FrankWolfe)


def rate_of(action: SetAction) -> float | None:
    """The length of each step; None: 2 / (k + 2)."""
    assert isinstance(action.settings, FrankWolfe)
    return action.settings.lr


def frank_wolfe(action: SetAction, _: Lowered) -> Around:
    """The step toward a vertex, in place of the optimizer's."""
    operation = Operation(
        kind=Kind.PRIMAL_STEP,
        name=f"step_{action.name}",
        operator=action.set.word,
        targets=targets_in_words(action),
        meaning="W <- W + t (S - W), S the vertex that minimizes the linearized loss",
    )
    return Around(step=(operation,))


def require_vertices(c: Constraint, word: str, _: Method) -> None:
    """A bounded convex set whose vertices can be found.

    Raises:
        SpecError: this one is none.
    """
    joint = c.set is not None and bool(c.set.arguments.get("joint"))
    if joint or word not in VERTICES or _unbounded(c):
        raise _no_oracle(c, word).error()


def _unbounded(c: Constraint) -> bool:
    """Whether the set is a box with an infinite end."""
    if c.set is None or c.set.word != "box":
        return False
    ends = (c.set.arguments.get(key) for key in ("0", "1"))
    known = [value_or_none(end, {}) for end in ends if isinstance(end, Expr)]
    return any(value is not None and math.isinf(value) for value in known)


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
        notes=(f"convex bounded sets that have one: {', '.join(sorted(VERTICES))}",),
        helps=("write `by projection`",),
    )
