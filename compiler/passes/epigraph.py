"""Kinks as smooth constraints on auxiliary variables: the epigraph form.

    minimize max(a, b)          ->  minimize t      s.t.  a <= t,  b <= t
    abs(x) + abs(y) <= 1        ->  t0 + t1 <= 1,         x <= t0, -x <= t0, y <= t1, -y <= t1

Exact wherever a larger value of the kinked term is never better: its least t is the term itself
(Boyd and Vandenberghe 2004, section 4.2.4). So `max`, `abs`, `relu`, `norm(., 1)` and
`norm(., inf)` are lifted where they are minimized or bounded above, `min` where it is maximized or
bounded below, also below sums, positive factors and increasing functions. Nothing has to be convex.
A solver for smooth functions then converges where it would hop from one side of a kink to another.

Preferences are kinks of the objective, weight * max(g, 0)^power or weight * abs(g)^power: their
auxiliary variables are what is violated.
"""

import math
from itertools import combinations
from typing import NamedTuple

from cspec.compiler.algebra.entries import entries_of, entry_of
from cspec.compiler.algebra.forms import Form, UnknownForm
from cspec.compiler.algebra.structure import RISING, Reader, norm_order
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import call, function_name, number, signed, sum_of
from cspec.compiler.expressions.vectors import Entries, Total
from cspec.compiler.passes.canonical import minus, negate
from cspec.compiler.records.problem import Constraint, Lift, Problem, Step
from cspec.dsl.format.expressions import format_expression
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Index, Name, Negate, Power, Product, Sum, Vector

PIECES = "#pieces"
"""Label of the constraints that the lifted problem has beside those of the spec."""
SHOWN = 60
"""Characters of a kinked term that `explain` shows."""
UNENDING = 10**9
"""Auxiliary variables there may be, while it is not known how many there are."""
WRITTEN = 100
"""Variables up to which vectors of auxiliary ones are written out entry by entry."""


def lifted(problem: Problem, space: Space) -> Problem:
    """The problem with its `lift`; as it is where it has no kinks, or one that can't be lifted."""
    lifter = _Lifter(space)
    try:
        objective = lifter.lift(problem.objective, 1)
        preferred = [lifter.preference(c) for c in problem.constraints if c.soft is not None]
        objective = sum_of([objective, *preferred])
        parts = tuple(
            tuple(
                lifter.lift(part, 0 if c.equality(place) else 1)
                for place, part in enumerate(c.parts if c.soft is None else ())
            )
            for c in problem.constraints
        )
    except (_NotLiftable, UnknownForm):
        return problem
    if not lifter.pieces:
        return problem
    lift = Lift(
        name=lifter.name,
        size=lifter.size,
        objective=objective,
        parts=parts,
        pieces=tuple(piece for piece, _ in lifter.pieces),
        above=tuple(place for _, places in lifter.pieces for place in places),
    )
    step = Step(name="epigraph", notes=tuple(dict.fromkeys(lifter.notes)))
    return problem.model_copy(update={"lift": lift, "history": (*problem.history, step)})


def whole(problem: Problem, space: Space) -> tuple[Problem, Space]:
    """The smooth problem over more variables that a solver gets, and its variables."""
    lift = problem.lift
    if lift is None:
        return problem, space
    of_each = zip(problem.constraints, lift.parts, strict=True)
    constraints = tuple(c.model_copy(update={"parts": parts}) for c, parts in of_each)
    pieces = Constraint(
        label=PIECES, value=number(0), bound=number(0), relation="<=", parts=lift.pieces
    )
    update = {"objective": lift.objective, "constraints": (*constraints, pieces), "lift": None}
    shapes = {**space.shapes, lift.name: (lift.size,)}
    return problem.model_copy(update=update), space._replace(shapes=shapes)


def restored(problem: Problem, chosen: Problem) -> Problem:
    """The problem as written with what was chosen for its `whole`: methods, bounds, entries."""
    assert problem.lift is not None
    *own, pieces = chosen.constraints
    constraints = tuple(
        c.model_copy(update={"method": o.method, "reason": o.reason, "rejected": o.rejected})
        for c, o in zip(problem.constraints, own, strict=True)
    )
    parts = tuple(c.parts for c in own)
    lift = problem.lift.model_copy(update={"parts": parts, "pieces": pieces.parts})
    return chosen.model_copy(
        update={"objective": problem.objective, "constraints": constraints, "lift": lift}
    )


SUMS = 128
"""Sums of k entries up to which the k largest are written as all of them."""


class _NotLiftable(Exception):  # noqa: N818
    """A kink where a larger value may be better, or in a form that is not read."""


class _Kink(NamedTuple):
    """An auxiliary variable and its places."""

    value: Expr
    places: tuple[int, ...]


class _Lifter:
    def __init__(self, space: Space) -> None:
        self._space = space
        self.name = "above"
        while self.name in space.shapes or self.name in space.params:
            self.name += "_"
        unending = {**space.shapes, self.name: (UNENDING,)}
        self._reader = Reader(space._replace(shapes=unending), opaque=True)
        self.size = 0
        self.pieces: list[tuple[Expr, tuple[int, ...]]] = []
        self.notes: list[str] = []

    def lift(self, expr: Expr, side: int) -> Expr:
        """The expression without kinks; `side` 1: smaller is better, -1: larger is, 0: neither."""
        form = self._reader.form(expr)
        if form.smooth:
            return expr
        match expr:
            case Negate(operand=operand):
                return negate(self.lift(operand, -side))
            case Sum():
                pairs = signed(expr)
                lifted = tuple(self.lift(o, -side if s == "-" else side) for s, o in pairs)
                return expr.model_copy(update={"operands": lifted})
            case Product():
                return self._product(expr, side)
            case Power(base=base):
                if not form.convex or self._reader.form(base).low < 0:
                    raise _NotLiftable
                return expr.model_copy(update={"base": self.lift(base, side)})
            case Vector(items=items):
                entries = tuple(self.lift(item, side) for item in items)
                return expr.model_copy(update={"items": entries})
            case Total(body=body):
                return expr.model_copy(update={"body": self.lift(body, side)})
            case Call():
                return self._call(expr, form, side)
        raise _NotLiftable

    def preference(self, c: Constraint) -> Expr:
        """What a preference adds to the objective, by variables above what it is violated by."""
        if c.soft is None or c.relation == "in" or c.gradient_parts is not None:
            raise _NotLiftable
        amounts = [self._violated(part, c) for whole in c.parts for part in self._flat(whole)]
        if c.soft.power != 1:
            exponent = number(c.soft.power)
            amounts = [Power(base=amount, exponent=exponent) for amount in amounts]
        totals = [call("sum", a) if self._reader.form(a).shape else a for a in amounts]
        return Product(operands=(number(c.soft.weight), sum_of(totals)), operators=("*",))

    def _flat(self, part: Expr) -> list[Expr]:
        """A function, of a matrix its entries."""
        shape = self._reader.form(part).shape
        if len(shape) < 2:
            return [part]
        if math.prod(shape) > WRITTEN:
            raise _NotLiftable
        return entries_of(part, shape, self._space)

    def _violated(self, part: Expr, c: Constraint) -> Expr:
        kink = self._new(self._reader.form(part).shape, c.text or part)
        if c.relation == "==":
            self._above(kink, self.lift(part, 0), negate(part))
        else:
            self._above(kink, self.lift(part, 1), number(0))
        return kink.value

    def _product(self, expr: Product, side: int) -> Expr:
        """A kinked factor beside constants of one sign."""
        operands = list(expr.operands)
        kinked = [i for i, o in enumerate(operands) if not self._reader.form(o).constant]
        divided = kinked and kinked[0] > 0 and expr.operators[kinked[0] - 1] == "/"
        if len(kinked) != 1 or divided or "@" in expr.operators:
            raise _NotLiftable
        for i, operand in enumerate(operands):
            form = self._reader.form(operand)
            if i == kinked[0]:
                continue
            if form.high <= 0:
                side = -side
            elif form.low < 0:
                raise _NotLiftable
        operands[kinked[0]] = self.lift(operands[kinked[0]], side)
        return expr.model_copy(update={"operands": tuple(operands)})

    def _call(self, expr: Call, form: Form, side: int) -> Expr:
        name, arguments = function_name(expr), expr.arguments
        inner = self._reader.form(arguments[0])
        match name:
            case "max" | "min" if side == (1 if name == "max" else -1):
                return self._extreme(expr, form, side)
            case "abs" if side > 0 and inner.smooth:
                kink = self._new(form.shape, expr)
                self._above(kink, arguments[0], negate(arguments[0]))
                return kink.value
            case "relu" if side > 0:
                kink = self._new(form.shape, expr)
                self._above(kink, self.lift(arguments[0], 1), number(0))
                return kink.value
            case "sum" | "mean" if side > 0 and function_name(arguments[0]) == "topk":
                return self._largest(expr, arguments[0])
            case str() if len(arguments) == 1 and (name in RISING or name in ("sum", "mean")):
                return expr.model_copy(update={"arguments": (self.lift(arguments[0], side),)})
            case "sumsq" if side > 0 and inner.low >= 0:
                return expr.model_copy(update={"arguments": (self.lift(arguments[0], 1),)})
        order = norm_order(expr, self._space.params)
        if side > 0 and order in (1.0, math.inf) and inner.smooth:
            kink = self._new(inner.shape if order == 1.0 else (), expr)
            self._above(kink, arguments[0], negate(arguments[0]))
            return call("sum", kink.value) if order == 1.0 and inner.shape else kink.value
        raise _NotLiftable

    def _extreme(self, expr: Call, form: Form, side: int) -> Expr:
        """t above every argument of `max`, or below every one of `min`."""
        kink = self._new(form.shape, expr)
        lifted = [self.lift(argument, side) for argument in expr.arguments]
        if side > 0:
            self._above(kink, *lifted)
            return kink.value
        # min(v) is -max(-v): the auxiliary variable is above -v.
        self._above(kink, *(negate(item) for item in lifted))
        return Negate(operand=kink.value)

    def _largest(self, expr: Call, of: Expr) -> Expr:
        """The sum of the k largest entries: above every sum of k of them."""
        assert isinstance(of, Call)
        values, count = of.arguments
        shape = self._reader.form(values).shape
        k = int(value_or_none(count, self._space.params) or 0)
        if len(shape) != 1 or not 1 <= k <= shape[0] or math.comb(shape[0], k) > SUMS:
            raise _NotLiftable
        lifted = self.lift(values, 1)
        entry = [entry_of(lifted, (i,), self._space.shapes, {}) for i in range(shape[0])]
        kink = self._new((), expr)
        self._above(kink, *map(sum_of, combinations(entry, k)))
        if function_name(expr) == "mean":
            return Product(operands=(kink.value, number(k)), operators=("/",))
        return kink.value

    def _new(self, shape: tuple[int, ...], expr: Expr | str) -> _Kink:
        if len(shape) > 1:
            raise _NotLiftable
        count = shape[0] if shape else 1
        places = tuple(range(self.size, self.size + count))
        self.size += count
        text = expr if isinstance(expr, str) else format_expression(expr)
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
        self.notes.append(f"{shown}: an auxiliary variable in its place, above each of its pieces")
        if not shape:
            return _Kink(_entry(self.name, places[0]), places)
        if self._space.size <= WRITTEN:
            return _Kink(Vector(items=tuple(_entry(self.name, p) for p in places)), places)
        return _Kink(Entries(name=self.name, dimensions=1, places=places), places)

    def _above(self, kink: _Kink, *pieces: Expr) -> None:
        for piece in pieces:
            form = self._reader.form(piece)
            if len(form.shape) > 1:
                raise _NotLiftable
            count = max(form.shape[0] if form.shape else 1, len(kink.places))
            places = kink.places if len(kink.places) == count else kink.places * count
            self.pieces.append((minus(piece, kink.value), places))


def _entry(name: str, place: int) -> Expr:
    return Index(value=Name(id=name), indices=(number(place),))
