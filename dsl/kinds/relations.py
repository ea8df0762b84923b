"""Kinds of comparisons, of memberships and of what `and`, `or`, `not` make of them; chains of
comparisons that could be read in two ways."""

from operator import and_

from cspec.dsl.kinds.names import set_kind
from cspec.dsl.kinds.operands import event_kind, operand_kind
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.kinds.unknown_names import unknown_values, values_of
from cspec.dsl.messages.diagnostic import Diagnostic, finding, replacing, writing
from cspec.dsl.messages.wording import closest
from cspec.dsl.mistakes.finished_nodes import operator_span
from cspec.dsl.text.source import Source
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import TRUTHS
from cspec.dsl.tree.rebuild import function_name
from cspec.dsl.words.kind import UNKNOWN, WORDS, Kind, joined

_COMPARED = frozenset({"param", "let", "var", "given"})
"""Names that may be compared with a column: a misspelt model is none."""
_NO_SETS = frozenset(
    {"number", "scores", "tensor", "labels", "groups", "event", "model", "weights", "string"}
)


def compare_kind(typer: Typer, expr: nodes.Compare, scope: Scope) -> Kind:
    """An event of what is compared; by group where a side is."""
    if (mixed := mixed_chain(typer.source, expr)) is not None:
        typer.extend((mixed,))
    _quoted_column(typer, expr)
    _equal_outputs(typer, expr, scope)
    words = [o for o in expr.operands if isinstance(o, nodes.Name) and typer.name_unknown(o, scope)]
    truths = [o for o in expr.operands if _truth(typer, o, scope)]
    kinds, later = [], {id(o) for o in (*words, *truths)}
    for operand in expr.operands:
        if isinstance(operand, nodes.String):
            kinds.append(Kind("string"))
        elif id(operand) not in later:
            kinds.append(operand_kind(typer, operand, scope))
    examples = any(kind.per_example or kind.what == "unknown" for kind in kinds)
    kinds += [typer.quiet(o, scope) if examples else operand_kind(typer, o, scope) for o in truths]
    if not any(_values(typer, kind, tuple(words), expr.operands, scope) for kind in kinds):
        kinds += [operand_kind(typer, word, scope) for word in words]
    if any(kind.what == "groups" for kind in kinds):
        return joined("groups", *kinds)
    return joined("event", *kinds)


def membership_kind(typer: Typer, expr: nodes.Membership, scope: Scope) -> Kind:
    """An event of what is asked and of the bounds or values of the set: either may move."""
    kind = typer.kind(expr.element, scope)
    if _values(typer, kind, values_of(expr.set), (expr.element,), scope):
        return joined("event", kind)
    members = set_kind(typer, expr.set, scope)
    require_set(typer, expr.element, expr.set, members)
    own = isinstance(expr.set, nodes.Interval | nodes.FiniteSet)
    return joined("event", kind, members) if own else joined("event", kind)


def _truth(typer: Typer, expr: nodes.Expr, scope: Scope) -> bool:
    """Whether an expression is `true` or `false`, which columns are compared with."""
    own = (scope.local, typer.symbols.table, typer.symbols.column_names)
    return isinstance(expr, nodes.Name) and expr.id in TRUTHS and not any(expr.id in o for o in own)


def _values(
    typer: Typer,
    kind: Kind,
    items: tuple[nodes.Expr, ...],
    beside: tuple[nodes.Expr, ...],
    scope: Scope,
) -> bool:
    """Report words without quotes that are compared with a column; whether that is said."""
    if kind.what not in ("column", "labels") and (kind.what != "value" or scope.inside):
        return False
    words = [i for i in items if isinstance(i, nodes.Name) and typer.name_unknown(i, scope)]
    own = {*scope.local, *(n for n, s in typer.symbols.table.items() if s.role in _COMPARED)}
    values = [word for word in words if closest(word.id, own) is None]
    unknown_values(typer, values, next((b for b in beside if b not in words), None))
    return bool(values) and len(values) == len(items)


def logic_kind(typer: Typer, operands: tuple[nodes.Expr, ...], scope: Scope) -> Kind:
    """An event of events: `and`, `or`, `not`, `=>`."""
    kinds: list[Kind] = []
    for place, operand in enumerate(operands):
        short = place and _another_value(typer, operands[0], operand)
        kinds.append(UNKNOWN if short else event_kind(typer, operand, scope))
    return joined("event", *kinds)


def require_set(typer: Typer, element: nodes.Expr, members: nodes.Expr, kind: Kind) -> None:
    """Report what stands behind `in` and is no set: `y in topk(f(x), 5)`."""
    if kind.what not in _NO_SETS:
        return
    text, inner = typer.slice(members), typer.slice(element)
    helps: tuple[str, ...] = (f"compare them: `{inner} == {text}`", "a set is `{1, 2}`, `[0, 1]`")
    match members:
        case nodes.Call(function=nodes.Name(id="topk"), arguments=(values, *_)):
            entry = f"{typer.slice(values)}[{inner}]"
            helps = (
                f"whether entry `{inner}` is among the largest: `{entry} >= min({text})`",
                "`topk` gives the largest entries, not their places",
            )
    said = f"`{text}` is {WORDS[kind.what]}, not a set"
    typer.report("CS302", said, members.span, "a set goes behind `in`", helps=helps)


def _quoted_column(typer: Typer, expr: nodes.Compare) -> None:
    """Report `"sex" == "F"`: two texts, of which one is the name of a column."""
    plain = [o for o in expr.operands if isinstance(o, nodes.String | nodes.Number)]
    texts = [o for o in plain if isinstance(o, nodes.String)]
    if len(plain) != len(expr.operands) or not texts:
        return
    columns = {c.original: c.name for cs in typer.symbols.datasets().values() for c in cs}
    named = next((text for text in texts if text.value in columns), None)
    found = named or texts[0]
    name = columns.get(found.value, "")
    said = f"{typer.text(found)} is a text" + (f"; the column is `{name}`" if name else "")
    label = "the same for every example"
    help_ = f"write `{name}`" if name else "compare a column with it: `column == ...`"
    fixes = replacing(found.span, name)
    typer.report("CS325", said, found.span, label, helps=(help_,), fixes=fixes)


def _equal_outputs(typer: Typer, expr: nodes.Compare, scope: Scope) -> None:
    """Report `P[f(x) == 1]`: outputs are numbers that are hardly ever equal to a class."""
    if not scope.inside or expr.operators not in (("==",), ("!=",)):
        return
    left, right = expr.operands
    if _probability(left) and isinstance(right, nodes.Number) and right.value.is_integer():
        _equal_probability(typer, left, right)
        return
    model = typer.symbols.models().get(function_name(left) or "")
    plain = isinstance(right, nodes.String) or (
        isinstance(right, nodes.Number) and right.value.is_integer()
    )
    if model is None or model.arguments is not None or not plain:
        return
    bare = "pred" if len(typer.symbols.named_models) == 1 else f"pred({typer.slice(left)})"
    said = f"{typer.text(left)} is a number, hardly ever equal to a class"
    label = "an output of a model"
    help_ = f"write `{bare}`, the class that it says"
    typer.report("CS325", said, left.span, label, helps=(help_,), fixes=replacing(left.span, bare))


def _probability(expr: nodes.Expr) -> bool:
    """`prob`, `prob(z)`, `prob[1]`."""
    head = expr.value if isinstance(expr, nodes.Index) else expr
    head = head.function if isinstance(head, nodes.Call) else head
    return isinstance(head, nodes.Name) and head.id == "prob"


def _equal_probability(typer: Typer, left: nodes.Expr, right: nodes.Expr) -> None:
    """Report `P[prob == 1]`: probabilities are between 0 and 1, the class is `pred`."""
    if isinstance(left, nodes.Index):
        said = f"{typer.text(left)} is a probability, hardly ever equal to a number"
        help_ = f"say on which side: `{typer.slice(left)} >= 0.5`"
        typer.report("CS325", said, left.span, "between 0 and 1", helps=(help_,))
        return
    meant = f"pred{typer.slice(left)[4:]}"
    said = f"{typer.text(left)} is a probability, hardly ever equal to a class"
    label = "between 0 and 1"
    help_ = f"write `{meant} == {typer.slice(right)}`, the class that it says"
    typer.report("CS325", said, left.span, label, helps=(help_,), fixes=replacing(left.span, meant))


def _another_value(typer: Typer, first: nodes.Expr, operand: nodes.Expr) -> bool:
    """Report `sex == "F" or "M"`, `x == 1 or 2`: each comparison is written out."""
    plain = isinstance(operand, nodes.String | nodes.Number)
    compared = isinstance(first, nodes.Compare) and len(first.operands) == 2
    if not plain or not compared or not isinstance(first, nodes.Compare):
        return False
    thing, operator = typer.slice(first.operands[0]), first.operators[0]
    meant = f"{thing} {operator} {typer.slice(operand)}"
    said = f"{typer.text(operand)} is compared with nothing"
    label = "each comparison is written out"
    typer.report("CS313", said, operand.span, label, **writing(operand.span, meant))
    return True


_EQUALITIES = frozenset({"==", "!="})


def mixed_chain(source: Source, chain: nodes.Compare) -> Diagnostic | None:
    """`f(x) > 0 == y`: `f(x) > 0 and 0 == y`, or whether `f(x) > 0` is what `y` is? None if clear.

    `0.8 < prob > 0.9`: an interval, or the two bounds? A chain of equalities, or of bounds in one
    direction, says that each of its links holds.
    """
    equal = {operator in _EQUALITIES for operator in chain.operators}
    if len(equal) < 2:
        ways = {operator[0] for operator in chain.operators if operator not in _EQUALITIES}
        plain = [isinstance(operand, nodes.Number) for operand in chain.operands]
        beside = any(map(and_, plain, plain[1:]))  # two numbers are compared: said elsewhere
        return _turned_round(source, chain) if len(ways) > 1 and not beside else None
    parts = _operands(source, chain)
    links = [" ".join(link) for link in zip(parts, chain.operators, parts[1:], strict=False)]
    said = f"`{source.slice(chain.span)}` has two readings"
    label = f"mixes {' and '.join(f'`{o}`' for o in dict.fromkeys(chain.operators))}"
    truths = f"for truths that are compared: `{_compared(parts, chain.operators)}`"
    helps = (truths, f"for comparisons that all hold: `{' and '.join(links)}`")
    return finding("CS111", said, chain.span, label, helps=helps)


def _turned_round(source: Source, chain: nodes.Compare) -> Diagnostic:
    """A chain that goes up and down: one direction, that of its ends where they are numbers."""
    parts, ends = _operands(source, chain), (chain.operands[0], chain.operands[-1])
    way = chain.operators[0][0]
    if isinstance(ends[0], nodes.Number) and isinstance(ends[1], nodes.Number):
        way = "<" if ends[0].value <= ends[1].value else ">"
    pairs = zip(chain.operators, parts[1:], strict=True)
    one = [f"{way}{operator[1:]} {part}" for operator, part in pairs]
    links = [f"{parts[i]} {o} {parts[i + 1]}" for i, o in enumerate(chain.operators)]
    interval, both = f"{parts[0]} {' '.join(one)}", " and ".join(links)
    said = "a chain goes in one direction"
    label = f"this one mixes {' and '.join(f'`{o}`' for o in dict.fromkeys(chain.operators))}"
    helps = (f"write `{interval}`", f"or, for bounds that all hold: `{both}`")
    fixes = replacing(chain.span, interval, both)
    return finding("CS111", said, chain.span, label, helps=helps, fixes=fixes)


def _operands(source: Source, chain: nodes.Compare) -> list[str]:
    """The operands as typed, in the parentheses that they stand in."""
    gaps = [operator_span(source, chain, place) for place in range(len(chain.operators))]
    starts = [chain.span.start, *(gap.end for gap in gaps)]
    ends = [*(gap.start for gap in gaps), chain.span.end]
    return [source.text[a:b].strip() for a, b in zip(starts, ends, strict=True)]


def _compared(parts: list[str], operators: tuple[str, ...]) -> str:
    """The chain with parentheses around what stands between two equalities."""
    sides: list[list[str]] = [[parts[0]]]
    between: list[str] = []
    for operator, part in zip(operators, parts[1:], strict=True):
        if operator in _EQUALITIES:
            between.append(operator)
            sides.append([part])
        else:
            sides[-1] += [operator, part]
    texts = [side[0] if len(side) == 1 else f"({' '.join(side)})" for side in sides]
    return " ".join([texts[0], *(w for pair in zip(between, texts[1:], strict=True) for w in pair)])
