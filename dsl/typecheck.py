"""Kinds of expressions, and what is wrong with them.

kind_of(parse("ce(f(x), y)"), scope)  ->  a number, one an example, with a gradient
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cspec.dsl.by_group import apart
from cspec.dsl.chains import mixed_chain
from cspec.dsl.constants import CONSTANTS, TRUTHS, NotFiniteError, Values, constant
from cspec.dsl.diagnostics import Diagnostic, Fix
from cspec.dsl.features import column_of
from cspec.dsl.intervals import Ranges
from cspec.dsl.kinds import CONSTANT, NUMERIC, UNKNOWN, WORDS, Kind, What, joined
from cspec.dsl.nodes import (
    And,
    Attribute,
    Binder,
    Call,
    Compare,
    Comprehension,
    Expectation,
    Expr,
    FiniteSet,
    Implies,
    Index,
    Interval,
    Let,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    String,
    Sum,
    Vector,
)
from cspec.dsl.signatures import SETS, SIGNATURES, Parameter, Signature
from cspec.dsl.source import Source, Span
from cspec.dsl.symbols import Symbols
from cspec.dsl.tensor_shapes import Shape, declared, shape_of
from cspec.dsl.typecheck_binders import binder_kinds
from cspec.dsl.typecheck_calls import call_kind
from cspec.dsl.typecheck_forms import (
    another_value,
    averaged,
    count_of,
    equal_outputs,
    quoted_column,
    require_set,
)
from cspec.dsl.typecheck_names import bare_set, name_kind
from cspec.dsl.typecheck_parts import attribute_kind, index_kind
from cspec.dsl.unknown_names import BARE, unknown_dataset, unknown_name, unknown_value, values_of
from cspec.dsl.wording import closest, quoted


class Scope(NamedTuple):
    """Where an expression stands: kinds of bound names, the dataset in reach, inside a mean."""

    local: dict[str, Kind]
    data: str | None = None
    inside: bool = False

    def bind(self, kinds: dict[str, Kind]) -> Scope:
        """The scope with more names bound."""
        return self._replace(local={**self.local, **kinds})


OUTSIDE = Scope({})


class Typer:
    """Finds kinds; findings go to `found` (callers that only ask use `kind_of`)."""

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
        self._ranges: Ranges | None = None
        self._lets: dict[tuple[object, ...], Kind] = {}

    @property
    def ranges(self) -> Ranges:
        """Interval arithmetic over the same names (once the values of params are settled)."""
        if self._ranges is None:
            self._ranges = Ranges(self.symbols, self.values, self.explicit_lets, self.signatures)
        return self._ranges

    # --- findings ---

    def report(self, code: str, message: str, span: Span, label: str = "", **extra: object) -> Kind:
        """Add a finding and give the unknown kind, so that one mistake is one finding."""
        if not self._quiet:
            fields = {"code": code, "message": message, "span": span, "label": label, **extra}
            self.found.append(Diagnostic.model_validate(fields))
        return UNKNOWN

    def extend(self, found: tuple[Diagnostic, ...]) -> None:
        """Add findings of others."""
        if not self._quiet:
            self.found.extend(found)

    def text(self, expr: Expr) -> str:
        """An expression as typed, quoted."""
        return quoted(self.source, expr.span)

    def slice(self, expr: Expr) -> str:
        """An expression as typed."""
        return self.source.slice(expr.span)

    # --- kinds ---

    def kind(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of an expression."""
        match expr:
            case Number():
                return CONSTANT
            case String():
                return Kind("string")
            case Name():
                return name_kind(self, expr, scope)
            case Call():
                return call_kind(self, expr, scope)
            case Sum() | Product():
                return self._arithmetic(expr, expr.operands, scope)
            case Negate(operand=operand):
                return self._arithmetic(expr, (operand,), scope)
            case Power(base=base, exponent=exponent):
                return self._arithmetic(expr, (base, exponent), scope)
            case Compare():
                return self._compare(expr, scope)
            case And(operands=operands) | Or(operands=operands):
                return self._logic(operands, scope)
            case Not(operand=operand):
                return self._logic((operand,), scope)
            case Implies(condition=condition, consequence=consequence):
                return self._logic((condition, consequence), scope)
            case Membership():
                return self._membership(expr, scope)
            case Expectation():
                return self._expectation(expr, scope)
            case Comprehension():
                return self._comprehension(expr, scope)
            case _:
                return self._structure(expr, scope)

    def _structure(self, expr: Expr, scope: Scope) -> Kind:
        match expr:
            case Vector(items=items):
                return joined("tensor", *(self.kind(item, scope) for item in items))
            case Interval(lower=lower, upper=upper):
                return joined("set", self.kind(lower, scope), self.kind(upper, scope))
            case FiniteSet(items=items):
                return joined("set", *(self.kind(item, scope) for item in items))
            case Index(value=value, indices=indices):
                return index_kind(self, value, indices, scope)
            case Attribute():
                return attribute_kind(self, expr, scope)
            case _:
                return UNKNOWN

    # --- names ---

    def set_kind(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of what stands behind `in`, where a lone word is most likely a set."""
        if isinstance(expr, Name) and self.name_unknown(expr, scope):
            return self.unknown_name(expr, scope, SETS)
        if isinstance(expr, Name) and expr.id in ("spectral", "nuclear"):
            return bare_set(self, expr, self.signatures[expr.id])
        return self.kind(expr, scope)

    def name_unknown(self, name: Name, scope: Scope) -> bool:
        """Whether nothing defines a name."""
        tables = (scope.local, self.symbols.table, self.symbols.column_names, CONSTANTS, TRUTHS)
        known = any(name.id in table for table in tables)
        return not known and name.id not in self.signatures

    def unknown_name(self, name: Name, scope: Scope, words: Iterable[str] = BARE) -> Kind:
        """A name that nothing defines, with the closest one that is; `words` may be meant."""
        return unknown_name(self, name, scope, words)

    # --- lets ---

    def let_kind(self, name: Name, arguments: tuple[Kind, ...], scope: Scope) -> Kind:
        """The kind of a let where it is used; its own mistakes are reported once, at the let."""
        item = self.symbols.lets()[name.id]
        parameters = item.parameters or ()
        if item.parameters is not None and not arguments and parameters:
            text = f"{name.id}({', '.join(parameters)})"
            return self.report(
                "CS302",
                f"`{name.id}` is a function: it needs its argument",
                name.span,
                f"defined as `{text}`",
                helps=(f"write `{text}`",),
            )
        key = (name.id, arguments, scope.data, scope.inside)
        known = self._lets.get(key)
        if known is not None:
            return known
        self._lets[key] = UNKNOWN
        inner = Scope(dict(zip(parameters, arguments, strict=False)), scope.data, scope.inside)
        self._quiet += 1
        kind = self.kind(self._let_value(item), inner)
        self._quiet -= 1
        self._lets[key] = kind
        return kind

    def _let_value(self, item: Let) -> Expr:
        return self.explicit_lets.get(item.name, item.value)

    # --- arithmetic and logic ---

    def _arithmetic(self, expr: Expr, operands: tuple[Expr, ...], scope: Scope) -> Kind:
        kinds = [self.operand(operand, scope) for operand in operands]
        self.finite(expr)
        whats = {kind.what for kind in kinds}
        if isinstance(expr, Product) and self._declared(expr) == ():
            return joined("number", *kinds)
        for what in ("unknown", "groups", "tensor", "scores"):
            if what in whats:
                return joined(what, *kinds)
        return joined("number", *kinds)

    def _declared(self, expr: Expr) -> Shape | None:
        """The shape of an expression over declared variables and params."""
        return shape_of(expr, declared(self.symbols.table, self.values), self.values)

    def operand(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of what takes part in arithmetic or a comparison."""
        kind = self.kind(expr, scope)
        if kind.what in NUMERIC or kind.what == "groups":
            return kind
        if kind.what == "event":
            if scope.inside or kind.per_example or scope.data:
                return kind  # counted 0 or 1, in the mean that it comes to stand in
            return self.report(
                "CS313",
                f"{self.text(expr)} is an event, not a number",
                expr.span,
                "true or false",
                notes=("an event counts 0 or 1 inside `E[...]`; `P[...]` is its fraction",),
                helps=(count_of(self, expr),),
            )
        return self.report(
            "CS302",
            f"{self.text(expr)} is {WORDS[kind.what]}, not a number",
            expr.span,
            "arithmetic needs a number here",
            helps=self._number_of(expr, kind),
        )

    def _number_of(self, expr: Expr, kind: Kind) -> tuple[str, ...]:
        text = self.source.slice(expr.span)
        match kind.what:
            case "model":
                return (f"write `density({text})`, or `{text}(x)` for its outputs",)
            case "weights":
                return (f"write `sumsq({text})`, or `forall W in {text}: ...`",)
            case "set" if isinstance(expr, Call) and isinstance(expr.function, Name):
                held = ", ".join(self.slice(a) for a in expr.arguments) or "W"
                return (f"write `{held} in {expr.function.id}(8)`, with what it takes",)
            case "string":
                return ('write a number, or compare a column with it: `sex == "Female"`',)
            case _:
                return ()

    def finite(self, expr: Expr) -> None:
        """Report constant arithmetic without a result."""
        try:
            constant(expr, self.values)
        except NotFiniteError as problem:
            if problem.expr is expr:
                self.report(
                    "CS316",
                    f"{self.text(expr)} {problem}",
                    expr.span,
                    "can't be computed",
                    helps=("write the number that is meant",),
                )

    def _compare(self, expr: Compare, scope: Scope) -> Kind:
        mixed = mixed_chain(self.source, expr)
        if mixed is not None:
            self.extend((mixed,))
        quoted_column(self, expr)
        equal_outputs(self, expr, scope)
        words = [o for o in expr.operands if isinstance(o, Name) and self.name_unknown(o, scope)]
        truths = [o for o in expr.operands if self._truth(o, scope)]
        kinds = []
        for operand in expr.operands:
            if isinstance(operand, String):
                kinds.append(Kind("string"))
            elif operand not in words and operand not in truths:
                kinds.append(self.operand(operand, scope))
        examples = any(kind.per_example or kind.what == "unknown" for kind in kinds)
        kinds += [self.quiet(o, scope) if examples else self.operand(o, scope) for o in truths]
        if not any(self._values(kind, tuple(words), expr.operands, scope) for kind in kinds):
            kinds += [self.operand(word, scope) for word in words]
        if any(kind.what == "groups" for kind in kinds):
            return joined("groups", *kinds)
        return joined("event", *kinds)

    def _membership(self, expr: Membership, scope: Scope) -> Kind:
        """An event of what is asked and of the bounds or values of the set: either may move."""
        kind = self.kind(expr.element, scope)
        if self._values(kind, values_of(expr.set), (expr.element,), scope):
            return joined("event", kind)
        members = self.set_kind(expr.set, scope)
        require_set(self, expr.element, expr.set, members)
        own = isinstance(expr.set, Interval | FiniteSet)
        return joined("event", kind, members) if own else joined("event", kind)

    def _truth(self, expr: Expr, scope: Scope) -> bool:
        """Whether an expression is `true` or `false`, which columns are compared with."""
        own = (scope.local, self.symbols.table, self.symbols.column_names)
        return isinstance(expr, Name) and expr.id in TRUTHS and not any(expr.id in o for o in own)

    def _values(
        self, kind: Kind, items: tuple[Expr, ...], beside: tuple[Expr, ...], scope: Scope
    ) -> bool:
        """Report words without quotes that are compared with a column; whether that is said."""
        if kind.what not in ("column", "labels") and (kind.what != "value" or scope.inside):
            return False
        words = [i for i in items if isinstance(i, Name) and self.name_unknown(i, scope)]
        own = {*scope.local, *(n for n, s in self.symbols.table.items() if s.role in _COMPARED)}
        values = [word for word in words if closest(word.id, own) is None]
        for word in values:
            unknown_value(self, word, next((b for b in beside if b not in words), None))
        return bool(values) and len(values) == len(items)

    def _logic(self, operands: tuple[Expr, ...], scope: Scope) -> Kind:
        kinds: list[Kind] = []
        for place, operand in enumerate(operands):
            short = place and another_value(self, operands[0], operand)
            kinds.append(UNKNOWN if short else self.event(operand, scope))
        return joined("event", *kinds)

    def event(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of what must be true or false."""
        kind = self.kind(expr, scope)
        if kind.what in ("event", "unknown"):
            return kind
        if kind.what == "column":
            # Of true and false, or of numbers? Only the data tell: binding looks again.
            return kind._replace(what="event")
        text = self.source.slice(expr.span)
        return self.report(
            "CS313",
            f"{self.text(expr)} is {WORDS[kind.what]}, not an event",
            expr.span,
            "needs something true or false",
            helps=(f"compare it: `{text} == 1`, `{text} > 0`",),
        )

    # --- means ---

    def _expectation(self, expr: Expectation, scope: Scope) -> Kind:
        if expr.dataset is not None and expr.dataset not in self.symbols.datasets():
            return self.unknown_dataset(expr.dataset, expr.dataset_span)
        inner = Scope(scope.local, expr.dataset, True)
        if expr.dataset is not None:
            columns = {c.name for c in self.symbols.datasets()[expr.dataset]}
            local = {n: k for n, k in scope.local.items() if n not in columns}
            inner = inner._replace(local=local)
        elif not expr.binders:
            inner = inner._replace(data="")
        inner = self.bind(expr.binders, inner)
        grouped, under = self._conditions(expr.conditions, inner)
        body = averaged(self, expr, inner)
        if expr.kind == "E":
            self._averageable(expr.body, body)
        what = grouped or "number"
        flows = body.gradient and expr.kind == "E" and body.what != "event"
        softened = any(part.moves and _has_surrogate(part) for part in (body, under))
        return Kind(what, False, body.moves or under.moves, flows or softened)

    def _conditions(self, conditions: tuple[Expr, ...], scope: Scope) -> tuple[What | None, Kind]:
        """`groups` with a lone column of categories, None without; and the kind of the events.

        `unknown` where the text does not say whether the column holds categories (by group) or
        true and false (an event): the data tell.
        """
        what: What | None = None
        kinds = [Kind("event")]
        for condition in conditions:
            name = column_of(condition)
            kind = self.kind(condition, scope) if name is not None else None
            columns = apart(condition) if isinstance(condition, Call) else (condition,)
            if columns != (condition,):
                what = self._set_of_groups(condition, columns)
                continue
            if kind is not None and kind.what == "column":
                sure = name in self.categories and what != "unknown"
                what = "groups" if sure else "unknown"
            elif kind is not None and kind.what == "unknown":
                what = "unknown"
            else:
                kinds.append(self.event(condition, scope))
        return what, joined("event", *kinds)

    def _set_of_groups(self, condition: Expr, columns: tuple[Expr, ...]) -> What:
        """`| values(sex)`, `| cross(sex, race)`: by group is said by the columns alone."""
        meant = ", ".join(map(self.slice, columns))
        self.report(
            "CS313",
            f"{self.text(condition)} is a set, not an event",
            condition.span,
            "by group?",
            notes=("columns that make groups stand alone behind `|`",),
            helps=(f"write `| {meant}`",),
            fixes=(Fix(span=condition.span, replacement=meant, title=f"write {meant}"),),
        )
        return "groups"

    def _averageable(self, body: Expr, kind: Kind) -> None:
        if kind.what in NUMERIC or kind.what in ("event", "groups"):
            return
        self.report(
            "CS302",
            f"{self.text(body)} is {WORDS[kind.what]}: it has no mean",
            body.span,
            "`E[...]` needs a number",
            helps=self._number_of(body, kind),
        )

    def unknown_dataset(self, name: str, span: Span) -> Kind:
        """`on` with a name that is no dataset."""
        return unknown_dataset(self, name, span)

    def bind(self, binders: tuple[Binder, ...], scope: Scope) -> Scope:
        """The scope of what binders hold over."""
        for binder in binders:
            kinds, data = binder_kinds(self, binder, scope)
            scope = scope.bind(kinds)
            if data is not None:
                scope = scope._replace(data=data)
            if binder.condition is not None:
                self.event(binder.condition, scope.bind({"count": CONSTANT})._replace(inside=True))
        return scope

    def _comprehension(self, expr: Comprehension, scope: Scope) -> Kind:
        inner = self.bind(expr.binders, scope)
        over_data = inner.data is not None and scope.data is None
        inner = inner._replace(inside=scope.inside or over_data)
        truth = expr.function in OF_EVENTS
        body = self.event(expr.body, inner) if truth else self.operand(expr.body, inner)
        domains = [self.quiet(binder.domain, scope) for binder in expr.binders]
        per = scope.data is None and any(d.per_example for d in domains)
        what = "event" if truth else "number" if body.what != "groups" else "groups"
        return Kind(what, body.per_example or per, body.moves, body.gradient)  # type: ignore[arg-type]

    def quiet(self, expr: Expr, scope: Scope) -> Kind:
        """The kind of an expression, its mistakes kept quiet (they are reported elsewhere)."""
        self._quiet += 1
        kind = self.kind(expr, scope)
        self._quiet -= 1
        return kind


OF_EVENTS = frozenset({"any", "all"})
"""What is said of events over a set: `any(f(x)[j] > 0 for j in range(3))` is an event itself."""

_COMPARED = frozenset({"param", "let", "var", "given"})
"""Names that may be compared with a column: a misspelt model is none."""


def _has_surrogate(body: Kind) -> bool:
    """Events of what a gradient could reach get a sigmoid by themselves."""
    return body.gradient


def kind_of(
    expr: Expr, symbols: Symbols, scope: Scope = OUTSIDE, source: Source | None = None
) -> Kind:
    """The kind of an expression in a scope; unknown where it has mistakes."""
    return Typer(symbols, source or Source(text="")).kind(expr, scope)


__all__ = ["OUTSIDE", "Parameter", "Scope", "Typer", "kind_of"]
