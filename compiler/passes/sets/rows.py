"""Affine rows over the entries of one tensor: a half-space, an affine subspace, a polyhedron.

sum(W) <= 1                          ->   halfspace: 1 on every entry
3 - 2*sum(w) <= 0                    ->   halfspace: -2 on every entry, bound -3
w[0] + 2*w[1] == 1                   ->   affine: 1 and 2 on two entries
c @ w <= b, A @ w == b               ->   one row for each row of the constants

Everything is moved to one side and read as every * sum(W) + some entries + constant, so it does
not matter how it is written. Variables of known shape are read by sympy, whatever linear form they
are in; weights, whose shape comes with the model, by the shapes of the expression itself.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, product
from typing import NamedTuple

import sympy as sp

from cspec.compiler.algebra.matrices import has_matrices
from cspec.compiler.algebra.shapes import Shapes, numbers_of, places_of
from cspec.compiler.algebra.sympy import NotSymbolicError, Space, entries, rational
from cspec.compiler.expressions.rewrite import constant_factor
from cspec.compiler.expressions.vectors import Constants
from cspec.compiler.records.problem import Coefficients, Index_, Relation
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, is_whole, value_or_none
from cspec.dsl.tree.rebuild import names

SYMBOLIC = 200
"""Entries of a variable up to which its rows are read by sympy."""
ROWS = 64
"""Rows beyond which they are no set: multipliers hold them."""


class Rows(NamedTuple):
    """`coefficients . x <= bounds` (or ==), of the subject's entries."""

    word: str
    subject: nodes.Expr
    coefficients: tuple[Coefficients, ...]
    bounds: tuple[float, ...]


RowsAndBounds = tuple[tuple[Coefficients, ...], tuple[float, ...]]


class Form(NamedTuple):
    """every * sum(W) + entries + constant."""

    every: float
    entries: Mapping[Index_, float]
    constant: float


class _NotLinearError(Exception):
    """An expression that is no such form."""


def affine_rows(
    value: nodes.Expr,
    relation: Relation,
    bound: nodes.Expr,
    tensors: Mapping[str, Index_ | None],
    params: Values,
) -> Rows | None:
    """The rows that `value relation bound` is, over one of the tensors; None for anything else.

    `tensors` are names with their shapes, None where that is not known.
    """
    used = names(value) | names(bound)
    about = [name for name in tensors if name in used]
    if relation == "in" or len(about) != 1:
        return None
    (name,) = about
    shape = tensors[name]
    if shape == ():
        return None  # a number: its bounds are an interval
    difference = nodes.Sum(operands=(value, bound), operators=("-",))
    try:
        small = shape is not None and math.prod(shape) <= SYMBOLIC
        if shape is not None and small and not has_matrices(difference):
            forms = _symbolic(difference, name, shape, params)
        else:
            found = _Reader(name, shape, params).read(difference)
            forms = [found] if isinstance(found, Form) else found
    except _NotLinearError:
        return None
    numbers = [v for f in forms for v in (f.every, f.constant, *f.entries.values())]
    made = _below(forms, relation)
    if made is None or not all(map(math.isfinite, numbers)):
        return None
    word = "affine" if relation == "==" else "halfspace" if len(forms) == 1 else "polyhedron"
    return Rows(word, nodes.Name(id=name), *made)


def joint_rows(
    value: nodes.Expr, relation: Relation, bound: nodes.Expr, shapes: Shapes, params: Values
) -> Rows | None:
    """The rows that a relation is over the entries of several tensors as one long vector.

    `shapes` are those of the tensors that the relation mentions, in their order.
    """
    if relation == "in" or sum(math.prod(shape) for shape in shapes.values()) > SYMBOLIC:
        return None
    space = Space(shapes, {}, params)
    difference = nodes.Sum(operands=(value, bound), operators=("-",))
    try:
        found = entries(difference, space)
        places = {symbol: (place,) for place, symbol in enumerate(space.symbols())}
        forms = [_read(entry, places, space) for entry in found]
    except (NotSymbolicError, _NotLinearError):
        return None
    made = _below(forms, relation, SYMBOLIC)
    word = "affine" if relation == "==" else "polyhedron"
    return None if made is None else Rows(word, value, *made)


def rows_between(
    terms: Sequence[tuple[float, nodes.Expr]],
    constant: float,
    relation: Relation,
    shapes: Shapes,
    params: Values,
) -> RowsAndBounds | None:
    """Coefficients and bounds of `sum of factor * term + constant <= 0` (or >=, ==).

    Each term is of single entries of one of the tensors, `A[1, 2]`, `sum(B[0])`; the tensors are
    one long vector, in their order. None for anything else.
    """
    sizes = (math.prod(shape) for shape in shapes.values())
    starts = dict(zip(shapes, accumulate(sizes, initial=0), strict=False))
    total: Form | list[Form] = Form(0.0, {}, constant)
    try:
        for factor, expr in terms:
            found = _times_each(_between(expr, shapes, starts, params), factor)
            total = _plus(total, found)
    except _NotLinearError:
        return None
    return _below([total] if isinstance(total, Form) else total, relation)


def _below(forms: Sequence[Form], relation: Relation, most: int = ROWS) -> RowsAndBounds | None:
    """Coefficients and bounds of `form <= 0` (or >=, ==); None of too many, or where one is a
    number."""
    if not 0 < len(forms) <= most:
        return None
    if any(not form.every and not any(form.entries.values()) for form in forms):
        return None
    below = [_times(form, -1.0) if relation == ">=" else form for form in forms]
    return tuple(map(_coefficients, below)), tuple(-form.constant + 0.0 for form in below)


def _between(
    expr: nodes.Expr, shapes: Shapes, starts: Mapping[str, int], params: Values
) -> Form | list[Form]:
    """The form of an expression over one of several tensors, its entries in the long vector."""
    used = names(expr) & shapes.keys()
    if len(used) != 1:
        raise _NotLinearError
    (name,) = used
    found = _Reader(name, shapes[name], params).read(expr)
    forms = [found] if isinstance(found, Form) else found
    moved = [_in_the_whole(form, shapes[name], starts[name]) for form in forms]
    return moved[0] if isinstance(found, Form) else moved


def _in_the_whole(form: Form, shape: Index_, start: int) -> Form:
    if form.every:
        raise _NotLinearError
    entries: dict[Index_, float] = {}
    for index, value in form.entries.items():
        if len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True)):
            raise _NotLinearError
        place = 0
        for i, n in zip(index, shape, strict=True):
            place = place * n + i
        entries[start + place,] = value
    return Form(0.0, entries, form.constant)


def _coefficients(form: Form) -> Coefficients:
    entries = tuple(sorted((index, value) for index, value in form.entries.items() if value))
    every = form.every + 0.0  # no negative zero
    return (every, entries) if entries else every


# --- By sympy ------------------------------------------------------------------------------------


def _symbolic(expr: nodes.Expr, name: str, shape: Index_, params: Values) -> list[Form]:
    space = Space({name: shape}, {}, params)
    try:
        flat = entries(expr, space)
    except NotSymbolicError as error:
        raise _NotLinearError from error
    places = dict(zip(space.symbols(), (i for _, i in space.coordinates()), strict=True))
    if len(flat) > ROWS:
        raise _NotLinearError
    return [_uniform(_read(entry, places, space), shape) for entry in flat]


EXPANDED = 200
"""Operations of a quadratic expression up to which its squares may turn out to cancel."""


def _read(expr: sp.Expr, places: Mapping[sp.Symbol, Index_], space: Space) -> Form:
    values = space.values() | {sp.pi: rational(math.pi)}
    entries: dict[Index_, float] = {}
    constant = 0.0
    written = expr.subs(values)
    degree = _degree(written, {})
    if degree > 2 or (degree == 2 and written.count_ops() > EXPANDED):
        raise _NotLinearError
    for term in sp.Add.make_args(sp.expand(written)):
        factor, rest = term.as_independent(*places, as_Add=False)
        if not factor.is_number or not factor.is_real:
            raise _NotLinearError
        if rest == 1:
            constant += float(factor)
        elif rest in places:
            entries[places[rest]] = entries.get(places[rest], 0.0) + float(factor)
        else:
            raise _NotLinearError
    return Form(0.0, entries, constant)


def _degree(expr: sp.Basic, known: dict[sp.Basic, float]) -> float:
    """The degree as a polynomial, as it is written, before anything cancels; inf of what is none.

    Work is that of the distinct subexpressions: `known` has those that were seen.
    """
    if expr not in known:
        known[expr] = _degree_of(expr, known)
    return known[expr]


def _degree_of(expr: sp.Basic, known: dict[sp.Basic, float]) -> float:
    parts = [_degree(part, known) for part in expr.args]
    if expr.is_Symbol:
        return 1.0
    if not any(parts):
        return 0.0
    if expr.is_Add:
        return max(parts)
    if expr.is_Mul:
        return math.fsum(parts)
    if expr.is_Pow and expr.args[1].is_Integer and expr.args[1].is_positive:
        return parts[0] * float(expr.args[1])
    return math.inf


def _uniform(form: Form, shape: Index_) -> Form:
    """The same number on every entry as one number."""
    values = set(form.entries.values())
    whole = len(form.entries) == math.prod(shape) > 1 and len(values) == 1
    return Form(values.pop(), {}, form.constant) if whole else form


# --- By structure --------------------------------------------------------------------------------


class _Reader:
    """Forms of an expression over one tensor whose shape may not be known."""

    def __init__(self, name: str, shape: Index_ | None, params: Values) -> None:
        self.name, self.shape, self.params = name, shape, params

    def read(self, expr: nodes.Expr) -> Form | list[Form]:
        """One form, or one for each entry of a vector."""
        constant = self.constants(expr)
        if isinstance(constant, float):
            return Form(0.0, {}, constant)
        if constant is not None:
            return [Form(0.0, {}, c) for c in constant]
        match expr:
            case nodes.Negate(operand=operand):
                return _times_each(self.read(operand), -1.0)
            case nodes.Sum(operands=operands, operators=operators):
                return self._sum(operands, operators)
            case nodes.Product():
                return self._product(expr)
            case nodes.Index(value=nodes.Name(id=name), indices=indices) if name == self.name:
                return self._part(indices)
            case nodes.Call(function=nodes.Name(id="sum"), arguments=(summed,), keywords=()):
                return self._total(summed)
            case nodes.Call(function=nodes.Name(id=word), arguments=(inner,), keywords=()) if (
                self.shape is not None
            ):
                return self._word(word, inner, self.shape)
        raise _NotLinearError

    def constants(self, expr: nodes.Expr) -> float | list[float] | None:
        """A number, or the numbers of a vector; None for what is no constant."""
        if (value := value_or_none(expr, self.params)) is not None:
            return value
        match expr:
            case nodes.Name(id=name):
                known = self.params.get(name)
                return list(known) if isinstance(known, tuple) else None
            case Constants(values=values, sizes=(_,)):
                return list(values)
            case nodes.Vector():
                numbers = numbers_of(expr, self.params)
                return None if numbers is None else list(numbers)
        return None

    def _part(self, indices: Sequence[nodes.Expr]) -> Form | list[Form]:
        """One entry, or the entries of a slice."""
        several = self.shape is not None and len(indices) < len(self.shape)
        if not several and not any(isinstance(index, nodes.Slice) for index in indices):
            return Form(0.0, {self._index(indices): 1.0}, 0.0)
        places = self._places(indices)
        if len(places) > ROWS:
            raise _NotLinearError
        return [Form(0.0, {place: 1.0}, 0.0) for place in places]

    def _places(self, indices: Sequence[nodes.Expr]) -> list[Index_]:
        """Every entry of `W[0, 1:3]`, `W[0]`; the shape has to be known."""
        places = None if self.shape is None else places_of(indices, self.shape, self.params)
        if self.shape is None or places is None:
            raise _NotLinearError
        axes = (range(*p) if isinstance(p, tuple) else (p,) for p in places)
        return list(product(*axes, *map(range, self.shape[len(indices) :])))

    def _index(self, indices: Sequence[nodes.Expr]) -> Index_:
        numbers = [value_or_none(index, self.params) for index in indices]
        if any(n is None or n < 0 or not is_whole(n) for n in numbers):
            raise _NotLinearError
        return tuple(int(n) for n in numbers if n is not None)

    def _sum(self, operands: Sequence[nodes.Expr], operators: Sequence[str]) -> Form | list[Form]:
        total = self.read(operands[0])
        for operator, operand in zip(operators, operands[1:], strict=True):
            term = self.read(operand)
            total = _plus(total, _times_each(term, -1.0) if operator == "-" else term)
        return total

    def _product(self, product: nodes.Product) -> Form | list[Form]:
        if product.operators == ("@",):
            return self._matrix(*product.operands)
        factor, kept = self._factor(product)
        return _times_each(self.read(kept), factor)

    def _factor(self, product: nodes.Product) -> tuple[float, nodes.Expr]:
        """The constants of a product as one, and the only other factor."""
        factor, kept = constant_factor(product, self.params)
        alone = "@" not in product.operators and len(kept) == 1 and kept[0][0] == "*"
        if math.isnan(factor) or not alone:
            raise _NotLinearError
        return factor, kept[0][1]

    def _matrix(self, left: nodes.Expr, right: nodes.Expr) -> Form | list[Form]:
        """c @ w, w @ c and A @ w, w with one axis."""
        if isinstance(right, nodes.Name) and right.id == self.name:
            if isinstance(left, nodes.Vector) and all(
                isinstance(row, nodes.Vector) for row in left.items
            ):
                return [self._dot(row) for row in left.items]
            if isinstance(left, Constants) and len(left.sizes) == 2:
                if left.sizes[0] > ROWS:
                    raise _NotLinearError
                return [self._dot(row) for row in left.rows()]
            return self._dot(left)
        if isinstance(left, nodes.Name) and left.id == self.name:
            return self._dot(right)
        raise _NotLinearError

    def _word(self, word: str, inner: nodes.Expr, shape: Index_) -> Form | list[Form]:
        """`mean(W)`, `trace(W)`, `diag(W)` of the whole tensor or of a part of it."""
        if word == "mean":
            total = self._total(inner)
            count = len(total.entries) if not total.every else math.prod(shape)
            return _times(total, 1 / count)
        whole = isinstance(inner, nodes.Name) and inner.id == self.name and len(shape) == 2
        if not whole or word not in ("trace", "diag") or (word == "trace" and len({*shape}) > 1):
            raise _NotLinearError
        places = [(i, i) for i in range(min(shape))]
        if word == "trace":
            return Form(0.0, dict.fromkeys(places, 1.0), 0.0)
        if len(places) > ROWS:
            raise _NotLinearError
        return [Form(0.0, {place: 1.0}, 0.0) for place in places]

    def _dot(self, row: nodes.Expr) -> Form:
        numbers = self.constants(row)
        if not isinstance(numbers, list) or self.shape not in (None, (len(numbers),)):
            raise _NotLinearError
        return Form(0.0, {(i,): number for i, number in enumerate(numbers)}, 0.0)

    def _total(self, expr: nodes.Expr) -> Form:
        """sum(2*W), sum(-W), sum(W.T), sum(c*w)."""
        match expr:
            case nodes.Name(id=name) | nodes.Attribute(value=nodes.Name(id=name), name="T") if (
                name == self.name
            ):
                return Form(1.0, {}, 0.0)
            case nodes.Negate(operand=operand):
                return _times(self._total(operand), -1.0)
            case nodes.Index(value=nodes.Name(id=name), indices=indices) if name == self.name:
                return Form(0.0, dict.fromkeys(self._places(indices), 1.0), 0.0)
            case nodes.Product(operands=(left, right), operators=("*",)):
                for one, other in ((left, right), (right, left)):
                    if isinstance(other, nodes.Name) and isinstance(self.constants(one), list):
                        return self._dot(one)
        if isinstance(expr, nodes.Product):
            factor, kept = self._factor(expr)
            return _times(self._total(kept), factor)
        raise _NotLinearError


def _times_each(found: Form | list[Form], factor: float) -> Form | list[Form]:
    if isinstance(found, Form):
        return _times(found, factor)
    return [_times(form, factor) for form in found]


def _times(form: Form, factor: float) -> Form:
    entries = {index: factor * value for index, value in form.entries.items()}
    return Form(factor * form.every, entries, factor * form.constant)


def _plus(left: Form | list[Form], right: Form | list[Form]) -> Form | list[Form]:
    """The sum; a number goes with every entry of a vector."""
    if isinstance(left, Form):
        return _added(left, right) if isinstance(right, Form) else [_added(left, r) for r in right]
    if isinstance(right, Form):
        return [_added(entry, right) for entry in left]
    if len(left) != len(right):
        raise _NotLinearError
    return [_added(a, b) for a, b in zip(left, right, strict=True)]


def _added(left: Form, right: Form) -> Form:
    entries = dict(left.entries)
    for index, value in right.entries.items():
        entries[index] = entries.get(index, 0.0) + value
    return Form(left.every + right.every, entries, left.constant + right.constant)
