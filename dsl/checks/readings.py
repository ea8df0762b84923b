"""What a relation between values of each example may be meant to say, as one would type it."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cspec.dsl.kinds.typer import OUTSIDE, Typer
from cspec.dsl.messages.synonyms import OVER_EXAMPLES
from cspec.dsl.tree.nodes import (
    Attribute,
    Call,
    Compare,
    Expectation,
    Expr,
    Index,
    Membership,
    Name,
    Negate,
    Number,
    Power,
    Product,
    Sum,
    walk,
)
from cspec.dsl.tree.rebuild import function_name, mentions, sides_of
from cspec.dsl.words.losses import LOSSES

_TOTALS = {
    **OVER_EXAMPLES,
    "sum": "E[{0}]",  # the mean: how many examples there are the text does not tell
    "max": "quantile({0}, 100%)",
    "min": "quantile({0}, 0%)",
}
"""Functions of the entries of an example, and what the same over all examples is."""

OF_ENTRIES = re.compile(rf"(?<![\w.])({'|'.join(_TOTALS)})\(")


class Reading(NamedTuple):
    """One thing that may be meant: in words, as text, and the title of the fix, if it is one."""

    words: str
    text: str
    title: str = ""


def readings(typer: Typer, relation: Expr) -> Iterator[Reading]:
    """The readings of a relation with one value an example, the likeliest first."""
    typed = typer.slice(relation)
    sides = sides_of(relation)
    if not sides and isinstance(relation, Membership):
        sides = (relation.element,)
    over = _changed(typer, relation, sides, lambda side: over_examples(typer, side))
    alone = any(map(_alone, sides))
    share = f"P[{typed}] >= 90%"
    event = _event(typer, relation)
    total = next((text for side in sides if (text := _of_events(typer, side))), "")
    if total:
        own = _changed(typer, relation, sides, lambda side: _of_events(typer, side) or None)
        counted = any(isinstance(s, Number) and abs(s.value) > 1 for s in sides)
        mark = ">=" if ">" in typed else "<="
        share = f"{total} {mark} {'90%' if mark == '>=' else '30%'}" if counted else own or total
        title = "" if counted else "the share"
        yield Reading("for a share in place of a count or a mean", share, title)
        return
    if (averaged := _averages_inside(typer, relation, sides)) is not None:
        yield Reading(OVER_ALL, averaged, "over the examples")
        return
    quotient = _changed(typer, relation, sides, lambda side: _quotient(typer, side))
    if quotient is not None:
        yield Reading(OVER_ALL, quotient, "over the examples")
    if event is not None:
        yield Reading("for a share of the examples", event)
    elif not sides or _labels(typer, sides):
        yield Reading("for a share of the examples", share)
    else:
        if not alone:
            varying = tuple(side for side in sides if _varies(typer, side))
            mean = _changed(typer, relation, varying, lambda side: f"E[{typer.slice(side)}]")
            yield Reading("for the mean", mean or typed, "the mean")
        if isinstance(relation, Membership):
            yield Reading("for a share of the examples", share)
    if over is not None:
        yield Reading(OVER_ALL, over)
    if not alone:
        yield Reading("for every example", _each(typer, typed), "each example")
    largest = None if over is not None or event is not None else _largest(typer, relation)
    if largest is not None:
        yield Reading("for the one that is farthest off", largest)


def _event(typer: Typer, relation: Expr) -> str | None:
    """`P[pred == y] >= 90%` for `(pred == y) >= 90%`: an event beside a share."""
    if not isinstance(relation, Compare) or len(relation.operands) != 2:
        return None
    for place, side in enumerate(relation.operands):
        other = typer.value(relation.operands[1 - place])
        if typer.quiet(side, OUTSIDE).what == "event" and other is not None and 0 <= other <= 1:
            return _changed(typer, relation, (side,), lambda part: _share(typer, part))
    return None


def _of_events(typer: Typer, side: Expr) -> str:
    """`P[pred == 1]` for `sum(pred == 1)`, `mean(pred == 1)`."""
    if not isinstance(side, Call) or function_name(side) not in ("sum", "mean"):
        return ""
    inner = side.arguments
    event = len(inner) == 1 and typer.quiet(inner[0], OUTSIDE).what == "event"
    return f"P[{typer.slice(inner[0])}]" if event else ""


OVER_ALL = "over the examples"
"""What a reading says where `sum` goes over them, and not over what one example has."""


def _quotient(typer: Typer, side: Expr) -> str | None:
    """`E[a*b]/E[a]` for `sum(a*b)/sum(a)`: how many examples there are goes out of it."""
    if not isinstance(side, Product) or side.operators != ("/",):
        return None
    for part in side.operands:
        if function_name(part) != "sum" or not isinstance(part, Call) or len(part.arguments) != 1:
            return None
    return _changed(
        typer,
        side,
        side.operands,
        lambda part: f"E[{typer.slice(part.arguments[0])}]",  # type: ignore[attr-defined]
    )


def _averages_inside(typer: Typer, relation: Expr, sides: tuple[Expr, ...]) -> str | None:
    """`E[e]/E[y]` for `E[e]/mean(y)`: averages of what is one number an example.

    None where something else has one value an example, which then is what is asked about.
    """
    calls = list[Call]()
    if not sides or not all(_gathered(typer, side, calls) for side in sides):
        return None
    ends = ("max", "min")
    of_all = any(function_name(c) not in ends or isinstance(c.arguments[0], Name) for c in calls)
    averaged = any(isinstance(node, Expectation) for side in sides for node in walk(side))
    if not of_all or (not averaged and all(call in sides for call in calls)):
        return None
    return _changed(typer, relation, tuple(calls), lambda call: over_examples(typer, call))


def _gathered(typer: Typer, part: Expr, calls: list[Call]) -> bool:
    """Whether all that varies with the examples stands in calls of averages, which are gathered."""
    if isinstance(part, Expectation):
        return True
    call = part if isinstance(part, Call) and _averages(typer, part) else None
    if call is not None:
        calls.append(call)
        return True
    inner = [child for child in part.children() if isinstance(child, Expr)]
    if isinstance(part, Call):
        inner = [child for child in inner if child is not part.function]
    if not inner or isinstance(part, Index | Attribute):
        return not _varies(typer, part)
    return all(_gathered(typer, child, calls) for child in inner)


def _averages(typer: Typer, call: Call) -> bool:
    """Whether a call is an average of what is one number an example."""
    word = function_name(call)
    if word not in _TOTALS or word == "sum" or len(call.arguments) != 1:
        return False
    inner = call.arguments[0]
    if isinstance(inner, Name):  # a column beside the inputs
        columns = typer.symbols.datasets().values()
        return any(column.name == inner.id for own in columns for column in own[1:])
    return _never_several(inner)


def _share(typer: Typer, event: Expr) -> str:
    """`P[pred == y]` for `(pred == y)`."""
    text = typer.slice(event).strip()
    inner = text[1:-1]
    whole = text[:1] == "(" and text[-1:] == ")" and ")" not in inner and "(" not in inner
    return f"P[{inner if whole else text}]"


def _labels(typer: Typer, sides: tuple[Expr, ...]) -> bool:
    """Whether classes are compared, which have no mean."""
    return "labels" in {typer.quiet(side, OUTSIDE).what for side in sides}


def _each(typer: Typer, typed: str) -> str:
    data = typer.symbols.default_dataset or next(iter(typer.symbols.datasets()), "train")
    columns = ", ".join(c.name for c in typer.symbols.datasets().get(data, ())[:2]) or "x, y"
    return f"forall ({columns}) in {data}: {typed}"


def _varies(typer: Typer, side: Expr) -> bool:
    return typer.quiet(side, OUTSIDE).per_example


def over_examples(typer: Typer, side: Expr) -> str | None:
    """`quantile(f(x), 0.5)` for `median(f(x))`, what it is over the examples; else None."""
    word = function_name(side) or ""
    if word not in _TOTALS or not isinstance(side, Call) or len(side.arguments) != 1:
        return None
    if word == "sum" and not _alone(side):
        return None
    return _TOTALS[word].format(typer.slice(side.arguments[0]))


def _alone(side: Expr) -> bool:
    """Whether a function of entries is given what never has any: an output, a loss."""
    if not isinstance(side, Call) or len(side.arguments) != 1:
        return False
    return function_name(side) in _TOTALS and _never_several(side.arguments[0])


def _never_several(expr: Expr) -> bool:
    """Whether an expression is one number an example: an output, a loss."""
    return isinstance(expr, Index | Attribute) or (mentions(expr, LOSSES) and _single(expr))


def _single(expr: Expr) -> bool:
    """Whether an expression with a loss in it is one number an example, as far as one can see."""
    match expr:
        case Call(function=Name(id=word)):
            return word in LOSSES
        case Sum(operands=operands) | Product(operands=operands):
            return all(map(_single, operands))
        case Negate(operand=operand) | Power(base=operand):
            return _single(operand)
    return isinstance(expr, Name | Number | Index | Attribute)


def _changed(
    typer: Typer, relation: Expr, sides: tuple[Expr, ...], change: Callable[[Expr], str | None]
) -> str | None:
    """The relation as typed with some sides changed; None where none is."""
    text, place, pieces = typer.source.text, relation.span.start, list[str]()
    for side in sides:
        if (new := change(side)) is not None:
            pieces += [text[place : side.span.start], new]
            place = side.span.end
    return "".join(pieces) + text[place : relation.span.end] if pieces else None


def _largest(typer: Typer, relation: Expr) -> str | None:
    """`quantile(a, 100%) <= b` for `a <= b`: the largest of all, which runs."""
    if not isinstance(relation, Compare) or len(relation.operands) != 2:
        return None
    operator = relation.operators[0]
    if operator not in ("<=", ">=") or _labels(typer, relation.operands):
        return None
    left, right = map(typer.slice, relation.operands)
    up = "100%" if operator == "<=" else "0%"
    if not _varies(typer, relation.operands[1]):
        return f"quantile({left}, {up}) {operator} {right}"
    if not _varies(typer, relation.operands[0]):
        down = "0%" if operator == "<=" else "100%"
        return f"{left} {operator} quantile({right}, {down})"
    return f"quantile({left} - ({right}), {up}) {operator} 0"
