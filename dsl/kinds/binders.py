"""Kinds of the names that quantifiers bind."""

import re

from cspec.dsl.kinds.forms import check_centre
from cspec.dsl.kinds.names import set_kind
from cspec.dsl.kinds.operands import event_kind
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.kinds.unknown_names import as_value, unknown_dataset, unknown_values
from cspec.dsl.messages.diagnostic import edit, writing
from cspec.dsl.messages.wording import counted, listing
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.rebuild import function_name, head_word
from cspec.dsl.words.kind import CONSTANT, UNKNOWN, Kind
from cspec.dsl.words.sets import BOXES

_NEEDS_A_SET = "`in` needs a set here"
_POINT = Kind("number")
_ELEMENTS: dict[str, Kind] = {
    "values": Kind("value"),
    "cross": Kind("value"),
    "range": CONSTANT,
    "pairs": UNKNOWN,
}


def bind(
    typer: Typer, binders: tuple[nodes.Binder, ...], scope: Scope, *, searched: bool = False
) -> Scope:
    """The scope of what binders hold over; intervals are `searched` for the worst of an example."""
    for binder in binders:
        if isinstance(binder.domain, nodes.Interval) and (searched or scope.data is not None):
            set_kind(typer, binder.domain, scope)
            kinds, data = dict.fromkeys(binder.names, _POINT), None
        else:
            kinds, data = _binder_kinds(typer, binder, scope)
        scope = scope.bind(kinds)
        if data is not None:
            scope = scope._replace(data=data)
        if binder.condition is not None:
            counted_in = scope.bind({"count": CONSTANT})._replace(inside=True)
            kind = event_kind(typer, binder.condition, counted_in)
            if kind.moves and scope.data is not None and not scope.inside:
                _moving(typer, binder.condition)
    return scope


_WHERE = re.compile(r"[ 	]+where[ 	]+\Z")


def _moving(typer: Typer, condition: nodes.Expr) -> None:
    """Report `forall (x, y) in train where pred == 1:`: which examples count is trained."""
    source, (start, end) = typer.source, condition.span
    text, colon = source.text, source.text.find(":", end)
    line_end = text.find("\n", end)
    rest = text[colon + 1 : line_end if line_end >= 0 else len(text)].strip()
    where = _WHERE.search(text, 0, start)
    before = text[text.rfind("\n", 0, start) + 1 : where.start() if where else start].strip()
    meant = f"{before}: {text[start:end]} => {rest}"
    span = Span(where.start() if where else start, colon + 1)
    said = f"{typer.text(condition)} moves with the model: `where` chooses examples beforehand"
    label = "moves as the model is trained"
    note = "what holds under a condition of the model is written `=>`"
    help_ = f"write `{meant}`"
    fixes = edit(span, f": {text[start:end]} =>", f"write {meant}") if colon > 0 else ()
    typer.report("CS302", said, condition.span, label, notes=(note,), helps=(help_,), fixes=fixes)


def _binder_kinds(
    typer: Typer, binder: nodes.Binder, scope: Scope
) -> tuple[dict[str, Kind], str | None]:
    """The kind of each bound name, and the dataset that the binder goes over, if any."""
    unknown = dict.fromkeys(binder.names, UNKNOWN)
    domain = binder.domain
    if isinstance(domain, nodes.Interval):
        _continuous(typer, binder, domain, scope)
        return unknown, None
    if _unquoted(typer, domain, scope):
        return dict.fromkeys(binder.names, Kind("value")), None
    data = _by_number(typer, binder, domain)
    if data or _unknown_data(typer, binder, scope):
        return unknown, data
    kind = set_kind(typer, domain, scope)
    match kind.what:
        case "weights":
            _count(typer, binder, 1, "a list of weights has one name an element")
            tensor = Kind("tensor", False, kind.moves, kind.gradient)
            return dict.fromkeys(binder.names, tensor), None
        case "dataset":
            return _examples(typer, binder, domain)
        case "domain":
            return _points(typer, binder, _numbered(typer, domain)), None
        case "set" | "unknown":
            return _set(typer, binder, domain, scope, kind), None
        case "column" | "model":
            column, text = kind.what == "column", typer.slice(domain).partition(".unique")[0]
            what = "values" if column else "weights"
            meant = f"values({text})" if column else f"{text}.weights"
            said, label = f"`{text}` is a {kind.what}: its {what} are `{meant}`", _NEEDS_A_SET
            helps, fixes = (f"write `{meant}`",), edit(domain.span, meant, f"its {what}")
            typer.report("CS317", said, domain.span, label, helps=helps, fixes=fixes)
            return dict.fromkeys(binder.names, _ELEMENTS["values"]) if column else unknown, None
        case _:
            _no_set(typer, domain)
            return unknown, None


def _no_set(typer: Typer, domain: nodes.Expr) -> None:
    """Report `forall i in 3`, `forall i in [0, 1, 2]`."""
    text, meant = typer.slice(domain), ""
    if isinstance(domain, nodes.Number) and is_whole(domain.value) and domain.value > 0:
        meant = f"range({int(domain.value)})"
    elif isinstance(domain, nodes.Vector):
        meant = f"{{{text[1:-1]}}}"
    said, label = f"{typer.text(domain)} is nothing to go over", _NEEDS_A_SET
    help_ = "sets: `values(column)`, `net.weights(...)`, a dataset, `range(n)`, `{a, b}`"
    told = writing(domain.span, meant) if meant else {"helps": (help_,)}
    typer.report("CS317", said, domain.span, label, **told)


def _numbered(typer: Typer, domain: nodes.Expr) -> nodes.Expr:
    """The domain of `q[100]`, which is reported: points of a domain are drawn."""
    if not isinstance(domain, nodes.Index):
        return domain
    text, _, number = typer.slice(domain).partition("[")
    number = number.rstrip("] ")
    meant = f"{text}.sample({number if number.isdigit() else 100})"
    said = f"points of a domain have no numbers: how many are drawn is `{meant}`"
    typer.report("CS317", said, domain.span, "`in` needs a set here", **writing(domain.span, meant))
    return domain.value


def _unquoted(typer: Typer, domain: nodes.Expr, scope: Scope) -> bool:
    """Report `forall g in {F, M}`: values of a column without quotes."""
    items = domain.items if isinstance(domain, nodes.FiniteSet) else ()
    words = [i for i in items if isinstance(i, nodes.Name) and typer.name_unknown(i, scope)]
    others = [i for i in items if i not in words]
    if not (
        words and typer.symbols.datasets() and all(isinstance(i, nodes.String) for i in others)
    ):
        return False
    unknown_values(typer, words)
    return True


def _unknown_data(typer: Typer, binder: nodes.Binder, scope: Scope) -> bool:
    """Report `forall (x, y) in tset`: examples of data that nothing declares."""
    domain, datasets = binder.domain, tuple(typer.symbols.datasets())
    pair = set(binder.names) & {"x", "y"} or len(binder.names) > 1
    if not (isinstance(domain, nodes.Name) and datasets and pair):
        return False
    if not typer.name_unknown(domain, scope):
        return False
    unknown_dataset(typer, domain.id, domain.span)
    return True


def _by_number(typer: Typer, binder: nodes.Binder, domain: nodes.Expr) -> str | None:
    """Report `forall i in range(len(train))`; the data that is meant."""
    found = _COUNTED.fullmatch(typer.slice(domain).replace(" ", ""))
    name = next((word for word in found.groups() if word), "") if found else ""
    data = name if name in typer.symbols.datasets() else typer.symbols.default_dataset
    if found is None or data is None:
        return None
    columns = [column.name for column in typer.symbols.datasets()[data]][:2]
    over = f"forall ({', '.join(columns)}) in {data}"
    index = binder.names[0]
    said = f"examples have no numbers: `{index}` goes over the examples themselves"
    help_ = f"write `{over}:`, and `{columns[0]}` for `{columns[0]}[{index}]`"
    typer.report("CS317", said, binder.span, "of which data?", helps=(help_,))
    return data


_COUNTED = re.compile(
    r"range\((?:len\((\w+)\)|(\w+)\.shape\[0\]|size\((\w+)\)|(\w+)\.size|(\w+)\.shape)\)"
)


def _continuous(typer: Typer, binder: nodes.Binder, domain: nodes.Interval, scope: Scope) -> None:
    name, ends = binder.names[0], (domain.lower, domain.upper)
    lower, upper = map(typer.slice, ends)
    drawn = f"uniform({lower}, {upper}).sample(100)"
    listed = f"{{{lower}, {upper}}}"
    words = [end for end in ends if isinstance(end, nodes.Name) and typer.name_unknown(end, scope)]
    if len(words) == 2 and typer.symbols.datasets():
        values = ", ".join(map(as_value, words))
        said = f"{typer.text(domain)} is an interval: values are listed in braces"
        label = "ends that are no numbers"
        typer.report("CS325", said, domain.span, label, **writing(domain.span, f"{{{values}}}"))
        return
    said = f"{typer.text(domain)} is an interval: `{name}` would take infinitely many values"
    label = "an interval, or these two values?"
    helps = [f"for points of the interval: `{drawn}`", f"for these two values: `{listed}`"]
    helps += _around(typer, name, upper)
    fixes = edit(domain.span, drawn, "draw points")
    fixes += edit(domain.span, listed, "use the two values")
    typer.report("CS325", said, domain.span, label, helps=helps, fixes=fixes)


def _around(typer: Typer, name: str, radius: str) -> tuple[str, ...]:
    """For `x + delta` with `delta in [-r, r]`: the points of a ball around x."""
    found = re.search(rf"(\w+) \+ {re.escape(name)}\b", typer.source.text)
    if found is None:
        return ()
    ball = f"for z in ball({found[1]}, {radius}, norm=inf)"
    return (f"for all points around `{found[1]}`: `{ball}`, and `z` for `{found[0]}`",)


def _examples(
    typer: Typer, binder: nodes.Binder, domain: nodes.Expr
) -> tuple[dict[str, Kind], str | None]:
    name = domain.id if isinstance(domain, nodes.Name) else ""
    columns = typer.symbols.datasets().get(name, ())
    if len(binder.names) > len(columns):
        words = listing((c.name for c in columns), "and")
        _count(typer, binder, len(columns), f"`{name}` has the columns {words}")
    _misplaced(typer, binder, "column")
    kinds = {
        bound: Kind("column")
        for bound, column in zip(binder.names, columns, strict=False)
        if bound != column.name
    }
    return kinds, name


def _set(
    typer: Typer, binder: nodes.Binder, domain: nodes.Expr, scope: Scope, kind: Kind
) -> dict[str, Kind]:
    match domain:
        case nodes.FiniteSet(items=items):
            kinds = {typer.kind(item, scope).what for item in items}
            element = Kind("value") if "string" in kinds else CONSTANT
            return dict.fromkeys(binder.names, element)
        case nodes.Call(function=nodes.Attribute(value=base, name="sample" | "grid")):
            return _points(typer, binder, base)
        case nodes.Call(function=nodes.Name(id="ball"), arguments=arguments) if len(arguments) == 2:
            center = typer.kind(arguments[0], scope)
            return dict.fromkeys(binder.names, center)
        case nodes.Call(function=nodes.Name(id="ball"), keywords=(_, *_)) if scope.data:
            check_centre(typer, domain)
        case nodes.Call(function=nodes.Name(id="normal" | "uniform" as word)) if not scope.data:
            text = typer.slice(domain)
            said = f"{typer.text(domain)} has infinitely many points"
            label = "how many of them?"
            help_ = f"write `{text}.sample(100)`"
            fixes = edit(domain.span, f"{text}.sample(100)", word)
            typer.report("CS325", said, domain.span, label, helps=(help_,), fixes=fixes)
        case nodes.Call(function=nodes.Name(id="values")):
            _count(typer, binder, 1, "`values` goes over the values of one column")
            return dict.fromkeys(binder.names, _ELEMENTS["values"])
        case nodes.Call(function=nodes.Name(id="cross"), arguments=arguments):
            _count(typer, binder, len(arguments), "`cross` has one name a column")
            return dict.fromkeys(binder.names, _ELEMENTS["cross"])
        case nodes.Call(function=nodes.Name(id="range"), arguments=arguments):
            if len(binder.names) > 1:
                _each_over(typer, binder, domain)
            return dict.fromkeys(binder.names, _ELEMENTS["range"])
        case nodes.Call(function=nodes.Name(id=word)) if word in _ELEMENTS:
            return dict.fromkeys(binder.names, _ELEMENTS[word])
    return dict.fromkeys(binder.names, UNKNOWN if kind.what == "unknown" else _POINT)


def _each_over(typer: Typer, binder: nodes.Binder, domain: nodes.Expr) -> None:
    """Report `forall (i, j) in range(3)`: one name a set."""
    text = typer.slice(domain)
    meant = ", ".join(f"{name} in {text}" for name in binder.names)
    place = Span(binder.span.start, domain.span.end)
    said = f"`({', '.join(binder.names)})` has {len(binder.names)} names, `{text}` has 1"
    label = "each name goes over a set of its own"
    typer.report("CS326", said, place, label, **writing(place, meant))


def _points(typer: Typer, binder: nodes.Binder, domain: nodes.Expr) -> dict[str, Kind]:
    """The kinds of the numbers of a point, which has as many as its domain has axes."""
    item = typer.symbols.domains().get(domain.id) if isinstance(domain, nodes.Name) else None
    axes = [axis.name for axis in item.axes] if item else []
    intervals = domain.arguments if isinstance(domain, nodes.Call) else ()
    number = len(axes) or (len(intervals) if function_name(domain) in BOXES else 1)
    why = "its points are single numbers"
    if axes or number > 1:
        why = f"its points are ({', '.join(axes) or counted(number, 'number')})"
    _count(typer, binder, number, why)
    _misplaced(typer, binder, "axis")
    return dict.fromkeys(binder.names, _POINT)


def _misplaced(typer: Typer, binder: nodes.Binder, word: str) -> None:
    """Report `(x, s) in q.sample(9)` where `x` is the second of `(t, x)`: by name, or by place?

    Where all are names of axes, or of columns, they are bound by name.
    """
    places, names = typer.symbols.places(binder.domain), binder.names
    pairs = zip(names, places, strict=False)
    wrong = next(((n, p) for n, p in pairs if n != p and n in places), None)
    if wrong is None or set(names) <= set(places) or len(names) > len(places):
        return
    text = typer.slice(binder.domain)
    meant = f"({', '.join(places)}) in {text}"
    both = zip(names, places, strict=False)
    renamed = (n if n == p or n not in places else f"{n}_" for n, p in both)
    said = f"`{wrong[0]}` stands at the place of the {word} `{wrong[1]}`, and is another {word}"
    place = f"by place give it a name of its own: `({', '.join(renamed)}) in {text}`"
    helps, label = (f"by name write `{meant}`", place), "bound by name, or by place?"
    fixes = edit(Span(binder.span.start, binder.domain.span.end), meant, meant)
    typer.report("CS326", said, binder.span, label, helps=helps, fixes=fixes)


def _count(typer: Typer, binder: nodes.Binder, expected: int, why: str) -> None:
    if len(binder.names) == expected or (head_word(binder.domain) == "values" and expected == 1):
        return  # `values(a, b)`: what it takes too many of is said there
    names = ", ".join(binder.names)
    written = names if len(binder.names) == 1 else f"({names})"
    said = f"`{written}` has {counted(len(binder.names), 'name')}"
    said += f", {typer.text(binder.domain)} has {expected}"
    helps = (f"write {counted(expected, 'name')} before `in`",)
    typer.report("CS326", said, binder.span, why, helps=helps)
