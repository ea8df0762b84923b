"""Problems over decision variables alone: no data, no model, nothing random.

For these the compiler knows every function in closed form. `space_of` says whether a spec is one,
`scalar_parts` writes constraints on vectors entry by entry, `functions_of` gives the objective and
all canonical constraints to sympy.
"""

from typing import NamedTuple

import sympy as sp

from cspec.compiler.algebra.entries import entry_of
from cspec.compiler.algebra.shapes import var_shapes
from cspec.compiler.algebra.sympy import NotSymbolicError, Space, Value, scalar, translate
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Constraint, Problem, SetMember, membership
from cspec.dsl.check import Checked
from cspec.dsl.explicit.parameters import held_in
from cspec.dsl.imports.functions import GRADIENT_OF
from cspec.dsl.messages.wording import counted
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expr, From, Interval, Model, Name, walk
from cspec.dsl.tree.rebuild import names

LARGEST = 2_000
"""Scalar variables up to which a solver for small problems is used."""


class Functions(NamedTuple):
    """The objective and canonical constraints in sympy; None where there is no closed form."""

    objective: sp.Expr | None
    parts: tuple[tuple[int, int, sp.Expr | None], ...]
    """Every canonical function: place of its constraint, place among its parts, expression."""

    @property
    def smooth(self) -> bool:
        """Whether everything has a smooth closed form."""
        return self.objective is not None and all(part is not None for _, _, part in self.parts)


def space_of(checked: Checked, facts: Facts | None = None) -> Space | None:
    """The decision variables of a spec that has nothing else to move or to measure on.

    A model whose parameters all stay is a function of them: known once it is bound, by `facts`.
    """
    symbols = checked.symbols
    given = any(symbol.role == "given" for symbol in symbols.table.values())
    if not symbols.vars() or symbols.datasets() or given:
        return None
    items = [item for item in checked.elaborated.items if not isinstance(item, Model)]
    models = {name for item in items for name in names(item)} & symbols.models().keys()
    if symbols.models() and (facts is None or any(_moves(name, facts) for name in models)):
        return None
    space = variables_space(checked)
    if facts is None:
        return space
    seen = {
        key: found.shape
        for key, found in facts.outputs.items()
        if not (found.each or found.parts or found.refusal)
    }
    return space._replace(outputs=seen)


def _moves(model: str, facts: Facts) -> bool:
    """Whether training moves a parameter of a model."""
    known = facts.models.get(model)
    return known is None or (not known.frozen and any(p.requires_grad for p in known.parameters))


def variables_space(checked: Checked) -> Space:
    """The decision variables of a spec, whatever else there is."""
    symbols = checked.symbols
    shapes = var_shapes(symbols, checked.params)
    space = Space(shapes, {}, checked.params)
    domains = {
        name: (_end(var.domain.lower, space), _end(var.domain.upper, space))
        for name, var in symbols.vars().items()
        if isinstance(var.domain, Interval)
    }
    return space._replace(domains=domains, stand_ins=_stand_ins(checked))


def _stand_ins(checked: Checked) -> frozenset[str]:
    """User functions with the gradient of another one, and those of which that is not known."""
    told = {note.written for note in checked.notes if GRADIENT_OF in note.meaning}
    table = checked.symbols.table.values()
    registered = {s.name for s in table if isinstance(s.item, From) and not s.item.module}
    return frozenset(told | registered)


def _end(expr: Expr, space: Space) -> sp.Expr:
    """`pi/2` exactly, so that it is known where a cosine vanishes."""
    value = value_or_none(expr, space.params)
    try:
        return scalar(expr, space).subs(space.values())
    except NotSymbolicError:
        return sp.oo if value is not None and value > 0 else -sp.oo


def declared_sets(checked: Checked) -> tuple[tuple[str, SetMember], ...]:
    """Variables that are declared in a set: `var z[3] in ball(1, norm=2)`."""
    found = []
    for name, var in checked.symbols.vars().items():
        if held_in(var.domain):
            assert var.domain is not None
            if (member := membership(Name(id=name), var.domain)) is not None:
                found.append((name, member))
    return tuple(found)


def scalar_parts(problem: Problem, space: Space) -> Problem:
    """Canonical functions that are vectors, entry by entry: `w >= 0` -> `-w[0]`, `-w[1]`, ..."""
    return problem.with_constraints(_scalar_parts(c, space) for c in problem.constraints)


def _scalar_parts(c: Constraint, space: Space) -> Constraint:
    if c.relation == "in":
        return c
    parts: list[Expr] = []
    for part in c.parts:
        try:
            value = translate(part, space)
        except NotSymbolicError:
            return c
        places = _indices(value, ())
        parts.extend(entry_of(part, place, space.shapes, space.params) for place in places)
    return c.model_copy(update={"parts": tuple(parts)})


def _indices(value: Value, index: tuple[int, ...]) -> list[tuple[int, ...]]:
    if not isinstance(value, tuple):
        return [index]
    return [found for i, item in enumerate(value) for found in _indices(item, (*index, i))]


def functions_of(problem: Problem, space: Space) -> Functions:
    """All functions of a problem in closed form, as far as they have one."""
    parts = tuple(
        (place, position, _closed(part, space))
        for place, c in enumerate(problem.constraints)
        if c.soft is None
        for position, part in enumerate(c.parts)
    )
    return Functions(_closed(problem.objective, space), parts)


def _closed(expr: Expr, space: Space) -> sp.Expr | None:
    try:
        return scalar(expr, space)
    except NotSymbolicError:
        return None


def accurate(fit: FitSettings, checked: Checked) -> tuple[FitSettings, tuple[str, ...]]:
    """float64 for decision variables, where `fit` does not say otherwise: verdicts are at 1e-6."""
    if "precision" in checked.fit.model_fields_set:
        return fit, ()
    return fit.model_copy(update={"precision": "float64"}), ()


SHOWN = 6
"""Eliminated variables that a note lists."""


def solver_notes(problem: Problem, checked: Checked) -> tuple[str, ...]:
    """What of the spec a solver has no use for, and which constraints it holds as bounds."""
    if problem.solver is None:
        return ()
    loop = ("optimizer", "schedule", "epochs", "steps", "batch_size", "clip_norm")
    unused = [name for name in loop if name in checked.fit.model_fields_set]
    if checked.fit.batch_size == "full" and "batch_size" in unused:
        unused.remove("batch_size")  # It is what makes a problem with data deterministic.
    # An affine bound says of itself what it is.
    notes = [bound.text for bound in problem.bounds if "proved" in bound.text]
    notes += problem.presolve
    if count := len(problem.eliminated):
        shown = "; ".join(e.text for e in problem.eliminated[:SHOWN])
        more = f"; and {count - SHOWN} more" if count > SHOWN else ""
        gone = counted(count, "variable")
        notes.append(f"{gone} eliminated by affine equalities: {shown}{more}")
    word = problem.solver.word
    if any(function_name(n) == "ramp" for n in walk(checked.elaborated)):
        notes.append(f"`ramp`: `{word}` has no training loop, and takes the last value")
    if unused:
        notes.append(f"fit({', '.join(unused)}) is not used: `{word}` has no training loop")
    return tuple(notes)
