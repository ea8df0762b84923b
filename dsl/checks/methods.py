"""Methods that can't do what they are asked, as far as the text tells.

W in psd by lagrangian           no function that a multiplier could act on
E[ce] <= 1 by projection         a mean over data is no set of parameters
using sqp                        beside data or a model
"""

from __future__ import annotations

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.methods import OF_FUNCTIONS, OF_SETS, SOLVERS, Method, Parametrization
from cspec.dsl.text.source import Span
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import (
    Call,
    Compare,
    Constraint,
    Expectation,
    Expr,
    Interval,
    Membership,
    Name,
    Spec,
    Using,
    walk,
)
from cspec.dsl.words.functions import STRUCTURE
from cspec.dsl.words.sets import FUNCTION_SETS, VERTICES, maps_of


def check_method(
    typer: Typer, constraint: Constraint, method: Method, written: str, place: Span
) -> None:
    """Report a method that can't enforce a constraint; `written` is the method as typed."""
    problem = (
        _mean(typer, constraint, method)
        or _set(typer, constraint.relation, method)
        or _whole(typer, method)
    )
    if problem is None:
        return
    why, helps = problem
    typer.report(
        "CS521",
        f"`{written}` can't enforce {typer.text(constraint.relation)}: {why}",
        place,
        "does not fit this constraint",
        helps=helps,
    )


def check_solver(typer: Typer, spec: Spec, method: Method) -> None:
    """Report a solver of whole problems behind `using` that can't solve this one."""
    item = next((i for i in spec.items if isinstance(i, Using)), None)
    problem = None if item is None else _whole(typer, method)
    if item is None or problem is None:
        return
    why, helps = problem
    typer.report(
        "CS521",
        f"`{typer.source.slice(item.method.span)}` can't solve this problem: {why}",
        item.method.span,
        "does not fit this problem",
        helps=helps,
    )


Problem = tuple[str, tuple[str, ...]] | None
_LEAVE = "leave the method to cspec: remove `by ...`"


def _mean(typer: Typer, constraint: Constraint, method: Method) -> Problem:
    """Sets for means, decisions for what is no rate."""
    relation, word = constraint.relation, method.word
    averages = [node for node in walk(relation) if isinstance(node, Expectation)]
    if word in OF_SETS | {"output_projection"} and averages:
        rate = any(node.kind == "P" for node in averages)
        of = "a set of parameters" if word in OF_SETS else "about one example's outputs"
        other = "or write `by augmented_lagrangian`" + (", or `by threshold`" if rate else "")
        return f"a mean over data is not {of}", (_LEAVE, other)
    if word == "threshold" and not averages:
        rate_ = "a rate is written `P[pred == 1] <= 30%`"
        return "it moves decisions, which only rates count", (_LEAVE, rate_)
    return None


def _set(typer: Typer, relation: Expr, method: Method) -> Problem:
    """A set that is written as one, by a method that can't hold it."""
    word = _word(relation) or (
        _box(typer, relation) if isinstance(method, Parametrization) else None
    )
    if word is None:
        return None
    known = ("write `by projection`, or leave the method to cspec",)
    if method.word == "output_projection":
        return "a set of weights is not about one example's outputs", known
    if method.word in OF_FUNCTIONS and word not in FUNCTION_SETS:
        return f"`{word}` has no function that a multiplier could act on", known
    if method.word == "frank_wolfe" and word not in VERTICES:
        have = listing(sorted(VERTICES), "and")
        return f"`{word}` has no vertex oracle (those that have one: {have})", known
    if isinstance(method, Parametrization):
        maps = maps_of(word)
        if not maps or (method.map or maps[0]) not in maps:
            reach = f"maps onto `{word}`: {', '.join(maps)}" if maps else f"no map onto `{word}`"
            return reach, (f"write `by {maps[0]}`, or `by projection`",) if maps else known
        if method.map == "softplus" and _two_ends(relation):
            return "softplus has one bound, and two are asked for", ("write `by sigmoid`",)
    return None


def _box(typer: Typer, relation: Expr) -> str | None:
    """`nonneg` or `box` of `W >= 0`, `W <= 1`, `0 <= W <= 1`: a name between constants."""
    if not isinstance(relation, Compare):
        return None
    names = [o for o in relation.operands if value_or_none(o, typer.values) is None]
    if len(names) != 1 or not isinstance(names[0], Name) or "==" in relation.operators:
        return None
    if typer.symbols.role(names[0].id) not in (None, "var"):
        return None
    match relation:
        case (
            Compare(operands=(Name(), bound), operators=(">=",))
            | Compare(operands=(bound, Name()), operators=("<=",))
        ) if value_or_none(bound, typer.values) == 0:
            return "nonneg"
    return "box"


def _two_ends(relation: Expr) -> bool:
    match relation:
        case Membership(set=Interval()) | Compare(operands=(_, _, _)):
            return True
    return False


def _word(relation: Expr) -> str | None:
    """The word of a set of parameters behind `in`."""
    if not isinstance(relation, Membership):
        return None
    match relation.set:
        case Interval():
            return "box"
        case Name(id=word) | Call(function=Name(id=word)) if word in STRUCTURE:
            return word
    return None


def _whole(typer: Typer, method: Method) -> Problem:
    """Solvers of problems of decision variables."""
    symbols, word = typer.symbols, method.word
    if word not in SOLVERS:
        return None
    leave = ("leave the method to cspec",)
    if word == "sqp" and (symbols.models() or symbols.datasets()):
        return "it solves problems of decision variables, without data and models", leave
    if word == "spg" and symbols.models():
        return "it solves problems of decision variables, without models", leave
    several = [var.dimensions for var in symbols.vars().values()] != [()]
    if word == "bisection" and (several or symbols.models()):
        return "more than one number moves", leave
    return None
