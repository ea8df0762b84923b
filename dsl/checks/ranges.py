"""Bounds against the range of what they bound, and bounds on params alone, which no training moves.

param gamma = 3    gamma <= 2    ->   no such line, or `var gamma = 3`
"""

import math
import re
from typing import Any

from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.diagnostic import Fix
from cspec.dsl.messages.wording import listing, number, quoted
from cspec.dsl.text.source import LABEL, Span, line_of
from cspec.dsl.tree.nodes import Call, Compare, Expectation, Expr, Name, Param, Sum, shape
from cspec.dsl.tree.rebuild import function_name, names
from cspec.dsl.values.intervals import Range


def still_params(typer: Typer, relation: Expr) -> dict[str, Any] | None:
    """What is said of a relation where nothing but params has a name in it; None of others.

    The parts of a finding: its `message`, which `why` it holds or not ends, `helps` and `fixes`.
    """
    used = sorted(names(relation))
    items = [s.item for name in used if (s := typer.symbols.table.get(name)) is not None]
    params = [item for item in items if isinstance(item, Param)]
    if not params or len(params) < len(used):
        return None
    inside = {name for p in params if p.value is not None for name in names(p.value)}
    if any(typer.symbols.role(name) not in ("param", None) for name in inside):
        return None  # of something that moves: that is said where it is declared
    fixes = [*_left_out(typer, relation)]
    helps = [f"leave {typer.text(relation)} out"]
    if len(params) == 1:
        (param,) = params
        if (value := _bound_of(typer, relation)) is not None and not param.dimensions:
            helps.append(f"or give it another value: `param {param.name} = {value}`")
        text = typer.slice(param)
        if text.startswith("param") and param.value is not None:
            start = param.span.start
            place = Span(start, start + len("param"))
            moved = " ".join(f"var{text[len('param') :]}".split())
            helps.append(f"or let training choose it: `{moved}`")
            fixes.append(Fix(span=place, replacement="var", title=f"write {moved}"))
    shown = [p.name if p.value is None else f"{p.name} = {typer.slice(p.value)}" for p in params]
    verb = "is a param" if len(params) == 1 else "are params"
    return {
        "message": f"{listing(shown, 'and')} {verb}, which no training moves",
        "helps": tuple(helps),
        "fixes": tuple(fixes),
    }


def _bound_of(typer: Typer, relation: Expr) -> str | None:
    """The number that a lone param is compared with."""
    if not isinstance(relation, Compare) or len(relation.operands) != 2:
        return None
    left, right = relation.operands
    bound = right if isinstance(left, Name) else left if isinstance(right, Name) else None
    return None if bound is None or names(bound) else typer.slice(bound)


_NEXT = re.compile(r"\n[ \t]+(?=\w+:|\w)")


def _left_out(typer: Typer, relation: Expr) -> list[Fix]:
    """The edit that takes the line of a relation out, where nothing else stands on it."""
    text = typer.source.text
    start, end = line_of(text, relation.span.start)
    head = LABEL.match(text, start, end)
    if head is None or head.end() != relation.span.start or text[relation.span.end : end].strip():
        return []
    opens = "s.t." in head[0]
    following = _NEXT.match(text, end)
    if opens and following:
        first = text.index("s.t.", start) + len("s.t.")
        place, new = Span(first, following.end()), " "
    else:
        place, new = Span(start, min(end + 1, len(text))), ""
    return [Fix(span=place, replacement=new, title="leave it out")]


_SLACK = 1e-12


def check_range(typer: Typer, relation: Compare, scope: Scope, moves: bool) -> bool:
    """Whether every link of a relation can be met and can be broken; else a finding."""
    ranges = typer.ranges
    bound: dict[str, Range] = dict.fromkeys(scope.local, Range(-math.inf, math.inf))
    always: list[tuple[Expr, Expr, Range, Range]] = []
    operands = relation.operands
    for left, operator, right in zip(operands, relation.operators, operands[1:], strict=False):
        low, high = ranges.of(left, bound), ranges.of(right, bound)
        if _part_of_a_count(typer, left, right) or _part_of_a_count(typer, right, left):
            return False
        if _impossible(low, high, operator):
            _outside(typer, relation, left, right, bound)
            return False
        if _always(low, high, operator) or shape(left) == shape(right):
            always.append((left, right, low, high))
    for left, right, low, high in always:
        _true(typer, relation, left, right, low, high, moves)
    return not always


_COUNTS = frozenset({"params", "flops", "bytes"})


def _part_of_a_count(typer: Typer, thing: Expr, bound: Expr) -> bool:
    """Report `params(f) <= 10%`: less than one parameter, where a share of them is meant."""
    match thing:
        case Call(function=Name(id=word), arguments=(model,)) if word in _COUNTS:
            value = _value(typer, bound)
        case _:
            return False
    if value is None or not 0 < value < 1 or typer.symbols.role(word) is not None:
        return False
    share = f"density({typer.slice(model)})"
    helps = [
        f"of the weights: `{share} <= {typer.slice(bound)}`",
        f"or a count: `{word}(...) <= 10k`",
    ]
    said = f"{subject(typer, thing)} is a count, and {typer.text(bound)} is less than 1"
    typer.report("CS311", said, bound.span, "a share of what?", helps=helps[word == "flops" :])
    return True


def never_holds(left: Range, right: Range, operator: str) -> bool:
    """Whether a relation, strict or not, holds for no values of its two sides."""
    if operator == "!=":
        return False
    strict = {"<": left.low >= right.high, ">": left.high <= right.low}.get(operator, False)
    return strict or _impossible(left, right, operator.rstrip("=") + "=")


def _impossible(left: Range, right: Range, operator: str) -> bool:
    above = left.low > right.high + _slack(right.high)
    below = left.high < right.low - _slack(right.low)
    infinite = any(value.low == value.high and math.isinf(value.low) for value in (left, right))
    never = {"<=": above, ">=": below, "==": above or below or infinite}
    return never.get(operator, above or below)


def _always(left: Range, right: Range, operator: str) -> bool:
    match operator:
        case "<=":
            return left.high <= right.low < math.inf
        case ">=":
            return left.low >= right.high > -math.inf
    return left.low == left.high == right.low == right.high


def _slack(value: float) -> float:
    return _SLACK * max(1.0, abs(value)) if math.isfinite(value) else 0.0


def _value(typer: Typer, expr: Expr) -> float | None:
    if isinstance(expr, Call) and function_name(expr) == "ramp":
        return _value(typer, expr.arguments[1]) if len(expr.arguments) == 2 else None
    return typer.value(expr)


def interval(range_: Range) -> str:
    """`[0, 1]`, `at least 0`, `at most 3`."""
    if range_.high == math.inf:
        return f"is at least {number(range_.low)}"
    if range_.low == -math.inf:
        return f"is at most {number(range_.high)}"
    return f"lies in [{number(range_.low)}, {number(range_.high)}]"


def subject(typer: Typer, expr: Expr) -> str:
    """How messages name an expression: `density` for `density(m)`, else its text."""
    if isinstance(expr, Call) and isinstance(expr.function, Name):
        signature = typer.signatures.get(expr.function.id)
        if signature is not None and signature.family == "model":
            return f"`{expr.function.id}`"
    return typer.text(expr)


def _share(thing: Expr, typer: Typer) -> bool:
    """Whether a thing is a share, so that 50 was meant as 50%."""
    match thing:
        case Expectation(kind="P"):
            return True
        case Call(function=Name(id="max" | "min" | "gap" | "abs"), arguments=(first,)):
            return _share(first, typer)
        case Sum(operands=operands):
            return all(_share(operand, typer) for operand in operands)
        case Call(function=Name(id=word)):
            signature = typer.signatures.get(word)
            return signature is not None and signature.range == (0, 1)
    return False


def _stated(thing: Expr, typer: Typer) -> bool:
    """Whether a thing has a range of its own, stated for a function or a rate."""
    if isinstance(thing, Expectation):
        return thing.kind == "P"
    word = function_name(thing) or ""
    signature = typer.signatures.get(word)
    return signature is not None and (typer.symbols.role(word) is None or signature.imported)


def _outside(
    typer: Typer, relation: Compare, left: Expr, right: Expr, bound: dict[str, Range]
) -> None:
    ranges = typer.ranges
    value, thing, at = _value(typer, right), left, right
    if value is None:
        value, thing, at = _value(typer, left), right, left
    known = ranges.of(thing, bound)
    if value is not None and math.isinf(value):
        said = f"{typer.text(relation)} can't be met: no number is infinite"
        help_ = f"choose a number that {subject(typer, thing)} can reach"
        typer.report("CS311", said, at.span, "out of reach", helps=(help_,))
        return
    if _value(typer, left) is not None and _value(typer, right) is not None:
        still = still_params(typer, relation)
        said = f"{still.pop('message')}: " if still else ""
        told = still or {
            "notes": ("nothing that training moves stands in it",),
            "helps": ("name what is bounded: a `var`, a weight, a loss, a rate",),
        }
        said += f"{typer.text(relation)} is never true"
        typer.report("CS311", said, relation.span, "two numbers", **told)
        return
    if value is None:
        said, label = f"{typer.text(relation)} can't be met", "no value satisfies this"
        sides = [f"{subject(typer, s)} {interval(ranges.of(s, bound))}" for s in (left, right)]
        help_, notes = "move the bound into reach, or drop the constraint", (", ".join(sides),)
        typer.report("CS311", said, relation.span, label, notes=notes, helps=(help_,))
        return
    helps, fixes = _within_reach(typer, relation, thing, at, value)
    what = subject(typer, thing)
    said = f"{typer.text(relation)} can't be met: {what} {interval(known)}"
    helps = helps or (f"choose a bound that {what} can reach",)
    notes = (f"{what} {interval(known)} whatever is learned",)
    typer.report("CS311", said, at.span, "out of reach", notes=notes, helps=helps, fixes=fixes)


def _within_reach(
    typer: Typer, relation: Compare, thing: Expr, at: Expr, value: float
) -> tuple[tuple[str, ...], tuple[Fix, ...]]:
    """What a bound outside of a range may be meant to be: a share in percent, or a ratio turned."""
    percent = "%" in typer.text(at)
    if function_name(thing) == "ratio" and 1 < value <= (_TURNED if not percent else math.inf):
        share = f"{100 / value:.4g}%"
        turned = share if math.isclose(float(share[:-1]) * value, 100) else f"1/{number(value)}"
        meant = f"{typer.slice(thing)} >= {turned}"
        helps = (f"`ratio` is the smallest by the largest, at most 1: write `{meant}`",)
        fix = Fix(span=relation.span, replacement=meant, title=f"write {turned}")
        return helps, () if len(relation.operands) > 2 else (fix,)
    if _share(thing, typer) and 1 < value <= 100 and not percent:
        fix = Fix(span=at.span, replacement=f"{number(value)}%", title="write percent")
        return (f"did you mean `{number(value)}%`?",), (fix,)
    return (), ()


_TURNED = 10.0
"""The largest bound of a ratio that is read as largest by smallest, and not as percent."""


def _true(
    typer: Typer, relation: Compare, left: Expr, right: Expr, low: Range, high: Range, moves: bool
) -> None:
    value, thing, at, known = _value(typer, right), left, right, low
    if value is None:
        value, thing, at, known = _value(typer, left), right, left, high
    helps: tuple[str, ...] = ("drop it, or choose a bound that can be missed",)
    fixes: tuple[Fix, ...] = ()
    if value is not None and _stated(thing, typer) and not known.low <= value <= known.high:
        meant, edits = _within_reach(typer, relation, thing, at, value)
        helps, fixes = meant or helps, edits
        said = f"the bound {number(value)} is outside the range of {subject(typer, thing)}"
        label = f"{subject(typer, thing)} {interval(known)}".replace("`", "")
        note = "the constraint as written holds whatever is learned"
        typer.report("CS311", said, at.span, label, notes=(note,), helps=helps, fixes=fixes)
        return
    link = left.span.to(right.span)
    if still := still_params(typer, relation):
        said = f"{still.pop('message')}: {quoted(typer.source, link)} is always true"
        typer.warn("CS328", said, link, "two numbers", **still)
        return
    same = shape(left) == shape(right)
    why = "both sides are the same" if same else f"{subject(typer, thing)} {interval(known)}"
    said = f"{quoted(typer.source, link)} is always true"
    notes = (why,) if moves else ()
    label = "holds whatever is learned"
    typer.warn("CS328", said, link, label, notes=notes, helps=helps, fixes=fixes)
