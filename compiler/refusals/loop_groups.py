"""Groups and classes that a loop of the user's own has to name: no data are bound that hold them.

    gap(P[pred == 1 | sex]) <= 5%        which values has `sex`?   bind(..., train=(x, y, sex))
    forall a in values(sex): ...                                   bind(..., groups={"sex": [0, 1]})

Batches come one by one, and none of them says which groups there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.facts import ColumnFacts, DataFacts, Facts
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import closest
from cspec.dsl.text.source import Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import column_of
from cspec.dsl.words.losses import OF_ONE_LOGIT

Crosses = tuple[tuple[str, ...], ...]
Groups = Mapping[str, Sequence[str | int | float | bool]]


class _Use(NamedTuple):
    """A place that needs the values of a column, and what for."""

    column: str
    span: Span
    why: str


def with_groups(facts: Facts, checked: Checked, groups: Groups, crosses: Crosses = ()) -> Facts:
    """The facts with the values of these columns, in every dataset that nothing is bound to.

    `crosses` are columns whose combinations the spec asks for: all of them may occur.
    """
    if not groups:
        return facts
    data = dict(facts.data)
    for name, columns in checked.symbols.datasets().items():
        known = {c.name: _column(groups[c.name]) for c in columns if c.name in groups}
        if known and name not in data:
            joint = tuple(
                (names, tuple((codes, 1) for codes in product(*(known[n].held for n in names))))
                for names in crosses
                if set(names) <= known.keys()
            )
            data[name] = DataFacts(rows=0, columns=known, joint=joint)
    return facts.model_copy(update={"data": data})


class Holds(NamedTuple):
    """What columns of a loop's batches may hold."""

    groups: Mapping[str, tuple[int, ...]] = {}
    """Whole numbers that make groups, in all data that are known: others would be in none."""
    labels: Mapping[str, bool] = {}
    """Columns of which nothing is known that are read as classes 0, 1, ...; whether as
    probabilities, too."""


NO_HOLDS = Holds()


def holds(facts: Facts, checked: Checked) -> Holds:
    """What columns of batches may hold: the groups that are known, the labels that are not."""
    columns, tree = checked.symbols.column_names, list(nodes.walk(checked.elaborated))
    levels: dict[str, set[int]] = {}
    for used in (use.column for node in tree for use in _used(node, columns)):
        for data in facts.data.values():
            if used in data.columns and data.columns[used].levels:
                levels.setdefault(used, set()).update(data.columns[used].levels)
    known = {column for data in facts.data.values() for column in data.columns}
    labels: dict[str, bool] = {}
    for node in tree:
        for name, chances in _labels(node):
            if name in columns and name not in known:
                labels[name] = chances or labels.get(name, False)
    return Holds({name: tuple(sorted(held)) for name, held in levels.items()}, labels)


def _labels(node: nodes.Node) -> Iterator[tuple[str, bool]]:
    """Names that a node reads as classes; whether as the probability of class 1."""
    match node:
        case nodes.Call(function=nodes.Name(id=word), arguments=(_, nodes.Name(id=name))) if (
            word in OF_ONE_LOGIT
        ):
            yield name, True
        case nodes.Call(function=nodes.Name(id="margin"), arguments=(_, *places)):
            yield from ((place.id, False) for place in places if isinstance(place, nodes.Name))
        case nodes.Index(value=value, indices=(nodes.Name(id=name),)) if (
            function_name(value) == "prob"
        ):
            yield name, False
        case nodes.Compare(operands=operands) if any(function_name(o) == "pred" for o in operands):
            yield from ((o.id, False) for o in operands if isinstance(o, nodes.Name))


def _column(values: Sequence[str | int | float | bool]) -> ColumnFacts:
    """Whole numbers stand for themselves, everything else is numbered in the order given."""
    counts = (1,) * len(values)
    whole = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if len(whole) == len(values) and sorted(whole) != list(range(len(whole))):
        levels = tuple(sorted(whole))
        signed = levels == (-1, 1)
        return ColumnFacts(
            kind="integer", levels=levels, counts=counts, signed=signed, values=levels
        )
    classes = tuple(sorted(whole)) if len(whole) == len(values) else tuple(values)
    return ColumnFacts(kind="categorical", classes=classes, counts=counts)


def check_groups(facts: Facts, checked: Checked, groups: Groups) -> tuple[Diagnostic, ...]:
    """What is asked of groups that nobody names, and groups of columns that there are not."""
    found = [_strange(name, checked) for name in groups if _not_open(name, checked, facts)]
    known = {column for data in facts.data.values() for column in data.columns}
    seen: set[str] = set()
    columns = checked.symbols.column_names
    for use in (use for node in nodes.walk(checked.elaborated) for use in _used(node, columns)):
        if use.column not in known and use.column not in seen:
            seen.add(use.column)
            found.append(_unknown(use, checked))
    return (*found, *_features(facts, checked), *_counts(facts, checked))


def _not_open(column: str, checked: Checked, facts: Facts) -> bool:
    """Whether no dataset that is left open has such a column."""
    return not any(
        column in (c.name for c in columns)
        for name, columns in checked.symbols.datasets().items()
        if name not in facts.data or not facts.data[name].rows
    )


def _strange(column: str, checked: Checked) -> Diagnostic:
    columns = checked.symbols.column_names
    if column in columns:
        message = f"the values of `{column}` are known from the data that is bound"
        return Diagnostic(code="CS633", message=message, helps=("leave it out of `groups`",))
    guess = closest(column, columns)
    helps = (f"did you mean `{guess}`?",) if guess else ("name a column of the spec's data",)
    listed = ", ".join(sorted(columns)) or "none"
    return Diagnostic(
        code="CS633",
        message=f"`groups` names `{column}`, which is no column of this spec",
        notes=(f"columns: {listed}",),
        helps=helps,
    )


def _used(node: nodes.Node, columns: frozenset[str]) -> Iterator[_Use]:
    """`P[.. | sex]`: a column alone behind the bar, or among others; `cross(sex, race)`.

    `sex == "Female"`, `pred == "rain"`, `prob.rain`: a value by its name.
    """
    match node:
        case nodes.Expectation(conditions=parts):
            yield from _alone(parts, columns, "measured in each of its groups")
        case nodes.Call(function=nodes.Name(id="values" | "cross"), arguments=parts):
            yield from _alone(parts, columns, "runs over its values")
        case nodes.Compare(operands=operands) if any(isinstance(o, nodes.String) for o in operands):
            for column in _compared(operands, columns):
                yield _Use(column, node.span, "compared with a name")
        case nodes.Attribute(
            value=nodes.Name(id="prob") | nodes.Call(function=nodes.Name(id="prob"))
        ) if "y" in columns:
            yield _Use("y", node.span, f"`.{node.name}` is the name of a class")


def _alone(parts: Sequence[nodes.Node], columns: frozenset[str], why: str) -> Iterator[_Use]:
    """The columns that stand alone among some parts."""
    for part in parts:
        if isinstance(part, nodes.Name) and part.id in columns:
            yield _Use(part.id, part.span, why)


def _compared(operands: Sequence[nodes.Expr], columns: frozenset[str]) -> tuple[str, ...]:
    names = [n.id for o in operands for n in nodes.walk(o) if isinstance(n, nodes.Name)]
    if "pred" in names:
        return ("y",) if "y" in columns else ()
    return tuple(name for name in names if name in columns)


def _unknown(use: _Use, checked: Checked) -> Diagnostic:
    targets = checked.symbols.datasets()
    name, columns = next((n, cs) for n, cs in targets.items() if use.column in _names(cs))
    listed = ", ".join(_names(columns))
    return Diagnostic(
        code="CS633",
        message=f"the values of `{use.column}` are not known: no data are bound",
        span=use.span,
        label=use.why,
        notes=("batches come one by one in a loop of your own, and none says which there are",),
        helps=(
            f"give the training data to `bind`: {name}=({listed})",
            f'or the values in the order of their codes: groups={{"{use.column}": [0, 1]}}',
        ),
    )


def _names(columns: Sequence[nodes.Column]) -> list[str]:
    return [column.name for column in columns]


def _features(facts: Facts, checked: Checked) -> Iterator[Diagnostic]:
    """`x.age`, `x["age"]`: a feature by its name needs data that have names."""
    bound = {column for data in facts.data.values() if data.rows for column in data.columns}
    for node in nodes.walk(checked.elaborated):
        feature = column_of(node) if isinstance(node, nodes.Attribute | nodes.Index) else None
        column, _, name = (feature or "").partition(".")
        if column in checked.symbols.column_names and column not in bound:
            yield Diagnostic(
                code="CS633",
                message=f"the features of `{column}` are not known: no data are bound",
                span=node.span,
                label=f"`{name}` is one by its name",
                helps=(
                    "give the training data to `bind`, as a frame: train=(frame, y)",
                    f"or write its position, from 0: `{column}[0]`",
                ),
            )


def _counts(facts: Facts, checked: Checked) -> Iterator[Diagnostic]:
    """`where count >= 50` needs data that can be counted."""
    if any(data.rows for data in facts.data.values()):
        return
    for node in nodes.walk(checked.elaborated):
        if not isinstance(node, nodes.Binder) or node.condition is None:
            continue
        for name in nodes.walk(node.condition):
            if isinstance(name, nodes.Name) and name.id == "count":
                yield Diagnostic(
                    code="CS633",
                    message="`count` is not known: no data are bound that could be counted",
                    span=name.span,
                    helps=("give the training data to `bind`: train=(x, y, ...)",),
                )
