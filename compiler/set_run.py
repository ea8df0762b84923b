"""Whether the spectral projected gradient method takes the whole run.

`using spg` asks for it; `auto` takes it where a smooth deterministic problem over decision
variables has a set with a projection (ALGORITHMS 3, row 2), unless `own_run` took it before.
"""

from __future__ import annotations

from collections.abc import Sequence

from cspec.compiler.ir import Constraint, Problem, SetMember, Step
from cspec.compiler.rewrite import function_name
from cspec.compiler.structure import Form, Reader, UnknownForm
from cspec.compiler.symbols import ELEMENTARY, Space
from cspec.dsl.constants import value_or_none
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.dsl.nodes import (
    And,
    Call,
    Compare,
    Expr,
    Implies,
    Membership,
    Name,
    Node,
    Not,
    Number,
    Or,
    walk,
)
from cspec.dsl.settings.methods import Auto, Method, Projection, Spg

CONVEX = frozenset(
    {"nonneg", "box", "simplex", "ball", "symmetric", "psd", "monotone", "spectral", "nuclear"}
)
"""Sets with a projection that are convex, ..."""
CURVED = frozenset({"stiefel", "sphere", "rank", "sparse", "nm"})
"""... and those that are not. (`grid` has a free scale: it stays with ADMM.)"""
SMOOTH = frozenset(ELEMENTARY) | {"sum", "sumsq", "pow", "eye", "l2", "softmax", "mse", "huber"}
"""Functions whose gradient is continuous."""

REJECTED = (
    "sqp: scipy's solvers take bounds and functions, no such set",
    "projection after an optimizer's step: Adam's rescaled steps may settle beside the minimum, "
    "and nothing tells when to stop",
)
LAGRANGIAN = (
    "sqp: scipy's solvers take no such set as the problem has beside this",
    "lagrangian: descent-ascent circles where the Lagrangian is concave in x",
)


class Findings(Exception):  # noqa: N818
    """Why the method can't take a problem, at the constraint it is about."""

    def __init__(self, why: str, at: Constraint | None = None) -> None:
        super().__init__(why)
        self.why, self.at = why, at


def set_run(problem: Problem, method: Method, space: Space | None) -> Problem | None:
    """The problem with the spectral projected gradient method in charge; None where it is not.

    Raises:
        SpecError: `spg` asked for where it can't work.
    """
    asked = _asked(problem, method)
    try:
        if asked is not None:
            if space is None:
                raise Findings("it has data or models")
            _require(problem, space)
            return _owned(problem, asked, space, "as written: `spg`, for the whole problem")
        if space is None or not isinstance(method, Auto):
            return None
        if any(_own_way(c) for c in problem.constraints) or not any(map(_held, problem.constraints)):
            return None
        _require(problem, space)
    except Findings as found:
        if asked is None:
            return None
        raise SpecError([_refusal(problem, found)]) from found
    return _owned(problem, Spg(), space, "")


def _asked(problem: Problem, method: Method) -> Spg | None:
    """`using spg`, or `by spg` on every requirement."""
    own = [c for c in problem.constraints if isinstance(c.method, Spg)]
    if not own and not isinstance(method, Spg):
        return None
    hard = [c for c in problem.constraints if c.soft is None]
    others = [c for c in hard if c not in own and (c.method is not None or c.construction)]
    settings = {c.method for c in own} | ({method} if isinstance(method, Spg) else set())
    if others or len(settings) > 1 or (not isinstance(method, Spg) and len(own) < len(hard)):
        wrong = next((c for c in others or hard if c not in own), hard[0])
        raise SpecError([_mixed(wrong)])
    found = settings.pop()
    assert isinstance(found, Spg)
    return found


def _own_way(c: Constraint) -> bool:
    """Whether a constraint asks for a training loop: a method, a construction, a preference."""
    mine = c.method is not None and not isinstance(c.method, Auto)
    return mine or c.construction or c.soft is not None


def _held(c: Constraint) -> bool:
    """Whether a constraint is a set of one variable with a projection."""
    member = c.set
    return (
        c.soft is None
        and member is not None
        and member.word in CONVEX | CURVED
        and isinstance(member.subject, Name)
    )


# --- What it takes -------------------------------------------------------------------------------


def _require(problem: Problem, space: Space) -> None:
    """Sets that can be projected onto together, and smooth functions.

    Raises:
        Findings: what is in the way.
    """
    for c in problem.constraints:
        if _held(c):
            assert c.set is not None
            _require_constant(c, c.set, space)
        elif c.relation == "in":
            raise Findings("this set has no projection that it could use", c)
        elif not all(smooth(part) for part in c.parts):
            raise Findings("it is not smooth, and no set that is known", c)
    if not smooth(problem.objective):
        raise Findings("the objective is not smooth")
    for name, members in _by_variable(problem, space).items():
        curved = [m for m in members if m.word in CURVED]
        if curved and len(members) > 1:
            words = " and ".join(f"`{m.word}`" for m in members)
            raise Findings(f"`{name}` is held in {words}, which have no joint projection")


def _require_constant(c: Constraint, member: SetMember, space: Space) -> None:
    for value in member.arguments.values():
        if isinstance(value, Expr) and value_or_none(value, space.params) is None:
            raise Findings("the size of its set is no constant", c)


def _by_variable(problem: Problem, space: Space) -> dict[str, list[SetMember]]:
    """The different sets of each variable; its bounds are one."""
    found: dict[str, list[SetMember]] = {
        name: [SetMember(word="box")] for name in space.domains if name in space.shapes
    }
    for c in problem.constraints:
        if _held(c):
            assert c.set is not None and isinstance(c.set.subject, Name)
            members = found.setdefault(c.set.subject.id, [])
            if c.set.recognized == "" or c.set not in members:
                members.append(c.set)
    return found


def smooth(expr: Expr) -> bool:
    """Whether an expression has a continuous gradient, as far as its functions tell."""
    return all(_smooth_node(node) for node in walk(expr))


def _smooth_node(node: Node) -> bool:
    match node:
        case Compare() | And() | Or() | Not() | Implies() | Membership():
            return False
        case Call(function=Name(id="norm"), arguments=(_, Number(value=order))):
            return order == 2
        case Call():
            return function_name(node) in SMOOTH
    return True


# --- The problem that it gets --------------------------------------------------------------------


def _owned(problem: Problem, settings: Spg, space: Space, said: str) -> Problem:
    convex, notes = _convexity(problem, space)
    constraints = tuple(_chosen(c, settings, said, convex) for c in problem.constraints)
    return problem.model_copy(
        update={
            "constraints": constraints,
            "solver": settings,
            "convex": convex,
            "history": (*problem.history, Step(name="classify", notes=notes)),
        }
    )


def _chosen(c: Constraint, settings: Spg, said: str, convex: bool) -> Constraint:
    if c.soft is not None:
        return c.model_copy(update={"reason": "a preference: its violation is in the objective"})
    rejected: Sequence[str] = ()
    reason = said
    if not said and _held(c):
        assert c.set is not None
        seen = f" (recognized in `{c.set.recognized}`)" if c.set.recognized else ""
        kind = "a convex set" if c.set.word in CONVEX else "a set that is not convex"
        how = "every iterate is a member"
        reason = (
            f"deterministic, with {kind} that has a projection, `{c.set.word}`{seen}: spectral "
            f"projected gradient, {how}, and it stops at a stationary point"
        )
        rejected = REJECTED
    elif not said:
        reason = (
            "a smooth function beside sets that are projected onto: augmented Lagrangian, its "
            "inner minimizations by spectral projected gradient (ALGENCAN)"
        )
        rejected = LAGRANGIAN
    if not convex and not said and c.set is not None and c.set.word in CURVED:
        reason += "; local minima are possible, so several starts are tried"
    method = Projection() if _held(c) else settings
    update = {"method": method, "reason": reason, "rejected": tuple(rejected)}
    return c.model_copy(update=update)


def _convexity(problem: Problem, space: Space) -> tuple[bool, tuple[str, ...]]:
    """Whether every local minimum is proved to be global, and what was found."""
    reader = Reader(space)
    objective = _form(reader, problem.objective)
    convex = objective is not None and objective.convex
    notes = [f"objective: {'convex' if convex else 'not known to be convex'}"]
    for c in problem.constraints:
        if _held(c):
            assert c.set is not None
            bent = c.set.word in CURVED
            notes.append(f"{c.label}: a set that is {'not ' if bent else ''}convex")
            convex = convex and not bent
            continue
        forms = [_form(reader, part) for part in c.parts]
        fine = all(f is not None and (f.affine if c.relation == "==" else f.convex) for f in forms)
        notes.append(f"{c.label}: {'convex' if fine else 'not known to be convex'}")
        convex = convex and fine
    if convex:
        notes.append("the problem is convex: every local minimum is the global one")
    return convex, tuple(notes)


def _form(reader: Reader, expr: Expr) -> Form | None:
    try:
        return reader.form(expr)
    except UnknownForm:
        return None


# --- Refusals ------------------------------------------------------------------------------------


def _refusal(problem: Problem, found: Findings) -> Diagnostic:
    at = found.at
    span = at.span if at is not None else problem.objective.span
    what = f"`{at.label}` can't be enforced by `spg`" if at else "`spg` can't solve this problem"
    return Diagnostic(
        code="CS521",
        message=f"{what}: {found.why}",
        span=span,
        notes=(
            "it is for smooth functions of decision variables (`var`), without data or models, "
            "and sets with a projection",
        ),
        helps=("use `augmented_lagrangian` or `admm`, or leave the method to cspec",),
    )


def _mixed(c: Constraint) -> Diagnostic:
    return Diagnostic(
        code="CS521",
        message=f"`{c.label}` and `spg` don't go together: spg solves the whole problem at once",
        span=c.span,
        label="another method",
        helps=("write `using spg` and no `by`, or give every constraint another method",),
    )
