"""What of a problem can be held by projections, and whether the rest is smooth.

Sets of one variable are projected onto together: convex ones by Dykstra's algorithm, some with one
that is not convex by a joint projection (`runtime/operators/together/joint`). Where none is known,
the sets that are relations (`V >= 0`) become functions.
"""

from collections.abc import Hashable
from typing import NamedTuple

from cspec.compiler.algebra.structure import Reader
from cspec.compiler.algebra.sympy import ELEMENTARY, Space
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.vectors import with_size
from cspec.compiler.records.problem import Constraint, Problem, SetMember
from cspec.compiler.records.set_keys import SetKeys
from cspec.dsl.tree.nodes import EVENTS, Call, Expr, Name, Node, Number, walk
from cspec.dsl.tree.rebuild import mentions
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.losses import SMOOTH as SMOOTH_LOSSES
from cspec.dsl.words.sets import AFFINE, CONVEX, CURVED, JOINT, VECTORS

SMOOTH = frozenset(ELEMENTARY).union(
    SMOOTH_LOSSES,
    ("sum", "sumsq", "pow", "eye", "l2", "softmax", "prob"),
    ("mean", "variance", "std", "dot", "cumsum", "entropy", "kl"),
    ("trace", "det", "logdet", "inv", "expm", "diag"),
)
"""Functions whose gradient is continuous."""


class NotForIt(Exception):  # noqa: N818
    """Why the method can't take a problem, at the constraint it is about."""

    def __init__(self, why: str, at: Constraint | None = None) -> None:
        super().__init__(why)
        self.why, self.at = why, at


class Parts(NamedTuple):
    """A problem taken apart."""

    held: frozenset[int]
    """Places of the constraints that projections hold."""
    problem: Problem
    """The others with the number of entries beside each function that is a vector."""
    convex: bool
    """Every local minimum is proved to be global."""
    notes: tuple[str, ...]


def set_parts(problem: Problem, space: Space) -> Parts:
    """Which constraints are held by projections, and what is known of the functions.

    Raises:
        NotForIt: a function that is not smooth, a set without a projection.
    """
    if not smooth(problem.objective, space.stand_ins):
        raise NotForIt("the objective is not smooth")
    held = _held(problem, space)
    reader = Reader(space)
    objective = reader.known(problem.objective)
    convex = objective is not None and objective.convex
    notes = [f"objective: {'convex' if convex else 'not known to be convex'}"]
    constraints = []
    for place, c in enumerate(problem.constraints):
        if place in held:
            fine = c.known_set.word in CONVEX
            notes.append(f"{c.label}: a set that is {'' if fine else 'not '}convex")
            constraints.append(c)
        else:
            sized, fine = _function(c, reader, space.stand_ins)
            notes.append(f"{c.label}: {'convex' if fine else 'not known to be convex'}")
            constraints.append(sized)
        convex = convex and fine
    if convex:
        notes.append("the problem is convex: every local minimum is the global one")
    return Parts(held, problem.with_constraints(constraints), convex, tuple(notes))


def projectable(c: Constraint) -> bool:
    """Whether a constraint is a set of one variable with a projection."""
    member = c.set
    known = member is not None and member.word in CONVEX | CURVED
    return known and c.soft is None and member is not None and isinstance(member.subject, Name)


def _held(problem: Problem, space: Space) -> frozenset[int]:
    places: dict[str, list[int]] = {}
    for place, c in enumerate(problem.constraints):
        if projectable(c):
            assert c.set is not None and isinstance(c.set.subject, Name)
            _require_constant(c, c.set, space)
            places.setdefault(c.set.subject.id, []).append(place)
        elif c.relation == "in":
            raise NotForIt("this set has no projection that it could use", c)
    held: set[int] = set()
    for name, found in places.items():
        held |= _together(problem, space, name, found)
    return frozenset(held)


def _together(problem: Problem, space: Space, name: str, places: list[int]) -> set[int]:
    """Those of one variable's sets that can be projected onto together."""
    members = {place: problem.constraints[place].known_set for place in places}
    keys = _Keys()
    if len({keys.of(member) for member in members.values()}) > 1 or name in space.domains:
        # Affine relations are no sets here: multipliers meet them as well.
        rows = {p for p, m in members.items() if m.word in AFFINE}
        places = [p for p in places if p not in rows or problem.constraints[p].relation == "in"]
        members = {place: members[place] for place in places}
    curved = [place for place in places if members[place].word in CURVED]
    bounds = ["box"] if name in space.domains else []
    words = [*{keys.of(m): m.word for m in members.values()}.values(), *bounds]
    if not curved or len(words) == 1:
        return set(places)
    flat = len(space.shapes[name]) == 1 or not VECTORS & set(words)
    if frozenset(words) in JOINT and len(words) == len(set(words)) and flat:
        return set(places)
    others = [place for place in places if place not in curved]
    relations = all(problem.constraints[place].relation != "in" for place in others)
    if len(curved) == 1 and relations and not bounds:
        return set(curved)
    listed = " and ".join(f"`{word}`" for word in words)
    raise NotForIt(f"`{name}` is held in {listed}, which have no joint projection")


class _Keys(SetKeys):
    """What tells sets apart: two halves of one simplex are one."""

    def arguments(self, member: SetMember) -> Hashable:
        """As it was written, of a simplex."""
        return member.recognized if member.word == "simplex" else super().arguments(member)


def _require_constant(c: Constraint, member: SetMember, space: Space) -> None:
    for value in member.arguments.values():
        if isinstance(value, Expr) and mentions(value, space.shapes):
            raise NotForIt("the size of its set is no constant", c)


def _function(c: Constraint, reader: Reader, stand_ins: frozenset[str]) -> tuple[Constraint, bool]:
    """A constraint with the entries of its functions, and whether it keeps a problem convex.

    Raises:
        NotForIt: it is not smooth.
    """
    fits = all(smooth(part, stand_ins) for part in c.parts)
    if c.gradient_parts is not None or not fits:
        raise NotForIt("it is not smooth, and no set that is known", c)
    forms = [reader.known(part) for part in c.parts]
    fine = all(
        f is not None and (f.affine if c.equality(place) else f.convex)
        for place, f in enumerate(forms)
    )
    parts = tuple(
        part if form is None else with_size(part, form.shape)
        for part, form in zip(c.parts, forms, strict=True)
    )
    return c.model_copy(update={"parts": parts}), fine


def smooth(expr: Expr, stand_ins: frozenset[str] = frozenset()) -> bool:
    """Whether an expression has a continuous gradient, as far as its functions tell.

    Of models and functions of a person's own that is not known: they are taken to have one, unless
    their slope is that of another function (`stand_ins`).
    """
    return all(_smooth_node(node, stand_ins) for node in walk(expr))


def _smooth_node(node: Node, stand_ins: frozenset[str]) -> bool:
    match node:
        case Call(function=Name(id="norm"), arguments=(_, Number(value=order))):
            return order == 2
        case Call():
            word = function_name(node)
            return word in SMOOTH or (word not in SIGNATURES and word not in stand_ins)
    return not isinstance(node, EVENTS)
