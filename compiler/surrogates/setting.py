"""What is known where surrogates are written, and what is said of them."""

from dataclasses import dataclass
from math import prod
from typing import Literal

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.text import text
from cspec.compiler.surrogates.words import SIGMOID, Word
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree.nodes import Expr, Let
from cspec.dsl.values.intervals import Ranges
from cspec.dsl.words.functions import SIGNATURES


@dataclass(frozen=True)
class Setting:
    """What moves, what expressions are, what values they have."""

    moving: frozenset[str]
    """Models and variables that training changes."""
    inference: Inference
    ranges: Ranges
    still: frozenset[str] = frozenset()
    """Models that would, but came with nothing to train: no parameter with `requires_grad`, or none
    that an optimizer holds."""

    word: Word = SIGMOID
    """What stands in for events where neither a surrogate nor a method is written."""

    open: bool = False
    """Whether the compiler may take other stand-ins: nobody named a method, the loop is its own."""

    @property
    def bound(self) -> bool:
        """Whether data and models are bound: else what only they tell is left open."""
        facts = self.inference.known.facts
        return bool(facts.data or facts.models)

    def entries(self, part: Expr) -> int | None:
        """How many numbers a canonical function is; None where that is not known yet."""
        if not self.bound:
            return None
        found = self.inference.axes(part)
        return None if found.shape is None or found.each is not None else prod(found.shape)


def setting_of(checked: Checked, inference: Inference, moving: frozenset[str]) -> Setting:
    """The setting of a checked spec.

    Decision variables alone go to a solver, which knows kinks and steps: nothing is softened there.
    """
    if not checked.symbols.datasets() and not checked.symbols.models():
        moving = frozenset()
    lets = {item.name: item.value for item in checked.elaborated.items if isinstance(item, Let)}
    signatures = {**SIGNATURES, **checked.functions}
    ranges = Ranges(checked.symbols, checked.params, lets, signatures)
    models = inference.known.facts.models
    still = frozenset(name for name in moving if name in models and models[name].still)
    own = inference.known.facts.own_loop is not None
    open_ = checked.method.left_open and not own
    return Setting(moving - still, inference, ranges, still, open=open_)


Why = Literal["side", "pair"]
INSTEAD: dict[Why, str] = {
    "side": "bounds an event on one side, and some of its events both raise and lower what is "
    "bounded, or by how much is not known: there `sigmoid` stands in",
    "pair": "sees a class by its margin, and two predictions that move have none together: there "
    "`sigmoid` stands in",
}


class Remarks:
    """Refusals (CS310) and notes about one requirement or objective, in the order in which they
    come."""

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
