"""What the language has for the arguments of a function that nothing resembles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.messages.synonyms import column_of_that_meaning
from cspec.dsl.messages.wording import closest, listing
from cspec.dsl.names.symbols import Role, is_pairs
from cspec.dsl.tree.nodes import Expectation, Expr, Name, Var
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.words.kind import Kind
from cspec.dsl.words.losses import LOSSES


def without_a_guess(typer: Typer, name: Name, seen: Sequence[Expr]) -> tuple[str, ...]:
    """What the language has for such arguments, and how a function of one's own is brought in."""
    written = ", ".join("abcdefgh"[: len(seen)]) or "a"
    own = (
        f"or, where it is a formula, define it: `let {name.id}({written}) = ...`",
        f'or bring your own in: `from "my.py" import {name.id}`',
    )
    first = seen[0] if seen else None
    if isinstance(first, Name) and first.id in typer.symbols.models():
        of = first.id
        if name.id.lower() in _WEIGHTS:
            each = f"each by itself: `forall W in {of}.weights: ...`"
            return (f"all weights of `{of}` are `{of}.weights`", each)
        known = f"`density({of})`, `params({of})`, `flops({of})`, `sumsq({of}.weights)`"
        return (f"of a model there are {known}", *own)
    called = function_name(first) if first is not None else None
    if called in typer.symbols.models() and len(seen) == 2:
        both = ", ".join(typer.slice(part) for part in seen)
        losses = ", ".join(f"`{loss}({both})`" for loss in LOSSES)
        return (f"losses are {losses}", *own)
    item = typer.symbols.vars().get(first.id) if isinstance(first, Name) else None
    if isinstance(item, Var) and isinstance(first, Name):
        words = _OF_VECTORS if item.dimensions else _OF_NUMBERS
        known = ", ".join(f"`{word.format(first.id)}`" for word in words)
        return (f"functions are {known}: `cspec list functions` has all", *own)
    return own


def letter_or_unused(typer: Typer, name: Name, scope: Scope) -> str | None:
    """What a name that nothing resembles may be: the only one that the spec declares and uses
    nowhere, else a bound letter."""
    letters = [own for own in scope.local if len(own) == len(name.id) == 1]
    roles: tuple[Role, ...] = () if scope.inside and scope.data else ("param", "let", "var")
    fields = [n for n in _unused(typer, "model") if typer.symbols.models()[n].arguments]
    unused = [*_unused(typer, *roles), *fields]
    return unused[0] if len(unused) == 1 else letters[-1] if letters else None


def unused_model(typer: Typer, name: Name, given: Expr) -> Kind | None:
    """Report `big(x)` where the only one of several models that is used nowhere is `teacher`."""
    unused = _unused(typer, "model")
    if len(unused) != 1 or len(typer.symbols.models()) < 2 or isinstance(given, Expectation):
        return None
    note = f"model `{unused[0]}` is declared, and used nowhere"
    return typer.unknown(name, f"did you mean `{unused[0]}`?", new=unused[0], notes=(note,))


def _unused(typer: Typer, *roles: Role) -> list[str]:
    """Names of some roles that a spec declares and uses nowhere."""
    known = typer.symbols
    return [n for n, s in known.table.items() if s.role in roles and not known.uses.get(n)]


_WEIGHTS = frozenset({
    "weights", "weight", "parameters", "layers", "get_weights", "trainable_weights", "w",
})  # fmt: skip
_OF_VECTORS = ("sum({})", "sumsq({})", "norm({}, 2)", "max({})")
_OF_NUMBERS = ("abs({})", "exp({})", "log({})", "sqrt({})", "max({}, 0)")


def as_column(typer: Typer, word: str, dataset: str | None) -> str:
    """How a name that nobody knows becomes a column of the data."""
    data = dataset or typer.symbols.default_dataset or next(iter(typer.symbols.datasets()), "data")
    columns = typer.symbols.datasets().get(data, ())
    if is_pairs(data):
        return f"columns of two examples: {listing((c.original for c in columns), 'and')}"
    known = ", ".join(column.name for column in columns)
    written = f"{data}({known}, {word})" if known else f"{data}(x, y, {word})"
    return f"if it is a column, name it in the `data` line: `{written}`"


def same_column(typer: Typer, name: Name, scope: Scope) -> Kind | None:
    """Report `gender` where the data have `sex`: that column, or one of its own."""
    data = scope.data or typer.symbols.default_dataset or next(iter(typer.symbols.datasets()), "")
    columns = tuple(column.name for column in typer.symbols.datasets().get(data, ()))
    meant = column_of_that_meaning(name.id, columns)
    if meant is None or closest(name.id, {*scope.local, *typer.symbols.table}):
        return None
    said = f"unknown name `{name.id}`"
    label = f"the columns of `{data}` are {listing(columns, 'and')}"
    helps = (f"write `{meant}`", f"or, {as_column(typer, name.id, scope.data)}")
    fixes = replacing(name.span, meant)
    return typer.report("CS201", said, name.span, label, helps=helps, fixes=fixes)


def entry_meant(typer: Typer, word: str, scope: Scope) -> str | None:
    """`x[0]` for `x_0`, where `x` is a variable with entries."""
    stem, _, number = word.rpartition("_")
    if not stem:
        stem = word.rstrip("0123456789")
        number = word[len(stem) :]
    item = typer.symbols.vars().get(stem)
    if not isinstance(item, Var) or not item.dimensions:
        return None
    index = number.isdigit() or number in scope.local
    if index and _from_one(typer, item, stem, number):
        number = f"{int(number) - 1}"
    return f"{stem}[{number}]" if index else None


def _from_one(typer: Typer, item: Var, stem: str, number: str) -> bool:
    """Whether `x_1`, `x_2`, `x_3` are the three entries of `x`."""
    (size, *more) = item.dimensions
    used = re.findall(rf"\b{re.escape(stem)}_?(\d+)\b", typer.source.text)
    many = typer.value(size)
    whole = not more and number.isdigit() and many is not None
    return whole and f"{many:g}" in used and "0" not in used
