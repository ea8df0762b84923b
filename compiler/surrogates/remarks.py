"""What is said of surrogates: refusals (CS310), each with its place, and remarks."""

from __future__ import annotations

from typing import Literal

from cspec.compiler.expressions.text import text
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree.nodes import Expr

Why = Literal["side", "pair"]
INSTEAD: dict[Why, str] = {
    "side": "bounds an event on one side, and some of its events both raise and lower what is "
    "bounded, or by how much is not known: there `sigmoid` stands in",
    "pair": "sees a class by its margin, and two predictions that move have none together: there "
    "`sigmoid` stands in",
}


class Remarks:
    """Findings and notes about one requirement or objective, in the order in which they come."""

    def __init__(self, span: Span = NOWHERE) -> None:
        self.span = span
        """Of the whole: the place of what the compiler wrote."""
        self.found: list[Diagnostic] = []
        self.instead: set[Why] = set()
        """Why the sigmoid is taken somewhere for the stand-in that was asked for."""

    def notes(self, label: str, asked: str) -> list[str]:
        """What is said of a stand-in that was asked for and is not taken everywhere."""
        return [f"{label}: `{asked}` {INSTEAD[why]}" for why in sorted(self.instead)]

    def refuse(self, expr: Expr, why: str, helps: tuple[str, ...] = (), shown: str = "") -> Expr:
        """Keep a refusal of an expression that moves and has no surrogate; gives it back."""
        typed = expr.span.end > expr.span.start and not shown
        place = expr.span if typed else self.span
        found = Diagnostic(
            code="CS310",
            message=f"`{shown or text(expr)}` has no gradient that training could follow",
            span=place,
            label=why,
            notes=("small changes of the parameters do not change it",),
            helps=(*helps, "add a differentiable stand-in: `with surrogate ...`"),
        )
        if not any((d.span, d.message) == (found.span, found.message) for d in self.found):
            self.found.append(found)
        return expr
