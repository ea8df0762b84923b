"""What the language has and the compiler does not yet: said by name."""

from cspec.compiler.expressions.rewrite import function_name, method_name
from cspec.compiler.expressions.text import text
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.nodes import Binder, Call, Comprehension, Expectation, Expr, Implies, Name

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
            return f"`{function}(... for ...)` over points of a domain"
        case Expectation(binders=binders) if binders:
            return "an average over points of a domain"
        case Implies():
            return "a rule `A => B` on each example"
        case Call() if function_name(expr) in _FUNCTIONS:
            return _FUNCTIONS[function_name(expr) or ""]
    return f"`{text(expr)}` here"


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
    return f"a requirement over `{text(binder.domain)}`"


def not_compiled(what: str, expr: Expr, *notes: str) -> SpecError:
    """The finding that a form is understood and checked, but has no emitted Python yet.

    What the text alone decides is found earlier: `dsl/not_compiled`.
    """
    return Diagnostic(
        code="CS520",
        message=f"{what} is checked by cspec, but not compiled yet",
        span=expr.span,
        label="not compiled yet",
        notes=notes,
        helps=("leave it out to run the rest; `cspec explain` works with it",),
    ).error()
