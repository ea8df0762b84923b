"""Kinds of names: what is declared, columns, constants, and functions without parentheses."""

from cspec.dsl.kinds.forms import form
from cspec.dsl.kinds.names_by_place import in_square_brackets
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.kinds.unknown_names import not_given, unknown_name
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.messages.wording import listing
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS
from cspec.dsl.tree.nodes import Expr, Name
from cspec.dsl.words.functions import BOTH, SETS, Signature
from cspec.dsl.words.kind import CONSTANT, UNKNOWN, Kind, What
from cspec.dsl.words.losses import LOSSES


def name_kind(typer: Typer, name: Name, scope: Scope) -> Kind:
    """The kind of a name where it stands alone."""
    word = name.id
    if (local := scope.local.get(word)) is not None:
        return local
    if word in typer.symbols.table:
        return _symbol(typer, name, scope)
    if word in typer.symbols.column_names:
        return _column(typer, name, scope)
    if word in CONSTANTS:
        return CONSTANT
    if word in TRUTHS:
        return Kind("event")
    if (signature := typer.signatures.get(word)) is not None:
        return _bare_function(typer, name, signature)
    return unknown_name(typer, name, scope)


def _symbol(typer: Typer, name: Name, scope: Scope) -> Kind:
    symbol = typer.symbols.table[name.id]
    what: What = "tensor" if getattr(symbol.item, "dimensions", ()) else "number"
    match symbol.role:
        case "param":
            return Kind(what)
        case "let":
            return _function_alone(typer, name) or typer.let_kind(name.id, (), scope)
        case "var":
            return Kind(what, moves=True, gradient=True)
        case "data":
            return Kind("dataset")
        case "model":
            moving = not typer.symbols.frozen(name.id)
            return Kind("model", moves=moving, gradient=moving)
        case "domain":
            return Kind("domain")
        case "given":
            return Kind("number", moves=True, gradient=True)
    return UNKNOWN


def _function_alone(typer: Typer, name: Name) -> Kind | None:
    """A let function without its arguments."""
    parameters = typer.symbols.lets()[name.id].parameters
    if not parameters:
        return None
    text = f"{name.id}({', '.join(parameters)})"
    said = f"`{name.id}` is a function: it needs its argument"
    label, helps = f"defined as `{text}`", (f"write `{text}`",)
    bracketed = in_square_brackets(typer, name, name.id)
    return bracketed or typer.report("CS302", said, name.span, label, helps=helps)


def _column(typer: Typer, name: Name, scope: Scope) -> Kind:
    if scope.data is None:
        return Kind("column", per_example=True)
    columns = typer.symbols.datasets().get(scope.data)
    if columns is not None and all(column.name != name.id for column in columns):
        known = tuple(column.name for column in columns)
        said = f"dataset `{scope.data}` has no column `{name.id}`"
        label = f"`{scope.data}` has {listing(known, 'and')}"
        help_ = f"add `{name.id}` to the columns of `{scope.data}` in its `data` line"
        return typer.report("CS208", said, name.span, label, helps=(help_,))
    return Kind("column")


def _bare_function(typer: Typer, name: Name, signature: Signature) -> Kind:
    if signature.family == "set":
        return _bare_set(typer, name, signature)
    if name.id in LOSSES or name.id in ("pred", "prob"):
        own_loop = not typer.symbols.models() and not typer.symbols.datasets()
        return (not_given(typer, name) if own_loop else None) or UNKNOWN
    if not any(parameter.required for parameter in signature.parameters):
        about_a_run = signature.family == "metric"
        return Kind("tensor", moves=about_a_run, gradient=about_a_run)
    first = signature.parameters[0].name if signature.parameters else ""
    models = tuple(typer.symbols.models())
    argument = models[0] if signature.family == "model" and models else first
    weights = first and signature.family != "model" and "weights" in signature.parameters[0].kinds
    argument = f"{models[0]}.weights" if weights and models else argument
    needed = [p.name for p in signature.parameters if p.required and not p.keyword]
    form = f"{name.id}({', '.join([argument, *needed[1:]])})"
    if (bracketed := in_square_brackets(typer, name, name.id)) is not None:
        return bracketed
    if told := not_given(typer, name, f"or, of the function, `{form}`"):
        return told
    said = f"`{name.id}` is a function: it needs its argument"
    label = "used without parentheses"
    fixes = replacing(name.span, form) if signature.family == "model" and len(models) == 1 else ()
    return typer.report("CS302", said, name.span, label, helps=(f"write `{form}`",), fixes=fixes)


def set_kind(typer: Typer, expr: Expr, scope: Scope) -> Kind:
    """The kind of what stands behind `in`, where a lone word is most likely a set."""
    if isinstance(expr, Name) and typer.name_unknown(expr, scope):
        return unknown_name(typer, expr, scope, SETS)
    if isinstance(expr, Name) and expr.id in BOTH:
        return _bare_set(typer, expr, typer.signatures[expr.id])
    return typer.kind(expr, scope)


def _bare_set(typer: Typer, name: Name, signature: Signature) -> Kind:
    """A set without parentheses: right only where it needs no argument."""
    if not any(parameter.required for parameter in signature.parameters):
        return Kind("set")
    said, helps = f"`{name.id}` does not say how much", (f"write `{form(signature)}`",)
    bracketed = in_square_brackets(typer, name, name.id)
    return bracketed or typer.report("CS302", said, name.span, signature.doc, helps=helps)
