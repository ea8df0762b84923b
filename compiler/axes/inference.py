"""Axes of every expression over data, and all that does not fit, before the first step.

    E[f(x)[0] - y]      f(x) one an example and output, f(x)[0] one an example, so is the difference
    E[prob]             several numbers an example: which one?  (CS332)
    y[0]                one number an example has no entries     (CS333)

What is not known (a model that was not tried, data that come later) stays open and is no finding.
"""

from collections.abc import Iterator

from cspec.compiler.axes.base import AxesBase
from cspec.compiler.axes.calls import call_axes
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.means import expectation_axes, single
from cspec.compiler.axes.parts import part_axes, place_of
from cspec.compiler.axes.record import NUMBER, UNKNOWN, Axes, Misfit, Place, together
from cspec.compiler.expressions.rewrite import function_name, operands_of
from cspec.compiler.expressions.vectors import (
    Bounds,
    ByMember,
    Constants,
    Extreme,
    Places,
    Repeated,
    Sized,
)
from cspec.compiler.records.problem import (
    Beside,
    Category,
    Constraint,
    Drawn,
    InBranch,
    Lookup,
    ParameterRef,
    PerExample,
    Problem,
    WorstCase,
)
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS, value_or_none
from cspec.dsl.tree.rebuild import column_of, names
from cspec.dsl.values.shapes import matmul


class Inference(AxesBase):
    """Axes of the expressions of one problem; findings and open calls are kept."""

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self._seen: dict[tuple[int, str | None], tuple[nodes.Expr, Axes]] = {}

    def axes(self, expr: nodes.Expr, dataset: str | None = None) -> Axes:
        """What an expression is, where the examples of `dataset` are in reach."""
        key = (id(expr), dataset)
        if key not in self._seen:
            # The expression is kept: another one could get its number otherwise.
            self._seen[key] = (expr, self._infer(expr, dataset))
        return self._seen[key][1]

    def place(self, expr: nodes.Index | nodes.Attribute, dataset: str | None) -> Place | None:
        """What an index or a name behind a value means; None where that is not known."""
        return place_of(self, expr, dataset)

    def _infer(self, expr: nodes.Expr, dataset: str | None) -> Axes:
        match expr:
            case nodes.Number():
                return NUMBER
            case Category():
                return NUMBER._replace(what="whole")
            case nodes.String(value=text):
                return NUMBER._replace(what="category", classes=(text,))
            case nodes.Name():
                return self._name(expr, dataset)
            case ParameterRef(shape=shape) | Constants(sizes=shape):
                return Axes(shape=shape)
            case nodes.Product(operators=operators) if "@" in operators:
                return self._products(expr, dataset)
            case nodes.Negate() | nodes.Power() | nodes.Sum() | nodes.Product():
                return self.arithmetic(expr, operands_of(expr), dataset)
            case (
                nodes.Compare()
                | nodes.Membership()
                | nodes.And()
                | nodes.Or()
                | nodes.Not()
                | nodes.Implies()
            ):
                return self._event(expr, dataset)
            case nodes.Vector(items=items):
                return self._vector(items, dataset)
            case nodes.Call():
                return call_axes(self, expr, dataset)
            case nodes.Index() | nodes.Attribute():
                return part_axes(self, expr, dataset)
            case nodes.Expectation():
                return expectation_axes(self, expr)
            case Lookup(columns=(column, *_)):
                return self.axes(column, dataset).number()
            case PerExample(dataset=name, body=body, condition=condition):
                if condition is not None:
                    self.axes(condition, name)
                return self.axes(body, name)
            case WorstCase(body=body, radius=radius):
                self.axes(radius)
                return self._searched(body, dataset)
            case Drawn(body=body, noises=noises):
                alone = {noise.name for noise in noises if noise.like is None}
                self._beside_noise(body, alone, dataset)
                return single(self, body, self._searched(body, dataset).number(), "E")
            case Beside(column=column):
                return Axes(each=dataset) if column is None else self.axes(column, dataset)
            case InBranch(value=value, event=event):
                self.event(event, dataset)
                return self.entrywise(expr, (value, event), dataset).number()
            case Sized(body=inner) | Places(first=inner):
                return self.axes(inner, dataset)
            case Extreme() | Bounds() | ByMember():
                return NUMBER
            case Repeated(body=body, size=size):
                return self.axes(body, dataset)._replace(shape=(size,))
        return UNKNOWN

    def _searched(self, body: nodes.Expr, dataset: str | None) -> Axes:
        """An event or a number of each point that is searched, or drawn."""
        return (self.event if isinstance(body, nodes.EVENTS) else self.number)(body, dataset)

    def _beside_noise(self, body: nodes.Expr, alone: set[str], dataset: str | None) -> None:
        """What a number an example is added to is one number, too."""
        for node in nodes.walk(body):
            if isinstance(node, nodes.Sum) and any(self._is_noise(o, alone) for o in node.operands):
                for operand in node.operands:
                    single(self, operand, self.axes(operand, dataset), "E")

    def _is_noise(self, expr: nodes.Expr, alone: set[str]) -> bool:
        """Whether an expression is made of noise and numbers."""
        found = {node.name for node in nodes.walk(expr) if isinstance(node, Beside)}
        return bool(found & alone) and names(expr) <= self.known.params.keys()

    # --- names ---

    def _name(self, expr: nodes.Name, dataset: str | None) -> Axes:
        name, known = expr.id, self.known
        if dataset is not None and known.has_column(dataset, name):
            return known.column_axes(dataset, name)
        if name in known.params:
            value = known.params[name]
            return Axes(shape=(len(value),)) if isinstance(value, tuple) else NUMBER
        if name in known.shapes:
            scalar = not known.symbols.vars()[name].dimensions
            return Axes(shape=() if scalar else known.shapes[name])
        role = known.symbols.role(name)
        if role == "model":
            return NUMBER._replace(what="model")
        if name in TRUTHS and role != "given":
            return NUMBER.event()
        return NUMBER if role == "given" or name in CONSTANTS else UNKNOWN

    # --- entry by entry ---

    def _vector(self, items: tuple[nodes.Expr, ...], dataset: str | None) -> Axes:
        found = [self.axes(item, dataset) for item in items]
        for item, axes in zip(items, found, strict=True):
            if axes.groups:
                return self.findings.by_group(item, "an entry of a vector is one number")
        joint = together(found)
        if isinstance(joint, Misfit) or joint.shape is None:
            return UNKNOWN._replace(each=None if isinstance(joint, Misfit) else joint.each)
        return joint.number()._replace(shape=(len(items), *joint.shape))

    def _products(self, expr: nodes.Product, dataset: str | None) -> Axes:
        """`a @ b @ c` from left to right: the last axis of one with the first of the next."""
        total = self.number(expr.operands[0], dataset)
        for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
            factor = self.number(operand, dataset)
            if operator != "@":
                found = together([total, factor])
                total = UNKNOWN if isinstance(found, Misfit) else found.number()
            elif (joint := self._product(total, factor)) is not None:
                total = joint
            else:
                return self.findings.product(expr, total, factor)
        return total

    @staticmethod
    def _product(left: Axes, right: Axes) -> Axes | None:
        """Axes of `left @ right`; an example's own vector goes with a tensor or its like."""
        each = left.each or right.each
        if left.groups and right.groups and left.groups != right.groups:
            return None
        if not left.known or not right.known:
            return UNKNOWN._replace(each=each)
        one, other = left.shape or (), right.shape or ()
        rows = (len(one) > 1 and left.each) or (len(other) > 1 and right.each)
        joint = None if rows or left.tokens or right.tokens else matmul(one, other)
        return None if joint is None else Axes(each=each, shape=joint)

    # --- events ---

    def _event(self, expr: nodes.Expr, dataset: str | None) -> Axes:
        match expr:
            case nodes.Compare(operands=operands, operators=operators):
                self._compared(operands, operators, dataset)
                return self.entrywise(expr, operands, dataset).event()
            case nodes.Membership(element=element, set=nodes.Interval(lower=lower, upper=upper)):
                return self.entrywise(expr, (lower, element, upper), dataset).event()
            case nodes.Membership(element=element, set=nodes.FiniteSet(items=items)):
                for item in items:
                    self._compared((element, item), ("==",), dataset)
                return self.entrywise(expr, (element, *items), dataset).event()
            case nodes.Not(operand=operand):
                return self.event(operand, dataset)
            case nodes.And() | nodes.Or() | nodes.Implies():
                for operand in operands_of(expr):
                    self.event(operand, dataset)
                return self.entrywise(expr, operands_of(expr), dataset).event()
        return UNKNOWN._replace(each=dataset)

    def _is_constant(self, expr: nodes.Expr) -> bool:
        """Whether an expression is a value of a column, or the number of a class."""
        return isinstance(expr, Category) or value_or_none(expr, self.known.params) is not None

    def _value(self, left: nodes.Expr, right: nodes.Expr, one: Axes, other: Axes) -> None:
        """A number that is compared with categories of numbers is one of them."""
        for axes, side in ((one, right), (other, left)):
            value = value_or_none(side, self.known.params)
            if axes.what == "category" and value is not None and value not in axes.classes:
                self.findings.no_value(side, axes.classes)

    def _numbered(self, expr: nodes.Expr) -> bool:
        """Whether the classes of an expression have numbers: labels and predictions of them."""
        column = column_of(expr) or ""  # of a pair `a.y`, the label of its first example
        labels = {column, column.rpartition(".")[2]} & set(self.known.targets.values())
        return bool(labels) or function_name(expr) == "pred"

    def _compared(
        self, operands: tuple[nodes.Expr, ...], operators: tuple[str, ...], dataset: str | None
    ) -> None:
        """Text is compared with text, and has no order; predicted classes have numbers."""
        for left, operator, right in zip(operands, operators, operands[1:], strict=False):
            one, other = self.axes(left, dataset), self.axes(right, dataset)
            if not one.known or not other.known:
                continue
            if not (one.text or other.text):
                self._value(left, right, one, other)
                continue
            constant = any(self._is_constant(side) for side in (left, right))
            if constant and not self._numbered(left) and not self._numbered(right):
                constant = isinstance(left, Category) or isinstance(right, Category)
            numbered = constant and "pred" in (function_name(left), function_name(right))
            if operator not in ("==", "!=") and not numbered:
                texts, found = (left, one) if one.text else (right, other)
                self.findings.no_order(texts, operator, found.classes)
            elif not constant and not (one.text and other.text):
                self.findings.text_and_number(left, right, one, other)


def infer(problem: Problem, inference: Inference) -> None:
    """Read every expression of a problem once; findings stay with the inference."""
    objective = inference.axes(problem.objective)
    if objective.groups and objective.shape:
        inference.findings.by_group(problem.objective, "an objective is one number")
    many = objective.known and objective.each is None and objective.shape
    if many and problem.objective_text and not objective.groups:
        inference.findings.which_output(problem.objective, objective)
    for c in problem.constraints:
        for side in (c.value, c.bound):
            if c.relation != "in" and inference.axes(side).groups and inference.axes(side).shape:
                inference.findings.by_group(side, "a constraint compares one number")
        for expr in _expressions(c):
            inference.axes(expr)
    for _, value in problem.metrics:
        inference.axes(value)


def check_axes(problem: Problem, inference: Inference) -> None:
    """Raise SpecError with everything that does not fit, in source order."""
    infer(problem, inference)
    if found := inference.findings.all:
        raise SpecError(sorted(found, key=lambda d: d.span))


def _expressions(c: Constraint) -> Iterator[nodes.Expr]:
    yield c.value
    if c.relation != "in":
        yield c.bound
    yield from c.parts
    if c.surrogate is not None and not isinstance(c.value, PerExample):
        yield c.surrogate
