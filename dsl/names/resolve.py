"""From items to symbols: what is declared, what is implied, what is declared twice or unused; the
order of the lets: no recursion, no endless growth when they are written out."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from cspec.dsl.messages.diagnostic import Diagnostic, Label, also_at, edit, finding
from cspec.dsl.messages.wording import closing, listing, quoted
from cspec.dsl.names.symbols import (
    DEFAULT_COLUMNS,
    ROLE_WORDS,
    SPLITS,
    Role,
    Symbol,
    Symbols,
    columns_of,
)
from cspec.dsl.text.limits import LET_CHAIN, LET_TERMS
from cspec.dsl.text.source import NOWHERE, Source, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import CONSTANTS, TRUTHS
from cspec.dsl.tree.rebuild import bound_names, names
from cspec.dsl.words.functions import SIGNATURES, Signature
from cspec.dsl.words.losses import LOSSES

_CLASSIFIER = ("pred", "prob")


def resolve(
    spec: nodes.Spec, source: Source, functions: Iterable[Signature] = ()
) -> tuple[Symbols, tuple[Diagnostic, ...]]:
    """The symbols of a spec, with duplicate and unused names as findings."""
    table, targets, found = _declared(spec, source)
    lets = {s.name: s.item for s in table.values() if isinstance(s.item, nodes.Let)}
    kept, circular = check_lets(lets)
    origin = nodes.From(module="", path=False, names=())
    for name in lets.keys() - kept.keys():
        table[name] = table[name]._replace(role="import", item=origin)
    found += circular
    uses, bound = _scanned(spec)
    implied = set()
    free = {name for name in uses if name not in table and name not in bound}
    models = "model" in table or any(symbol.role == "model" for symbol in table.values())
    asked = free - _written_out(spec, uses)
    if not models and asked & {"model", *LOSSES, *_CLASSIFIER}:
        implied.add("model")
        table["model"] = Symbol("model", "model", nodes.Model(name="model"), NOWHERE)
    if _implies_data(table, free, spec):
        implied.add("data")
        extra = tuple(nodes.Target(name=n) for n in SPLITS[1:] if n in uses and n not in table)
        item = nodes.Data(targets=(nodes.Target(name="data"), *extra))
        found += [_implied_clash(table[c.name]) for c in DEFAULT_COLUMNS if c.name in table]
        for target in item.targets:
            targets[target.name] = target
            table[target.name] = Symbol(target.name, "data", item, NOWHERE)
    for signature in functions:
        table.setdefault(signature.name, Symbol(signature.name, "function", origin, NOWHERE))
    found += list(_unused(table, uses, source))
    symbols = Symbols(
        table=table,
        targets=targets,
        uses={name: tuple(spans) for name, spans in uses.items()},
        implied=frozenset(implied),
        metrics={item.name: item for item in spec.items if isinstance(item, nodes.Metric)},
    )
    return symbols, tuple(found)


def declarations(item: nodes.Item) -> Iterator[tuple[str, Role, Span]]:
    """The names that an item declares."""
    match item:
        case nodes.Param() | nodes.Let() | nodes.Var() | nodes.Model() | nodes.Domain():
            yield item.name, _ROLES[type(item)], item.name_span
        case nodes.Data(targets=targets):
            for target in targets:
                yield target.name, "data", _head(target.span, target.name)
        case nodes.Given(names=names):
            for given in names:
                yield given.alias, "given", given.span
        case nodes.From(names=names):
            for imported in names:
                yield imported.alias, "import", imported.span


_ROLES = dict[type[nodes.Item], Role](
    (
        (nodes.Param, "param"),
        (nodes.Let, "let"),
        (nodes.Var, "var"),
        (nodes.Model, "model"),
        (nodes.Domain, "domain"),
    )
)


def _head(span: Span, name: str) -> Span:
    return Span(span.start, min(span.end, span.start + len(name)))


def _declared(
    spec: nodes.Spec, source: Source
) -> tuple[dict[str, Symbol], dict[str, nodes.Target], list[Diagnostic]]:
    table: dict[str, Symbol] = {}
    targets: dict[str, nodes.Target] = {}
    found: list[Diagnostic] = []
    for item in spec.items:
        for name, role, span in declarations(item):
            if name in CONSTANTS or name in TRUTHS:
                found.append(_reserved(name, span))
            elif name in table:
                found.append(_duplicate(table[name], role, span, source))
            else:
                table[name] = Symbol(name, role, item, span)
        if isinstance(item, nodes.Data):
            for target in item.targets:
                targets.setdefault(target.name, target)
    for target in targets.values():
        seen: dict[str, Span] = {}
        for column in columns_of(target):
            clash = table.get(column.name)
            if column.name in seen:
                first = Symbol(column.name, "column", table[target.name].item, seen[column.name])
                found.append(_duplicate(first, "column", column.span, source))
            elif clash is not None and clash.role != "column":
                span = column.span if target.columns else _head(target.span, target.name)
                found.append(_clash(column.name, clash, span))
            seen.setdefault(column.name, column.span)
    return table, targets, found


def _reserved(name: str, span: Span) -> Diagnostic:
    said = f"`{name}` is a constant of the language"
    note = f"an expression that says `{name}` always means the constant"
    help_ = "choose another name"
    return finding("CS209", said, span, "this name is taken", notes=(note,), helps=(help_,))


def _duplicate(first: Symbol, role: Role, span: Span, source: Source) -> Diagnostic:
    column = role == "column" == first.role
    before = len(source.text[: span.start].rstrip(", \t"))
    kept = source.text[before - 1 : before]
    help_ = f"rename one of the two, for example `{first.name}2`"
    if role == first.role:
        help_ = "remove one of the two lines, or give one another name"
    help_ = "name it once" if column else help_
    fixes = edit(Span(before - 1, span.end), kept, help_) if column else ()
    said, label = f"`{first.name}` is defined twice", f"defined again here, as {ROLE_WORDS[role]}"
    told = {"related": also_at(first.span, "first defined here"), "fixes": fixes}
    note = "a name means one thing in the whole spec"
    return finding("CS202", said, span, label, notes=(note,), helps=(help_,), **told)


def _clash(name: str, symbol: Symbol, span: Span) -> Diagnostic:
    related = () if symbol.span == NOWHERE else also_at(symbol.span, "defined here")
    said = f"`{name}` is both a column and {ROLE_WORDS[symbol.role]}"
    label = f"the column `{name}`"
    note = f"an expression that says `{name}` could mean either"
    help_ = f"rename {ROLE_WORDS[symbol.role]} `{name}`"
    return finding("CS202", said, span, label, related=related, notes=(note,), helps=(help_,))


def _implied_clash(symbol: Symbol) -> Diagnostic:
    """A name that a spec gives to something else than a column of its implied data."""
    name, role = symbol.name, ROLE_WORDS[symbol.role]
    said, at = f"`{name}` is both {role} and a column of the implied data", symbol.span
    note = "a spec without a `data` line that uses losses or predictions has the columns `x`, `y`"
    other = "or write the data with columns of other names: `data train(a, b)`"
    helps = (f"rename {role} `{name}`, for example `{name}2`", other)
    return finding("CS202", said, at, f"{role} here", notes=(note,), helps=helps)


def _scanned(spec: nodes.Spec) -> tuple[dict[str, list[Span]], frozenset[str]]:
    """Every place where a name is used (datasets named by `on` too), and all bound names."""
    uses: dict[str, list[Span]] = defaultdict(list)
    bound: set[str] = set()
    for node in nodes.walk(spec):
        if isinstance(node, nodes.Name):
            uses[node.id].append(node.span)
        elif isinstance(node, _BINDING):
            _scan(node, uses, bound)
    return dict(uses), frozenset(bound)


_BINDING = (
    nodes.Let,
    nodes.Model,
    nodes.Domain,
    nodes.Constraint,
    nodes.Group,
    nodes.Comprehension,
    nodes.Expectation,
    nodes.On,
    nodes.Verify,
)


def _scan(node: nodes.Node, uses: dict[str, list[Span]], bound: set[str]) -> None:
    match node:
        case nodes.Let(parameters=tuple(names)) | nodes.Model(arguments=tuple(names)):
            bound.update(names)
        case nodes.Domain(axes=axes):
            bound.update(axis.name for axis in axes)
        case (
            nodes.Constraint(binders=binders)
            | nodes.Group(binders=binders)
            | nodes.Comprehension(binders=binders)
        ):
            bound |= bound_names(binders)
        case nodes.Expectation(binders=binders, dataset=dataset, dataset_span=span):
            bound |= bound_names(binders)
            if dataset is not None:
                uses[dataset].append(span)
        case nodes.On(dataset=name, span=span):
            uses[name].append(span)
        case nodes.Verify(dataset=str(name), dataset_span=span):
            uses[name].append(span)


def _written_out(spec: nodes.Spec, uses: dict[str, list[Span]]) -> set[str]:
    """Losses and predictions that say everywhere of what they are: `bce(w @ x + b, y)`."""
    called: dict[str, set[Span]] = {}
    for node in nodes.walk(spec):
        match node:
            case nodes.Call(function=nodes.Name(id=word, span=span), arguments=arguments):
                if len(arguments) >= (1 if word in _CLASSIFIER else 2):
                    called.setdefault(word, set()).add(span)
    words = {*LOSSES, *_CLASSIFIER} & uses.keys()
    return {word for word in words if set(uses[word]) <= called.get(word, set())}


def _implies_data(table: dict[str, Symbol], free: set[str], spec: nodes.Spec) -> bool:
    roles = {symbol.role for symbol in table.values()}
    if "data" in roles or "data" in table:
        return False
    words = free & {*LOSSES, *_CLASSIFIER}
    if words and not ("var" in roles and _of_points(spec, words) and not free & {"x", "y"}):
        return True
    if "model" not in roles:
        return False
    if "domain" not in roles and free & {"x", "y"}:
        return True
    averages = (n for n in nodes.walk(spec) if isinstance(n, nodes.Expectation) and not n.binders)
    axes = {axis.name for i in spec.items if isinstance(i, nodes.Domain) for axis in i.axes}
    return any(not _of_coordinates(average, axes, table) for average in averages)


def _of_coordinates(average: nodes.Expectation, axes: set[str], table: dict[str, Symbol]) -> bool:
    """Whether a mean is of a field at coordinates, whose points are missing, and of no data."""
    used = names(average)
    items = (symbol.item for name, symbol in table.items() if name in used)
    models = (item for item in items if isinstance(item, nodes.Model))
    fields = any(m.arguments and axes.issuperset(m.arguments) for m in models)
    return fields and average.dataset is None and (used & {"x", "y"}) <= axes


def _of_points(spec: nodes.Spec, words: set[str]) -> bool:
    """Whether losses and classes are all called by their arguments: `ce(f(z), 1)` of a `var z`."""
    called = {
        id(node.function)
        for node in nodes.walk(spec)
        if isinstance(node, nodes.Call) and node.arguments
    }
    named = (n for n in nodes.walk(spec) if isinstance(n, nodes.Name) and n.id in words)
    return all(id(name) in called for name in named)


def _unused(
    table: dict[str, Symbol], uses: dict[str, list[Span]], source: Source
) -> Iterator[Diagnostic]:
    for symbol in table.values():
        if symbol.role in ("param", "let") and not uses.get(symbol.name):
            said = f"{symbol.role} {quoted(source, symbol.span)} is never used"
            label = "nothing below refers to it"
            help_ = "remove the line, or use the name"
            yield finding("CS203", said, symbol.span, label, severity="warning", helps=(help_,))


def hidden_words(spec: nodes.Spec, source: Source) -> frozenset[str]:
    """Words of the text that no item covers: clauses that did not parse."""
    words: set[str] = set()
    end = 0
    for item in sorted(spec.items, key=lambda item: item.span.start):
        words.update(_WORD.findall(source.text[end : item.span.start]))
        end = max(end, item.span.end)
    words.update(_WORD.findall(source.text[end:]))
    return frozenset(words)


_WORD = re.compile(r"[^\W\d]\w*")


_WORDS = {"P": "a fraction of the examples", "E": "a mean over the examples"}
"""Words of means that may be names, too: `let P = ...`, then `P[0, 1]`, which is a fraction."""


def taken_words(symbols: Symbols, source: Source, found: list[Diagnostic]) -> list[Diagnostic]:
    """The findings, with those about `P[0, 1]` as one about the line that defines `P`."""
    for word, meaning in _WORDS.items():
        symbol = symbols.table.get(word)
        places = _entries(source.text, word)
        if symbol is None or not places or not any(p.holds(d.span) for d in found for p in places):
            continue
        other = f"{word}_values"
        said = f"`{word}[...]` is {meaning}: entries need another name"
        label = f"defined here, as a {symbol.role}"
        note = "alone, without brackets, the name is free"
        help_ = f"call it `{other}`, also where it is used: `{other}[...]`"
        told = finding("CS202", said, symbol.span, label, notes=(note,), helps=(help_,))
        rest = (d for d in found if not _about(d, places) and d.span != symbol.span)
        found = [*rest, told]
    return found


def _entries(text: str, word: str) -> list[Span]:
    """Where `P[0, 1]` stands: numbers and names alone, which are no event."""
    places = []
    for match in re.finditer(rf"(?<![\w.]){re.escape(word)}\[", text):
        close = closing(text, match.end() - 1)
        if close is not None and not re.search(r"[<>=|]| on ", text[match.end() : close]):
            places.append(Span(match.start(), close + 1))
    return places


def _about(found: Diagnostic, places: list[Span]) -> bool:
    return any(p.start <= found.span.start and found.span.end <= p.end for p in places)


def categories(spec: nodes.Spec) -> frozenset[str]:
    """Names of columns that a spec itself shows to hold categories, before any data are seen.

    sex == "F"    sex in {"F", "M"}       ->   sex

    A column alone behind `|` makes groups if it holds categories, and is a condition if it holds
    true and false: `E[ce | mask]`. Where the text does not tell, the data do when they are bound:
    true and false have groups, too, where those are asked for, `gap(P[.. | mask])`, `values(mask)`.
    """
    return frozenset(name for node in nodes.walk(spec) for name in _shown(node))


def _shown(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Compare(operands=operands) if any(isinstance(o, nodes.String) for o in operands):
            yield from (o.id for o in operands if isinstance(o, nodes.Name))
        case nodes.Membership(element=nodes.Name(id=name), set=nodes.FiniteSet(items=items)):
            if any(isinstance(item, nodes.String) for item in items):
                yield name


DEEPEST = LET_CHAIN.most
LARGEST = LET_TERMS.most


def check_lets(lets: dict[str, nodes.Let]) -> tuple[dict[str, nodes.Let], tuple[Diagnostic, ...]]:
    """The lets that can be written out, and findings about the others.

    A let that refers to itself, one that stands on a chain of more than 100 others, and one that
    grows to more than 200,000 terms when written out can't.
    """
    needs = {name: _references(item, lets) for name, item in lets.items()}
    found: list[Diagnostic] = []
    depth: dict[str, int] = {}
    size: dict[str, int] = {}
    bad: set[str] = set()
    for name in _ordered(needs, found, lets, bad):
        inner = needs[name]
        depth[name] = 1 + max((depth.get(other, 0) for other, _ in inner), default=0)
        own = sum(1 for _ in nodes.walk(lets[name].value))
        size[name] = own + sum(count * size.get(other, 1) for other, count in inner)
        if depth[name] > DEEPEST or size[name] > LARGEST:
            found.append(_too_large(lets[name], depth[name], size[name]))
            bad.add(name)
            depth[name], size[name] = 1, 1
    return {name: item for name, item in lets.items() if name not in bad}, tuple(found)


def _references(item: nodes.Let, lets: dict[str, nodes.Let]) -> tuple[tuple[str, int], ...]:
    """Other lets that a let names, and how often."""
    counts: dict[str, int] = {}
    hidden = set(item.parameters or ())
    for node in nodes.walk(item.value):
        if isinstance(node, nodes.Name) and node.id in lets and node.id not in hidden:
            counts[node.id] = counts.get(node.id, 0) + 1
    return tuple(counts.items())


def _ordered(
    needs: dict[str, tuple[tuple[str, int], ...]],
    found: list[Diagnostic],
    lets: dict[str, nodes.Let],
    bad: set[str],
) -> Iterator[str]:
    """Lets after those that they name; cycles become findings."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        stack = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(name)
                yield name
                continue
            if name in done:
                continue
            if name in path:
                cycle = path[path.index(name) :]
                if not bad & set(cycle):
                    found.append(_recursive(lets, cycle))
                bad.update(cycle)
                continue
            path.append(name)
            stack.append((name, True))
            stack.extend((other, False) for other, _ in reversed(needs[name]))


def _recursive(lets: dict[str, nodes.Let], cycle: list[str]) -> Diagnostic:
    first, *others = sorted(cycle, key=lambda name: lets[name].span.start)
    said = f"let `{first}` refers to itself"
    help_ = "break the circle: write one of them without the other"
    if others:
        said = f"lets {listing((first, *others), 'and')} refer to each other"
    elif first in SIGNATURES:
        help_ = f"give it a name of its own: `let {first}_ = ...`, and `{first}_` where it is used"
    at, label = lets[first].name_span, "defined by itself"
    related = tuple(Label(span=lets[name].name_span, text="and this one") for name in others)
    note = "a let is a name for an expression and is written out where it is used"
    return finding("CS204", said, at, label, related=related, notes=(note,), helps=(help_,))


def _too_large(item: nodes.Let, depth: int, size: int) -> Diagnostic:
    chained = f"it stands on a chain of more than {DEEPEST} others"
    why = chained if depth > DEEPEST else f"written out it has {size:,} terms"
    said = f"let `{item.name}` is too large"
    note = f"at most {LARGEST:,} terms and a chain of {DEEPEST} lets can be written out"
    help_ = "use fewer lets, or bring the function in from Python: `from ... import`"
    return finding("CS215", said, item.name_span, why, notes=(note,), helps=(help_,))
