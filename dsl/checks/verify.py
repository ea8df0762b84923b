"""Checks of labels, and of `verify` and its certificates."""

import re
from collections.abc import Iterable, Iterator, Mapping

from cspec.dsl.checks.items import Settled
from cspec.dsl.checks.training import dataset
from cspec.dsl.explicit.measured_on import measured_on
from cspec.dsl.explicit.spec import flatten
from cspec.dsl.kinds.typer import OUTSIDE, Typer
from cspec.dsl.messages.diagnostic import Fix, Label, also_at, edit, replacing
from cspec.dsl.messages.synonyms import FAIRNESS
from cspec.dsl.messages.wording import closest, listing, number
from cspec.dsl.names.symbols import examples_of, is_made
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import bound_names, chain_parts, names, sides_of
from cspec.dsl.values.certifiable import objections


def labels(spec: nodes.Spec) -> dict[str, Span]:
    """Every label path of an elaborated spec and its place, those of the parts of chains too."""
    found: dict[str, Span] = {}
    for current in _with_inner(spec.constraints()):
        found.setdefault(current.label or "", current.label_span)
        if isinstance(current, nodes.Constraint):
            for part in chain_parts(current.relation):
                found.setdefault(f"{current.label}.{part}", current.label_span)
    return found


def _with_inner(
    items: Iterable[nodes.Constraint | nodes.Group],
) -> Iterator[nodes.Constraint | nodes.Group]:
    """Constraints and groups, each group before what is in it."""
    for item in items:
        yield item
        if isinstance(item, nodes.Group):
            yield from _with_inner(item.constraints)


def check_labels(typer: Typer, spec: nodes.Spec) -> None:
    """Labels that are given twice."""
    seen: dict[str, Span] = {}
    for current in _with_inner(spec.constraints()):
        label = current.label or ""
        if label in seen and current.label_span != NOWHERE:
            short = typer.source.slice(current.label_span) or label
            said, at, new = f"label `{short}` is used twice", current.label_span, f"{short}2"
            notes = ("labels name constraints in logs, multipliers and the report",)
            helps = (f"rename one of the two, for example `{new}`",)
            told = {"related": also_at(seen[label], "first used here"), "notes": notes}
            fixes = edit(at, new, new)
            typer.report("CS205", said, at, "used again here", **told, helps=helps, fixes=fixes)
        seen.setdefault(label, current.label_span)


def check_verify(typer: Typer, spec: nodes.Spec, settled: Settled) -> None:
    """Labels, datasets, confidence and certificates of `verify` lines."""
    known = labels(spec)
    items = [item for item in spec.items if isinstance(item, nodes.Verify)]
    for item in items:
        _part_twice(typer, item)
        for name, span in zip(item.labels, item.label_spans, strict=False):
            _label(typer, name, span, known)
            if item.dataset is not None:
                _one_dataset(typer, item.dataset, name, span, spec)
        if item.dataset is not None:
            dataset(typer, item.dataset, item.dataset_span)
            _columns_there(typer, item, spec)
        if item.confidence is not None:
            _confidence(typer, item)
            _certificate(typer, item, items, spec, settled)
            _once(typer, item, items, spec)
            check_certified(typer, item, spec)


_PARTS = re.compile(r"\b(on|every|with)\b(?:(?!\s+(?:on|every|with)\b).)*")


def _part_twice(typer: Typer, item: nodes.Verify) -> None:
    """Report `verify a on test on val`: one of each part a line."""
    text, seen = typer.slice(item), dict[str, Span]()
    for part in _PARTS.finditer(text):
        span = Span(item.span.start + part.start(), item.span.start + part.end())
        word = part[1]
        if word in seen:
            rest = text[: seen[word].start - item.span.start] + text[part.start() :]
            both = f"write `{text[: part.start()].rstrip()}`, and on the next line `{rest}`"
            helps = (both if word == "on" else "keep one of the two",)
            said, first = f"`{word}` is given twice", also_at(seen[word], "given here already")
            typer.report("CS505", said, span, "given again here", related=first, helps=helps)
        seen.setdefault(word, span)


def _columns_there(typer: Typer, item: nodes.Verify, spec: nodes.Spec) -> None:
    """Data on which a requirement is verified have the columns that it names."""
    data = item.dataset or ""
    there = {column.name for column in typer.symbols.datasets().get(data, ())}
    for binders, constraint in flatten(spec):
        label = constraint.label or ""
        meant = "all" in item.labels or not item.labels or label in item.labels
        if not meant or not there or {d for d, _ in measured_on(constraint.relation)} & {data}:
            continue
        if any(is_made(d) for d, _ in measured_on(constraint.relation)):
            continue
        own = bound_names(binders)
        asked = names(constraint.relation) & typer.symbols.column_names
        for name in sorted(asked - there - own - typer.symbols.table.keys()):
            said = f"dataset `{data}` has no column `{name}`, which `{label or name}` asks for"
            known = f"`{data}` has {listing(tuple(sorted(there)), 'and')}"
            helps = (f"add `{name}` to the columns of `{data}` in its `data` line",)
            typer.report("CS208", said, item.dataset_span, known, helps=helps)


def _label(typer: Typer, name: str, span: Span, known: dict[str, Span]) -> None:
    if name in known:
        return
    if name in typer.symbols.datasets():
        said = f"`{name}` are data, and what is verified is a constraint"
        help_, new = f"write `verify all on {name}`", f"all on {name}"
        fix = Fix(span=span, replacement=new, title=new)
        typer.report("CS206", said, span, "which constraints?", helps=(help_,), fixes=(fix,))
        return
    unknown_label(typer, name, span, known, "`all`, or one of their labels")


def unknown_label(
    typer: Typer, name: str, span: Span, known: Mapping[str, Span], others: str
) -> None:
    """Report a label that no constraint has; the nearest one, or the only one, may be meant."""
    labels = tuple(known)
    guess = closest(name, labels) or _named_otherwise(typer, name, known)
    meant = guess or (labels[0] if len(labels) == 1 else None)
    write = f"write `{meant}`" if meant else f"write {others}"
    help_, fixes = f"did you mean `{guess}`?" if guess else write, replacing(span, meant)
    said, there = f"no constraint is called `{name}`", "this spec has no constraints"
    there = f"constraints: {listing(labels[:8], 'and')}" if labels else there
    typer.report("CS206", said, span, there, helps=(help_,), fixes=fixes)


def _named_otherwise(typer: Typer, name: str, known: Mapping[str, Span]) -> str | None:
    """The label that a part of the name is, or whose constraint is the measure of that name."""
    short = name.lower()
    parts = [k for k in known if len(k) > 2 and (k.lower() in short.split("_") or short in k)]
    form = FAIRNESS.get(short, "").partition("{g}")[0]
    lines = {k: typer.source.line(typer.source.position(at.start).line) for k, at in known.items()}
    measured = [k for k, line in lines.items() if form and form in line and "." not in k]
    found = parts if len(parts) == 1 and len(short) > 2 else measured
    return found[0] if len(found) == 1 else None


def _one_dataset(typer: Typer, data: str, name: str, span: Span, spec: nodes.Spec) -> None:
    """`verify a on val` puts `val` in the place of one dataset: `a` may not be about several."""
    for binders, constraint in flatten(spec):
        label = constraint.label or ""
        whole = name.removesuffix(".lo").removesuffix(".hi")
        if whole != label and not label.startswith(f"{name}."):
            continue
        summed = _summed(typer, constraint)
        if summed not in (None, data):
            said = f"`{label}` sums over `{summed}`, and `{data}` has examples of its own"
            help_ = f"require a mean, `E[...]`, or write a sum over `{data}` as a metric"
            at, which = also_at(constraint.relation.span, "summed here"), "which sum would it be?"
            said += ", another number of them"
            typer.report("CS411", said, span, which, related=at, helps=(help_,))
            continue
        used = {found: None for found, _ in measured_on(constraint.relation)}
        domains = (b.domain for b in binders if isinstance(b.domain, nodes.Name))
        used |= {d.id: None for d in domains if d.id in typer.symbols.datasets()}
        if len(set(map(examples_of, used))) < 2:
            continue
        said = f"`{label}` is about {listing(used, 'and')}"
        said += f", so `verify {name} on {data}` has two readings"
        which = f"which of them would `{data}` stand in for?"
        notes = ("a requirement that names its data is verified on them",)
        help_ = f"leave `{name}` out of this line, or write another requirement for `{data}`"
        told = {"related": also_at(constraint.relation.span, "measured here"), "notes": notes}
        typer.report("CS411", said, span, which, **told, helps=(help_,))


def _summed(typer: Typer, constraint: nodes.Constraint) -> str | None:
    """The data whose examples a requirement sums over; None of others."""
    for node in nodes.walk(constraint.relation):
        for binder in node.binders if isinstance(node, nodes.Comprehension) else ():
            if (
                isinstance(binder.domain, nodes.Name)
                and binder.domain.id in typer.symbols.datasets()
            ):
                return binder.domain.id
    return None


def _confidence(typer: Typer, item: nodes.Verify) -> None:
    expr = item.confidence
    assert expr is not None
    fixes: tuple[Fix, ...] = ()
    value = typer.value(expr)
    if value is None:
        typer.kind(expr, OUTSIDE)
    elif not 0 < value < 1:
        help_ = "write `with confidence 95%`"
        if 1 < value < 100 and "%" not in typer.text(expr):
            help_ = f"did you mean `{number(value)}%`?"
            fixes = edit(expr.span, f"{number(value)}%", "percent")
        said = f"a confidence lies between 0% and 100%, not at {number(value)}"
        typer.report("CS304", said, expr.span, "out of range", helps=(help_,), fixes=fixes)
    elif value < 0.5:
        sure = f"{number(round(100 - 100 * value, 6))}%"
        said = f"a confidence of {number(100 * value)}% leaves {sure} for an error"
        help_, fixes = f"did you mean `{sure}`?", replacing(expr.span, sure)
        label = "how sure, and not how unsure"
        typer.report("CS304", said, expr.span, label, helps=(help_,), fixes=fixes)


def _certificate(
    typer: Typer, item: nodes.Verify, items: list[nodes.Verify], spec: nodes.Spec, settled: Settled
) -> None:
    """A certificate needs data that chose nothing about the model."""
    data, training = item.dataset, training_data(spec)
    dual = getattr(settled.method, "dual_data", None)
    others = (o for o in items if o is not item and o.every is not None and o.dataset == data)
    other = next(others, None)
    if item.every is not None:
        _chosen(typer, item, "this very line chooses the best snapshot on it", item.span)
    elif other is not None:
        _chosen(typer, item, "chooses the best snapshot on the same data", other.span)
    elif dual is not None and dual == data:
        span = next((i.span for i in spec.items if isinstance(i, nodes.Using)), None)
        _chosen(typer, item, "moves the multipliers on the same data", span)
    elif data is None or data in training:
        _chosen(typer, item, "the model is trained on the same data", training.get(data or ""))


def _once(typer: Typer, item: nodes.Verify, items: list[nodes.Verify], spec: nodes.Spec) -> None:
    """Two certificates of one requirement: which of them counts?"""
    mine = {constraint.label for _, constraint in covered(item, spec)}
    for other in items[: items.index(item)]:
        if other.confidence is None:
            continue
        twice = [c.label for _, c in covered(other, spec) if c.label in mine]
        if twice:
            said, first = f"`{twice[0]}` is certified twice", also_at(other.span, "the first one")
            note = "of two looks the better one would be told, and nobody counted the other"
            told = {"related": first, "notes": (note,), "helps": ("remove one of the two lines",)}
            typer.report("CS410", said, item.span, "a second certificate", **told)


def training_data(spec: nodes.Spec) -> dict[str, Span]:
    """Datasets that the objective or a constraint is measured on."""
    found: dict[str, Span] = {}
    for item in (*(i for i in spec.items if isinstance(i, nodes.Objective)), *spec.constraints()):
        for node in nodes.walk(item):
            if isinstance(node, nodes.Expectation) and node.dataset is not None:
                found.setdefault(node.dataset, node.span)
    return found


def _chosen(typer: Typer, item: nodes.Verify, why: str, span: Span | None) -> None:
    known = tuple(typer.symbols.datasets())
    other = "test" if "test" in known and item.dataset != "test" else None
    at = item.dataset_span if item.dataset is not None else item.span
    related = () if span in (None, item.span) else also_at(span, why)
    name = f"`{item.dataset}`" if item.dataset else "the training data"
    fixes: tuple[Fix, ...] = ()
    if other and item.dataset:
        fixes = edit(at, other, f"verify on {other}")
    said, label = f"{name} can't certify: it has chosen the model", "no certificate from this data"
    short = "a certificate with confidence" if related else f"{why}; a certificate"
    told = {"related": related, "notes": (f"{short} needs data that nothing was chosen on",)}
    help_ = f"verify on `{other}`" if other else "verify on a split that nothing else uses"
    typer.report("CS410", said, at, label, **told, helps=(help_,), fixes=fixes)


# --- what is certified ---------------------------------------------------------------------------


def check_certified(typer: Typer, item: nodes.Verify, spec: nodes.Spec) -> None:
    """Forms without a confidence interval, and requirements that stay on other data."""
    for binders, constraint in covered(item, spec):
        if any(isinstance(modifier, nodes.Soft) for modifier in constraint.modifiers):
            continue
        data = dict(measured_on(constraint.relation))
        sets = typer.symbols.datasets()
        over = (b for b in binders if isinstance(b.domain, nodes.Name) and b.domain.id in sets)
        each = next(over, None)
        if each is not None:
            _on_each(typer, item, constraint, each)
        elif data:
            _kept(typer, item, constraint, data)
            _equality(typer, item, constraint)
            _form(typer, item, constraint)


def covered(
    item: nodes.Verify, spec: nodes.Spec
) -> Iterator[tuple[tuple[nodes.Binder, ...], nodes.Constraint]]:
    """The constraints of an elaborated spec that a line is about, with their binders."""
    for binders, constraint in flatten(spec):
        label = constraint.label or ""
        called = (name.removesuffix(".lo").removesuffix(".hi") for name in item.labels)
        if not item.labels or any(label == n or label.startswith(f"{n}.") for n in called):
            yield binders, constraint


def _asked(item: nodes.Verify) -> tuple[Label, ...]:
    return also_at(item.span, "the certificate is asked for here")


def _on_each(
    typer: Typer, item: nodes.Verify, constraint: nodes.Constraint, each: nodes.Binder
) -> None:
    text = typer.slice(constraint.relation)
    said = "a requirement on each example can't be certified from a sample"
    label = "every example there will ever be?"
    notes = ("examples that were seen show how many break it at most, never that none does",)
    helps, asked = (f"certify how many meet it: `P[{text}] >= 99%`",), _asked(item)
    typer.report("CS515", said, each.span, label, related=asked, notes=notes, helps=helps)


def _kept(
    typer: Typer, item: nodes.Verify, constraint: nodes.Constraint, data: dict[str, bool]
) -> None:
    """`verify all on test with confidence` leaves alone what names its data."""
    own = next((name for name, written in data.items() if written), None)
    if item.labels or own is None or own == item.dataset:
        return
    label = constraint.label or ""
    said = f"`{label}` names its data, and `verify all` leaves it there: `{own}` can't certify"
    at, measured = constraint.relation.span, f"measured on `{own}`"
    notes = ("a certificate with confidence needs data that nothing was chosen on",)
    help_ = f"name what is certified: `verify {label} on {item.dataset} with confidence ...`"
    related = _asked(item)
    typer.report("CS410", said, at, measured, related=related, notes=notes, helps=(help_,))


def _equality(typer: Typer, item: nodes.Verify, constraint: nodes.Constraint) -> None:
    relation = constraint.relation
    equal = isinstance(relation, nodes.Compare) and "==" in relation.operators
    if not equal or any(isinstance(modifier, nodes.Within) for modifier in constraint.modifiers):
        return
    text = typer.slice(relation)
    said = f"`{text}` can't be certified: no sample shows that two numbers are equal"
    label = "equal to how many digits?"
    help_ = f"say how close is close enough: `{text} within 0.02`"
    typer.report("CS515", said, relation.span, label, related=_asked(item), helps=(help_,))


def _form(typer: Typer, item: nodes.Verify, constraint: nodes.Constraint) -> None:
    for side in sides_of(constraint.relation) or (constraint.relation,):
        for found in objections(side, typer.ranges):
            said = f"{typer.text(found.part)} can't be certified: {found.why}"
            label = "no confidence interval"
            helps = (found.instead, "or leave `with confidence` out")
            typer.report("CS515", said, found.part.span, label, related=_asked(item), helps=helps)
