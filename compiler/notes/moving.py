"""Which models a run trains, where there are several, and one that may only be compared with."""

from collections.abc import Iterator

from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import ParameterRef, Problem
from cspec.dsl.check import Checked
from cspec.dsl.messages.wording import listing
from cspec.dsl.tree.nodes import Expr, walk
from cspec.dsl.tree.rebuild import names


def moving_notes(problem: Problem, checked: Checked, facts: Facts) -> tuple[str, ...]:
    """Models that move, by name, and those that only a comparison with another one moves."""
    used = _used(problem, list(checked.symbols.models()))
    moving = [
        name
        for name in checked.symbols.models()
        if name in used
        and not checked.symbols.frozen(name)
        and (name not in facts.models or not facts.models[name].still)
    ]
    if len(moving) < 2:
        return ()
    return (f"trained are {listing(moving, 'and')}", *_only_compared(problem, moving))


def _only_compared(problem: Problem, moving: list[str]) -> Iterator[str]:
    """Models that no term of the objective uses, in a constraint beside one that it does use."""
    wanted = _models(problem.objective, moving)
    for name in moving:
        if name in wanted:
            continue
        beside = [
            c.label
            for c in problem.constraints
            if {name} < (used := _models(c.value, moving) | _models(c.bound, moving))
            and used & wanted
        ]
        if beside:
            labels = ", ".join(f"`{label}`" for label in dict.fromkeys(beside))
            yield (
                f"`{name}` is trained by {labels} alone: no term of the objective uses it. If it "
                f"is there to be compared with, it must not move: `{name}.requires_grad_(False)` "
                f"before the run, or `model {name} = frozen(other)` with `model other` bound in "
                "its place"
            )


def _used(problem: Problem, models: list[str]) -> set[str]:
    """Models that the objective or a constraint reads, whose parameters a set may be about."""
    found = _models(problem.objective, models)
    for c in problem.constraints:
        found |= _models(c.value, models) | _models(c.bound, models)
        found |= {node.model for node in walk(c.value) if isinstance(node, ParameterRef)}
        found |= {c.set.model} if c.set is not None and c.set.model is not None else set()
    return found


def _models(expr: Expr, moving: list[str]) -> set[str]:
    return set(names(expr).intersection(moving))
