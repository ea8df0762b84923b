"""What is known where surrogates are written."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from cspec.compiler.axes.inference import Inference
from cspec.compiler.surrogates.words import SIGMOID, Word
from cspec.dsl.check import Checked
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
