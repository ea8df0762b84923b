"""Unknown names that their place explains: a norm's order, a group's label, what a `let` takes;
and what the language has for those that nothing resembles.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.diagnostic import replacing, writing
from cspec.dsl.messages.synonyms import RATES, column_of_role, column_of_that_meaning, meant
from cspec.dsl.messages.wording import closest, closing, listing, split_arguments
from cspec.dsl.names.symbols import Role, is_pairs
from cspec.dsl.text.source import Span
from cspec.dsl.tree.nodes import Expectation, Expr, Name, Var
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.words.kind import UNKNOWN, Kind
from cspec.dsl.words.losses import LOSSES

_NORMS = {
    **dict.fromkeys(("fro", "frobenius", "euclidean", "l_2", "two"), "2"),
    **dict.fromkeys(("one", "manhattan", "l_1"), "1"),
    **dict.fromkeys(("linf", "l_inf", "infty", "infinity", "sup"), "inf"),
}
_ORDER = re.compile(r"\bnorm\([^(),]*(?:\([^()]*\))?[^(),]*,[ \t]*\Z")
_BY_GROUP = re.compile(r"\b[EP]\[[^\[\]|]*\|[^\[\]]*\][ \t]*\[[ \t]*\Z")
_LET = re.compile(r"^[ \t]*let[ \t]+(\w+)(?=[ \t]*=)", re.MULTILINE)
_AVERAGES = {
    **dict.fromkeys(("e", "exp", "expected", "average", "expectation", "avg"), "E"),
    **dict.fromkeys(("p", "pr", "probability", "rate", "share", "fraction"), "P"),
}
_SPARSE = re.compile(r"sparsity\([ \t]*([\w.]+)[ \t]*\)[ \t]*(<=|>=|==)[ \t]*(\d+(?:\.\d+)?)%")
_WEIGHTS = re.compile(r"(?:weights|parameters|get_weights)\([ \t]*(\w+)[ \t]*\)")
_INDEXED = re.compile(r"(\w+)\.weights\[[ \t]*\Z")
_PATTERN = re.compile(r"\.weights\([ \t]*\Z")
_SIZE = re.compile(r"(?:len|length|size)\([ \t]*(\w+)[ \t]*\)")
_OF_A_MODEL = re.compile(r"\.(?:weights|params|layers|biases)\b")
_FLIPPED = {"<=": ">=", ">=": "<=", "==": "=="}
_BEFORE = 200
"""Characters before a name that tell its place."""


def by_place(typer: Typer, name: Name) -> Kind | None:
    """Report `norm(W, fro)`, `P[pred == 1 | sex][F]`, `let rate = P[pred == k]` with `rate(0)`."""
    text, word, start = typer.source.text, name.id, name.span.start
    begin = text.rfind("\n", 0, start) + 1
    before = text[max(begin, start - _BEFORE) : start]
    order = _NORMS.get(word.lower())
    if order and _ORDER.search(before):
        return typer.unknown(name, f"a norm is named by a number: write `{order}`", new=order)
    if _BY_GROUP.search(before):
        label = f'"{word}"'
        return typer.unknown(name, f"the label of a group is a text: `{label}`", new=label)
    if text[name.span.end : name.span.end + 1] == "[" and word.lower() in _AVERAGES:
        kind = _AVERAGES[word.lower()]
        return typer.unknown(name, f"write `{kind}[...]`", new=kind)
    if _PATTERN.search(before):
        pattern = f'"{word}"'
        return typer.unknown(name, f"names of weights are texts: `{pattern}`", new=pattern)
    indexed = _INDEXED.search(before)
    if indexed is not None and text[name.span.end : name.span.end + 1] == "]":
        meant = f'{indexed[1]}.weights("{word}")'
        place = Span(start - len(indexed[0]), name.span.end + 1)
        help_ = f"weights are chosen by a text: `{meant}`"
        return typer.unknown(name, help_, new=meant, place=place)
    models = tuple(typer.symbols.models())
    if len(models) == 1 and _OF_A_MODEL.match(text, name.span.end):
        only = models[0]
        return typer.unknown(name, f"did you mean `{only}`?", new=only)
    size = _SIZE.match(text, start)
    item = typer.symbols.vars().get(size[1]) if size else None
    dimensions = getattr(item, "dimensions", None) or ()
    if size is not None and dimensions:
        count = typer.slice(dimensions[0])
        help_ = f"a size is written as its number: `{count}`"
        return typer.unknown(name, help_, new=count, place=Span(*size.span()))
    weights = _WEIGHTS.match(text, start)
    if weights is not None and weights[1] in typer.symbols.models():
        meant = f"{weights[1]}.weights"
        return typer.unknown(name, f"write `{meant}`", new=meant, place=Span(*weights.span()))
    if (sparse := _SPARSE.match(text, start)) is not None:
        share = f"{100 - float(sparse[3]):g}%"
        meant = f"density({sparse[1]}) {_FLIPPED[sparse[2]]} {share}"
        return typer.unknown(name, f"write `{meant}`", new=meant, place=Span(*sparse.span()))
    let = _LET.match(text, begin)
    if let is None or not re.search(rf"(?<!\w){re.escape(let[1])}\(", text):
        return None
    end = text.find("\n", begin)
    rest = text[let.end() : end if end >= 0 else len(text)]
    help_ = f"it is called as `{let[1]}(...)`: write `let {let[1]}({word}){rest}`"
    return typer.unknown(name, help_, new=f"({word})", place=Span(let.end(), let.end()))


_CONDITION = re.compile(r"[EP]\[(?:[^\[\]|]|\[[^\[\]]*\])*\|(?:[^\[\]]|\[[^\[\]]*\])*\Z")
_STANDS = re.compile(r"(?:[|,]|\b(?:and|or|not))[ \t]*\Z")
_GROUP = re.compile(r"[ \t]*(?:\]|,|\bon\b|(?:==|!=)[ \t]*\"|\bin[ \t]*\{[ \t]*\")")


def as_column(typer: Typer, name: Name) -> bool:
    """Whether a word with a meaning elsewhere stands where only a column can: as a group, or where
    it is compared with a text."""
    known, columns = meant(name.id), typer.symbols.column_names
    if known is None and name.id.lower() not in RATES:
        return False
    told = known is not None and known.word in ("pred", "prob")
    if told or column_of_role(name.id, columns):
        return False
    text = typer.source.text
    before = text[text.rfind("\n", 0, name.span.start) + 1 : name.span.start][-_BEFORE:]
    placed = _CONDITION.search(before) is not None and _STANDS.search(before) is not None
    return placed and _GROUP.match(text, name.span.end) is not None


def in_square_brackets(typer: Typer, name: Expr, word: str) -> Kind | None:
    """Report `gap[P[pred == 1 | sex]]`, `q.sample[100]`: what a function takes stands in `( )`."""
    text, opener = typer.source.text, name.span.end
    close = closing(text, opener) if text[opener : opener + 1] == "[" else None
    if close is None:
        return None
    meant = f"{word}({text[opener + 1 : close]})"
    span = Span(name.span.start, close + 1)
    said = f"what `{word}` takes stands in `( )`"
    return typer.report("CS302", said, span, "a function", **writing(span, meant))


_ON = re.compile(r"([ \t]*(?:[<>]=?|==)[ \t]*[\d.]+%?)[ \t]+on[ \t]+(\w+)")


def rate_on(typer: Typer, name: Name, rate: str) -> Kind | None:
    """Report `accuracy >= 90% on test`: the data stand in the brackets of the rate."""
    behind = _ON.match(typer.source.text, name.span.end)
    if behind is None:
        return None
    meant = f"{rate[:-1]} on {behind[2]}]{behind[1]}"
    place = Span(name.span.start, behind.end())
    return typer.unknown(name, f"write `{meant}`", new=meant, place=place)


def dashed(typer: Typer, name: Name) -> Kind | None:
    """Report `marital-status` where `"marital-status" as marital` is a column: its name here."""
    text, start = typer.source.text, name.span.start
    for column in (c for columns in typer.symbols.datasets().values() for c in columns):
        written = column.original
        inside = written.find(name.id)
        if written.isidentifier() or inside < 0 or not text.startswith(written, start - inside):
            continue
        if inside:
            return UNKNOWN  # said at its first word
        place = Span(start, start + len(written))
        said = f"`{written}` is called `{column.name}` here"
        label = "the name in the data"
        return typer.report("CS201", said, place, label, **writing(place, column.name))
    return None


_FORM = re.compile(r"`(\w+)\(([^`]*)\)`")
_OPERATORS = re.compile(r"`([AaxQbc](?:(?: @ |\*|\^)[AaxQbc2])+)`")
"""A form of operators alone: `A @ x`, `x @ Q @ x`, `x^2`."""
_PLACE = re.compile(r"(?<![\w.])[abcknpqvxzAWQ](?![\w(])")
"""What stands in a form for an argument."""


def as_called(typer: Typer, name: Name, help_: str) -> Kind | None:
    """`dot(a, x)` for `inner(a, x)`: the form of a help with what is given in place of letters."""
    text, start = typer.source.text, name.span.end
    close = closing(text, start) if text[start : start + 1] == "(" else None
    form = _FORM.search(help_)
    if close is not None and (plain := _OPERATORS.search(help_)):
        return _by_operators(typer, name, plain[1], close)
    if close is None or form is None or (form[1] not in typer.signatures):
        return None
    if " for " in form[2]:
        return None  # its letters are names that it binds
    given = split_arguments(text[start + 1 : close])
    letters = [*dict.fromkeys(_PLACE.findall(form[2]))]
    if not letters or len(given) < len(letters) or not all(given):
        return None
    filled = dict(zip(letters, given, strict=False))
    meant = f"{form[1]}({_PLACE.sub(lambda m: filled[m[0]], form[2])})"
    share = given[len(letters)] if len(given) > len(letters) else ""
    if share and re.fullmatch(r"[\d.]+%?", share) and "%" in form[2]:
        level = f"{share}%" if float(share.rstrip("%")) > 1 and "%" not in share else share
        meant = re.sub(r"[\d.]+%(?=\)\Z)", level, meant)
    elif share:
        return None
    place = Span(name.span.start, close + 1)
    return typer.unknown(name, f"write `{meant}`", new=meant, place=place)


def _by_operators(typer: Typer, name: Name, form: str, close: int) -> Kind | None:
    """`c @ x` for `SUMPRODUCT(c, x)`, `x @ P @ x` for `quad_form(x, P)`."""
    given = split_arguments(typer.source.text[name.span.end + 1 : close])
    letters = [*dict.fromkeys(_PLACE.findall(form))]
    if len(given) != len(letters) or not all(given):
        return None
    parts = [g if re.fullmatch(r"[\w.]+(?:\([^()]*\))?", g) else f"({g})" for g in given]
    filled = dict(zip(letters, parts, strict=True))
    meant = _PLACE.sub(lambda m: filled[m[0]], form)
    place = Span(name.span.start, close + 1)
    return typer.unknown(name, f"write `{meant}`", new=meant, place=place)


_PART = re.compile(r"\.(?:violation|value|residual)\b(?:\(\))?")


_LABELLED = re.compile(
    r"^[ \t]*(?:s\.t\.|subject to)?[ \t]*(\w+)[ \t]*:(?!=)"
    r"[ \t]*((?:\[[^\]\n]*\]|[^#\n:<>=;\[])+?)[ \t]*[<>=]=[ \t]*([-+\w.%]*)",
    re.MULTILINE,
)


@lru_cache(maxsize=16)
def _labels(text: str) -> dict[str, tuple[str, str]]:
    """What the constraint of each label is about, and its bound."""
    return {m[1]: (m[2], m[3]) for m in reversed([*_LABELLED.finditer(text)])}


def label_used(typer: Typer, name: Name) -> Kind | None:
    """Report a label in an expression: what its constraint is about is written there, in a bound
    its own bound, in a metric how far it is from being met."""
    text = typer.source.text
    found = _labels(text).get(name.id)
    if found is None:
        return None
    line = text[text.rfind("\n", 0, name.span.start) + 1 : name.span.start]
    part = _PART.match(text, name.span.end)
    about, bound = found
    if line.lstrip().startswith("metric"):
        about = f"violation({name.id})"
    elif line.rstrip().endswith(("<=", ">=", "==")) and bound:
        about = bound
    place = Span(name.span.start, part.end() if part else name.span.end)
    said = f"`{name.id}` is the label of a constraint, no number"
    return typer.report("CS201", said, name.span, "labels have no value", **writing(place, about))


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
        if name.id.lower() in _ALL_WEIGHTS:
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
    models = typer.symbols.models()
    whole = isinstance(given, Name) and given.id in models  # what is asked of a model itself
    if len(unused) != 1 or len(models) < 2 or whole or isinstance(given, Expectation):
        return None
    note = f"model `{unused[0]}` is declared, and used nowhere"
    return typer.unknown(name, f"did you mean `{unused[0]}`?", new=unused[0], notes=(note,))


def _unused(typer: Typer, *roles: Role) -> list[str]:
    """Names of some roles that a spec declares and uses nowhere."""
    known = typer.symbols
    return [n for n, s in known.table.items() if s.role in roles and not known.uses.get(n)]


_ALL_WEIGHTS = frozenset({
    "weights", "weight", "parameters", "layers", "get_weights", "trainable_weights", "w",
})  # fmt: skip
_OF_VECTORS = ("sum({})", "sumsq({})", "norm({}, 2)", "max({})")
_OF_NUMBERS = ("abs({})", "exp({})", "log({})", "sqrt({})", "max({}, 0)")


def as_new_column(typer: Typer, word: str, dataset: str | None) -> str:
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
    helps = (f"write `{meant}`", f"or, {as_new_column(typer, name.id, scope.data)}")
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
