"""Spec -> Plan (symbolic).

A plan needs no data and no model: quantifiers stay index sets, choices that depend on what is bound
stay conditional.
"""

from collections.abc import Callable

from pydantic import BaseModel

from cspec.compiler.algebra.variables import space_of, variables_space
from cspec.compiler.choose.strategy import ChoiceContext, choose
from cspec.compiler.lower.setups import data_setups, model_setups, variable_setups
from cspec.compiler.pass_inputs import context_of, decided, expansion, inference_of, lets, moving
from cspec.compiler.passes.bounds import settled_bounds
from cspec.compiler.passes.canonical import canonical
from cspec.compiler.passes.expansion.collect import collect
from cspec.compiler.passes.expansion.expand import expand
from cspec.compiler.passes.expansion.inline_lets import inline_lets
from cspec.compiler.passes.expansion.split_chains import split_chains
from cspec.compiler.passes.rules import rules
from cspec.compiler.passes.sets.gather import gathered
from cspec.compiler.passes.sets.members import member_sets
from cspec.compiler.passes.sets.recognize import recognize
from cspec.compiler.passes.sets.spell_out import moving_sets, spell_out_sets
from cspec.compiler.passes.spellings import truths, whole_slices
from cspec.compiler.passes.spread import gaps, spread
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.problem import Problem, Step
from cspec.compiler.records.program import DataSetup, ModelSetup, VariableSetup
from cspec.compiler.surrogates.setting import setting_of
from cspec.compiler.surrogates.surrogates import surrogates
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.not_compiled import refusals
from cspec.dsl.text.running import roomy
from cspec.dsl.tree.nodes import Expr, Stop

Pass = Callable[[Problem, Checked], Problem]

PASSES: tuple[tuple[str, Pass], ...] = (
    ("inline lets", lambda problem, checked: inline_lets(problem, lets(checked))),
    ("whole slices", lambda problem, _: whole_slices(problem)),
    ("gaps", lambda problem, _: gaps(problem)),
    ("spread of variables", lambda p, c: spread(p, variables_space(c).shapes, c.params)),
    ("rules", lambda problem, checked: rules(problem, decided(checked, Facts()))),
    ("truths", lambda problem, _: truths(problem)),
    ("sets that move", lambda p, checked: moving_sets(p, checked.symbols)),
    ("spell out sets", spell_out_sets),
    ("recognize sets", lambda p, checked: recognize(p, checked.symbols, checked.params)),
    ("split chains", lambda problem, checked: split_chains(problem, checked.params)),
    ("recognize sets", lambda p, checked: recognize(p, checked.symbols, checked.params)),
    ("canonical form", lambda problem, checked: canonical(problem, checked.method, checked.params)),
)
"""From the problem as written to canonical form, in order, before anything is bound."""


class Plan(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """The symbolic plan: what is known from the text alone."""

    checked: Checked
    canonical: Problem
    """Before anything is bound or decided: what every program of this plan begins with."""
    problem: Problem
    """Canonical, with methods as far as the text decides them."""
    data: tuple[DataSetup, ...] = ()
    models: tuple[ModelSetup, ...] = ()
    variables: tuple[VariableSetup, ...] = ()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of decision variables as they are stored."""
        return {variable.name: variable.shape for variable in self.variables}


@roomy()
def plan(checked: Checked) -> Plan:
    """The plan of a checked spec.

    Raises:
        SpecError: the spec has errors, or a method that can't do what it is asked.
    """
    found = errors(checked.diagnostics)
    if found:
        raise SpecError(checked.diagnostics)
    canonical_ = problem = canonical_problem(checked)
    context = context_of(checked, None, None)
    if refusals(checked.diagnostics):
        context = context._replace(space=None, line=False, whole=None)  # it can't be run yet
    elif space_of(checked) is not None:
        problem = expand(problem, expansion(checked, Facts()))
        problem = with_rows(rules(problem, decided(checked, Facts())), checked)
    variables = variable_setups(checked)
    inference = inference_of(checked, Facts(), variables)
    problem = surrogates(problem, setting_of(checked, inference, moving(checked)))
    problem = with_methods(problem, context)
    return Plan(
        checked=checked,
        canonical=canonical_,
        problem=problem,
        data=data_setups(checked, canonical_),
        models=model_setups(checked),
        variables=variables,
    )


def canonical_problem(checked: Checked) -> Problem:
    """The canonical problem, each pass that changed something on record."""
    problem = collect(checked)
    history: list[Step] = []
    for name, run in PASSES:
        changed = run(problem, checked)
        if changed != problem:
            history.append(Step(name=name))
        problem = changed
    return problem.model_copy(update={"history": tuple(history)})


def with_rows(problem: Problem, checked: Checked) -> Problem:
    """The sets that rows and entries of tensors are in, once indices are numbers."""
    shapes = dict(variables_space(checked).shapes)
    seen = member_sets(problem, shapes, checked.symbols, checked.params)
    return gathered(seen, shapes, checked.params)


def with_methods(problem: Problem, context: ChoiceContext) -> Problem:
    """The problem with a method for each constraint, or a solver, which takes bounds that stay."""
    found = choose(problem, context)
    settled = problem if found.solver is None else settled_bounds(problem)
    return found if settled is problem else choose(settled, context)


def stop_condition(checked: Checked) -> Expr | None:
    """What `stop when` says; None where nothing does."""
    stops = [item.condition for item in checked.elaborated.items if isinstance(item, Stop)]
    return stops[0] if stops else None
