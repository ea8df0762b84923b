"""Known values on faces of a box, held by construction: a lifting, and a distance.

    forall x in uniform(-1, 1).sample(100): u(0, x) == -sin(pi*x)      becomes, inside the model,
    u(t, x) <- G(t, x) + D(t, x) u(t, x)      G = g on each face, D = 0 there alone

D is the product of (x_a - e) over the faces x_a = e, divided by its largest size along each axis.
G goes from axis to axis: what the faces of an axis ask beyond the G of the axes before is added,
interpolated between those faces (Lagrange's polynomials), which leaves earlier faces as they are
where values agree in the corners (a boolean sum: Coons 1967; Lagaris, Likas, Fotiadis 1998). So
the requirement holds on the whole face, at every step, and no penalty pulls against the objective.
No defaults, nothing to tune.

Pitfalls. The values must be known: numbers, params and the coordinates of the face. The points of
the requirement have to fill the face of the box that the objective goes over, else more would
be asked than is written. Where faces meet, their values must agree: of two that do not, the later
one keeps its multipliers. Derivatives on a face (Neumann) keep theirs, too. Saved weights are those
of the model inside.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import signed, sum_of
from cspec.compiler.records.problem import Constraint, Face, Lifted, PerExample, Problem
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.methods import Auto, Lifting, Method
from cspec.dsl.settings.points import Points
from cspec.dsl.tree.constants import NotFiniteError, Values, value_or_none
from cspec.dsl.tree.nodes import Call, Expectation, Expr, Name, Negate, Number, Sum, walk
from cspec.dsl.tree.rebuild import calls_of, function_name

REASON = (
    "by construction: its values on a face of the box are known, so the model is multiplied by a "
    "distance that is 0 there, and they are added"
)
CORNERS = (0.0, 0.37, 1.0)
"""Where along the axes that two faces share their values are compared, as shares of the axis."""
AGREE = 1e-6
"""Values that differ by less, relative to 1 + their size, agree."""
Ends = tuple[tuple[float, float], ...]


class Asked(NamedTuple):
    """The points of a domain, by dataset, and what may be lifted."""

    points: Mapping[str, tuple[tuple[str, ...], Points]]
    """Columns and settings of each set of points."""
    models: frozenset[str]
    """Models that the spec makes and nothing else is a copy of ..."""
    every: frozenset[str]
    """... and all."""
    params: Values


class _Candidate(NamedTuple):
    """A requirement that fixes a model on faces of a box."""

    model: str
    faces: tuple[Face, ...]
    ends: Ends
    """Of each axis what its points go over."""


def with_faces(problem: Problem, asked: Asked | None, method: Method) -> Problem:
    """The problem with the faces on which models are known, and who holds by that.

    So do requirements whose method is open (by themselves or by `method`), and those that are to
    hold by construction. Of others on faces it is on record why not.

    Raises:
        SpecError: CS533, what was to hold by construction, on points, and does not.
    """
    if asked is None:
        for c in problem.constraints:
            if isinstance(_own(c, method), Lifting):
                raise _no_lifting(c, None).error()
        return problem
    found: dict[str, Lifted] = {}
    constraints: list[Constraint] = []
    for c in problem.constraints:
        open_ = c.construction or isinstance(_own(c, method), Auto | Lifting)
        candidate = _candidate(c, asked) if open_ else None
        why = None
        if candidate is not None:
            box = _box(candidate.model, problem, asked)
            held = found.get(candidate.model) or Lifted(model=candidate.model, box=box or ())
            why = _against(candidate, held, asked.params)
            if why is None:
                found[candidate.model] = held.model_copy(
                    update={"faces": (*held.faces, *candidate.faces)}
                )
                chosen = {"method": Lifting(), "reason": REASON}
                constraints.append(c.model_copy(update=chosen))
                continue
        if _insists(c, candidate, asked, method):
            raise _no_lifting(c, why).error()
        rejected = () if why is None else (f"lifting: {why}",)
        constraints.append(c.model_copy(update={"rejected": rejected}) if why else c)
    changed = {"lifted": tuple(found.values()), "constraints": tuple(constraints)}
    return problem.model_copy(update=changed)


def _own(c: Constraint, method: Method) -> Method:
    return c.method if isinstance(c.method, Method) else method


def _insists(c: Constraint, candidate: _Candidate | None, asked: Asked, method: Method) -> bool:
    """Whether nothing else will do: a projection of outputs would hold everywhere else, too."""
    elsewhere = any(
        isinstance(node, Call)
        and function_name(node) in asked.every
        and not all(isinstance(argument, Name) for argument in node.arguments)
        for side in (c.value, c.bound)
        for node in walk(side)
    )
    found = candidate is not None or elsewhere
    return isinstance(_own(c, method), Lifting) or (c.construction and found)


def _candidate(c: Constraint, asked: Asked) -> _Candidate | None:
    """The faces that a requirement is about; None where it is about anything else."""
    dataset, sides = _over(c)
    columns, settings = asked.points.get(dataset, ((), None)) if dataset else ((), None)
    plain = c.relation == "==" and c.soft is None and c.surrogate is None and c.event is None
    if not plain or (dataset and settings is None) or c.margin:
        return None
    if settings is not None and not _boxed(settings):
        return None
    split = _model_and_rest(sides, asked.models)
    if split is None:
        return None
    call, value = split
    if _at(value, dict.fromkeys(columns, 0.37), asked.params) is None:
        return None  # it is no number though the coordinates are
    return _faces(c, call, value, columns, settings, asked.params)


def _over(c: Constraint) -> tuple[str | None, tuple[Expr, ...]]:
    """The dataset that a requirement goes over, and its terms, which sum up to 0."""
    terms: tuple[Expr, ...] = (c.value, Negate(operand=c.bound))
    datasets = {side.dataset for side in (c.value, c.bound) if isinstance(side, PerExample)}
    conditions = [s.condition for s in (c.value, c.bound) if isinstance(s, PerExample)]
    if c.each is not None:
        datasets.add(c.each.dataset)
        conditions.append(c.each.condition)
        terms = (c.each.body,)
    for binder in c.binders:
        datasets.add(binder.domain.id if isinstance(binder.domain, Name) else "")
        conditions.append(binder.condition)
    if len(datasets) > 1 or any(condition is not None for condition in conditions):
        return "", ()
    return next(iter(datasets), None), terms


def _model_and_rest(terms: Sequence[Expr], models: frozenset[str]) -> tuple[Call, Expr] | None:
    """`u(..)` and g of terms that say u(..) - g == 0."""
    parts = [pair for term in terms for pair in _signed(term, 1)]
    calls = [(s, e) for s, e in parts if isinstance(e, Call) and function_name(e) in models]
    if len(calls) != 1:
        return None
    sign, call = calls[0]
    rest = [(-sign * s, e) for s, e in parts if e is not call]
    if not rest:
        return call, Number(text="0", value=0.0)
    return call, sum_of([e if s > 0 else Negate(operand=e) for s, e in rest])


def _signed(expr: Expr, sign: int) -> Iterator[tuple[int, Expr]]:
    match expr:
        case PerExample(body=body):
            yield from _signed(body, sign)
        case Negate(operand=operand):
            yield from _signed(operand, -sign)
        case Sum():
            for operator, operand in signed(expr):
                yield from _signed(operand, sign if operator == "+" else -sign)
        case Number(value=0):
            return
        case _:
            yield sign, expr


def _at(value: Expr, place: Mapping[str, float], params: Values) -> float | None:
    try:
        found = value_or_none(value, {**params, **place})
    except NotFiniteError:
        return None
    return found if found is not None and math.isfinite(found) else None


def _faces(
    c: Constraint,
    call: Call,
    value: Expr,
    columns: Sequence[str],
    settings: Points | None,
    params: Values,
) -> _Candidate | None:
    """The faces of a box whose points an argument is constant on; None where there are none."""
    ranges = {} if settings is None else dict(zip(columns, _ranges(settings), strict=True))
    names: list[str | None] = []
    ends: list[tuple[float, float]] = []
    for argument in call.arguments:
        name = argument.id if isinstance(argument, Name) else None
        if name in ranges and name not in names:
            names.append(name)
            ends.append(ranges[name])
            continue
        at = _at(argument, {}, params)
        if at is None:
            return None
        names.append(None)
        ends.append((at, at))
    if call.keywords or set(columns) - set(names):
        return None
    fixed = [axis for axis, (low, high) in enumerate(ends) if low == high]
    places = [(axis, ends[axis][0]) for axis in fixed]
    corners = settings is not None and settings.way == "grid" and settings.n == 2
    if corners and not fixed and len(ends) == 1:
        places = [(0, end) for end in ends[0]]
    elif len(fixed) != 1 or (settings is not None and settings.way == "grid" and settings.n < 3):
        places = places if len(ends) == 1 else []
    if not places:
        return None
    taken = [name or f"at_{axis}" for axis, name in enumerate(names)]
    made = (
        Face(axis=a, at=at, names=tuple(taken), value=value, label=c.full_label) for a, at in places
    )
    return _Candidate(function_name(call) or "", tuple(made), tuple(ends))


def _boxed(settings: Points) -> bool:
    """Whether points fill a box, an axis a number."""
    return settings.kind == "uniform" and max(settings.widths) <= 1


def _ranges(settings: Points) -> Ends:
    return tuple(zip(settings.lower, settings.upper, strict=True))


def _box(model: str, problem: Problem, asked: Asked) -> Ends | None:
    """The box that holds all points at which a model is asked for by its coordinates alone."""
    found: list[Ends] = []
    roots = [problem.objective, *(part for c in problem.constraints for part in (c.value, c.bound))]
    for root in roots:
        for node in walk(root):
            if isinstance(node, Expectation | PerExample) and node.dataset in asked.points:
                found.extend(_asked_at(model, node, *asked.points[node.dataset or ""]))
    axes = {len(ends) for ends in found}
    if len(axes) != 1:
        return None
    lows, highs = (
        [f([ends[axis][side] for ends in found]) for axis in range(len(found[0]))]
        for side, f in enumerate((min, max))
    )
    wide = all(low < high for low, high in zip(lows, highs, strict=True))
    return tuple(zip(lows, highs, strict=True)) if wide else None


def _asked_at(model: str, node: Expr, columns: Sequence[str], settings: Points) -> Iterator[Ends]:
    if not _boxed(settings):
        return
    ranges = dict(zip(columns, _ranges(settings), strict=True))
    for call in calls_of(node, (model,)):
        named = [a.id for a in call.arguments if isinstance(a, Name) and a.id in ranges]
        if len(named) == len(call.arguments):
            yield tuple(ranges[name] for name in named)


def _against(candidate: _Candidate, held: Lifted, params: Values) -> str | None:
    """Why a requirement does not join those that hold; None where it does."""
    if not held.box:
        return f"no mean and no requirement goes over a box of `{candidate.model}`"
    if len(candidate.ends) != len(held.box):
        return f"`{candidate.model}` has other arguments elsewhere"
    on = {face.axis for face in candidate.faces}
    for axis, ((low, high), (lower, upper)) in enumerate(
        zip(candidate.ends, held.box, strict=True)
    ):
        if axis in on and not lower <= low <= high <= upper:
            return f"it is outside of the box of `{candidate.model}`"
        if axis not in on and (low > lower or high < upper):
            part = f"[{low:g}, {high:g}] of [{lower:g}, {upper:g}]"
            return f"its points are a part of the face: {part}"
    for face in candidate.faces:
        for other in held.faces:
            if face.axis == other.axis and face.at == other.at:
                return f"`{other.label}` is about the same face"
            if face.axis != other.axis and not _agree(face, other, held.box, params):
                return f"it and `{other.label}` are not known to agree where the faces meet"
    return None


def _agree(face: Face, other: Face, box: Ends, params: Values) -> bool:
    """Whether two values are the same on what two faces share, at a few places."""
    shares = [(0.0,) if axis in (face.axis, other.axis) else CORNERS for axis in range(len(box))]
    for share in itertools.product(*shares):
        point = [a + s * (b - a) for s, (a, b) in zip(share, box, strict=True)]
        point[face.axis], point[other.axis] = face.at, other.at
        first, second = (
            _at(f.value, dict(zip(f.names, point, strict=True)), params) for f in (face, other)
        )
        if first is None or second is None or abs(first - second) > AGREE * (1 + abs(first)):
            return False
    return True


def _no_lifting(c: Constraint, why: str | None) -> Diagnostic:
    """What is said of a requirement on points that was to hold by construction."""
    return Diagnostic(
        code="CS533",
        message=f"`{c.label}` can't hold by construction",
        span=c.span,
        label="no construction is known",
        notes=(
            why
            or "on points it takes a model that equals known values on a face of a box, as in "
            "`u(0, x) == sin(pi*x)`",
        ),
        helps=("leave `by construction` out, and the constraint is enforced by multipliers",),
    )
