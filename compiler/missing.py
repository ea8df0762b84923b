"""What the language has and the compiler does not yet: said by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cspec.compiler.rewrite import function_name, method_name
from cspec.dsl.check import Checked
from cspec.dsl.diagnostics import Diagnostic, SpecError
from cspec.dsl.format_expressions import format_expression
from cspec.dsl.nodes import (
    Attribute,
    Binder,
    Call,
    Comprehension,
    Expectation,
    Expr,
    Implies,
    Name,
    Node,
    walk,
)

_AVERAGE = "an average over points of a domain"
_FUNCTIONS = {
    "diff": "a derivative of a model's output",
    "laplacian": "a derivative of a model's output",
    "grad": "a gradient of a model's output",
    "cvar": "a conditional value at risk",
    "quantile": "a quantile",
}


def form(expr: Expr) -> str:
    """What kind of thing an expression is, in the words of the language."""
    match expr:
        case Comprehension(function=function):
            return f"`{function}(... for ...)` over a set that is not finite"
        case Expectation(binders=binders) if binders:
            return _AVERAGE
        case Implies():
            return "a rule `A => B` on each example"
        case Call() if function_name(expr) in _FUNCTIONS:
            return _FUNCTIONS[function_name(expr) or ""]
        case _:
            return f"`{format_expression(expr)}` here"


_DRAWN = frozenset({"uniform", "normal", "ball"})
"""Sets that are not finite, besides the domains of a spec."""


def require_finite(checked: Checked, explained: bool = True) -> None:
    """Refuse what runs over points of a domain, before data or models are looked for.

    `explained` says whether `cspec explain` works without it.

    Raises:
        SpecError: every such set of the spec, in source order.
    """
    domains = checked.symbols.domains()
    found = {
        binder.domain.span: _diagnostic(
            _over(node, binder, domains),
            binder.domain,
            ("compiled are averages over data, and requirements on finite sets",),
            explained,
        )
        for node, binder in _binders(checked.elaborated)
        if any(_infinite(part, domains) for part in walk(binder.domain))
    }
    if found:
        raise SpecError([found[span] for span in sorted(found)])


def _binders(tree: Node) -> Iterator[tuple[Node, Binder]]:
    for node in walk(tree):
        for binder in getattr(node, "binders", ()):
            yield node, binder


def _infinite(part: Node, domains: Collection[str]) -> bool:
    match part:
        case Name(id=name):
            return name in domains
        case Call():
            return function_name(part) in _DRAWN
        case _:
            return False


def _over(node: Node, binder: Binder, domains: Collection[str]) -> str:
    if isinstance(node, Expectation | Comprehension):
        return form(node)
    match binder.domain:
        case Name(id=name) if name in domains:
            return f"a requirement on every point of the domain `{name}`"
        case Call(function=Attribute(value=Call(), name="sample")):
            return "a requirement on drawn points"
        case _:
            return index_set(binder)


def index_set(binder: Binder) -> str:
    """What a quantifier runs over, in the words of the language."""
    method = method_name(binder.domain)
    match binder.domain, method:
        case _, (_, "sample"):
            return "a requirement on drawn points of a domain"
        case _, (_, "grid"):
            return "a requirement on the grid points of a domain"
        case Name(id=name), _ if len(binder.names) > 1:
            return f"a requirement on each example of `{name}`"
        case _, _ if function_name(binder.domain) == "ball":
            return "a requirement on a whole ball"
        case _:
            return f"a requirement over `{format_expression(binder.domain)}`"


def not_compiled(what: str, expr: Expr, *notes: str) -> SpecError:
    """The finding that a form is understood and checked, but has no emitted Python yet."""
    return SpecError([_diagnostic(what, expr, notes)])


def _diagnostic(
    what: str, expr: Expr, notes: tuple[str, ...], explained: bool = True
) -> Diagnostic:
    help_ = "leave it out to run the rest"
    if what == _AVERAGE:
        help_ = "draw the points beforehand and bind them as data: `E[... on points]`"
    return Diagnostic(
        code="CS520",
        message=f"{what} is checked by cspec, but not compiled yet",
        span=expr.span,
        label="not compiled yet",
        notes=notes,
        helps=(f"{help_}; `cspec explain` works with it" if explained else help_,),
    )
