"""Shape, curvature and range of expressions over decision variables, read from their trees.

What `classify` proves with sympy for small problems is seen here from the composition alone
(disciplined convex programming, Grant, Boyd and Ye 2006), vector by vector, so that a thousand
variables cost no more than ten. All claims are sufficient: what is not seen is not claimed.
"""

import math
from collections.abc import Mapping
from functools import reduce

from cspec.compiler.algebra.forms import Form, UnknownForm, largest_form, tensor_form
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.text import text
from cspec.compiler.expressions.vectors import Constants, Entries, Sized, Total
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import CONSTANTS, Values, is_whole, value_or_none
from cspec.dsl.values.shapes import Shape, indexed
from cspec.dsl.words.functions import SIGNATURES


class Reader:
    """Forms of the expressions of one problem.

    With `opaque` also of calls of which nothing is known but the shape: models, functions of a
    person's own. They are taken for smooth.
    """

    def __init__(self, space: Space, opaque: bool = False) -> None:
        self._space, self._opaque = space, opaque
        self._domains = {n: (float(low), float(high)) for n, (low, high) in space.domains.items()}
        self._names: dict[str, Form] = {}

    def known(self, expr: nodes.Expr) -> Form | None:
        """The form of an expression; None where it is not read."""
        try:
            return self.form(expr)
        except UnknownForm:
            return None

    def form(self, expr: nodes.Expr) -> Form:
        """The form of an expression.

        Raises:
            UnknownForm: functions, names or shapes that are not read here.
        """
        match expr:
            case nodes.Number(value=value):
                return _constant((), value, value)
            case nodes.Name(id=name):
                return self._name(name)
            case nodes.Negate(operand=operand):
                return _negated(self.form(operand))
            case nodes.Sum() | nodes.Product():
                return self._folded(expr)
            case nodes.Power(base=base, exponent=exponent):
                return _power(self.form(base), self._number(exponent))
            case nodes.Vector(items=items):
                return _stacked([self.form(item) for item in items])
            case nodes.Index(value=value, indices=indices):
                return self._part(self.form(value), indices)
            case nodes.Attribute(value=value, name="T"):
                inner = self.form(value)
                return inner._replace(shape=inner.shape[::-1])
            case nodes.Call():
                return self._call(expr)
            case Sized(body=body):
                return self.form(body)
            case Total(body=body):
                return _summed(self.form(body))
            case Constants(sizes=sizes):
                return _constant(sizes, *expr.ends)
            case Entries(name=name, places=places):
                return self._name(name)._replace(shape=(len(places),))
        raise UnknownForm(type(expr).__name__)

    def _name(self, name: str) -> Form:
        """The form of a name, found once: each of n members looks at a vector of n numbers."""
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = self._named(name)
        return known

    def _named(self, name: str) -> Form:
        if name in self._space.shapes:
            low, high = self._domains.get(name, (-math.inf, math.inf))
            return Form(self._space.shapes[name], True, True, True, low, high)
        if name in self._space.params:
            known = self._space.params[name]
            if isinstance(known, tuple):
                return _constant((len(known),), min(known), max(known))
            return _constant((), known, known)
        if (value := CONSTANTS.get(name)) is not None:
            return _constant((), value, value)
        raise UnknownForm(name)

    def _number(self, expr: nodes.Expr) -> float:
        value = value_or_none(expr, self._space.params)
        if value is None:
            raise UnknownForm("an exponent that is no constant")
        return value

    def _part(self, form: Form, indices: tuple[nodes.Expr, ...]) -> Form:
        shape = indexed(form.shape, indices, self._space.params)
        if shape is None:
            raise UnknownForm("no such entry")
        return form._replace(shape=shape)

    def _folded(self, expr: nodes.Sum | nodes.Product) -> Form:
        total = self.form(expr.operands[0])
        for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
            form = self.form(operand)
            match operator:
                case "+":
                    total = _added(total, form)
                case "-":
                    total = _added(total, _negated(form))
                case "*":
                    total = _times(total, form, broadcast(total.shape, form.shape))
                case "/":
                    total = _times(total, _inverse(form), broadcast(total.shape, form.shape))
                case _:
                    total = _matrix_product(total, form)
        return total

    def _call(self, expr: nodes.Call) -> Form:
        name = function_name(expr)
        if (value := value_or_none(expr, self._space.params)) is not None:
            return _constant((), value, value)
        unknown = self._opaque and name is not None and name not in SIGNATURES
        if unknown and (shape := self._space.outputs.get(text(expr))) is not None:
            return Form(shape, False, False, True)
        if name == "eye" and len(expr.arguments) == 1:
            size = int(self._number(expr.arguments[0]))
            return _constant((size, size), 0.0, 1.0)
        if name in ("sum", "mean") and (largest := self._largest(expr, name)) is not None:
            return largest
        if name == "where" and len(expr.arguments) == 3:
            return self._either(expr)
        arguments = [self.form(a) for a in expr.arguments]
        if name == "dot" and len(arguments) == 2:
            return _matrix_product(*arguments)
        if name is not None:
            numbers = [value_or_none(a, self._space.params) for a in expr.arguments]
            if (found := tensor_form(name, arguments, numbers)) is not None:
                return found
            if name in _OF_ONE and len(arguments) == 1:
                return _of_one(name, arguments[0])
        if name == "pow" and len(arguments) == 2:
            return _power(arguments[0], self._number(expr.arguments[1]))
        if name in ("max", "min") and arguments:
            return _extreme(arguments, largest=name == "max")
        reduced = _reduced(name, arguments, expr, self._space.params)
        if reduced is None:
            raise UnknownForm(f"`{name}`")
        return reduced

    def _largest(self, expr: nodes.Call, name: str) -> Form | None:
        """`sum(topk(v, k))`, `mean(topk(v, k))`; None for anything else."""
        match expr.arguments:
            case (
                nodes.Call(function=nodes.Name(id="topk"), arguments=(values, count), keywords=()),
            ):
                inner, k = self.form(values), value_or_none(count, self._space.params)
                if k is None or not 1 <= k <= math.prod(inner.shape) or not inner.shape:
                    return None
                found = largest_form(inner, k)
                return _times(found, _constant((), 1 / k, 1 / k), ()) if name == "mean" else found
        return None

    def _either(self, expr: nodes.Call) -> Form:
        """`where(event, a, b)`: the event has no curvature, but a shape."""
        event, *branches = expr.arguments
        first, other = map(self.form, branches)
        if not isinstance(event, nodes.Compare):
            raise UnknownForm("an event")
        deciding = [self.form(side) for side in event.operands]
        shape = first.shape
        for form in (other, *deciding):
            shape = broadcast(shape, form.shape)
        smooth = all(form.constant for form in deciding)
        found = _joined(first, other)._replace(shape=shape, convex=False, concave=False)
        return found._replace(constant=False, smooth=smooth)


def _constant(shape: Shape, low: float, high: float) -> Form:
    return Form(shape, True, True, True, low, high, True)


def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of two operands together, entry by entry.

    Raises:
        UnknownForm: shapes that do not go together.
    """
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    if longer[len(longer) - len(shorter) :] != shorter:
        raise UnknownForm("shapes that do not match")
    return longer


def _negated(form: Form) -> Form:
    return form._replace(convex=form.concave, concave=form.convex, low=-form.high, high=-form.low)


def _added(a: Form, b: Form) -> Form:
    shape = broadcast(a.shape, b.shape)
    return _joined(a, b)._replace(shape=shape, low=a.low + b.low, high=a.high + b.high)


def _stacked(forms: list[Form]) -> Form:
    if len({form.shape for form in forms}) > 1:
        raise UnknownForm("entries of several shapes")
    total = reduce(_joined, forms)
    return total._replace(shape=(len(forms), *total.shape))


def _joined(a: Form, b: Form) -> Form:
    """What holds of both."""
    return Form(
        a.shape,
        a.convex and b.convex,
        a.concave and b.concave,
        a.smooth and b.smooth,
        min(a.low, b.low),
        max(a.high, b.high),
        a.constant and b.constant,
    )


def _times(a: Form, b: Form, shape: Shape) -> Form:
    if b.constant and not a.constant:
        a, b = b, a
    ends = [0.0 if 0.0 in (x, y) else x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    known = not any(map(math.isnan, ends))
    low, high = (min(ends), max(ends)) if known else (-math.inf, math.inf)
    if not a.constant:
        return Form(shape, False, False, a.smooth and b.smooth, low, high)
    if b.constant:
        return _constant(shape, low, high)
    if a.high <= 0:
        b = _negated(b)
    elif a.low < 0 and not b.affine:
        b = b._replace(convex=False, concave=False)
    return b._replace(shape=shape, low=low, high=high)


def _inverse(form: Form) -> Form:
    """1 / form: convex where a concave form is positive, concave where a convex one is negative."""
    if form.low > 0:
        low, high = 1 / form.high if form.high else math.inf, 1 / form.low
        return form._replace(convex=form.concave, concave=form.constant, low=low, high=high)
    if form.high < 0:
        return _negated(_inverse(_negated(form)))
    known = form.constant
    return form._replace(convex=known, concave=known, low=-math.inf, high=math.inf)


def _matrix_product(a: Form, b: Form) -> Form:
    if not a.shape or not b.shape:
        raise UnknownForm("`@` between scalars")
    inner = a.shape[-1]
    first = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    if inner != first:
        raise UnknownForm("shapes that do not match")
    shape = (*a.shape[:-1], *b.shape[-1:]) if len(b.shape) > 1 else a.shape[:-1]
    found = _times(a, b, ())
    low, high = inner * found.low, inner * found.high
    return found._replace(shape=shape, low=low, high=high)


def _power(base: Form, exponent: float) -> Form:
    whole = is_whole(exponent)
    even = whole and int(exponent) % 2 == 0
    low = 0.0 if even or base.low >= 0 else -math.inf
    if base.constant:
        return _constant(base.shape, low, math.inf)
    known = base._replace(convex=False, concave=False, low=low, high=math.inf)
    if exponent in (0.0, 1.0):
        return base if exponent else _constant(base.shape, 1.0, 1.0)
    if even and exponent > 0:
        return known._replace(convex=base.affine or (base.convex and base.low >= 0))
    if exponent >= 1 and base.low >= 0:
        return known._replace(convex=base.convex)
    if 0 < exponent < 1:
        return known._replace(concave=base.concave)
    if exponent < 0 and base.low > 0:
        return known._replace(convex=base.concave)
    return known


_WAVES = (
    "sin", "cos", "tan", "tanh", "sinh", "arcsin", "arccos", "arctan", "erf", "sigmoid",
)  # fmt: skip
_OF_ONE: Mapping[str, tuple[str, bool]] = {
    "exp": ("convex up", True),
    "expm1": ("convex up", True),
    "softplus": ("convex up", True),
    "log": ("concave up", True),
    "log1p": ("concave up", True),
    "sqrt": ("concave up", True),
    "cosh": ("convex", True),
    "abs": ("convex", False),
    "relu": ("convex up", False),
    **dict.fromkeys(_WAVES, ("", True)),
}  # fmt: skip
"""Functions of one number: how they bend, whether they grow, whether they are smooth."""
ENTRYWISE = frozenset(_OF_ONE)
RISING = frozenset(
    {"exp", "expm1", "softplus", "log", "log1p", "sqrt", "tanh", "sinh", "arctan", "erf", "sigmoid"}
)
"""Smooth functions of one number that never decrease."""
_NOT_NEGATIVE = frozenset({"exp", "softplus", "sqrt", "cosh", "abs", "relu", "sigmoid"})


def _of_one(name: str, inner: Form) -> Form:
    kind, smooth = _OF_ONE[name]
    low = 0.0 if name in _NOT_NEGATIVE else -math.inf
    if inner.constant:
        return _constant(inner.shape, low, math.inf)
    up = kind.endswith("up")
    convex = kind.startswith("convex") and (inner.affine or (up and inner.convex))
    concave = kind.startswith("concave") and inner.concave
    if kind == "convex" and inner.convex and inner.low >= 0:
        convex = True
    return Form(inner.shape, convex, concave, smooth and inner.smooth, low, math.inf)


def _extreme(arguments: list[Form], largest: bool) -> Form:
    found = arguments[0]
    for form in arguments[1:]:
        shape = broadcast(found.shape, form.shape)
        joint = _joined(found, form)._replace(shape=shape)
        # Entry by entry the largest is above every lower end.
        low, high = max(found.low, form.low), min(found.high, form.high)
        found = joint._replace(low=low) if largest else joint._replace(high=high)
    if len(arguments) == 1:
        found = found._replace(shape=())
    if found.constant:
        return found
    return found._replace(
        convex=largest and found.convex, concave=not largest and found.concave, smooth=False
    )


def _summed(inner: Form) -> Form:
    count = math.prod(inner.shape)
    return inner._replace(shape=(), low=count * inner.low, high=count * inner.high)


def _reduced(
    name: str | None, arguments: list[Form], expr: nodes.Call, params: Values
) -> Form | None:
    """`sum`, `sumsq` and norms of all entries."""
    if not arguments:
        return None
    inner = arguments[0]
    if name == "sum" and len(arguments) == 1:
        return _summed(inner)
    if name == "sumsq":
        return _power(inner, 2.0)._replace(shape=(), low=0.0, high=math.inf)
    order = norm_order(expr, params)
    if order is None:
        return None
    convex = inner.affine or (inner.convex and inner.low >= 0)
    smooth = inner.smooth and order not in (1.0, math.inf)
    return Form((), convex and order >= 1, False, smooth, 0.0, math.inf, inner.constant)


def norm_order(expr: nodes.Call, params: Values | None = None) -> float | None:
    """p of `norm(v, p)`, `l1(v)`, `l2(v)`; None for anything else."""
    match function_name(expr), expr.arguments, expr.keywords:
        case "l1", (_,), ():
            return 1.0
        case "l2", (_,), ():
            return 2.0
        case "norm", (_, order), ():
            return value_or_none(order, params or {})
        case "norm", (_,), (keyword,):
            return value_or_none(keyword.value, params or {})
    return None
