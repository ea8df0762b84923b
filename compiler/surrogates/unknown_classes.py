"""Sums over classes that are not known yet, for people alone: `sum(... for k in classes)`."""

from __future__ import annotations

from cspec.compiler.surrogates.arithmetic import times
from cspec.dsl.tree.nodes import Binder, Comprehension, Expr, Name, walk
from cspec.dsl.tree.rebuild import names

EVERY_CLASS = "classes"
"""The set of the classes of a model that is not bound yet, in what `explain` prints."""


def fresh(expr: Expr) -> Name:
    """A name for a class that is not in an expression."""
    taken = names(expr)
    return Name(id=next(name for name in ("k", "c", "j", "k_", "c_", "j_") if name not in taken))


def over_names(name: Name, *factors: Expr) -> Expr:
    """`sum(... for k in classes)`."""
    binder = Binder(names=(name.id,), domain=Name(id=EVERY_CLASS))
    return Comprehension(function="sum", body=times(*factors), binders=(binder,))


def said_of_classes(expr: Expr) -> str:
    """`, c over all classes`: by what an expression for people goes over them, "" for others."""
    binders = [n for n in walk(expr) if isinstance(n, Binder) and _over_classes(n)]
    names = dict.fromkeys(name for binder in binders for name in binder.names)
    return f", {' and '.join(names)} over all classes" if names else ""


def _over_classes(binder: Binder) -> bool:
    return isinstance(binder.domain, Name) and binder.domain.id == EVERY_CLASS


def in_words(expr: Expr) -> bool:
    """Whether an expression is for people alone: it goes over classes that are not known yet."""
    return any(isinstance(node, Binder) and _over_classes(node) for node in walk(expr))
