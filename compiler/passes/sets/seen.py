"""A relation that is looked at: its normal form, and what its names are."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, NamedTuple

from cspec.compiler.expressions.rewrite import method_name
from cspec.compiler.records.problem import Constraint, SetMember
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Expectation, Expr, Name, walk


class Seen(NamedTuple):
    """A relation in normal form, and what its names are."""

    constraint: Constraint
    value: Expr
    bound: Expr
    tensors: Mapping[str, tuple[int, ...] | None]
    symbols: Symbols
    params: Values

    @property
    def text(self) -> str:
        return self.constraint.text

    def number(self, expr: Expr) -> float | None:
        """The value of a constant; None for what is none."""
        return value_or_none(expr, self.params)

    def constant(self, expr: Expr) -> bool:
        """Whether an expression is known before training: numbers, params, vectors of them.

        What is measured (`E[..]`, `density(net)`) and other weights move: no set has such an end.
        """
        return not any(
            isinstance(n, Expectation) or (isinstance(n, Name) and self._moves(n.id))
            for n in walk(expr)
        )

    def _moves(self, name: str) -> bool:
        role = self.symbols.role(name)
        return name in self.tensors or role not in (None, "param", "let")

    def listed(self, expr: Expr) -> bool:
        """Whether an expression is a list of a model's weights, `net.weights("fc*")`."""
        found = method_name(expr)
        models = self.symbols.models()
        return found is not None and found[0] in models and found[1] in ("weights", "params")


def is_tensor(expr: Expr, tensors: Container[str]) -> bool:
    return isinstance(expr, Name) and expr.id in tensors


def member(seen: Seen, word: str, subject: Expr, arguments: Mapping[str, Any]) -> SetMember:
    return SetMember(word=word, subject=subject, arguments=dict(arguments), recognized=seen.text)
