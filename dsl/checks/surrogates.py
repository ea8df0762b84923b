"""What training can follow: flat functions that move, and stand-ins that have something to do.

What rules and bare events are made of: comparisons that a small change can make hold.
`x == 0 => ...` of numbers that move asks what is almost never asked: no number that moves is
exactly 0, and where it is a change of nothing makes the condition false.
"""

import re
from collections.abc import Iterator, Mapping

from cspec.dsl.checks.modifiers import Modifiers
from cspec.dsl.explicit.measured_on import TAILS
from cspec.dsl.explicit.parameters import held_in
from cspec.dsl.kinds.operands import no_gradient
from cspec.dsl.kinds.typer import Scope, Typer
from cspec.dsl.messages.diagnostic import replacing
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.methods import WITHOUT_GRADIENT, Construction
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import function_name, head_word, names
from cspec.dsl.words.functions import PREDICTIONS, SURROGATE_SETTINGS


def check_gradient(typer: Typer, constraint: nodes.Constraint) -> None:
    """Report what the model's step could not follow: in a surrogate, else in the relation."""
    given = next((m for m in constraint.modifiers if isinstance(m, nodes.WithSurrogate)), None)
    own = given is not None and not _is_word(given.surrogate)
    check_flat(typer, given.surrogate if given and own else constraint.relation)


def check_flat(typer: Typer, expr: nodes.Node) -> None:
    """Report functions that are constant almost everywhere, of what moves.

    Decision variables alone go to a solver, which knows such functions.
    """
    if not typer.symbols.datasets() and not typer.symbols.models():
        return
    for call in _flat_calls(typer, expr):
        note = "small changes of the parameters do not change it"
        no_gradient(typer, call, note, "add a differentiable stand-in: `with surrogate ...`")
    for call, which in _moving_conditions(typer, expr):
        said = f"which examples count in {typer.text(call)} moves with what is trained"
        mean = f"a mean may have such a condition: `E[.. | {typer.slice(which)}]`"
        helps = ("columns of the data say who counts: `where=y == 1`", mean)
        typer.report("CS310", said, which.span, "no slope reaches it", helps=helps)


def _moving_conditions(typer: Typer, expr: nodes.Node) -> Iterator[tuple[nodes.Call, nodes.Expr]]:
    """`cvar(ce, 0.9, where=pred == 1)`."""
    for node in _written_out(typer, expr):
        if isinstance(node, nodes.Call) and function_name(node) in TAILS:
            for keyword in node.keywords:
                if keyword.name == "where" and any(_trains(typer, n) for n in names(keyword.value)):
                    yield node, keyword.value


def _flat_calls(typer: Typer, expr: nodes.Node) -> Iterator[nodes.Call]:
    for node in _written_out(typer, expr):
        if isinstance(node, nodes.Call) and isinstance(node.function, nodes.Name):
            signature = typer.signatures.get(node.function.id)
            flat = (
                signature is not None
                and not signature.gradient
                and signature.surrogate is None
                and (signature.family == "elementary" or signature.imported)
            )
            if flat and any(_moves_smoothly(typer, argument) for argument in node.arguments):
                yield node


def _written_out(typer: Typer, expr: nodes.Node) -> Iterator[nodes.Node]:
    """The nodes of an expression, those of the lets that it names too."""
    stack, seen = [expr], set()
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.children())
        if (
            isinstance(node, nodes.Name)
            and typer.symbols.role(node.id) == "let"
            and node.id not in seen
        ):
            seen.add(node.id)
            value = typer.explicit_lets.get(node.id)
            stack.extend(() if value is None else (value,))


def _moves_smoothly(typer: Typer, expr: nodes.Node) -> bool:
    """Whether something that moves is in an expression, outside of events and predictions.

    Over those the mean is taken, and what is left of the function is data.
    """
    stack = [expr]
    while stack:
        node = stack.pop()
        if (
            isinstance(node, (*nodes.EVENTS, nodes.Expectation))
            or function_name(node) in PREDICTIONS
        ):
            continue
        if isinstance(node, nodes.Name) and _trains(typer, node.id):
            return True
        stack.extend(node.children())
    return False


def _trains(typer: Typer, name: str) -> bool:
    role = typer.symbols.role(name)
    if role == "model":
        return not typer.symbols.frozen(name)
    if role == "let":
        value = typer.explicit_lets.get(name)
        return value is not None and _moves_smoothly(typer, value)
    return role in ("var", "given")


# --- stand-ins -----------------------------------------------------------------------------------


def check_stand_in(typer: Typer, constraint: nodes.Constraint, modifiers: Modifiers) -> None:
    """Report `with surrogate` where nothing would use it."""
    given = next((m for m in constraint.modifiers if isinstance(m, nodes.WithSurrogate)), None)
    if given is None:
        return
    relation, stand_in = constraint.relation, typer.text(given.surrogate)
    word = modifiers.method.word if modifiers.method is not None else ""
    if isinstance(relation, nodes.Membership) and held_in(relation.set):
        why, label = f"{typer.text(relation)} holds a parameter in a set", "a set has no stand-in"
    elif word in WITHOUT_GRADIENT or isinstance(modifiers.method, Construction):
        by = next(m for m in constraint.modifiers if isinstance(m, nodes.By))
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


def _is_word(surrogate: nodes.Expr) -> bool:
    arguments = surrogate.arguments if isinstance(surrogate, nodes.Call) else ()
    return head_word(surrogate) in SURROGATE_SETTINGS and not arguments


def _has_events(typer: Typer, relation: nodes.Expr) -> bool:
    if not isinstance(relation, nodes.Compare):
        return True  # a rule is an event itself
    return any(
        isinstance(node, nodes.EVENTS) or function_name(node) in PREDICTIONS
        for operand in relation.operands
        for node in _written_out(typer, operand)
    )


Atom = tuple[nodes.Expr, bool]
"""A comparison or a membership, and whether it is to hold (else: not to hold)."""


def check_atoms(typer: Typer, event: nodes.Expr, scope: Scope) -> None:
    """Report comparisons in a rule that ask for nothing, and sets; findings go to the typer."""
    for atom, positive in _atoms(typer, event, True):
        match atom:
            case nodes.Compare(operands=operands, operators=operators):
                never = "!=" if positive else "=="
                for left, operator, right in zip(operands, operators, operands[1:], strict=False):
                    if operator == never and _move(typer, scope, left, right):
                        _almost_never(typer, left, right, positive)
            case nodes.Membership(element=element, set=nodes.FiniteSet()) if not positive:
                if _move(typer, scope, element):
                    _almost_never(typer, element, None, positive)
            case nodes.Membership(set=within) if not isinstance(
                within, nodes.FiniteSet | nodes.Interval
            ):
                _in_a_set(typer, atom)


def _atoms(typer: Typer, event: nodes.Expr, positive: bool) -> Iterator[Atom]:
    match event:
        case nodes.Not(operand=operand):
            yield from _atoms(typer, operand, not positive)
        case nodes.And(operands=operands) | nodes.Or(operands=operands):
            for operand in operands:
                yield from _atoms(typer, operand, positive)
        case nodes.Implies(condition=condition, consequence=consequence):
            yield from _atoms(typer, condition, not positive)
            yield from _atoms(typer, consequence, positive)
        case nodes.Name(id=name) if name in typer.explicit_lets:
            yield from _atoms(typer, typer.explicit_lets[name], positive)
        case nodes.Compare() | nodes.Membership():
            yield event, positive


def _move(typer: Typer, scope: Scope, *sides: nodes.Expr) -> bool:
    return any(typer.quiet(side, scope).moves for side in sides)


def _almost_never(typer: Typer, left: nodes.Expr, right: nodes.Expr | None, positive: bool) -> None:
    place = left.span.to((right or left).span)
    name, other = typer.slice(left), typer.slice(right) if right else "a"
    what = f"whether `{name}` is one of a few values"
    what = f"`{typer.source.slice(place)}`" if right else what
    near = f"say how near counts: `abs({name} - {other}) <= 0.01 => ...`"
    near = f"for a margin: `abs({name} - {other}) >= 0.1`" if positive else near
    helps = (near, "for a side of it: `<=` or `>=`")
    said = f"{what} asks for nothing in a rule: numbers that move are almost never equal"
    label = "holds almost everywhere" if positive else "holds almost nowhere"
    note = "where they are, a change of nothing makes them differ"
    typer.report("CS109", said, place, label, notes=(note,), helps=helps)


def _in_a_set(typer: Typer, atom: nodes.Membership) -> None:
    said = f"{typer.text(atom)} in a rule is not compiled yet: only numbers are compared there"
    help_ = "write it as a requirement of its own, or compare a norm: `norm(w, 2) <= 1 => ...`"
    typer.report("CS520", said, atom.span, "membership in a set", helps=(help_,))


_GATES = "gates=hard_concrete"
_NO_GATES = re.compile(r"\bgates[ \t]*=[ \t]*none\b")
_OTHER_GATES = re.compile(r"\bgates[ \t]*=[ \t]*(?!none\b)")


def check_gates(
    typer: Typer, items: tuple[nodes.Item, ...], models: Mapping[str, Settings]
) -> None:
    """Report `flops(f) <= 100k` of `model f = mlp`: without gates no step can move it.

    The line of the model tells so; findings go to the typer.
    """
    plain = {
        item.name: item
        for item in items
        if isinstance(item, nodes.Model)
        and item.source is not None
        and getattr(models.get(item.name), "gates", "") == "none"
    }
    for item in items if plain else ():
        for node in nodes.walk(item):
            relation = node.relation if isinstance(node, nodes.Constraint) else None
            if isinstance(relation, nodes.Compare) and relation.operators[0] != ">=":
                _flops(typer, relation, plain)


def _flops(typer: Typer, relation: nodes.Compare, plain: Mapping[str, nodes.Model]) -> None:
    for call in (node for node in nodes.walk(relation) if isinstance(node, nodes.Call)):
        word, subject = call.function, call.arguments[0] if call.arguments else None
        if (
            not isinstance(word, nodes.Name)
            or word.id != "flops"
            or not isinstance(subject, nodes.Name)
        ):
            continue
        model = plain.get(subject.id)
        if model is None or model.source is None:
            continue
        text = typer.slice(model.source)
        if _OTHER_GATES.search(text):
            continue  # said where they are written
        bare = text[:-1] if text.endswith(")") else f"{text}("
        joint = "" if bare.endswith("(") else ", "
        meant = f"{bare}{joint}{_GATES})"
        if _NO_GATES.search(text):
            meant = _NO_GATES.sub(_GATES, text)
        said = f"{typer.text(call)} has no gradient: `{subject.id}` has no gates"
        gated = f"give the model gates: `model {subject.id} = {meant}`"
        helps = (gated, f"or bound what a projection keeps: `density({subject.id}) <= 10%`")
        notes = ("no step could move a weight to zero for it",)
        told = {"notes": notes, "helps": helps, "fixes": replacing(model.source.span, meant)}
        typer.report("CS522", said, call.span, "counts weights that are exactly zero", **told)
