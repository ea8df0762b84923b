"""Modifiers as settings behind a bound: `density(f) <= 50% (method=admm)`, `(weight=2)`."""

from __future__ import annotations

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.nodes import Call


def is_modifier(node: Call) -> bool:
    """Whether brackets behind a number hold one setting that a modifier gives."""
    return len(node.keywords) == 1 and not node.arguments and node.keywords[0].name in _MODIFIERS


_MODIFIERS = {
    **dict.fromkeys(("method", "by", "solver", "algorithm"), "by {}"),
    **dict.fromkeys(("weight", "priority", "soft", "penalty"), "soft(weight={})"),
    **dict.fromkeys(("tol", "tolerance", "within", "eps", "atol"), "within {}"),
    "surrogate": "with surrogate {}",
}
"""What stands behind a constraint, by the names that people give it in brackets."""


def modifier_in_brackets(source: Source, node: Call) -> Diagnostic:
    """`density(f) <= 50% (method=admm)`."""
    keyword = node.keywords[0]
    meant = _MODIFIERS[keyword.name].format(source.slice(keyword.value.span))
    span = Span(node.function.span.end, node.span.end)
    message = f"`{source.slice(span).strip()}` is written `{meant}`"
    return problem(source, "CS120", message, span, fix=f" {meant}")
