"""What the surrogate of every form is written with: what is flat, and the mean of its parts."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Self

from cspec.compiler.axes.calls import call_key
from cspec.compiler.axes.record import Axes, PartOf
from cspec.compiler.expressions.rewrite import function_name, rewrite
from cspec.compiler.passes.expansion.expand import Expansion, written_out
from cspec.compiler.records.facts import OutputFacts
from cspec.compiler.surrogates import atoms
from cspec.compiler.surrogates.folding import links, replaced
from cspec.compiler.surrogates.setting import Remarks, Setting, Why
from cspec.compiler.surrogates.words import SIGMOID, Word
from cspec.dsl.tree import nodes


@dataclass(frozen=True)
class SoftenerBase(ABC):
    """The softener as the surrogate of a single form sees it.

    Events, products, calls, classes and statistics ask for the surrogate of what stands in them by
    `mean` alone, which `Softener` answers form by form. `sign` says how an expression enters what
    must be <= 0: 1 raises it, -1 lowers it, 0 not known.
    """

    setting: Setting
    word: Word = SIGMOID
    remarks: Remarks = field(default_factory=Remarks)
    dataset: str | None = None

    def over(self, dataset: str | None) -> Self:
        """The same where the examples of a dataset are in reach."""
        return self if dataset == self.dataset else replace(self, dataset=dataset)

    def steady(self) -> Self:
        """The same with a stand-in that has no side."""
        return self.plain("side") if self.word.one_sided else self

    def plain(self, why: Why) -> Self:
        """The same with the sigmoid; why another stand-in that was asked for is not taken."""
        self.remarks.instead.add(why)
        return replace(self, word=SIGMOID)

    # --- what expressions are ---

    @property
    def moving(self) -> frozenset[str]:
        """Models and variables that training changes."""
        return self.setting.moving

    def axes(self, expr: nodes.Expr) -> Axes:
        """What an expression is where it stands."""
        return self.setting.inference.axes(expr, self.dataset)

    def varies(self, expr: nodes.Expr) -> bool:
        """Whether an expression may differ from one example to another."""
        found = self.axes(expr)
        return not found.known or found.each is not None

    def side(self, expr: nodes.Expr) -> int:
        """1 for what is never negative, -1 for what is never positive, else 0."""
        found = self.setting.ranges.of(expr)
        return 1 if found.low >= 0 else -1 if found.high <= 0 else 0

    def flat(self, expr: nodes.Expr) -> bool:
        """Whether something flat that moves is in an expression."""
        stack: list[tuple[nodes.Node, SoftenerBase]] = [(expr, self)]
        while stack:
            node, here = stack.pop()
            if isinstance(node, nodes.Expr) and here.is_flat(node):
                return True
            inner = here.over(atoms.over_data(node, here.dataset))
            stack.extend((child, inner) for child in node.children())
        return False

    def open_flat(self, expr: nodes.Expr) -> bool:
        """The same outside of the means in it."""
        return any(self.is_flat(n) for n in atoms.outside_means(expr) if isinstance(n, nodes.Expr))

    def is_flat(self, node: nodes.Expr) -> bool:
        """Whether a node itself is constant almost everywhere, and moves."""
        flat = isinstance(node, nodes.EVENTS) or (
            isinstance(node, nodes.Call) and self._flat_function(node)
        )
        return flat and atoms.moves(node, self.moving)

    def _flat_function(self, call: nodes.Call) -> bool:
        word = function_name(call) or ""
        known = self.setting.inference.known
        signature = known.signature(word)
        told = signature is not None and (signature.imported or signature.family == "elementary")
        if signature is not None and told and not signature.gradient:
            return signature.surrogate is None
        if known.symbols.role(word) in ("model", "import", "function"):
            return self._cut_off(call)
        return atoms.is_prediction(call)

    def _cut_off(self, expr: nodes.Expr) -> bool:
        """Whether a model or a person's own function gives whole numbers, or no gradient."""
        seen = self._seen(expr)
        known = seen is not None and not (seen.refusal or seen.parts)
        return seen is not None and known and (seen.kind != "real" or not seen.gradient)

    def _seen(self, expr: nodes.Expr) -> OutputFacts | None:
        """What a call was seen to give, or one part of what it gives."""
        if isinstance(expr, nodes.Call):
            key = call_key(expr, self.dataset)
            return self.setting.inference.known.facts.outputs.get(key)
        if not isinstance(expr, nodes.Index | nodes.Attribute):
            return None
        whole = self._seen(expr.value)
        if whole is None or not whole.parts:
            return None
        place = self.setting.inference.place(expr, self.dataset)
        return dict(whole.parts).get(place.key) if isinstance(place, PartOf) else None

    def out_of_reach(self, expr: nodes.Node) -> nodes.Expr | None:
        """The outputs that all moves of an expression come from, where no gradient reaches them."""
        if isinstance(expr, nodes.Expr) and self._cut_off(expr):
            return expr if atoms.moves(expr, self.moving) else None
        inner = self.over(atoms.over_data(expr, self.dataset))
        moving = [child for child in expr.children() if atoms.moves(child, self.moving)]
        found = [inner.out_of_reach(child) for child in moving]
        return found[0] if found and None not in found else None

    # --- the mean ---

    @abstractmethod
    def mean(self, expr: nodes.Expr, sign: int) -> nodes.Expr:
        """The expression with a gradient, where something flat in it moves; else as it is."""

    def opened(self, expr: nodes.Expr) -> nodes.Expr:
        """The expression with nothing left inside of which a prediction or event could hide.

        Means have surrogates of their own; what goes over a listed set is written out; memberships
        and chains are comparisons of two sides.
        """
        for mean in list(filter(atoms.is_closed, atoms.outside_means(expr))):
            if isinstance(mean, nodes.Expr) and self.flat(mean):
                expr = replaced(expr, mean, self.mean(mean, 0))
        return links(self.listed(expr), self.moving)

    def listed(self, expr: nodes.Expr) -> nodes.Expr:
        """The expression with what goes over a listed set, `range(n)`, written out where flat."""
        known = self.setting.inference.known
        context = Expansion(known.facts, known.params)

        def step(node: nodes.Expr) -> nodes.Expr:
            if not isinstance(node, nodes.Comprehension) or not self.open_flat(node.body):
                return node
            domains = [binder.domain for binder in node.binders]
            plain = all(
                isinstance(d, nodes.FiniteSet) or function_name(d) == "range" for d in domains
            )
            return written_out(node, context) if plain else node

        return rewrite(expr, step)
