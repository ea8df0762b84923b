"""Frank-Wolfe (Frank and Wolfe 1956): steps toward vertices of a convex bounded set.

    x <- x + t (s - x)        s the vertex that minimizes the linearized loss, t = 2 / (k + 2)

`runtime/methods/frank_wolfe`. Pitfalls: slow at the end, where projection is linear; on minibatches
s follows the noise.
"""

import math

from cspec.compiler.methods.set_targets import set_operation
from cspec.compiler.records.fragment import Around, unfit
from cspec.compiler.records.graph import Kind
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import Constraint
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
    meaning = "W <- W + t (S - W), S the vertex that minimizes the linearized loss"
    return Around(step=(set_operation(action, Kind.PRIMAL_STEP, "step", action.set.word, meaning),))


def require_vertices(c: Constraint, word: str, _: Method) -> None:
    """A bounded convex set whose vertices can be found.

    Raises:
        SpecError: this one is none.
    """
    joint = c.set is not None and bool(c.set.arguments.get("joint"))
    unbounded = _unbounded(c)
    if joint or word not in VERTICES or unbounded:
        raise unfit(
            c,
            "frank_wolfe",
            f"{'a box with an open end' if unbounded else f'`{word}`'} has no vertex oracle",
            ("write `by projection`",),
            label=f"a member of `{word}`",
            notes=(f"convex bounded sets that have one: {', '.join(sorted(VERTICES))}",),
        )


def _unbounded(c: Constraint) -> bool:
    """Whether the set is a box with an infinite end."""
    if c.set is None or c.set.word != "box":
        return False
    ends = (c.set.arguments.get(key) for key in ("0", "1"))
    known = [value_or_none(end, {}) for end in ends if isinstance(end, Expr)]
    return any(value is not None and math.isinf(value) for value in known)
