"""How functions are written, and calls with too many, too few or unknown arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cspec.dsl.constants import value_or_none
from cspec.dsl.diagnostics import Fix
from cspec.dsl.kinds import WORDS, Kind
from cspec.dsl.meant import SETTING_WORDS
from cspec.dsl.nodes import Call, Compare, Expectation, Expr, Keyword, Name, Number, String
from cspec.dsl.signatures import LOSSES, Parameter, Signature
from cspec.dsl.wording import closest, counted, listing

if TYPE_CHECKING:
    from cspec.dsl.typecheck import Scope, Typer

EXAMPLES = {
    "rank": "rank(8)",
    "sparse": "sparse(10%)",
    "channels": "channels(50%)",
    "nm": "nm(2, 4)",
    "grid": "grid(bits=4)",
    "spectral": "spectral(1)",
    "nuclear": "nuclear(10)",
    "ball": "ball(1, norm=2)",
    "values": "values(column)",
    "cross": "cross(column, other)",
    "range": "range(10)",
    "uniform": "uniform(0, 1)",
    "normal": "normal(0, 1)",
    "gap": "gap(P[pred == 1 | column])",
    "ratio": "ratio(P[pred == 1 | column])",
    "ramp": "ramp(100%, 10%, epochs=20)",
}
"""Words whose form says less than an example."""


def form(signature: Signature) -> str:
    """How a function is written: `norm(v, p)`."""
    if signature.name in EXAMPLES:
        return EXAMPLES[signature.name]
    if not signature.parameters and signature.family == "set":
        return signature.name
    parts = [
        f"{p.name}=..." if p.keyword else p.name
        for p in signature.parameters
        if p.required or p.keyword
    ]
    if signature.variadic:
        parts.append("...")
    return f"{signature.name}({', '.join(parts)})"


def too_many(typer: Typer, call: Call, signature: Signature) -> None:
    """More arguments than a function takes."""
    expected = sum(not p.keyword for p in signature.parameters)
    if signature.name == "range" and len(call.arguments) == 2 and _two_ends(typer, call):
        return
    typer.report(
        "CS301",
        f"`{signature.name}` takes {counted(expected, 'argument')}, not {len(call.arguments)}",
        call.span,
        signature.doc,
        helps=(_all_of_them(typer, call) or f"write `{form_here(typer, call, signature)}`",),
    )


_OF_ENTRIES = frozenset(
    {"sum", "mean", "median", "std", "variance", "norm", "l1", "l2", "sumsq", "cumsum", "argmax"}
)


def _all_of_them(typer: Typer, call: Call) -> str:
    """How a call with too many arguments says the same; empty where that is not known."""
    word = call.function.id if isinstance(call.function, Name) else ""
    parts = [typer.slice(argument) for argument in call.arguments]
    if word == "log" and len(parts) == 2:
        return f"the logarithm to base {parts[1]} is `log({parts[0]})/log({parts[1]})`"
    if word not in _OF_ENTRIES or len(parts) < 2:
        return ""
    if any(value_or_none(argument, typer.values) is not None for argument in call.arguments[1:]):
        return f"it goes over all entries; of one row or column: `{word}({parts[0]}[0, :])`"
    return f"of several numbers write `{word}([{', '.join(parts)}])`"


def _two_ends(typer: Typer, call: Call) -> bool:
    """`range(1, 4)`: the numbers from one to before another."""
    ends = [value_or_none(argument, typer.values) for argument in call.arguments]
    if any(end is None or end != int(end) for end in ends) or ends[0] is None or ends[1] is None:
        return False
    first, last = int(ends[0]), int(ends[1])
    few = last - first <= 12
    values = "{" + ", ".join(str(value) for value in range(first, last)) + "}"
    meant = f"range({last})" if first == 0 else values if few and last > first else ""
    shift = f"range({last - first})` with `i + {first}` for `i"
    typer.report(
        "CS301",
        "`range` takes 1 argument, not 2: it begins at 0",
        call.span,
        "the whole numbers below n",
        helps=(f"write `{meant}`" if meant else f"write `{shift}`",),
        fixes=(Fix(span=call.span, replacement=meant, title=f"write {meant}"),) if meant else (),
    )
    return True


def form_here(typer: Typer, call: Call, signature: Signature) -> str:
    """The form of a function with as many of the arguments given as it takes."""
    expected = sum(not p.keyword for p in signature.parameters)
    if signature.name in EXAMPLES or not expected or len(call.arguments) < expected:
        return form(signature)
    kept = (typer.source.slice(argument.span) for argument in call.arguments[:expected])
    return f"{signature.name}({', '.join(kept)})"


def missing_arguments(
    typer: Typer, call: Call, signature: Signature, missing: list[Parameter]
) -> None:
    """Fewer arguments than a function needs; norms say which one they are."""
    text = typer.source.slice(call.span)
    end = call.span.end - 1
    names = {parameter.name for parameter in missing}
    if signature.name in ("ball", "norm") and names <= {"norm", "p"}:
        options = ("norm=2", "norm=inf") if signature.name == "ball" else ("2", "1")
        typer.report(
            "CS324",
            f"{typer.text(call)} does not say which norm",
            call.span,
            "Euclidean, largest entry, sum of entries?",
            notes=("balls in different norms are different sets",)
            if signature.name == "ball"
            else ("norms with different p are different numbers",),
            helps=tuple(f"write `{text[:-1]}, {option})`" for option in options),
            fixes=tuple(
                Fix(
                    span=call.span._replace(start=end, end=end),
                    replacement=f", {option}",
                    title=option,
                )
                for option in options
            ),
        )
        return
    given = len(call.arguments)
    needed = sum(p.required for p in signature.parameters)
    typer.report(
        "CS301",
        f"`{signature.name}` needs {counted(needed, 'argument')}, not {given}",
        call.span,
        f"{listing((p.name for p in missing), 'and')} missing",
        notes=(f"`{form(signature)}`: {signature.doc}",),
        helps=(f"write `{_as_called(typer, call, signature)}`",),
    )


def _as_called(typer: Typer, call: Call, signature: Signature) -> str:
    """The form of a call, of a loss with the names of the spec: `mse(f(x), y)`."""
    models = tuple(typer.symbols.models())
    known = {"x", "y"} <= typer.symbols.column_names
    if signature.name not in LOSSES or len(models) != 1 or not known:
        return form(signature)
    return f"{signature.name}({models[0]}(x), y)"


def _without(keyword: Keyword, name: str) -> str:
    """What a setting of other libraries is written as, or that it goes."""
    if keyword.name in ("axis", "dim", "keepdims", "keepdim"):
        return f"for each row or column: `forall i in range(n): {name}(A[i, :]) ...`, or `A[:, i]`"
    if name in LOSSES and keyword.name in ("weight", "class_weight", "pos_weight", "sample_weight"):
        return f"weigh the examples: `where(y == 1, 5, 1)*{name}(f(x), y)`"
    return f"remove `{keyword.name}`"


def unknown_keyword(typer: Typer, keyword: Keyword, name: str, known: tuple[str, ...]) -> None:
    """A setting that a function does not have."""
    others = SETTING_WORDS.items()
    meant = next((w for w, o in others if w in known and keyword.name.lower() in o), None)
    guess = meant or closest(keyword.name, known)
    span = keyword.name_span
    typer.report(
        "CS502",
        f"`{name}` has no setting `{keyword.name}`",
        span,
        f"it takes {listing(known, 'and')}" if known else "it takes no settings",
        helps=(f"did you mean `{guess}`?",) if guess else (_without(keyword, name),),
        fixes=(Fix(span=span, replacement=guess, title=f"write {guess}"),) if guess else (),
    )


_NO_SETS = frozenset(
    {"number", "scores", "tensor", "labels", "groups", "event", "model", "weights", "string"}
)


def require_set(typer: Typer, element: Expr, members: Expr, kind: Kind) -> None:
    """Report what stands behind `in` and is no set: `y in topk(f(x), 5)`."""
    if kind.what not in _NO_SETS:
        return
    text, inner = typer.source.slice(members.span), typer.source.slice(element.span)
    helps: tuple[str, ...] = (f"compare them: `{inner} == {text}`", "a set is `{1, 2}`, `[0, 1]`")
    match members:
        case Call(function=Name(id="topk"), arguments=(values, *_)):
            entry = f"{typer.source.slice(values.span)}[{inner}]"
            helps = (
                f"whether entry `{inner}` is among the largest: `{entry} >= min({text})`",
                "`topk` gives the largest entries, not their places",
            )
    typer.report(
        "CS302",
        f"`{text}` is {WORDS[kind.what]}, not a set",
        members.span,
        "a set goes behind `in`",
        helps=helps,
    )


def quoted_column(typer: Typer, expr: Compare) -> None:
    """Report `"sex" == "F"`: two texts, of which one is the name of a column."""
    plain = [o for o in expr.operands if isinstance(o, String | Number)]
    texts = [o for o in plain if isinstance(o, String)]
    if len(plain) != len(expr.operands) or not texts:
        return
    columns = {c.original: c.name for cs in typer.symbols.datasets().values() for c in cs}
    named = next((text for text in texts if text.value in columns), None)
    found = named or texts[0]
    name = columns.get(found.value, "")
    typer.report(
        "CS325",
        f"{typer.text(found)} is a text" + (f"; the column is `{name}`" if name else ""),
        found.span,
        "the same for every example",
        helps=(f"write `{name}`" if name else "compare a column with it: `column == ...`",),
        fixes=(Fix(span=found.span, replacement=name, title=f"write {name}"),) if name else (),
    )


def equal_outputs(typer: Typer, expr: Compare, scope: Scope) -> None:
    """Report `P[f(x) == 1]`: outputs are numbers that are hardly ever equal to a class."""
    if not scope.inside or expr.operators not in (("==",), ("!=",)):
        return
    left, right = expr.operands
    outputs = isinstance(left, Call) and isinstance(left.function, Name)
    if not outputs or not isinstance(left, Call) or not isinstance(left.function, Name):
        return
    model = typer.symbols.models().get(left.function.id)
    plain = isinstance(right, String) or (isinstance(right, Number) and right.value.is_integer())
    if model is None or model.arguments is not None or not plain:
        return
    bare = "pred" if len(typer.symbols.named_models) == 1 else f"pred({typer.slice(left)})"
    typer.report(
        "CS325",
        f"{typer.text(left)} is a number, hardly ever equal to a class",
        left.span,
        "an output of a model",
        helps=(f"write `{bare}`, the class that it says",),
        fixes=(Fix(span=left.span, replacement=bare, title=f"write {bare}"),),
    )


def another_value(typer: Typer, first: Expr, operand: Expr) -> bool:
    """Report `sex == "F" or "M"`, `x == 1 or 2`: each comparison is written out."""
    plain = isinstance(operand, String | Number)
    compared = isinstance(first, Compare) and len(first.operands) == 2
    if not plain or not compared or not isinstance(first, Compare):
        return False
    thing, operator = typer.slice(first.operands[0]), first.operators[0]
    meant = f"{thing} {operator} {typer.slice(operand)}"
    typer.report(
        "CS313",
        f"{typer.text(operand)} is compared with nothing",
        operand.span,
        "each comparison is written out",
        helps=(f"write `{meant}`",),
        fixes=(Fix(span=operand.span, replacement=meant, title=f"write {meant}"),),
    )
    return True


def averaged(typer: Typer, expr: Expectation, scope: Scope) -> Kind:
    """The kind of what `E[...]` or `P[...]` is of; a number in `P[...]` is reported."""
    if expr.kind == "E":
        return typer.kind(expr.body, scope)
    if typer.quiet(expr.body, scope).what not in ("number", "scores"):
        return typer.event(expr.body, scope)
    body, text = typer.slice(expr.body), typer.slice(expr)
    if isinstance(expr.body, Number):
        meant = text.replace(body, f"pred == {body}", 1)
        return typer.report(
            "CS313",
            f"{typer.text(expr.body)} is a number, not an event",
            expr.body.span,
            "needs something true or false",
            helps=(f"write `{meant}`",),
            fixes=(
                Fix(span=expr.body.span, replacement=f"pred == {body}", title=f"pred == {body}"),
            ),
        )
    middle = "0.5" if re.match(r"(sigmoid|prob)\b", body) else "0"
    return typer.report(
        "CS313",
        f"{typer.text(expr.body)} is a number, not an event",
        expr.body.span,
        "needs something true or false",
        helps=(
            f"for its mean write `E{text[1:]}`",
            f"or compare it: `{body} > {middle}`",
        ),
    )


def count_of(typer: Typer, event: Expr) -> str:
    """How an event is counted as a number, outside of a mean."""
    if isinstance(event, Name):
        return "write 1 or 0"
    text = typer.slice(event)
    if typer.symbols.datasets():
        return f"write `P[{text}]`"
    bare = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    return f"write `where({bare}, 1, 0)`"
