"""Kinds of parts: entries of vectors, weights of models, columns of datasets.

What is one number, or one an example, has no entries.
"""

from __future__ import annotations

import re
from typing import Literal

from cspec.dsl.kinds.names_by_place import in_square_brackets
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.kinds.unknown_names import module_part
from cspec.dsl.messages.diagnostic import Fix, edit, replacing, writing
from cspec.dsl.messages.synonyms import meant
from cspec.dsl.messages.wording import closest, listing
from cspec.dsl.settings.models import MODELS
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import column_of, function_name, head_name, head_word
from cspec.dsl.values.outside import columns_of
from cspec.dsl.values.shapes import shape_of
from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.kind import Kind
from cspec.dsl.words.losses import LOSSES


def index_kind(
    typer: Typer, value: nodes.Expr, indices: tuple[nodes.Expr, ...], scope: Scope
) -> Kind:
    """The kind of `value[indices]`."""
    kind = typer.kind(value, scope)
    model = head_name(value)
    if model is not None and (axes := _axes(typer, value, indices)):
        return at_a_point(typer, model, axes, indices)
    if kind.what == "model":
        return _layer(typer, value, indices)
    if kind.what == "weights" and len(indices) == 1 and isinstance(indices[0], nodes.String):
        return _by_pattern(typer, value, indices[0])
    number = _single(typer, value)
    if number is not None and indices:
        return _no_entries(typer, value, indices, number)
    ends = [
        end
        for index in indices
        for end in (index.children() if isinstance(index, nodes.Slice) else (index,))
        if isinstance(end, nodes.Expr)
    ]
    found = [_end(typer, value, end, scope) for end in ends]
    several = kind.what == "scores" and len(indices) > 1
    if several and (_built_in(typer, value) or _chances(typer, value, indices)):
        return _too_many(typer, value, indices)
    if any(isinstance(index, nodes.Slice) for index in indices):
        return kind
    symbol = typer.symbols.table.get(value.id) if isinstance(value, nodes.Name) else None
    item = symbol.item if symbol else None
    if columns := columns_of(item, typer.symbols) if isinstance(item, nodes.Param) else ():
        _of_another_column(typer, value, columns, indices)
        return Kind("number", any(index.per_example for index in found))
    if any(index.moves for index in found) and not kind.moves:
        # `cost[pred]`: which entry it is moves, in jumps.
        kind = kind._replace(moves=True, gradient=False)
    if kind.what in ("scores", "groups"):
        return kind._replace(what="number")
    shape = shape_of(value, typer.shapes, typer.values)
    if kind.what == "tensor" and shape is not None and len(indices) >= len(shape):
        return kind._replace(what="number")
    return kind


def _axes(typer: Typer, value: nodes.Expr, indices: tuple[nodes.Expr, ...]) -> tuple[str, ...]:
    """The coordinates of a model that is indexed: written alone (elaborated it may be a call of
    them), or by an event."""
    word = head_word(value)
    model, alone = typer.symbols.models().get(word), typer.slice(value) == word
    by_event = any(isinstance(index, nodes.Compare) for index in indices)
    return (model.arguments or ()) if model and indices and (alone or by_event) else ()


def at_a_point(
    typer: Typer, model: nodes.Name, axes: tuple[str, ...], given: tuple[nodes.Expr, ...]
) -> Kind:
    """Report `u[0]`, `u[x == 0]`, `u(t == 0, x)`: a value at a point is a call."""
    texts = [typer.slice(one) for one in given]
    named = {m[1]: m[2] for text in texts if (m := _COORDINATE.fullmatch(text)) and m[1] in axes}
    free = [text for text in texts if not _COORDINATE.fullmatch(text) and text not in named]
    left = [axis for axis in axes if axis not in named]
    places = dict(zip(left, free, strict=False)) if set(free) - {*axes} else {}
    meant = f"{model.id}({', '.join(named.get(a) or places.get(a, a) for a in axes)})"
    end = re.compile(r"[ \t]*[\])]").match(typer.source.text, given[-1].span.end)
    whole = Span(model.span.start, end.end() if end else given[-1].span.end)
    said = f"`{typer.source.slice(whole)}`: a value at a point is a call"
    label = f"a model of {listing(axes, 'and')}"
    return typer.report("CS302", said, whole, label, **writing(whole, meant))


_COORDINATE = re.compile(r"(\w+)[ \t]*==?[ \t]*(.+)")


def _layer(typer: Typer, value: nodes.Expr, indices: tuple[nodes.Expr, ...]) -> Kind:
    """Report `f[0]`, a layer by its number."""
    text = typer.slice(value)
    only = indices[0] if len(indices) == 1 else None
    if isinstance(only, nodes.Name) and only.id in typer.symbols.column_names:
        meant = f"{text}({only.id})"
        whole = Span(value.span.start, typer.source.text.find("]", only.span.end) + 1)
        said = f"`{text}` is a model: what it sees stands in `( )`"
        return typer.report("CS302", said, whole, "square brackets", **writing(whole, meant))
    parts = (
        index.value if isinstance(index, nodes.String) else typer.slice(index) for index in indices
    )
    place = ".".join(parts)
    behind = _PLACE.match(typer.source.text, value.span.end)
    help_, fixes = of_each(typer, value.span, behind, f'{text}.weights("{place}*")')
    said = f"`{text}` is a model: its layers are chosen by their names"
    return typer.report("CS302", said, indices[0].span, "no entries", helps=(help_,), fixes=fixes)


def _by_pattern(typer: Typer, value: nodes.Expr, pattern: nodes.String) -> Kind:
    """Report `f.weights["fc*"]`."""
    place = Span(value.span.start, typer.source.text.find("]", pattern.span.end) + 1)
    said = "weights are chosen by their names in `( )`"
    told = writing(place, f"{typer.slice(value)}({typer.slice(pattern)})")
    return typer.report("CS302", said, place, "square brackets", **told)


def _end(typer: Typer, value: nodes.Expr, end: nodes.Expr, scope: Scope) -> Kind:
    """The kind of an index, or of an end of a slice."""
    if isinstance(end, nodes.Name) and end.id == "end" and typer.name_unknown(end, scope):
        return _last(typer, value, end)
    moved = typer.symbols.vars().keys() - scope.local
    moving = next((n for n in nodes.walk(end) if isinstance(n, nodes.Name) and n.id in moved), None)
    if moving is None:
        return typer.kind(end, scope)
    said = f"{typer.text(end)} is no place: `{moving.id}` is a `var`, and moves"
    note = "which entry is meant has to be known before anything moves"
    every = "where all entries are meant: `sum(x)`, `forall i in range(n): x[i] ...`"
    helps = (f"write a number, or a constant: `param {moving.id} = 1`", every)
    label = "a whole number goes here"
    return typer.report("CS302", said, end.span, label, notes=(note,), helps=helps)


def _last(typer: Typer, value: nodes.Expr, end: nodes.Name) -> Kind:
    """Report `x[1:end]`, `x[end]` of MATLAB and Julia."""
    shape = shape_of(value, typer.shapes, typer.values)
    rest = typer.source.text[: end.span.start].rstrip().endswith(":")
    if rest:
        helps = ("leave `end` away: `1:` is all from entry 1 on, `:` is all",)
        fix = ""
    elif shape:
        fix = str(shape[0] - 1)
        helps = (f"write `{typer.slice(value)}[{fix}]`",)
    else:
        helps, fix = ("write its number: entries are counted from 0",), None
    said = "`end` is no place" + ": an open slice goes to the last entry" * bool(rest)
    fixes = () if fix is None else edit(end.span, fix, f"write {fix}" if fix else "remove it")
    told = {"notes": ("indices begin at 0",), "helps": helps, "fixes": fixes}
    return typer.report("CS201", said, end.span, "not defined in this spec", **told)


def _no_entries(
    typer: Typer, value: nodes.Expr, indices: tuple[nodes.Expr, ...], number: Single
) -> Kind:
    """`ce(f(x), y)[0]`, `E[w][0]`."""
    text = typer.slice(value)
    closed = typer.source.text.find("]", max(indices[-1].span.end, value.span.end)) + 1
    span = Span(value.span.start, closed or value.span.end)
    said = f"{typer.text(value)} is {number}: it has no entries to choose from"
    note = "an index chooses an output, a class or a feature, never an example"
    notes = (note,) if number != "one number" else ()
    return typer.report("CS333", said, span, number, notes=notes, **writing(span, text))


def _built_in(typer: Typer, value: nodes.Expr) -> bool:
    """Whether these are outputs of `mlp`, `linear`, `cnn`: a vector an example."""
    item = typer.symbols.models().get(function_name(value) or "")
    return item is not None and head_word(item.source) in MODELS


def _chances(typer: Typer, value: nodes.Expr, indices: tuple[nodes.Expr, ...]) -> bool:
    """Whether these are `prob(f(x))[:, 1]` of a model: one number a class an example."""
    match value:
        case nodes.Call(function=nodes.Name(id="prob" | "softmax" as word), arguments=(inner, *_)):
            known = word not in typer.symbols.table and head_word(inner) in typer.symbols.models()
        case _:
            return False
    return known and len(indices) == 2 and indices[0] == nodes.Slice(span=indices[0].span)


def _too_many(typer: Typer, value: nodes.Expr, indices: tuple[nodes.Expr, ...]) -> Kind:
    """`f(x)[:, 1]`: no index chooses an example."""
    text = typer.slice(value)
    end = typer.source.text.find("]", max(index.span.end for index in indices)) + 1
    whole = Span(value.span.start, end)
    entry = f"{text}[{typer.slice(indices[-1])}]"
    said = f"`{text}` has one index, not {len(indices)}"
    label = "a vector an example"
    note = "an index chooses an output, never an example"
    return typer.report("CS329", said, whole, label, notes=(note,), **writing(whole, entry))


def _of_another_column(
    typer: Typer, value: nodes.Expr, columns: tuple[str, ...], indices: tuple[nodes.Expr, ...]
) -> None:
    """Warn of `level[r]` with `r in values(race)` where `level` is a table over `sex`."""
    for column, index in zip(columns, indices, strict=False):
        if not isinstance(index, nodes.Name):
            continue
        member = rf"\b{re.escape(index.id)}\s+in\s+values\((\w+)\)"
        over = set(re.findall(member, typer.source.text))
        if over and column not in over:
            other, table = min(over), typer.slice(value)
            said = f"`{table}` is a table over `{column}`"
            said += f", and `{index.id}` goes over the values of `{other}`"
            let = f"or let `{index.id}` go over `values({column})`"
            helps = (f"write `param {table}[{other}] = ...`", let)
            typer.report("CS326", said, index.span, "of another column", helps=helps)


def attribute_kind(typer: Typer, expr: nodes.Attribute, scope: Scope) -> Kind:
    """The kind of `value.name`, which its value must have."""
    if (foreign := module_part(typer, expr, expr, scope)) is not None:
        return foreign
    kind = typer.kind(expr.value, scope)
    match kind.what:
        case "model":
            if expr.name in ("weights", "params"):
                return Kind("weights", False, kind.moves, kind.gradient)
            return _unknown_part(typer, expr, ("weights", "params"))
        case "tensor":
            return kind if expr.name == "T" else _unknown_part(typer, expr, ("T",))
        case "column":
            return Kind("column", kind.per_example)
        case "scores":
            return Kind("number", kind.per_example, kind.moves, kind.gradient)
        case "unknown":
            return kind
        case "domain" if expr.name in ("sample", "grid"):
            text = typer.slice(expr)
            if told := in_square_brackets(typer, expr, text):
                return told
            said = f"`{text}` does not say how many points"
            label = "a number of points is missing"
            help_ = f"write `{text}(100)`"
            fixes = edit(expr.span, f"{text}(100)", "100 points")
            return typer.report("CS301", said, expr.span, label, helps=(help_,), fixes=fixes)
        case "domain":
            return _unknown_part(typer, expr, ("sample", "grid"))
        case "dataset":
            columns = typer.symbols.datasets().get(getattr(expr.value, "id", ""), ())
            if any(column.name == expr.name for column in columns):
                return _bare_column(typer, expr)
            return _unknown_part(typer, expr, tuple(c.name for c in columns))
    return _unknown_part(typer, expr, ())


def _bare_column(typer: Typer, expr: nodes.Attribute) -> Kind:
    """`train.sex`: which data are meant is said by `on`."""
    data = typer.slice(expr.value)
    said = f"columns stand alone: `{expr.name}`"
    label = f"a column of `{data}`"
    note = f"which data are meant stands behind `on`: `P[... on {data}]`"
    help_ = f"write `{expr.name}`"
    fixes = edit(expr.span, expr.name, f"write {expr.name}")
    typer.report("CS210", said, expr.span, label, notes=(note,), helps=(help_,), fixes=fixes)
    return Kind("column", True)


_PLACE = re.compile(r"\[[^\]]*\](?:\.\w+)*")
_OTHER = re.compile(r"(?:forall|metric|let|minimize|maximize)\b")
_LINE = re.compile(
    r"^[ \t]*(?:s\.t\.|subject to)?[ \t]*(?P<label>[^\W\d]\w*:(?!=)[ \t]*)?"
    r"(?P<body>[^#\n;]*[^#\n;\s])",
    re.MULTILINE,
)


def of_each(
    typer: Typer, before: Span, behind: re.Match[str] | None, part: str
) -> tuple[str, tuple[Fix, ...]]:
    """The whole constraint, of each weight of `part` in place of what stands in it."""
    text = typer.source.text
    end = behind.end() if behind else before.end
    line = _LINE.match(text, text.rfind("\n", 0, before.start) + 1)
    one = line is not None and line.start("body") <= before.start and end <= line.end("body")
    if line is None or not one or _OTHER.match(line["body"]):
        return f"write `forall W in {part}:` before the constraint, and `W` here", ()
    body = f"{text[line.start('body') : before.start]}W{text[end : line.end('body')]}"
    each = f"forall W in {part}: {body}"
    return f"write `{line['label'] or ''}{each}`", replacing(Span(*line.span("body")), each)


_PATH = re.compile(r"\w+(?:\.\w+|\[\d+\])*")
"""The way to a part of a model in Python: `layers[0].weight`."""


def _as_call(typer: Typer, expr: nodes.Attribute, model: str) -> str | None:
    """`density(f)` for `f.density`, `f(x)` for `f.x`."""
    signature = SIGNATURES.get(expr.name)
    if signature is not None and signature.family == "model":
        return f"{expr.name}({model})"
    if expr.name == "sparsity":
        return f"(1 - density({model}))"
    return f"{model}({expr.name})" if expr.name in typer.symbols.column_names else None


def _unknown_part(typer: Typer, expr: nodes.Attribute, known: tuple[str, ...]) -> Kind:
    guess = closest(expr.name, known)
    fixes = replacing(expr.name_span, guess)
    text = typer.slice(expr.value)
    helps: tuple[str, ...] = (f"did you mean `{text}.{guess}`?",) if guess else ()
    if not guess:
        helps = (f"remove `.{expr.name}`",)
    if (
        not guess
        and isinstance(expr.value, nodes.Attribute)
        and expr.value.name in ("weights", "params")
    ):
        known_as = meant(expr.name)
        count = known_as is not None and known_as.word == "params"
        new = f"params({typer.slice(expr.value.value)})" if count else f'{text}("{expr.name}*")'
        why = "how many of its numbers are not 0" if count else "the weights whose names begin so"
        helps, fixes = (f"write `{new}`, {why}",), replacing(expr.span, new)
    call = _as_call(typer, expr, text) if "weights" in known and not guess else None
    if call is not None:
        helps, fixes = (f"write `{call}`",), replacing(expr.span, call)
    elif not guess and "weights" in known:
        path = _PATH.match(typer.source.text, expr.name_span.start)
        name = re.sub(r"\[(\d+)\]", r".\1", path[0]) if path else expr.name
        name = re.sub(r"\.(?:weights|params|parameters)$", "", name)
        name = "bias" if name == "biases" else name
        name = f"*{name}" if name in ("bias", "weight", "kernel") else name
        star = "" if name.endswith(("weight", "bias")) else "*"
        part = f'{text}.{"params" if name.endswith("bias") else "weights"}("{name}{star}")'
        place = Span(expr.value.span.start, expr.name_span.start)
        help_, fixes = of_each(typer, place, path, part)
        helps = (help_,)
    said = f"`{text}` has no part `{expr.name}`"
    label = f"it has {listing(known, 'and')}" if known else "it has no parts"
    return typer.report("CS210", said, expr.name_span, label, helps=helps, fixes=fixes)


Single = Literal["one number", "one number an example"]

_EXAMPLE = frozenset({*LOSSES, "pred", "margin"})
_NUMBER = frozenset(
    {"gap", "ratio", "cvar", "quantile", "density", "params", "flops", "bytes", "spectral"}
    | {"nuclear", "violation"}
)


def _single(typer: Typer, expr: nodes.Expr) -> Single | None:
    """Whether an expression is one number, or one an example, whatever is bound: no index fits.

        ce(f(x), y)   pred   E[w]   gap(P[.. | sex])   cvar(ce, 0.9)   2*E[w] + 1

    A column, an output or a let may have entries: that is known when data and models are bound.
    """
    match expr:
        case nodes.Number():
            return "one number"
        case nodes.Expectation(kind=kind, body=body, conditions=conditions):
            # A lone name behind the bar may make groups, and the mean of outputs may be a vector:
            # the data and the model say so.
            groups = any(column_of(c) is not None for c in conditions)
            return None if groups or (kind == "E" and _outputs(typer, body)) else "one number"
        case nodes.Name(id=word) | nodes.Call(function=nodes.Name(id=word)) if (
            typer.symbols.role(word) is None
        ):
            called, signature = isinstance(expr, nodes.Call), typer.signatures.get(word)
            if isinstance(expr, nodes.Call) and signature and signature.family == "elementary":
                return _joined(typer, expr.arguments)
            if word in _EXAMPLE and (called or word != "margin"):
                return "one number an example"
            return "one number" if word in _NUMBER and called else None
        case nodes.Negate(operand=operand):
            return _single(typer, operand)
        case nodes.Power(base=base, exponent=exponent):
            return _joined(typer, (base, exponent))
        case nodes.Sum(operands=operands) | nodes.Product(operands=operands) if (
            "@" not in expr.operators
        ):
            return _joined(typer, operands)
    return None


def _outputs(typer: Typer, expr: nodes.Node) -> bool:
    """Whether outputs of a model, or its inputs, stand in an expression as they are."""
    match expr:
        case nodes.Name(id=word):
            return word in ("prob", "x") and typer.symbols.role(word) is None
        case nodes.Index() | nodes.Attribute() | nodes.Expectation():
            return False
        case nodes.Call(function=nodes.Name(id=word)) if word in _EXAMPLE and word != "prob":
            return False
        case nodes.Call(function=nodes.Name(id=word)) if typer.symbols.role(word) == "model":
            return True
    return any(_outputs(typer, child) for child in expr.children())


def _joined(typer: Typer, parts: tuple[nodes.Expr, ...]) -> Single | None:
    found = [_single(typer, part) for part in parts]
    if None in found:
        return None
    return "one number an example" if "one number an example" in found else "one number"
