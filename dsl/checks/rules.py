"""What rules and bare events are made of: comparisons that a small change can make hold.

`x == 0 => ...` of numbers that move asks what is almost never asked: no number that moves is
exactly 0, and where it is a change of nothing makes the condition false.
"""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.tree.nodes import (
    And,
    Compare,
    Expr,
    FiniteSet,
    Implies,
    Interval,
    Membership,
    Name,
    Not,
    Or,
)

Atom = tuple[Expr, bool]
"""A comparison or a membership, and whether it is to hold (else: not to hold)."""


def check_atoms(typer: Typer, event: Expr, scope: Scope) -> None:
    """Report comparisons in a rule that ask for nothing, and sets; findings go to the typer."""
    for atom, positive in _atoms(typer, event, True):
        match atom:
            case Compare(operands=operands, operators=operators):
                never = "!=" if positive else "=="
                for left, operator, right in zip(operands, operators, operands[1:], strict=False):
                    if operator == never and _move(typer, scope, left, right):
                        _almost_never(typer, left, right, positive)
            case Membership(element=element, set=FiniteSet()) if not positive:
                if _move(typer, scope, element):
                    _almost_never(typer, element, None, positive)
            case Membership(set=within) if not isinstance(within, FiniteSet | Interval):
                _in_a_set(typer, atom)


def _atoms(typer: Typer, event: Expr, positive: bool) -> Iterator[Atom]:
    match event:
        case Not(operand=operand):
            yield from _atoms(typer, operand, not positive)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from _atoms(typer, operand, positive)
        case Implies(condition=condition, consequence=consequence):
            yield from _atoms(typer, condition, not positive)
            yield from _atoms(typer, consequence, positive)
        case Name(id=name) if name in typer.explicit_lets:
            yield from _atoms(typer, typer.explicit_lets[name], positive)
        case Compare() | Membership():
            yield event, positive


def _move(typer: Typer, scope: Scope, *sides: Expr) -> bool:
    return any(typer.quiet(side, scope).moves for side in sides)


def _almost_never(typer: Typer, left: Expr, right: Expr | None, positive: bool) -> None:
    place = left.span.to((right or left).span)
    name, other = typer.slice(left), typer.slice(right) if right else "a"
    what = f"whether `{name}` is one of a few values"
    what = f"`{typer.source.slice(place)}`" if right else what
    helps = (
        f"for a margin: `abs({name} - {other}) >= 0.1`"
        if positive
        else f"say how near counts: `abs({name} - {other}) <= 0.01 => ...`",
        "for a side of it: `<=` or `>=`",
    )
    said = f"{what} asks for nothing in a rule: numbers that move are almost never equal"
    label = "holds almost everywhere" if positive else "holds almost nowhere"
    note = "where they are, a change of nothing makes them differ"
    typer.report("CS109", said, place, label, notes=(note,), helps=helps)


def _in_a_set(typer: Typer, atom: Membership) -> None:
    said = f"{typer.text(atom)} in a rule is not compiled yet: only numbers are compared there"
    help_ = "write it as a requirement of its own, or compare a norm: `norm(w, 2) <= 1 => ...`"
    typer.report("CS520", said, atom.span, "membership in a set", helps=(help_,))
