"""Requirements on parameters with `requires_grad` false or in no optimizer: no method moves these.

forall W in f.weights: W >= 0        with `f.0.weight` fixed: nothing can make it hold
l2(f.weights) <= 1 by projection     a projection of all of them would move the fixed one
"""

from collections.abc import Iterator
from typing import NamedTuple

from cspec.compiler.expressions.rewrite import method_name
from cspec.compiler.passes.expansion.expand import chosen_parameters, globs_of
from cspec.compiler.records.facts import Facts, ParameterFacts
from cspec.compiler.records.problem import Constraint, ParameterRef, Problem
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.methods import OF_SETS
from cspec.dsl.tree.nodes import Expr, Name, Node

_SHOWN = 4


def check_still_parameters(problem: Problem, facts: Facts, moving: frozenset[str]) -> None:
    """Raise SpecError (CS309) for each requirement that only a fixed parameter could meet, or that
    a set method would move one for."""
    found: dict[tuple[int, int], Diagnostic] = {}
    for c in problem.constraints:
        for finding in _still(c, facts, moving):
            found.setdefault((c.span.start, c.span.end), finding)
    if found:
        raise SpecError(found.values())


def _still(c: Constraint, facts: Facts, moving: frozenset[str]) -> Iterator[Diagnostic]:
    found = _read(c, facts, moving)
    fixed = [p for p in found.parameters if not _trains(p, facts)]
    if not fixed:
        return
    free = [p for p in found.parameters if p not in fixed]
    if not free and not found.otherwise:
        yield _nothing_moves(c, fixed, _why(fixed, facts))
    elif c.method is not None and c.method.word in OF_SETS:
        yield _would_move(c, fixed, free, _why(fixed, facts))


class _Read(NamedTuple):
    """What a requirement is about."""

    parameters: list[ParameterRef]
    otherwise: bool
    """Whether outputs of models that move, or variables, are in it, too."""


def _read(c: Constraint, facts: Facts, moving: frozenset[str]) -> _Read:
    """The parameters that a requirement names, or the prunable ones of the model that it is on."""
    if c.set is not None and c.set.subject is None and c.set.model in facts.models:
        refs = [p for p in _refs(c.set.model or "", facts) if p[1].prunable]
        return _Read([ref for ref, _ in refs], False)
    named: dict[tuple[str, str], ParameterRef] = {}
    otherwise = False
    stack: list[Node] = [c.value, *c.parts, *(c.gradient_parts or ())]
    while stack:
        node = stack.pop()
        method = method_name(node) if isinstance(node, Expr) else None
        if isinstance(node, ParameterRef):
            named[node.model, node.name] = node
        elif method is not None and method[0] in facts.models and isinstance(node, Expr):
            chosen = chosen_parameters(facts.models[method[0]], method[1], globs_of(node))
            named |= {(r.model, r.name): r for r, p in _refs(method[0], facts) if p in chosen}
        elif isinstance(node, Name):
            otherwise |= node.id in moving
        else:
            stack.extend(node.children())
    return _Read(list(named.values()), otherwise)


def _refs(model: str, facts: Facts) -> list[tuple[ParameterRef, ParameterFacts]]:
    known = facts.models[model].parameters
    return [(ParameterRef(model=model, name=p.name, shape=p.shape), p) for p in known]


def _trains(ref: ParameterRef, facts: Facts) -> bool:
    known = facts.models.get(ref.model)
    return known is None or any(
        p.requires_grad and p.held for p in known.parameters if p.name == ref.name
    )


def _why(fixed: list[ParameterRef], facts: Facts) -> tuple[str, str]:
    """Why these stay, and what lets them train."""
    known = {(model, p.name): p for model, f in facts.models.items() for p in f.parameters}
    if all(known[ref.model, ref.name].held for ref in fixed):
        return "`requires_grad` is false", "let it train: `parameter.requires_grad_()`"
    return (
        "no optimizer of `fit` holds it",
        "let it train: an optimizer whose `params` has it",
    )


def _nothing_moves(c: Constraint, fixed: list[ParameterRef], why: tuple[str, str]) -> Diagnostic:
    member = f" for {_listed(fixed)}" if c.member else ""
    return _fixed(
        c,
        f"`{c.text}`{member} does not depend on anything that training moves",
        "what never moves",
        f"{_listed(fixed)}: {why[0]}",
        why[1],
        f'leave it out by name: `forall W in {fixed[0].model}.weights("fc2*"): ...`',
    )


def _would_move(
    c: Constraint, fixed: list[ParameterRef], free: list[ParameterRef], why: tuple[str, str]
) -> Diagnostic:
    assert c.method is not None
    name = f'`{free[0].model}.weights("{free[0].name}")`' if free else "other weights"
    return _fixed(
        c,
        f"`{c.text}` by {c.method.word} would move {_listed(fixed)}, which never moves",
        "a set on all of them together",
        f"{_listed(fixed)}: {why[0]}",
        f"name those that train: {name}",
        f"or {why[1]}",
    )


def _fixed(c: Constraint, message: str, label: str, note: str, *helps: str) -> Diagnostic:
    return Diagnostic(
        code="CS309", message=message, span=c.span, label=label, notes=(note,), helps=helps
    )


def _listed(refs: list[ParameterRef]) -> str:
    names = [f"{ref.model}.{ref.name}" for ref in refs[:_SHOWN]]
    return listing(names, "and") + (" and others" if len(refs) > _SHOWN else "")
