"""What the certificates of a spec rest on: each requirement's means and the tree over them."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cspec.compiler.axes.groups import Grouping
from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.rewrite import function_name, last_of_ramp, signed
from cspec.compiler.expressions.text import text
from cspec.compiler.lower.report import facts_of
from cspec.compiler.records.certificate import CertificateFacts, LeafFacts, Operation, Tree
from cspec.compiler.records.problem import Category, Constraint, PerExample
from cspec.compiler.records.program import VerifyFacts
from cspec.compiler.records.which_data import decided
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.values.certifiable import objections
from cspec.dsl.values.intervals import Ranges


class Certified(NamedTuple):
    """The record of a certificate, and its means as expressions, in the same order."""

    facts: CertificateFacts
    leaves: tuple[nodes.Expr, ...]


def certificates(
    constraints: Mapping[str, Constraint],
    checked: Checked,
    verify: tuple[VerifyFacts, ...],
    training: str | None,
    inference: Inference,
    ranges: Ranges,
) -> dict[str, Certified]:
    """By full label, every requirement that a `verify ... with confidence` decides.

    Raises:
        SpecError: CS515, a form that can't be certified and that only the data show.
    """
    found: dict[str, Certified] = {}
    for label, c in constraints.items():
        where, line = decided(facts_of(c, checked), verify, training)
        if line is None or line.confidence is None or line.dataset is None or c.soft:
            continue
        if where.replaced:
            builder = _Builder(inference, ranges)
            found[label] = builder.certified(c, line.confidence, line.dataset)
    return found


class _Builder:
    """Collects the means of one requirement."""

    def __init__(self, inference: Inference, ranges: Ranges) -> None:
        self._inference = inference
        self._ranges = ranges
        self._facts: list[LeafFacts] = []
        self._leaves: list[nodes.Expr] = []
        self._shapes: list[object] = []

    def certified(self, c: Constraint, confidence: float, data: str) -> Certified:
        value, bound = self._side(c.value), self._side(last_of_ramp(c.judged_by))
        facts = CertificateFacts(
            confidence=confidence,
            data=data,
            leaves=tuple(self._facts),
            value=value,
            bound=bound,
            tolerance=c.tolerance if c.tolerance_given else 0.0,
        )
        return Certified(facts, tuple(self._leaves))

    def _side(self, expr: nodes.Expr) -> Tree:
        """A side, or a part of one, that has to be one number."""
        tree = self._tree(expr)
        if tree.operation == "leaf" and self._facts[tree.leaf].groups:
            raise _refused(expr, "it is one number a group", "write `gap(...)`, `max(...)`")
        return tree

    def _tree(self, expr: nodes.Expr) -> Tree:
        known = value_or_none(expr, self._ranges.values)
        if known is not None:
            return Tree(operation="number", number=known)
        if not any(isinstance(node, nodes.Expectation | PerExample) for node in nodes.walk(expr)):
            return self._leaf(expr, LeafFacts(text=text(expr), kind="number"))
        match expr:
            case nodes.Expectation():
                return self._mean(expr)
            case nodes.Negate(operand=operand):
                return self._made("negate", operand)
            case nodes.Sum():
                negated = (
                    self._side(part) if sign == "+" else self._made("negate", part)
                    for sign, part in signed(expr)
                )
                return Tree(operation="sum", parts=tuple(negated))
            case nodes.Product(operands=(first, *others), operators=operators):
                found = self._side(first)
                for operator, other in zip(operators, others, strict=True):
                    word: Operation = "quotient" if operator == "/" else "product"
                    found = Tree(operation=word, parts=(found, self._side(other)))
                return found
            case nodes.Power(base=base, exponent=exponent):
                number = value_or_none(exponent, self._ranges.values)
                part = self._side(base)
                return Tree(operation="power", number=number or 1.0, parts=(part,))
            case nodes.Call(arguments=arguments):
                return self._call(expr, arguments)
        raise _refused(expr, "no confidence interval is known of this form", _MEANS)

    def _call(self, expr: nodes.Call, arguments: tuple[nodes.Expr, ...]) -> Tree:
        match function_name(expr):
            case "gap" | "ratio" | "max" | "min" as word if len(arguments) == 1:
                if isinstance(arguments[0], nodes.Vector):
                    return self._made(word, *arguments[0].items)
                return Tree(operation=word, parts=(self._tree(arguments[0]),))
            case "abs" | "max" | "min" | "exp" | "log" | "sqrt" as word:
                return self._made(word, *arguments)
        raise _refused(expr, "no confidence interval is known of this form", _MEANS)

    def _made(self, word: Operation, *operands: nodes.Expr) -> Tree:
        return Tree(operation=word, parts=tuple(self._side(part) for part in operands))

    def _mean(self, expr: nodes.Expectation) -> Tree:
        objection = next(objections(expr, self._ranges), None)
        if objection is not None:
            raise _refused(objection.part, objection.why, objection.instead)
        axes = self._inference.axes(expr.body)
        if axes.known and axes.shape not in ((), (1,)):
            why = "it is a mean of several numbers an example, which are not drawn apart"
            raise _refused(expr, why, "certify one number an example")
        grouping = self._inference.grouping(expr)
        rate = expr.kind == "P" or isinstance(expr.body, nodes.EVENTS)
        known = self._ranges.of(expr.body)
        facts = LeafFacts(
            text=_written(expr),
            kind="rate" if rate else "mean",
            low=0.0 if rate else known.low,
            high=1.0 if rate else known.high,
            groups=tuple(group.text for group in grouping.groups) if grouping.columns else (),
            selects=tuple(_selects(grouping)),
        )
        return self._leaf(expr, facts)

    def _leaf(self, expr: nodes.Expr, facts: LeafFacts) -> Tree:
        """A mean that stands there twice is one."""
        key = nodes.shape(expr)
        if key not in self._shapes:
            self._shapes.append(key)
            assert math.isfinite(facts.low) and math.isfinite(facts.high)
            self._facts.append(facts)
            self._leaves.append(expr)
        return Tree(operation="leaf", leaf=self._shapes.index(key))


_MEANS = "certify a fraction `P[...]`, or a mean `E[...]` of what has a range"


def _written(mean: nodes.Expectation) -> str:
    """A mean without its data: it is measured on those that certify."""
    alone = mean.model_copy(update={"dataset": None, "grouped": False})
    return text(alone).removesuffix("[i]")


def _selects(grouping: Grouping) -> Iterator[tuple[str, str]]:
    """Conditions `column == value`, whose value is a constant."""
    for part in grouping.parts:
        match part:
            case nodes.Compare(
                operators=("==",), operands=(column, Category() | nodes.Number() as value)
            ):
                yield text(column), text(value)


def _refused(part: nodes.Expr, why: str, instead: str) -> SpecError:
    return Diagnostic(
        code="CS515",
        message=f"`{text(part)}` can't be certified: {why}",
        span=part.span,
        label="no confidence interval",
        helps=(instead, "or leave `with confidence` out"),
    ).error()
