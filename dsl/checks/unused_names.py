"""Names of quantifiers that are not used as they are meant: by nothing, as numbers of examples, or
added to what they lie around already.

forall g in values(sex): P[pred == 1] >= 20%      `| sex == g` is missing: all say the same
forall W in f.weights: l2(f.weights) <= 3         `l2(W)` was meant
forall (x, y) in train: E[ce(f(x), y)] <= 4       a mean has examples of its own
forall i in train: ce(f(x[i]), y[i]) <= 4         examples have no numbers: columns are their values
f(x + z) for z in ball(x, r, norm=2)              z is the moved x already
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cspec.dsl.explicit.parameters import LISTS
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix, edit, replacing, writing
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import binders_of, function_name, names
from cspec.dsl.words.sets import BALL

_SETS = frozenset({"values", "cross", "range"})


def check_unused(typer: Typer, spec: nodes.Spec) -> None:
    """Warn about names of quantifiers and comprehensions that what they hold over never uses.

    Of examples and points, where a mean with examples of its own is bounded, that is an error.
    """
    for item in spec.items:
        if any(isinstance(node, nodes.Binder) for node in nodes.walk(item)):
            _used(typer, item)


def _used(typer: Typer, root: nodes.Node) -> None:
    """One walk, parents first; names count as used where they are read, up to their binder."""
    datasets = typer.symbols.datasets()
    open_names: dict[str, list[_Bound]] = {}
    stack: list[tuple[nodes.Node, bool]] = [(root, False)]
    found: list[_Bound] = []
    while stack:
        node, done = stack.pop()
        if done:
            for bound in _bound(node, datasets):
                open_names[bound.name].pop()
            continue
        if isinstance(node, nodes.Name):
            # `x_i` may be meant for `x[i]`: that it is unknown is said by itself.
            for word in (node.id, node.id.rpartition("_")[2]):
                for own in open_names.get(word, [])[-1:]:
                    own.used = True
        bounds = list(_bound(node, datasets))
        if not bounds:
            stack.extend((child, False) for child in node.children())
            continue
        stack.append((node, True))
        stack.extend(
            (child, False) for child in node.children() if not isinstance(child, nodes.Binder)
        )
        for bound in bounds:
            if bound.binder is not None:
                for name in names(bound.binder.domain):  # `j in range(i)`
                    for own in open_names.get(name, [])[-1:]:
                        own.used = True
            open_names.setdefault(bound.name, []).append(bound)
        found += bounds
    for bound in found:
        if bound.binder is not None and not bound.used and _counts(bound.binder.domain):
            _report(typer, bound, bound.binder)
    read = {id(bound.binder) for bound in found if bound.used}
    for node in nodes.walk(root):
        if isinstance(node, nodes.Comprehension | nodes.Expectation):
            for binder in node.binders:
                domain = binder.domain
                drawn = isinstance(domain, nodes.Call) and function_name(domain) != "pairs"
                if id(binder) not in read and drawn and not _counts(domain):
                    _never_moved(typer, node, binder)
        if isinstance(node, nodes.Constraint) and len(node.binders) == 1:
            binder = node.binders[0]
            if id(binder) not in read and not _counts(binder.domain):
                _mean_of_all(typer, node, binder)


@dataclass(eq=False)
class _Bound:
    """A name that a binder holds, None of a mean its columns, where, and whether it was read."""

    name: str
    binder: nodes.Binder | None
    holder: nodes.Node
    used: bool = False


def _bound(node: nodes.Node, datasets: Mapping[str, tuple[nodes.Column, ...]]) -> Iterator[_Bound]:
    """The names of the binders of a node, and the columns of the data that it goes over."""
    for binder in binders_of(node):
        data = binder.domain.id if isinstance(binder.domain, nodes.Name) else ""
        for name in (*binder.names, *(column.name for column in datasets.get(data, ()))):
            yield _Bound(name, binder, node)
    if isinstance(node, nodes.Expectation) and node.dataset is not None:
        for column in datasets.get(node.dataset, ()):
            yield _Bound(column.name, None, node)


def _mean_of_all(typer: Typer, constraint: nodes.Constraint, binder: nodes.Binder) -> None:
    """Report `forall (x, y) in train: E[ce(f(x), y)] <= 4`: of each, or the mean?"""
    relation = constraint.relation
    mean = next((n for n in nodes.walk(relation) if isinstance(n, nodes.Expectation)), None)
    start = max(typer.source.text.rfind(w, 0, binder.span.start) for w in ("forall", "\u2200"))
    if mean is None or start < 0:
        return
    body, text = typer.slice(mean.body), typer.slice(relation)
    whole = typer.source.slice(Span(start, relation.span.end))
    at = mean.span.start - start
    each = f"{whole[:at]}{body}{whole[at + mean.span.end - mean.span.start :]}"
    what = f"{typer.text(mean)} is the same for each of `{typer.slice(binder.domain)}`"
    said, label = f"{what}: of each, or the mean?", "a mean over examples of its own"
    fixes = edit(Span(start, relation.span.start), "", "no quantifier")
    helps = [f"for {'the mean' if mean.kind == 'E' else 'the share'} write `{text}`"]
    if mean.kind == "E":
        helps, fixes = [f"for each write `{each}`", *helps], replacing(mean.span, body) + fixes
    typer.report("CS305", said, mean.span, label, helps=helps, fixes=fixes)


def _counts(domain: nodes.Expr) -> bool:
    """Whether a set has members that are named: values, indices, weights."""
    match domain:
        case nodes.FiniteSet():
            return True
        case nodes.Call(function=nodes.Name(id=word)):
            return word in _SETS
        case nodes.Attribute(name=word) | nodes.Call(function=nodes.Attribute(name=word)):
            return word in LISTS
    return False


def _never_moved(
    typer: Typer, node: nodes.Comprehension | nodes.Expectation, binder: nodes.Binder
) -> None:
    """Warn of `max(ce(f(x), y) for z in ball(x, 0.1))`: the same at each point."""
    name = ", ".join(binder.names)
    domain, body = binder.domain, node.body
    centre = domain.arguments[0] if isinstance(domain, nodes.Call) and domain.arguments else None
    meant = ""
    if isinstance(centre, nodes.Name) and len(binder.names) == 1:
        meant = _with_name(typer, body, centre.id, name)
    helps = (f"did you mean `{meant}`?",) if meant else (f"use `{name}`, or leave the `for` out",)
    said = f"`{name}` goes over {typer.text(domain)}, and nothing uses it"
    place, fixes = Span(binder.span.start, domain.span.end), replacing(body.span, meant)
    typer.warn("CS203", said, place, "the same at each point", helps=helps, fixes=fixes)


def _with_name(typer: Typer, body: nodes.Expr, old: str, new: str) -> str:
    """The text of an expression with a name in the place of another; empty where it has none."""
    start, text = body.span.start, typer.slice(body)
    found = [n for n in nodes.walk(body) if isinstance(n, nodes.Name) and n.id == old]
    for place in sorted((n.span.start - start for n in found), reverse=True):
        if text.startswith(old, place) if place >= 0 else False:
            text = f"{text[:place]}{new}{text[place + len(old) :]}"
    return text if text != typer.slice(body) else ""


def _report(typer: Typer, bound: _Bound, binder: nodes.Binder) -> None:
    span, text = binder.span, typer.source.text
    line = _LINE.match(text, span.end)
    quoted = line and re.search(rf'"[{{$]*{re.escape(bound.name)}}}?"', line[0])
    place = Span(span.end + quoted.start(), span.end + quoted.end()) if quoted else None
    told = f": {typer.source.slice(place)} is a text" if place else ""
    grouped = replacing(place, bound.name) if place else _by_group(typer, bound, binder)
    written = f"write `{grouped[0].replacement.strip()}`" if grouped else ""
    said = f"`{bound.name}` of the quantifier is never used{told}"
    if text.startswith(bound.name, span.start):
        span = Span(span.start, span.start + len(bound.name))
    helps = (written or _instead(bound.name, binder),)
    typer.warn("CS203", said, span, "each member says the same", helps=helps, fixes=grouped)


_LINE = re.compile(r"[^\n]*")
_ENDS = re.compile(r"[ \t]*(?:\]|on\b)")


def _by_group(typer: Typer, bound: _Bound, binder: nodes.Binder) -> tuple[Fix, ...]:
    """The only mean with `| sex == g`, which examples count, in the place of a lone `sex`."""
    means = [n for n in nodes.walk(bound.holder) if isinstance(n, nodes.Expectation)]
    match binder.domain:
        case nodes.Call(function=nodes.Name(id="values"), arguments=(nodes.Name(id=column),)):
            columns = {column}  # which examples count may be missing altogether
        case nodes.FiniteSet(items=items) if all(
            isinstance(i, nodes.String | nodes.Number) for i in items
        ):
            columns = {*typer.symbols.column_names}
        case _:
            return ()
    if len(means) != 1:
        return ()
    mean, lone = means[0], [c for c in means[0].conditions if isinstance(c, nodes.Name)]
    for condition in lone:
        if condition.id in columns:
            place, new = condition.span, f"{condition.id} == {bound.name}"
            break
    else:
        last = (mean.body, *mean.conditions)[-1].span.end
        if len(columns) > 1 or not _ENDS.match(typer.source.text, last):
            return ()
        joint = "," if lone else " and" if mean.conditions else " |"
        place, new = Span(last, last), f"{joint} {columns.pop()} == {bound.name}"
    text, (start, end) = typer.source.text, mean.span
    return replacing(mean.span, f"{text[start : place.start]}{new}{text[place.end : end]}")


def _instead(name: str, binder: nodes.Binder) -> str:
    match binder.domain:
        case nodes.Call(function=nodes.Name(id="values"), arguments=(nodes.Name(id=column),)):
            return f"say which examples count: `| {column} == {name}`"
        case nodes.Attribute(name="weights" | "params") | nodes.Call(function=nodes.Attribute()):
            return f"write `{name}` for each weight, or leave the quantifier out"
    return f"use `{name}`, or leave the quantifier out"


def check_example_index(typer: Typer, items: tuple[nodes.Item, ...]) -> None:
    """Report columns that are indexed by the only name of a quantifier over data."""
    for item in items:
        for node in nodes.walk(item):
            for binder in binders_of(node):
                _indexed(typer, node, binder)


def _indexed(typer: Typer, node: nodes.Node, binder: nodes.Binder) -> None:
    data = binder.domain.id if isinstance(binder.domain, nodes.Name) else ""
    columns = [column.name for column in typer.symbols.datasets().get(data, ())]
    bound = binder.names[0]
    if len(binder.names) != 1 or len(columns) < 2 or bound in columns:
        return
    found = [
        inner
        for inner in nodes.walk(node)
        if isinstance(inner, nodes.Index)
        and any(isinstance(index, nodes.Name) and index.id == bound for index in inner.indices)
        and names(inner.value) & {*columns}
    ]
    if not found:
        return
    used = [i for i, column in enumerate(columns) if any(column in names(f.value) for f in found)]
    listed = ", ".join(columns[: used[-1] + 1])
    whole = re.sub(rf"\[[ \t]*{re.escape(bound)}[ \t]*\]", "", typer.slice(node))
    each = listed if "," not in listed else f"({listed})"
    meant = re.sub(
        rf"\b{re.escape(bound)}([ \t]+in[ \t]+{re.escape(data)}\b)",
        lambda m: f"{each}{m[1]}",
        whole,
    )
    first = found[0]
    said = f"{typer.text(first)}: an index chooses a feature or an output, never an example"
    label = f"`{bound}` is no number of an example"
    note = f"a quantifier over `{data}` names its columns, which stand for their values"
    typer.report("CS333", said, first.span, label, notes=(note,), **writing(node.span, meant))


def check_moved_twice(typer: Typer, items: tuple[nodes.Item, ...]) -> None:
    """Warn of `x + z` where z lies around x already: 2 x and a change."""
    told: set[Span] = set()
    for item in items:
        for node in nodes.walk(item):
            if isinstance(node, nodes.Comprehension):
                for sum_, point, ball in _added(node):
                    if sum_.span not in told:
                        told.add(sum_.span)
                        _moved_already(typer, sum_, point, ball)


def _added(node: nodes.Comprehension) -> Iterator[tuple[nodes.Sum, str, nodes.Call]]:
    """Sums of a point and what it lies around."""
    for binder in node.binders:
        match binder.domain:
            case nodes.Call(arguments=(nodes.Name(id=center), _)) as ball if (
                function_name(ball) == BALL
            ):
                pair = {center, *binder.names}
            case _:
                continue
        for part in nodes.walk(node.body):
            if isinstance(part, nodes.Sum) and part.operators == ("+",):
                terms = [o.id for o in part.operands if isinstance(o, nodes.Name)]
                if len(terms) == len(pair) == 2 and set(terms) == pair:
                    yield part, binder.names[0], ball


def _moved_already(typer: Typer, sum_: nodes.Sum, point: str, ball: nodes.Call) -> None:
    center = ball.arguments[0]
    change = Span(center.span.start, ball.arguments[1].span.start)
    written, around = typer.slice(sum_), typer.slice(center)
    said = f"`{point}` lies around `{around}` already: `{written}` is `2*{around}` and a change"
    label = f"`{point}` is the moved `{around}`"
    helps = (f"did you mean `{point}`?", "or a change that is added: `ball` without its middle")
    fixes = edit(sum_.span, point, f"write {point}") + edit(change, "", "a change that is added")
    typer.warn("CS203", said, sum_.span, label, helps=helps, fixes=fixes)
