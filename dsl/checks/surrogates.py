"""What training can follow: flat functions that move, and stand-ins that have something to do."""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.checks.modifiers import Modifiers
from cspec.dsl.explicit.measured_on import TAILS
from cspec.dsl.explicit.var_sets import held_in
from cspec.dsl.kinds.operands import no_gradient
from cspec.dsl.kinds.typer import Typer
from cspec.dsl.settings.methods import WITHOUT_GRADIENT, Construction
from cspec.dsl.tree.nodes import (
    EVENTS,
    By,
    Call,
    Compare,
    Constraint,
    Expectation,
    Expr,
    Membership,
    Name,
    Node,
    WithSurrogate,
)
from cspec.dsl.tree.rebuild import function_name, head_word, names
from cspec.dsl.words.functions import PREDICTIONS, SURROGATE_SETTINGS


def check_gradient(typer: Typer, constraint: Constraint) -> None:
    """Report what the model's step could not follow: in a surrogate, else in the relation."""
    given = next((m for m in constraint.modifiers if isinstance(m, WithSurrogate)), None)
    own = given is not None and not _is_word(given.surrogate)
    check_flat(typer, given.surrogate if given and own else constraint.relation)


def check_flat(typer: Typer, expr: Node) -> None:
    """Report functions that are constant almost everywhere, of what moves.

    Decision variables alone go to a solver, which knows such functions.
    """
    if not typer.symbols.datasets() and not typer.symbols.models():
        return
    for call in _flat_calls(typer, expr):
        note = "small changes of the parameters do not change it"
        no_gradient(typer, call, note, "add a differentiable stand-in: `with surrogate ...`")
    for call, which in _moving_conditions(typer, expr):
        typer.report(
            "CS310",
            f"which examples count in {typer.text(call)} moves with what is trained",
            which.span,
            "no slope reaches it",
            helps=(
                "columns of the data say who counts: `where=y == 1`",
                f"a mean may have such a condition: `E[.. | {typer.slice(which)}]`",
            ),
        )


def _moving_conditions(typer: Typer, expr: Node) -> Iterator[tuple[Call, Expr]]:
    """`cvar(ce, 0.9, where=pred == 1)`."""
    for node in _written_out(typer, expr):
        if isinstance(node, Call) and function_name(node) in TAILS:
            for keyword in node.keywords:
                if keyword.name == "where" and any(_trains(typer, n) for n in names(keyword.value)):
                    yield node, keyword.value


def _flat_calls(typer: Typer, expr: Node) -> Iterator[Call]:
    for node in _written_out(typer, expr):
        if isinstance(node, Call) and isinstance(node.function, Name):
            signature = typer.signatures.get(node.function.id)
            flat = (
                signature is not None
                and not signature.gradient
                and signature.surrogate is None
                and (signature.family == "elementary" or signature.imported)
            )
            if flat and any(_moves_smoothly(typer, argument) for argument in node.arguments):
                yield node


def _written_out(typer: Typer, expr: Node) -> Iterator[Node]:
    """The nodes of an expression, those of the lets that it names too."""
    stack, seen = [expr], set()
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.children())
        if isinstance(node, Name) and typer.symbols.role(node.id) == "let" and node.id not in seen:
            seen.add(node.id)
            value = typer.explicit_lets.get(node.id)
            stack.extend(() if value is None else (value,))


def _moves_smoothly(typer: Typer, expr: Node) -> bool:
    """Whether something that moves is in an expression, outside of events and predictions.

    Over those the mean is taken, and what is left of the function is data.
    """
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, (*EVENTS, Expectation)) or _predicts(node):
            continue
        if isinstance(node, Name) and _trains(typer, node.id):
            return True
        stack.extend(node.children())
    return False


def _predicts(node: Node) -> bool:
    return function_name(node) in PREDICTIONS


def _trains(typer: Typer, name: str) -> bool:
    role = typer.symbols.role(name)
    if role == "model":
        return not typer.symbols.frozen(name)
    if role == "let":
        value = typer.explicit_lets.get(name)
        return value is not None and _moves_smoothly(typer, value)
    return role in ("var", "given")


# --- stand-ins -----------------------------------------------------------------------------------


def check_stand_in(typer: Typer, constraint: Constraint, modifiers: Modifiers) -> None:
    """Report `with surrogate` where nothing would use it."""
    given = next((m for m in constraint.modifiers if isinstance(m, WithSurrogate)), None)
    if given is None:
        return
    relation, stand_in = constraint.relation, typer.text(given.surrogate)
    word = modifiers.method.word if modifiers.method is not None else ""
    if isinstance(relation, Membership) and held_in(relation.set):
        why, label = f"{typer.text(relation)} holds a parameter in a set", "a set has no stand-in"
    elif word in WITHOUT_GRADIENT or isinstance(modifiers.method, Construction):
        by = next(m for m in constraint.modifiers if isinstance(m, By))
        why = f"`by {typer.slice(by.method)}` does not follow a gradient"
        label = "nothing for it to do"
    elif _is_word(given.surrogate) and not _has_events(typer, relation):
        why = f"{typer.text(relation)} has no events that it could stand for"
        label = "stands in for events"
    else:
        return
    said = f"the surrogate {stand_in} would never be used: {why}"
    help_ = "leave `with surrogate ...` out"
    typer.report("CS539", said, given.surrogate.span, label, helps=(help_,))


def _is_word(surrogate: Expr) -> bool:
    arguments = surrogate.arguments if isinstance(surrogate, Call) else ()
    return head_word(surrogate) in SURROGATE_SETTINGS and not arguments


def _has_events(typer: Typer, relation: Expr) -> bool:
    if not isinstance(relation, Compare):
        return True  # a rule is an event itself
    return any(
        isinstance(node, EVENTS) or _predicts(node)
        for operand in relation.operands
        for node in _written_out(typer, operand)
    )
