"""What the axes of every form are inferred with: those of the parts, findings, open calls."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from cspec.compiler.axes.findings import Findings
from cspec.compiler.axes.groups import Grouping, grouping
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.record import Asked, Axes, Misfit, together
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.problem import ParameterRef
from cspec.dsl.tree.nodes import Call, Expectation, Expr
from cspec.dsl.tree.rebuild import calls_of
from cspec.dsl.values.shapes import as_matrix


class AxesBase(ABC):
    """Inference as the axes of a single form see it: what is known, and the axes of its parts.

    Calls, parts, losses and means ask for the axes of what stands in them by `axes` alone, which
    `Inference` answers form by form.
    """

    def __init__(self, known: Known) -> None:
        self.known = known
        self.findings = Findings()
        self.asked: dict[str, Asked] = {}
        """Calls whose outputs are not known yet, by key."""

    @abstractmethod
    def axes(self, expr: Expr, dataset: str | None = None) -> Axes:
        """What an expression is, where the examples of `dataset` are in reach."""

    def number(self, expr: Expr, dataset: str | None) -> Axes:
        """The axes of what takes part in arithmetic; text does not."""
        found = self.axes(expr, dataset)
        return self.findings.text(expr, found) if found.text else found

    def event(self, expr: Expr, dataset: str | None) -> Axes:
        """The axes of what must be true or false."""
        found = self.axes(expr, dataset)
        if found.known and found.what != "event":
            return self.findings.no_event(expr, found)
        return found.event()

    def entrywise(self, expr: Expr, operands: tuple[Expr, ...], dataset: str | None) -> Axes:
        """The axes of operands that come together entry by entry."""
        items = [self.axes(operand, dataset) for operand in operands]
        for operand, item in zip(operands, items, strict=True):
            if item.what == "record":
                return self.findings.which_part(operand, item)
        items = beside_matrices(operands, items)
        found = together(items)
        if not isinstance(found, Misfit):
            return found
        first, second = operands[found.first], operands[found.second]
        pair = (items[found.first], items[found.second])
        return self.findings.misfit(expr, (first, second), pair, found.why)

    def arithmetic(self, expr: Expr, operands: tuple[Expr, ...], dataset: str | None) -> Axes:
        """The axes of numbers that come together entry by entry."""
        for operand in operands:
            self.number(operand, dataset)
        return self.entrywise(expr, operands, dataset).number()

    def grouping(self, expr: Expectation) -> Grouping:
        """The groups and the events behind the `|` of an expectation."""
        return grouping(self.known, expr)

    def doubtful(self, prediction: Call) -> None:
        """Find predictions whose classes may be those of two columns."""
        doubts = self.known.predicts.doubts
        for call in calls_of(prediction, doubts):
            self.findings.whose_classes(prediction, call, doubts[function_name(call) or ""])


def beside_matrices(operands: Sequence[Expr], items: Sequence[Axes]) -> list[Axes]:
    """Axes of operands, a kernel beside a matrix as (outputs, rest): `W - W.T` of a kernel."""
    if not any(len(item.shape or ()) == 2 for item in items):
        return list(items)
    return [
        item._replace(shape=as_matrix(operand.shape)) if isinstance(operand, ParameterRef) else item
        for operand, item in zip(operands, items, strict=True)
    ]
