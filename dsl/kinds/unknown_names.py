"""Names that nothing defines: the closest one that is, what other libraries call it, or how to
define it."""

import re
from collections.abc import Collection, Iterable, Sequence

from cspec.dsl.kinds.by_group import fairness, group
from cspec.dsl.kinds.derivatives import unknown_derivative
from cspec.dsl.kinds.names_by_place import (
    as_called,
    as_column,
    as_new_column,
    by_place,
    dashed,
    entry_meant,
    label_used,
    letter_or_unused,
    rate_on,
    same_column,
    unused_model,
    without_a_guess,
)
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.diagnostic import replacing, writing
from cspec.dsl.messages.synonyms import (
    OVER_EXAMPLES,
    RATES,
    column_of_role,
    meant,
    nearly_meant,
)
from cspec.dsl.messages.wording import bracketed, closest, closest_word, closing, listing
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS
from cspec.dsl.tree.nodes import Attribute, Expr, FiniteSet, Name
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.kind import Kind
from cspec.dsl.words.losses import LOSSES

BARE = (*LOSSES, "pred", "prob", *CONSTANTS, *TRUTHS)
"""Words of the language that stand alone in an expression."""

MODULES = {
    **{name: name for name in ("torch", "numpy", "math", "jax", "cvxpy", "scipy", "sklearn")},
    **{name: name for name in ("torchvision", "tfco", "cooper", "self")},
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "np": "numpy",
    "jnp": "jax.numpy",
    "tf": "tensorflow",
    "cp": "cvxpy",
    "linalg": "numpy.linalg",
}
"""Modules of Python by the names that people give them."""
_LOWER = frozenset(name.lower() for name in MODULES)


def unknown_name(typer: Typer, name: Name, scope: Scope, words: Iterable[str] = BARE) -> Kind:
    """Report a name that nothing defines; `words` of the language may be meant."""
    if name.id in ("E", "P"):
        said, help_ = f"`{name.id}` stands before square brackets", f"write `{name.id}[...]`"
        return typer.report("CS201", said, name.span, "no function", helps=(help_,))
    if name.id in typer.symbols.metrics:
        return _metric(typer, name)
    if here := by_place(typer, name):
        return here
    own = {*scope.local, *typer.symbols.table, *typer.symbols.column_names}
    held = own if words is BARE else own - typer.symbols.column_names  # nothing calls a column
    guess, known = closest(name.id, held), meant(name.id)
    if guess is None and words is BARE and scope.inside and as_column(typer, name):
        return typer.unknown(name, as_new_column(typer, name.id, scope.data))
    if words is BARE and name.id.lower() in RATES and name.id not in own:
        return _rate(typer, name)
    if label := label_used(typer, name):
        return label
    column = column_meant(typer, name.id)
    if column is not None:
        return typer.unknown(name, f"write `{column}`", new=column)
    if scope.inside and (told := same_column(typer, name, scope)):
        return told
    if (average := _average_of(typer, name)) is not None:
        return average
    if name.id in ("I", "Id"):
        return typer.unknown(name, "the identity matrix is `eye`", new="eye")
    if (product := _juxtaposed(typer, name)) is not None:
        return typer.unknown(name, f"a product needs its sign: `{product}`", new=product)
    if here := dashed(typer, name):
        return here
    fair = fairness(typer, name.id) if words is BARE and name.id not in own else None
    if fair is not None:
        return typer.unknown(name, f"write `{fair}`", new=fair)
    if derivative := unknown_derivative(typer, name):
        return derivative
    if name.id in ("weights", "parameters") and typer.symbols.models():
        part = f"{next(iter(typer.symbols.models()))}.{_PARTS[name.id]}"
        return typer.unknown(name, f"they belong to a model: `{part}`", new=part)
    if "count" in scope.local and name.id.lower() in _COUNTS:
        return typer.unknown(name, "the number of examples of a group is `count`", new="count")
    if entry := entry_meant(typer, name.id, scope):
        return typer.unknown(name, f"an entry is written `{entry}`", new=entry)
    if guess is None and known is not None and known.word not in typer.symbols.table:
        if told := as_called(typer, name, known.help):
            return told
        return typer.unknown(name, _in_names(typer, known.help), new=known.word)
    guess = guess or closest_word(name.id, words if typer.symbols.models() else (*words, "model"))
    if guess:
        return typer.unknown(name, f"did you mean `{guess}`?", new=guess)
    columns = [c.name for cs in typer.symbols.datasets().values() for c in cs][:2]
    if name.id in ("x", "y") and len(columns) == 2 and not typer.symbols.vars():
        column = columns[name.id == "y"]
        of = "input" if name.id == "x" else "target"
        return typer.unknown(name, f"the {of} of this spec is `{column}`", new=column)
    if known := nearly_meant(name.id):
        return typer.unknown(name, _in_names(typer, known.help), new=known.word)
    if near := letter_or_unused(typer, name, scope):
        return typer.unknown(name, f"did you mean `{near}`?", new=near)
    return not_given(typer, name) or typer.unknown(name, *_definitions(typer, name.id, scope))


def _rate(typer: Typer, name: Name) -> Kind:
    """`TPR`, `fpr[sex]`: a rate that has a name elsewhere."""
    rate = RATES[name.id.lower()].format(c=1)
    chosen = typer.source.text.startswith("[", name.span.end)  # of what, only its author knows
    help_, new = f"write `{rate}{_bound(typer, name)}`", None if chosen else rate
    return rate_on(typer, name, rate) or typer.unknown(name, help_, new=new)


def not_given(typer: Typer, name: Name, *others: str) -> Kind | None:
    """Report a name of a spec whose values a loop of one's own gives, and that lacks it."""
    given = [symbol for symbol in typer.symbols.table.values() if symbol.role == "given"]
    if not given:
        return None
    line = re.search(r"^[ \t]*(given\b[^\n#]*)", typer.source.text, re.MULTILINE)
    meant = f"{line[1].rstrip()}, {name.id}" if line else f"given {name.id}"
    place = Span(*line.span(1)) if line else name.span
    said = f"`{name.id}` is not among the given values"
    label = "your own loop gives no such value"
    helps = (f"write `{meant}`", *others)
    fixes = replacing(place, meant) if line else ()
    return typer.report("CS201", said, name.span, label, helps=helps, fixes=fixes)


_BOUND = re.compile(r"[ \t]*([<>]=?|==)[ \t]*(\d+(?:\.\d+)?)(?![\w.%])")


def _bound(typer: Typer, name: Name) -> str:
    """`>= 95%` where `accuracy >= 95` is written: a rate is at most 1."""
    found = _BOUND.match(typer.source.text, name.span.end)
    return f" {found[1]} {found[2]}%" if found and 1 < float(found[2]) <= 100 else ""


_PARTS = {"weights": "weights", "parameters": "params"}


def _in_names(typer: Typer, help_: str) -> str:
    """A help with the names of the spec: of its only model, of its column of groups."""
    models = tuple(typer.symbols.models())
    if len(models) == 1:
        help_ = re.sub(r"(?<!\w)(?:model|net)(?=[.)])|(?<!\w)f(?=\(x\))", models[0], help_)
    return help_.replace("column", group(typer)) if "| column" in help_ else help_


def _metric(typer: Typer, name: Name) -> Kind:
    """Report a metric in an expression: what it measures is written there, or named by `let`."""
    value = typer.symbols.metrics[name.id].value
    text, whole = bracketed(typer.source, value), typer.slice(value)
    said = f"`{name.id}` is a metric: it is recorded, and no expression refers to it"
    let = f"or define it by `let` in place of `metric`: `let {name.id} = {whole}`"
    told = {"helps": (f"write `{text}`", let), "fixes": replacing(name.span, text)}
    return typer.report("CS201", said, name.span, "no name of an expression", **told)


def column_meant(typer: Typer, word: str) -> str | None:
    """`y` for `y_true`, `x` for `X_train`, where data have these columns."""
    own = typer.symbols.column_names - set(typer.symbols.vars())
    return column_of_role(word, own)


def _average_of(typer: Typer, name: Name) -> Kind | None:
    """Report `E_val[...]`: the data stand behind `on`."""
    word, _, data = name.id.partition("_")
    text, start = typer.source.text, name.span.end
    close = closing(text, start)
    if word not in ("E", "P") or not data or close is None:
        return None
    on = f" on {data}" if data in typer.symbols.datasets() else ""
    meant = f"{word}[{text[start + 1 : close]}{on}]"
    place = Span(name.span.start, close + 1)
    said = f"`{name.id}`: the data stand behind `on`, and nothing below `{word}`"
    label = "not defined in this spec"
    return typer.report("CS201", said, name.span, label, **writing(place, meant))


def _juxtaposed(typer: Typer, name: Name) -> str | None:
    """`A @ x` for `Ax`, where both are names; in `( )` beside what binds as strongly."""
    known = {
        own: bool(getattr(symbol.item, "dimensions", ()))
        for own, symbol in typer.symbols.table.items()
        if symbol.role in ("var", "param")
    }
    text, span = typer.source.text, name.span
    kept = text.startswith("(", span.start)
    together = kept or text[: span.start].rstrip()[-1:] in tuple("/@^")
    together |= text[span.end :].lstrip()[:1] == "^"
    for place in range(1, len(name.id)):
        left, right = name.id[:place], name.id[place:]
        if left in known and right in known:
            sign = " @ " if known[left] and known[right] else "*"
            return f"({left}{sign}{right})" if together else f"{left}{sign}{right}"
    return None


def unknown_function(typer: Typer, name: Name, scope: Scope, seen: Sequence[Expr] = ()) -> Kind:
    """Report a function that nothing defines; `seen` is what it is given."""
    near = closest(name.id, typer.signatures)
    told = by_place(typer, name) or (None if near else _unknown_model(typer, name, scope, seen))
    if told is not None:
        return told
    own = {*scope.local, *typer.symbols.table}
    if closest(name.id, own) or meant(name.id) or near:
        return unknown_name(typer, name, scope, typer.signatures)
    return typer.unknown(name, *without_a_guess(typer, name, seen))


_COPIES = frozenset((
    "ref", "reference", "old", "teacher", "base", "original", "initial", "frozen", "before",
    "pre", "pretrained", "anchor", "f0", "pi_ref", "ref_model", "model_ref", "teacher_model",
    "old_model", "f_old", "f_ref", "net0", "baseline", "snapshot", "policy_old", "pi_old",
))  # fmt: skip
"""Names of a model as it was before training."""


def _unknown_model(typer: Typer, name: Name, scope: Scope, seen: Sequence[Expr]) -> Kind | None:
    """Report `ref(x)`, `g(x)` where models take inputs of their own: a line `model` is missing."""
    models = tuple(typer.symbols.models())
    if not models or len(seen) != 1 or meant(name.id) or closest(name.id, models):
        return None
    if told := unused_model(typer, name, seen[0]):
        return told
    copy = f"`model {name.id} = frozen({models[0]})`"
    copied = f"add a line for a copy of `{models[0]}` that never moves: {copy}"
    if name.id.lower() in _COPIES:
        return typer.unknown(name, copied, f"or, another model: `model {name.id}`")
    inputs = isinstance(seen[0], Name) and seen[0].id == "x" and "x" not in typer.symbols.vars()
    if not inputs or closest(name.id, {*scope.local, *typer.symbols.table, *typer.signatures}):
        return None
    own = f"or, a function of your own: `let {name.id}(a) = ...`"
    return typer.unknown(name, f"add a line for a model: `model {name.id}`", copied, own)


def unknown_value(typer: Typer, name: Name, column: Expr | None = None) -> Kind:
    """Report a word without quotes that is compared with a column: most likely a value of it.

    A single letter is more likely the name of a quantifier that is missing.
    """
    if here := by_place(typer, name):
        return here
    if len(name.id) == 1 and name.id.islower() and isinstance(column, Name):
        each = f"for each value write `forall {name.id} in values({column.id}):` before it"
        return typer.unknown(name, each, f'for one value write `"{name.id}"`')
    if (own := column_meant(typer, name.id)) is not None:
        return typer.unknown(name, f"write `{own}`", new=own)
    text = as_value(name)
    return typer.unknown(name, f"did you mean `{text}` (a value)?", new=text)


def unknown_values(typer: Typer, words: Sequence[Name], column: Expr | None = None) -> None:
    """Report words without quotes that are values of a column: those of one list all at once."""
    if len(words) < 2 or any(column_meant(typer, word.id) for word in words):
        for word in words:
            unknown_value(typer, word, column)
        return
    place = Span(words[0].span.start, words[-1].span.end)
    new = typer.source.slice(place)
    for word in reversed(words):
        start, end = (at - place.start for at in word.span)
        new = f"{new[:start]}{as_value(word)}{new[end:]}"
    said = f"unknown names {listing([word.id for word in words], 'and')}: are they values?"
    typer.report("CS201", said, place, "not defined in this spec", **writing(place, new))


def as_value(name: Name) -> str:
    """A word as a value of a column: a text, unless it says what is true or false."""
    return name.id.lower() if name.id.lower() in TRUTHS else f'"{name.id}"'


def unknown_dataset(typer: Typer, name: str, span: Span, named: Collection[str] = ()) -> Kind:
    """`on` with a name that is no dataset; none of those that are `named` already is meant."""
    known = tuple(data for data in typer.symbols.datasets() if data not in named)
    splits = ("train", "val", "test") if "data" in typer.symbols.implied else ()
    split = _SPLITS.get(name.lower())  # another word for it
    guess = closest(name, (*known, *splits)) or (split if split in known else None)
    role = typer.symbols.role(name)
    label = f"datasets of this spec: {listing(known, 'and')}" if known else "no data here"
    line = f"name it in the `data` line: `data {name}(x, y)`"
    if role == "domain":
        return _domain_as_data(typer, name, span)
    held = [data for data in known if data != "train"] if name.lower() in _SPLITS else []
    only = (f"write `{(held or known)[0]}`", f"or {line}") if len(known) == 1 or held else (line,)
    helps = (f"did you mean `{guess}`?",) if guess else only
    left = known[0] if named and len(known) == 1 else None
    fixes = replacing(span, guess or left)
    what = f"`{name}` is no dataset" if role else f"unknown dataset `{name}`"
    return typer.report("CS207", what, span, label, helps=helps, fixes=fixes)


def _domain_as_data(typer: Typer, name: str, span: Span) -> Kind:
    """Report `E[... on q]` of a domain: its points are drawn."""
    axes = [axis.name for axis in typer.symbols.domains()[name].axes]
    names = axes[0] if len(axes) == 1 else f"({', '.join(axes)})"
    text, meant = typer.source.text, f"for {names} in {name}.sample(200)"
    before = re.search(r"on[ \t]*\Z", text[: span.start])
    place = Span(before.start(), span.end) if before else span
    said = f"`{name}` is a domain, no dataset: a mean over it goes over points that are drawn"
    label = "a domain"
    help_ = f"write `{meant}` in place of `on {name}`"
    return typer.report("CS207", said, span, label, helps=(help_,), fixes=replacing(place, meant))


_SPLITS = {
    **dict.fromkeys(("validation", "valid", "dev", "eval", "validate"), "val"),
    **dict.fromkeys(("training", "fit", "learn"), "train"),
    **dict.fromkeys(("testing", "holdout", "held_out", "heldout"), "test"),
}


def unknown_column(typer: Typer, name: Name, scope: Scope) -> Kind:
    """Report a name that nothing defines where a column belongs."""
    if guess := closest(name.id, {*typer.symbols.column_names}):
        return typer.unknown(name, f"did you mean `{guess}`?", new=guess)
    if told := same_column(typer, name, scope):
        return told
    return typer.unknown(name, as_new_column(typer, name.id, scope.data))


def unknown_model(typer: Typer, name: Name, copy: str = "") -> Kind:
    """Report a name that nothing defines where a model belongs, of which `copy` may be one."""
    models = tuple(model for model in typer.symbols.models() if model != copy)
    if guess := closest(name.id, models):
        return typer.unknown(name, f"did you mean `{guess}`?", new=guess)
    helps = (f"models of this spec: {listing(models, 'and')}",) if models else ()
    only = models[0] if len(models) == 1 else None
    return typer.unknown(name, *helps, f"or add a line `model {name.id}`", new=only)


def unknown_weight(typer: Typer, name: Name, scope: Scope, constraint: str) -> Kind:
    """Report a name that nothing defines where one weight belongs: `W in stiefel`."""
    if guess := closest(name.id, {*scope.local, *typer.symbols.vars()}):
        return typer.unknown(name, f"did you mean `{guess}`?", new=guess)
    return typer.unknown(name, f"for each weight of it: `{_each(typer, name.id, constraint)}`")


def root_of(expr: Expr) -> Expr:
    """`np` of `np.linalg.norm`."""
    while isinstance(expr, Attribute):
        expr = expr.value
    return expr


def module_part(typer: Typer, whole: Expr, part: Attribute, scope: Scope) -> Kind | None:
    """Report `np.exp`, `nn.CrossEntropyLoss()`: a part of a module of Python; None for others.

    `whole` is what one word of the language can stand for.
    """
    root = root_of(part)
    if not isinstance(root, Name) or root.id.lower() not in _LOWER:
        return None
    if not typer.name_unknown(root, scope):
        return None
    word, known = part.name, meant(part.name)
    ours = word if word in SIGNATURES or word in CONSTANTS else known.word if known else None
    module = ".".join([MODULES.get(root.id, root.id), *typer.slice(part.value).split(".")[1:]])
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
    text = typer.slice(whole)
    said = f"`{text}`: `{root.id}` is not defined in this spec"
    label = "no module of Python is at hand here"
    fixes = replacing(whole.span, ours)
    return typer.report("CS201", said, whole.span, label, helps=helps, fixes=fixes)


def values_of(members: Expr) -> tuple[Expr, ...]:
    """What a list of values after `in` holds."""
    return members.items if isinstance(members, FiniteSet) else ()


_COUNTS = frozenset({"n", "size", "support", "n_samples", "number", "total", "num", "len"})


def _definitions(typer: Typer, word: str, scope: Scope) -> tuple[str, ...]:
    """How a name that nothing resembles could be defined here."""
    if scope.inside and scope.data:
        return (as_new_column(typer, word, scope.data),)
    columns = typer.symbols.column_names
    near = [v for v in typer.symbols.vars() if v.startswith(word) or word.startswith(v)]
    if near:
        return (f"did you mean `{near[0]}`?", f"or define it: `var {word} = 0`")
    if typer.symbols.vars() or not (columns or typer.symbols.models()):
        return (f"define it: `var {word} = 0` or `param {word} = 1`",)
    value = "0.1" if word.lower() in _WEIGHTS else "1"
    define = f"define it: `param {word} = {value}`, or by `let`, an expression"
    if _WEIGHT.fullmatch(word) and typer.symbols.models():
        return (define, f"for each weight of a model: `{_each(typer, word, f'{word} ...')}`")
    return (define,)


_WEIGHTS = frozenset((
    "lam", "lambda", "lambda_", "λ", "alpha", "α", "beta", "β", "gamma", "γ", "mu", "μ", "eta",
    "η", "rho", "ρ", "tau", "τ", "eps", "epsilon", "ε", "delta", "δ", "weight", "w", "reg", "c",
))  # fmt: skip
"""Names of numbers that weigh one thing against another, or bound it: most are small."""
_WEIGHT = re.compile(r"W\d*")


def _each(typer: Typer, word: str, constraint: str) -> str:
    model = next(iter(typer.symbols.models()), "model")
    return f"forall {word} in {model}.weights: {constraint}"
