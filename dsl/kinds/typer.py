"""What finding kinds stands on: the names of a spec, where an expression stands, the findings.

The parts of the grammar have files of their own (`typecheck_*`), which find the kind of a call, a
mean or a name with the kinds of what it is made of: they ask `kind`, and know this base alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic, finding, replacing
from cspec.dsl.messages.wording import quoted
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS, Values, value_or_none
from cspec.dsl.tree.nodes import Expr, Name, Node
from cspec.dsl.values.intervals import Ranges
from cspec.dsl.values.shapes import Leaf, declared
from cspec.dsl.words.functions import SIGNATURES, Signature
from cspec.dsl.words.kind import UNKNOWN, Kind


class Scope(NamedTuple):
    """Where an expression stands: kinds of bound names, the dataset in reach, inside a mean."""

    local: dict[str, Kind]
    data: str | None = None
    inside: bool = False

    def bind(self, kinds: dict[str, Kind]) -> Scope:
        """The scope with more names bound."""
        return self._replace(local={**self.local, **kinds})


OUTSIDE = Scope({})


class Typer(ABC):
    """Finds kinds; findings go to `found` (callers that only ask use `quiet`)."""

    def __init__(
        self,
        symbols: Symbols,
        source: Source,
        values: Values | None = None,
        functions: dict[str, Signature] | None = None,
    ) -> None:
        self.symbols = symbols
        self.source = source
        self.values: Values = values or {}
        self.signatures = {**SIGNATURES, **(functions or {})}
        self.found: list[Diagnostic] = []
        self.explicit_lets: dict[str, Expr] = {}
        self.categories: frozenset[str] = frozenset()
        """Columns that the spec itself shows to hold categories."""
        self._quiet = 0
        self._answers: dict[tuple[object, ...], tuple[Kind, Expr]] = {}
        """Quiet answers within one that is being found, with what they are of."""
        self._ranges: Ranges | None = None
        self._lets: dict[tuple[object, ...], Kind] = {}
        self._shapes: tuple[Symbols, Values, int, Leaf] | None = None

    @property
    def shapes(self) -> Leaf:
        """The shapes of what the spec declares: lets are read once for the params known so far."""
        known = self._shapes
        if (
            known is None
            or known[0] is not self.symbols
            or known[1] is not self.values
            or known[2] != len(self.values)
        ):
            leaf = declared(self.symbols.table, self.values)
            known = self._shapes = (self.symbols, self.values, len(self.values), leaf)
        return known[3]

    @property
    def ranges(self) -> Ranges:
        """Interval arithmetic over the same names (once the values of params are settled)."""
        if self._ranges is None:
            self._ranges = Ranges(self.symbols, self.values, self.explicit_lets, self.signatures)
        return self._ranges

    # --- kinds ---

    @abstractmethod
    def kind(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of an expression; its mistakes are reported, each once."""

    def quiet(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of an expression, its mistakes kept quiet (they are reported elsewhere).

        Inside of a quiet answer each part is asked for once: twice at each level would double the
        work with every level.
        """
        key = id(expr), scope.data, scope.inside, frozenset(scope.local.items())
        if (known := self._answers.get(key)) is not None:
            return known[0]
        self._quiet += 1
        kind = self.kind(expr, scope)
        self._quiet -= 1
        if self._quiet:
            self._answers[key] = kind, expr
        else:
            self._answers.clear()
        return kind

    def let_kind(self, name: str, arguments: tuple[Kind, ...], scope: Scope) -> Kind:
        """The kind of a let where it is used; its own mistakes are reported once, at the let."""
        item = self.symbols.lets()[name]
        parameters = item.parameters or ()
        key = (name, arguments, scope.data, scope.inside)
        if (known := self._lets.get(key)) is not None:
            return known
        self._lets[key] = UNKNOWN  # what a let that uses itself finds
        inner = Scope(dict(zip(parameters, arguments, strict=False)), scope.data, scope.inside)
        kind = self.quiet(self.explicit_lets.get(item.name, item.value), inner)
        self._lets[key] = kind
        return kind

    # --- findings ---

    def report(self, code: str, message: str, span: Span, label: str = "", **extra: Any) -> Kind:
        """Add a finding and give the unknown kind, so that one mistake is one finding."""
        if not self._quiet:
            self.found.append(finding(code, message, span, label, **extra))
        return UNKNOWN

    def warn(self, code: str, message: str, span: Span, label: str = "", **extra: Any) -> None:
        """Add a warning."""
        self.report(code, message, span, label, severity="warning", **extra)

    def unknown(self, name: Name, *helps: str, new: str | None = None, **extra: Any) -> Kind:
        """Report a name that nothing defines; `new` goes to its place, or to that of `place`."""
        fixes = replacing(extra.pop("place", name.span), new)
        said, label = f"unknown name `{name.id}`", "not defined in this spec"
        return self.report("CS201", said, name.span, label, helps=helps, fixes=fixes, **extra)

    def extend(self, found: tuple[Diagnostic, ...]) -> None:
        """Add findings of others."""
        if not self._quiet:
            self.found.extend(found)

    # --- names and text ---

    def name_unknown(self, name: Name, scope: Scope) -> bool:
        """Whether nothing defines a name."""
        tables = (scope.local, self.symbols.table, self.symbols.column_names, CONSTANTS, TRUTHS)
        known = any(name.id in table for table in tables)
        return not known and name.id not in self.signatures

    def text(self, expr: Expr) -> str:
        """An expression as typed, quoted."""
        return quoted(self.source, expr.span)

    def slice(self, node: Node) -> str:
        """An expression, or another part of the spec, as typed."""
        return self.source.slice(node.span)

    def value(self, expr: Expr) -> float | None:
        """The number that a constant expression is; None for others."""
        return value_or_none(expr, self.values)

    def exchanged(self, whole: Node, part: Node, new: str) -> str:
        """A part of the spec as typed, with something else in the place of one inside of it."""
        text, (start, end) = self.source.text, whole.span
        return f"{text[start : part.span.start]}{new}{text[part.span.end : end]}"
