"""What every form is translated with: the names of the function, axes, and the Python of parts."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from cspec.compiler.algebra.members import Members
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.record import Axes, Place
from cspec.compiler.emit.expressions.locals import Locals
from cspec.compiler.emit.expressions.scope import ModuleScope
from cspec.compiler.emit.names import Names
from cspec.compiler.emit.writer import Writer
from cspec.dsl.tree.nodes import Attribute, Expr, Index

KEPT = {
    "pred": "predicted",
    "prob": "probability",
    "class_prob": "soft",
    "label_prob": "soft",
}
"""Functions whose value is kept in a local (by this name): they are asked for again and again."""


class TranslatorBase(Locals, ABC):
    """The translator as a single form sees it.

    Calls, events, means and parts ask for the Python of what stands in them by `translate` alone,
    which `Translator` answers form by form.
    """

    def __init__(
        self,
        scope: ModuleScope,
        writer: Writer,
        names: Names,
        used: set[str],
        container: str = "batch",
    ) -> None:
        super().__init__(scope, writer, names, used, container)
        self.strict = False
        """Whether nothing may be left out: a verdict is measured, where a step skips."""
        self.noted = False
        """Whether each mean says on which data it is, for counts and standard errors."""
        self.inside_call = False
        """Whether a function takes what is translated."""
        self.dataset: str | None = None
        """The dataset whose examples are in reach."""

    @abstractmethod
    def translate(self, expr: Expr) -> ast.expr:
        """The Python of an expression."""

    @abstractmethod
    def beside(self, container: str) -> TranslatorBase:
        """What translates another function of the module."""

    # --- examples ---

    @cached_property
    def members(self) -> Members:
        """What puts functions of one form together."""
        return Members(self.inference)

    @property
    def inference(self) -> Inference:
        """What expressions are."""
        return self.scope.inference

    def axes(self, expr: Expr) -> Axes:
        """What an expression is where it stands."""
        return self.inference.axes(expr, self.dataset)

    def place(self, expr: Index | Attribute) -> Place | None:
        """What an index or a name behind a value means where it stands."""
        return self.inference.place(expr, self.dataset)

    @contextmanager
    def over(self, dataset: str | None) -> Iterator[None]:
        """What is translated inside is about the examples of a dataset."""
        outer, self.dataset = self.dataset, dataset
        try:
            yield
        finally:
            self.dataset = outer

    def any_column(self) -> ast.expr:
        """A column of the dataset in reach: how many examples there are."""
        dataset = self.dataset or ""
        columns = self.scope.columns(dataset)
        return self.column(dataset, "y" if "y" in columns else min(columns))

    def kept(self, name: str, key: object, value: ast.expr) -> ast.expr:
        """The local of a call of a function in `KEPT`."""
        return self.local((name, self.dataset, key), KEPT[name], value)
