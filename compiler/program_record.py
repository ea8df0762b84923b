"""The record of a program: what was written and chosen, before its text is emitted."""

from cspec.compiler.algebra.matrices import is_large
from cspec.compiler.axes.inference import Inference
from cspec.compiler.emit.module import python_names
from cspec.compiler.explain.quantities import described
from cspec.compiler.expressions.rewrite import datasets_of, function_name
from cspec.compiler.expressions.text import text as expression_text
from cspec.compiler.lower.digest import numbers_digest, plan_digest
from cspec.compiler.lower.report import constraint_facts, verify_facts
from cspec.compiler.lower.setups import origin_of
from cspec.compiler.pass_inputs import givens
from cspec.compiler.plan import Plan, stop_condition
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import Lowered
from cspec.compiler.records.problem import Problem
from cspec.compiler.records.program import FunctionSetup, Program, plain_fit
from cspec.compiler.surrogates.words import as_at_first
from cspec.dsl.check import Checked
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.tree.nodes import Data, Expr, Model, walk


def record_of(
    plan: Plan, facts: Facts, lowered: Lowered, fit: FitSettings, inference: Inference
) -> Program:
    """The program's record of what was written and chosen, before its text is emitted."""
    checked, problem, stop = plan.checked, lowered.problem, stop_condition(plan.checked)

    def text_of(expr: Expr) -> str:
        return checked.source.slice(expr.span)

    methods = [(c.label, c.member, c.method) for c in problem.constraints]
    settings = repr((methods, fit, _params(checked), sorted(checked.tables.items())))
    settings += "" if facts.own_loop is None else repr(facts.own_loop)
    streams = {name: data.stream for name, data in facts.data.items() if data.stream}
    settings += repr(streams) if streams else ""
    return Program(
        name=checked.source.name,
        spec=checked.source.text,
        digest=plan_digest(checked.elaborated, facts.model_dump_json(), settings),
        sense=problem.sense,
        objective=problem.objective_text,
        objective_stand_in=""
        if problem.objective_gradient is None
        else expression_text(as_at_first(problem.objective_gradient)),
        objective_datasets=tuple(dict.fromkeys(datasets_of(problem.objective))),
        constraints=constraint_facts(lowered, checked, inference),
        metrics={name: text_of(value) or "P[pred == y on test]" for name, value in problem.metrics},
        variables=plan.variables,
        given=tuple(sorted(givens(checked))),
        functions=_functions(checked),
        fit=plain_fit(fit),
        verify=verify_facts(checked),
        stop=None if stop is None else text_of(stop),
        params=dict(checked.params),
        tables={name: table.values for name, table in checked.tables.items()},
        described=described(facts),
        method=_method_word(problem),
    )


def _params(checked: Checked) -> list[tuple[str, float | tuple[float, ...] | str]]:
    """The params as they count in a digest: many numbers by a digest of their bits."""
    return [
        (
            name,
            numbers_digest(value) if isinstance(value, tuple) and is_large(len(value)) else value,
        )
        for name, value in sorted(checked.params.items())
    ]


def _functions(checked: Checked) -> tuple[FunctionSetup, ...]:
    """The callables of `from` and of the registry that expressions call."""
    table = checked.symbols.table
    called = {name for node in walk(checked.elaborated) if (name := function_name(node))}
    made = {
        function_name(item.source)
        for item in checked.elaborated.items
        if isinstance(item, Model | Data) and item.source is not None
    }
    used = [
        name
        for name in sorted(called)
        if (symbol := table.get(name)) is not None
        and symbol.role in ("import", "function")
        and name not in made
    ]
    python = python_names(used)
    return tuple(
        FunctionSetup(
            name=name, python=python[name], source=":".join(origin_of(checked, name) or ())
        )
        for name in used
    )


def _method_word(problem: Problem) -> str:
    if problem.solver is not None:
        return problem.solver.word
    words = (c.method.word for c in problem.constraints if c.method is not None)
    return "+".join(dict.fromkeys(words)) or "none"
