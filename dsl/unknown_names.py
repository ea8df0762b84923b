"""Names that nothing defines: the closest one that is, what other libraries call it, or how to
define it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cspec.dsl.constants import CONSTANTS, TRUTHS
from cspec.dsl.diagnostics import Diagnostic, Fix
from cspec.dsl.kinds import Kind
from cspec.dsl.meant import OVER_EXAMPLES, meant
from cspec.dsl.nodes import Attribute, Expr, FiniteSet, Name, Var
from cspec.dsl.signatures import LOSSES, SIGNATURES
from cspec.dsl.source import Source, Span
from cspec.dsl.typer import Scope, Typer
from cspec.dsl.wording import closest, listing

BARE = (*LOSSES, "pred", "prob", *CONSTANTS, *TRUTHS)
"""Words of the language that stand alone in an expression."""

RATES = {
    **dict.fromkeys(("accuracy", "acc"), "P[pred == y]"),
    **dict.fromkeys(("error_rate", "err", "misclassification"), "P[pred != y]"),
}
"""Rates that have a name elsewhere, where they stand alone."""

MODULES = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "np": "numpy",
    "numpy": "numpy",
    "math": "math",
    "jnp": "jax.numpy",
    "jax": "jax",
    "tf": "tensorflow",
    "cp": "cvxpy",
    "cvxpy": "cvxpy",
    "scipy": "scipy",
    "sklearn": "sklearn",
    "torchvision": "torchvision",
    "tfco": "tfco",
    "cooper": "cooper",
    "self": "self",
}
"""Modules of Python by the names that people give them."""
_LOWER = frozenset(name.lower() for name in MODULES)


def unknown_name(typer: Typer, name: Name, scope: Scope, words: Iterable[str] = BARE) -> Kind:
    """Report a name that nothing defines; `words` of the language may be meant."""
    if name.id in ("E", "P"):
        helps = (f"write `{name.id}[...]`",)
        message = f"`{name.id}` stands before square brackets"
        return typer.report("CS201", message, name.span, "no function", helps=helps)
    own = {*scope.local, *typer.symbols.table, *typer.symbols.column_names}
    guess, known = closest(name.id, own), meant(name.id)
    if words is BARE and name.id.lower() in RATES and name.id not in own:
        rate = RATES[name.id.lower()]
        return _report(typer, name, (known.help if known else f"write `{rate}`",), rate)
    if name.id in ("weights", "parameters") and typer.symbols.models():
        part = f"{next(iter(typer.symbols.models()))}.{_PARTS[name.id]}"
        return _report(typer, name, (f"they belong to a model: `{part}`",), part)
    entry = _entry(typer, name.id, scope)
    if entry:
        return _report(typer, name, (f"an entry is written `{entry}`",), entry)
    if guess is None and known is not None and known.word not in typer.symbols.table:
        return _report(typer, name, (known.help,), known.word)
    guess = guess or closest(name.id, words)
    if guess:
        return _report(typer, name, (f"did you mean `{guess}`?",), guess)
    return _report(typer, name, _definitions(typer, name.id, scope))


_PARTS = {"weights": "weights", "parameters": "params"}


def _entry(typer: Typer, word: str, scope: Scope) -> str | None:
    """`x[0]` for `x_0`, where `x` is a variable with entries."""
    stem, _, number = word.rpartition("_")
    if not stem:
        stem = word.rstrip("0123456789")
        number = word[len(stem) :]
    item = typer.symbols.vars().get(stem)
    has_entries = isinstance(item, Var) and bool(item.dimensions)
    index = number.isdigit() or number in scope.local
    return f"{stem}[{number}]" if index and has_entries else None


def unknown_function(typer: Typer, name: Name, scope: Scope) -> Kind:
    """Report a function that nothing defines."""
    own = {*scope.local, *typer.symbols.table}
    if closest(name.id, own) or meant(name.id) or closest(name.id, typer.signatures):
        return unknown_name(typer, name, scope, typer.signatures)
    helps = (
        f"define it: `let {name.id}(a) = ...`",
        f'or bring your own in: `from "my.py" import {name.id}`',
    )
    return _report(typer, name, helps)


def unknown_value(typer: Typer, name: Name) -> Kind:
    """Report a word without quotes that is compared with a column: most likely a value of it."""
    text = name.id.lower() if name.id.lower() in TRUTHS else f'"{name.id}"'
    return _report(typer, name, (f"did you mean `{text}` (a value)?",), text)


def unknown_column(typer: Typer, name: Name, scope: Scope) -> Kind:
    """Report a name that nothing defines where a column belongs."""
    columns = {*typer.symbols.column_names}
    guess = closest(name.id, columns)
    if guess:
        return _report(typer, name, (f"did you mean `{guess}`?",), guess)
    return _report(typer, name, (_as_column(typer, name.id, scope.data),))


def unknown_model(typer: Typer, name: Name) -> Kind:
    """Report a name that nothing defines where a model belongs."""
    models = tuple(typer.symbols.models())
    guess = closest(name.id, models)
    if guess:
        return _report(typer, name, (f"did you mean `{guess}`?",), guess)
    helps = (f"models of this spec: {listing(models, 'and')}",) if models else ()
    only = models[0] if len(models) == 1 else None
    return _report(typer, name, (*helps, f"or add a line `model {name.id}`"), only)


def unknown_dataset(typer: Typer, name: str, span: Span) -> Kind:
    """`on` with a name that is no dataset."""
    known = tuple(typer.symbols.datasets())
    implied = "data" in typer.symbols.implied
    splits = ("train", "val", "test") if implied else ()
    guess = closest(name, (*known, *splits))
    role = typer.symbols.role(name)
    label = f"datasets of this spec: {listing(known, 'and')}" if known else "no data here"
    helps = (f"did you mean `{guess}`?",) if guess else ("name it in the `data` line",)
    fixes = (Fix(span=span, replacement=guess, title=f"write {guess}"),) if guess else ()
    what = f"`{name}` is no dataset" if role else f"unknown dataset `{name}`"
    return typer.report("CS207", what, span, label, helps=helps, fixes=fixes)


def unknown_weight(typer: Typer, name: Name, scope: Scope, constraint: str) -> Kind:
    """Report a name that nothing defines where one weight belongs: `W in stiefel`."""
    guess = closest(name.id, {*scope.local, *typer.symbols.vars()})
    if guess:
        return _report(typer, name, (f"did you mean `{guess}`?",), guess)
    return _report(typer, name, (f"for each weight of it: `{_each(typer, name.id, constraint)}`",))


def module_part(typer: Typer, whole: Expr, part: Attribute, scope: Scope) -> Kind | None:
    """Report `np.exp`, `nn.CrossEntropyLoss()`: a part of a module of Python; None for others.

    `whole` is what one word of the language can stand for.
    """
    root: Expr = part.value
    while isinstance(root, Attribute):
        root = root.value
    if not isinstance(root, Name) or root.id.lower() not in _LOWER:
        return None
    if not typer.name_unknown(root, scope):
        return None
    word, known = part.name, meant(part.name)
    ours = word if word in SIGNATURES or word in CONSTANTS else known.word if known else None
    path = typer.source.slice(part.value.span)
    module = ".".join([MODULES.get(root.id, root.id), *path.split(".")[1:]])
    if word in OVER_EXAMPLES:
        ours = None
        over = OVER_EXAMPLES[word].format("...")
        helps = [f"over the examples: `{over}`", f"of the entries of a vector: `{word}(v)`"]
    elif ours:
        helps = [f"write `{ours}`"]
    elif known:
        helps = [known.help]
    else:
        helps = [f"bring it in by `from {module} import {word}` above, and write `{word}`"]
    text = typer.source.slice(whole.span)
    return typer.report(
        "CS201",
        f"`{text}`: `{root.id}` is not defined in this spec",
        whole.span,
        "no module of Python is at hand here",
        helps=helps,
        fixes=(Fix(span=whole.span, replacement=ours, title=f"write {ours}"),) if ours else (),
    )


def values_of(members: Expr) -> tuple[Expr, ...]:
    """What a list of values after `in` holds."""
    return members.items if isinstance(members, FiniteSet) else ()


def once(found: Iterable[Diagnostic], source: Source) -> list[Diagnostic]:
    """Each unknown name without a remedy of its own once, with a note of the other lines."""
    kept: list[Diagnostic] = []
    first: dict[str, int] = {}
    others: dict[str, set[int]] = {}
    for diagnostic in found:
        word = source.slice(diagnostic.span)
        if diagnostic.code != "CS201" or diagnostic.fixes or not word.isidentifier():
            kept.append(diagnostic)
        elif word not in first:
            first[word] = len(kept)
            kept.append(diagnostic)
        else:
            others.setdefault(word, set()).add(source.position(diagnostic.span.start).line)
    for word, lines in others.items():
        at = kept[first[word]]
        lines -= {source.position(at.span.start).line}
        if lines:
            shown = ", ".join(str(line) for line in sorted(lines))
            note = f"also in line{'s' if len(lines) > 1 else ''} {shown}"
            kept[first[word]] = at.model_copy(update={"notes": (*at.notes, note)})
    return kept


def _report(
    typer: Typer, name: Name, helps: tuple[str, ...], replacement: str | None = None
) -> Kind:
    fixes: tuple[Fix, ...] = ()
    if replacement:
        fixes = (Fix(span=name.span, replacement=replacement, title=f"write {replacement}"),)
    message = f"unknown name `{name.id}`"
    label = "not defined in this spec"
    return typer.report("CS201", message, name.span, label, helps=helps, fixes=fixes)


def _definitions(typer: Typer, word: str, scope: Scope) -> tuple[str, ...]:
    """How a name that nothing resembles could be defined here."""
    if any(symbol.role == "given" for symbol in typer.symbols.table.values()):
        return (f"name it in the `given` line: `given {word}`",)
    if scope.inside and scope.data:
        return (_as_column(typer, word, scope.data),)
    columns = [c.name for cs in typer.symbols.datasets().values() for c in cs]
    if word in ("x", "y") and columns and not typer.symbols.vars():
        return (f"columns of this spec: {listing(dict.fromkeys(columns), 'and')}",)
    if typer.symbols.vars() or not (columns or typer.symbols.models()):
        return (f"define it: `var {word} = 0` or `param {word} = 1`",)
    define = f"define it: `param {word} = ...` or `let {word} = ...`"
    if _WEIGHT.fullmatch(word) and typer.symbols.models():
        return (define, f"for each weight of a model: `{_each(typer, word, f'{word} ...')}`")
    return (define,)


_WEIGHT = re.compile(r"W\d*")


def _each(typer: Typer, word: str, constraint: str) -> str:
    model = next(iter(typer.symbols.models()), "model")
    return f"forall {word} in {model}.weights: {constraint}"


def _as_column(typer: Typer, word: str, dataset: str | None) -> str:
    data = dataset or typer.symbols.default_dataset or next(iter(typer.symbols.datasets()), "data")
    known = ", ".join(column.name for column in typer.symbols.datasets().get(data, ()))
    written = f"{data}({known}, {word})" if known else f"{data}(x, y, {word})"
    return f"if it is a column, name it in the `data` line: `{written}`"
