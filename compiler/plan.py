"""Spec -> Plan (symbolic) -> Program (with facts).

A plan needs no data and no model: quantifiers stay index sets, choices that depend on what is bound
stay conditional. `specialize` is a pure function: same plan, same facts, same program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from cspec.compiler.assemble import assemble
from cspec.compiler.axes.asked import Asked
from cspec.compiler.axes.check import check_axes, infer
from cspec.compiler.axes.inference import Inference
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.numbers import numeric_of
from cspec.compiler.axes.targets import targets_of
from cspec.compiler.data_words import described
from cspec.compiler.emit.expressions import Scope
from cspec.compiler.emit.loop import LoopPlan
from cspec.compiler.emit.module import Emission, emit, python_names
from cspec.compiler.explain_expressions import text as expression_text
from cspec.compiler.facts import DataFacts, Facts
from cspec.compiler.fits import check_fits
from cspec.compiler.gate_course import gate_courses
from cspec.compiler.graph import UpdateGraph
from cspec.compiler.hashing import plan_digest
from cspec.compiler.ir import Problem, Step
from cspec.compiler.line_run import line_graph
from cspec.compiler.loop_notes import loop_notes
from cspec.compiler.lower import Lowered, lower
from cspec.compiler.matrices import matrices
from cspec.compiler.metric_entries import metric_entries
from cspec.compiler.model_sizes import used_sizes
from cspec.compiler.moving_notes import moving_notes
from cspec.compiler.passes.canonical import canonical
from cspec.compiler.passes.collect import collect
from cspec.compiler.passes.expand import Expansion, expand
from cspec.compiler.passes.gates import deployed, gates
from cspec.compiler.passes.gather import gathered
from cspec.compiler.passes.identity import sized_identity
from cspec.compiler.passes.inline_lets import inline_lets
from cspec.compiler.passes.logic import Decided
from cspec.compiler.passes.members import member_sets
from cspec.compiler.passes.metric_words import metric_words
from cspec.compiler.passes.moving_sets import moving_sets
from cspec.compiler.passes.ratio_signs import check_ratio_signs
from cspec.compiler.passes.recognize import recognize
from cspec.compiler.passes.rules import rules
from cspec.compiler.passes.settled_bounds import settled_bounds
from cspec.compiler.passes.spell_out_sets import spell_out_sets
from cspec.compiler.passes.split_chains import split_chains
from cspec.compiler.passes.spread import spread
from cspec.compiler.passes.surrogates import surrogates
from cspec.compiler.passes.tables import check_tables
from cspec.compiler.passes.truths import truths
from cspec.compiler.passes.vector_means import vector_means
from cspec.compiler.passes.whole_slices import whole_slices
from cspec.compiler.program import (
    DataSetup,
    FunctionSetup,
    ModelSetup,
    Program,
    VariableSetup,
    plain_fit,
)
from cspec.compiler.pruning_notes import pruning_notes
from cspec.compiler.report_facts import constraint_facts, verify_facts
from cspec.compiler.restored import is_polished, with_polish
from cspec.compiler.rewrite import call, function_name
from cspec.compiler.schedule import SETTLES, budget, effective
from cspec.compiler.set_solve import SetSolve, set_graph, set_solve_of
from cspec.compiler.setups import data_setups, model_setups, origin_of, variable_setups
from cspec.compiler.shape_checks import check_set_shapes
from cspec.compiler.shared_sets import sharing_notes
from cspec.compiler.sizes import example_call, models_sized
from cspec.compiler.solve import Solve, solve_of, solver_graph
from cspec.compiler.still_parameters import check_still_parameters
from cspec.compiler.strategy import Context, choose
from cspec.compiler.stream_checks import check_streams
from cspec.compiler.surrogates.setting import setting_of
from cspec.compiler.surrogates.words import SIGMOID, Word, as_at_first, sharpening
from cspec.compiler.symbols import Space
from cspec.compiler.variable_bounds import bound_actions
from cspec.compiler.variables import (
    accurate,
    declared_sets,
    solver_notes,
    space_of,
    variables_space,
)
from cspec.dsl.check import Checked
from cspec.dsl.diagnostics import SpecError, errors
from cspec.dsl.nodes import (
    Call,
    Compare,
    Data,
    Expectation,
    Expr,
    Let,
    Model,
    Name,
    Node,
    Stop,
    Sum,
    walk,
)
from cspec.dsl.not_compiled import refusals
from cspec.dsl.recursion import roomy
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import Auto, Bisection, Spg, Sqp
from cspec.dsl.signatures import PREDICTIONS

Pass = Callable[[Problem, Checked], Problem]

PASSES: tuple[tuple[str, Pass], ...] = (
    ("inline lets", lambda problem, checked: inline_lets(problem, _lets(checked))),
    ("whole slices", lambda problem, _: whole_slices(problem)),
    ("spread of variables", lambda p, c: spread(p, variables_space(c).shapes, c.params)),
    ("rules", lambda problem, checked: rules(problem, _decided(checked, Facts()))),
    ("truths", lambda problem, _: truths(problem)),
    ("sets that move", lambda p, checked: moving_sets(p, checked.symbols)),
    ("spell out sets", spell_out_sets),
    ("recognize sets", lambda p, checked: recognize(p, checked.symbols, checked.params)),
    ("split chains", lambda problem, checked: split_chains(problem, checked.params)),
    ("recognize sets", lambda p, checked: recognize(p, checked.symbols, checked.params)),
    ("canonical form", lambda problem, checked: canonical(problem, checked.method)),
)
"""From the problem as written to canonical form, in order, before anything is bound."""


def _decided(checked: Checked, facts: Facts) -> Decided:
    """What decides comparisons of constants, and tells vectors from numbers."""
    return Decided(checked.params, variables_space(checked).shapes, facts)


def _with_rows(problem: Problem, checked: Checked) -> Problem:
    """The sets that rows and entries of tensors are in, once indices are numbers."""
    shapes = dict(variables_space(checked).shapes)
    seen = member_sets(problem, shapes, checked.symbols, checked.params)
    return gathered(seen, shapes, checked.params)


class Plan(BaseModel):
    """The symbolic plan: what is known from the text alone."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    checked: Checked
    canonical: Problem
    """Before anything is bound or decided: what every program of this plan begins with."""
    problem: Problem
    """Canonical, with methods as far as the text decides them."""
    data: tuple[DataSetup, ...] = ()
    models: tuple[ModelSetup, ...] = ()
    variables: tuple[VariableSetup, ...] = ()


def _lets(checked: Checked) -> dict[str, Let]:
    """`let` names with what they leave implicit written out, and params of two dimensions.

    Those params are written out row by row.
    """
    lets = {item.name: item for item in checked.elaborated.items if isinstance(item, Let)}
    return lets | {name: Let(name=name, value=rows) for name, rows in matrices(checked).items()}


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
    context = _context(checked, None, None)
    if refusals(checked.diagnostics):
        context = context._replace(space=None, line=False, whole=None)  # it can't be run yet
    elif space_of(checked) is not None:
        problem = expand(problem, _expansion(checked, Facts()))
        problem = _with_rows(rules(problem, _decided(checked, Facts())), checked)
    variables = variable_setups(checked)
    inference = Inference(_known(checked, Facts(), variables))
    problem = surrogates(problem, setting_of(checked, inference, moving(checked)))
    problem = _chosen(problem, context)
    return Plan(
        checked=checked,
        canonical=canonical_,
        problem=problem,
        data=data_setups(checked),
        models=model_setups(checked),
        variables=variables,
    )


def _expansion(checked: Checked, facts: Facts) -> Expansion:
    targets = targets_of(checked.elaborated, checked.symbols, facts).of
    shapes = variables_space(checked).shapes
    return Expansion(facts, checked.params, checked.method, checked.tables, targets, shapes)


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


def moving(checked: Checked) -> frozenset[str]:
    """Models that train and decision variables: what a constraint can move."""
    symbols = checked.symbols
    models = (name for name in symbols.models() if not symbols.frozen(name))
    return frozenset(models) | frozenset(symbols.vars()) | _givens(checked)


def _givens(checked: Checked) -> frozenset[str]:
    table = checked.symbols.table
    return frozenset(name for name, symbol in table.items() if symbol.role == "given")


def _context(checked: Checked, facts: Facts | None, steps: int | None) -> Context:
    return Context(
        method=checked.method,
        fit=checked.fit,
        facts=facts,
        steps=steps,
        data=bool(checked.symbols.datasets()) or bool(_givens(checked)),
        params=checked.params,
        space=space_of(checked, facts) or _if_models_stay(checked, facts),
        line=_line(checked),
        whole=_whole(checked),
    )


def _if_models_stay(checked: Checked, facts: Facts | None) -> Space | None:
    """The decision variables as long as it is open whether models move, where a solver is asked."""
    symbols = checked.symbols
    asked = [checked.method, *checked.methods.values()]
    open_ = facts is None and symbols.models() and symbols.vars() and not symbols.datasets()
    if not open_ or _givens(checked) or not any(isinstance(m, Sqp | Spg) for m in asked):
        return None
    return variables_space(checked)


def _line(checked: Checked) -> bool:
    """Whether one number is all that moves: a single `var` without dimensions, and no model."""
    symbols = checked.symbols
    single = [var.dimensions for var in symbols.vars().values()] == [()]
    return single and not symbols.models() and not _givens(checked)


def _whole(checked: Checked) -> Space | None:
    """The decision variables of a spec whose data come whole (`batch_size=full`) at every step."""
    symbols = checked.symbols
    if checked.fit.batch_size != "full" or not symbols.datasets() or symbols.models():
        return None
    return None if _givens(checked) or not symbols.vars() else variables_space(checked)


@roomy()
def specialize(
    plan: Plan,
    facts: Facts,
    data: tuple[DataSetup, ...] | None = None,
    models: tuple[ModelSetup, ...] | None = None,
) -> Program:
    """The program of a plan with what was bound. `data` and `models` are setups as resolved.

    Raises:
        SpecError: what only now can be checked: patterns that match nothing, density without
            gates, forms that are not compiled yet.
    """
    checked = plan.checked
    check_fits(checked.elaborated, facts)
    fit, schedule, notes = budget(checked, facts)
    space = space_of(checked, facts)
    if space is not None or _line(checked) or _whole(checked) is not None:
        fit, said = accurate(fit, checked)
        notes += said
    gated = frozenset(name for name, model in facts.models.items() if model.gated)
    inference = _inference(plan, facts)
    solved = space is not None or _line(checked) or _whole(checked) is not None
    word = SIGMOID if solved else _stand_in(plan, facts, schedule.steps)
    problem = _specialized(plan, facts, fit, schedule.steps, inference, word)
    by_value = any(o.word == "lbfgs" for o in fit.optimizer)
    entries = metric_entries(problem, inference)
    lowered = lower(
        problem,
        facts,
        inference,
        schedule.steps,
        schedule.steps_per_epoch,
        by_value,
        checked.params,
        _shapes(plan),
    )
    bounds = bound_actions(plan.variables, (action.name for action in lowered.actions))
    lowered = lowered._replace(actions=(*lowered.actions, *bounds))
    graph, solve, set_solve = _solver(lowered, space, checked)
    polished = _stop(checked) is None and is_polished(lowered, facts, checked.fit)
    graph = with_polish(graph) if polished else graph
    if facts.own_loop is not None:
        notes = loop_notes(checked, lowered, facts)
    else:
        notes += solver_notes(problem, checked)
        notes += moving_notes(problem, checked, facts)
        notes += check_streams(problem, checked, facts)
    draft = _draft(plan, facts, lowered, fit, inference).model_copy(
        update={
            "graph": graph,
            "metric_entries": entries,
            "data": plan.data if data is None else data,
            "models": plan.models if models is None else models,
            "notes": notes
            + (sharing_notes(lowered.actions, facts) if problem.solver is None else ())
            + pruning_notes(lowered, facts, checked.params)
            + problem.surrogate_notes,
        }
    )
    loop = LoopPlan(
        lowered=lowered,
        fit=fit,
        gated=tuple(sorted(gated)),
        stop=_stop(checked),
        epochs=schedule.epochs,
        by_value=by_value,
        steps=schedule.steps,
        steps_per_epoch=schedule.steps_per_epoch,
        polished=polished,
    )
    emission = Emission(
        lowered=lowered,
        scope=Scope(
            checked.symbols,
            facts,
            inference,
            {},
            functions={f.name: f.python for f in draft.functions},
        ),
        loop=loop,
        program=draft,
        objective=canonical_objective(checked, facts),
        params=_used_params(checked),
        source=checked.source,
        solve=solve,
        set_solve=set_solve,
        line=isinstance(problem.solver, Bisection),
        starts=declared_sets(checked),
    )
    return draft.model_copy(update={"source": emit(emission)})


def _solver(
    lowered: Lowered, space: Space | None, checked: Checked
) -> tuple[UpdateGraph, Solve | None, SetSolve | None]:
    """The update graph, and the call of the solver where one owns the run."""
    solver, graph = lowered.problem.solver, assemble(lowered)
    if isinstance(solver, Spg):
        return set_graph(graph), None, set_solve_of(lowered)
    if isinstance(solver, Bisection):
        return line_graph(graph), None, None
    if solver is None or space is None:
        return graph, None, None
    return solver_graph(solver, graph), solve_of(lowered, space, checked.method), None


@roomy()
def open_calls(plan: Plan, facts: Facts) -> tuple[Asked, ...]:
    """Calls of models and functions whose outputs are not among the facts.

    Where an argument is itself such a call it comes first; ask again with its answer.

    Raises:
        SpecError: patterns and columns that match nothing.
    """
    inference = _inference(plan, facts)
    infer(expanded(plan, facts), inference)
    return tuple(inference.asked.values())


def operation_calls(plan: Plan, facts: Facts) -> dict[str, Asked]:
    """A call of each model whose `flops` the spec asks for, by the model's name.

    `facts` know the outputs of all calls. A model that nothing calls is left out.
    """
    symbols = plan.checked.symbols
    found = {}
    for model in sorted(models_sized(plan.checked.elaborated, "flops")):
        others = {k: seen for k, seen in facts.outputs.items() if not k.startswith(f"{model}(")}
        calls = open_calls(plan, facts.model_copy(update={"outputs": others}))
        call_ = example_call(model, calls, symbols)
        if call_ is not None and call_.dataset in facts.data:
            found[model] = call_
    return found


def expanded(plan: Plan, facts: Facts) -> Problem:
    """The canonical problem with members for quantifiers, sizes where they are known."""
    checked = plan.checked
    places = {name: item.name_span for name, item in checked.symbols.params().items()}
    check_tables(checked.tables, facts, places)
    problem = with_accuracy(plan.canonical, checked, facts)
    problem = expand(problem, _expansion(checked, facts))
    problem = rules(problem, _decided(checked, facts))
    problem = _with_rows(problem, checked)
    problem = metric_words(problem, checked.symbols)
    return sized_identity(problem, _shapes(plan))


def _inference(plan: Plan, facts: Facts) -> Inference:
    return Inference(_known(plan.checked, facts, plan.variables))


def _known(checked: Checked, facts: Facts, variables: tuple[VariableSetup, ...]) -> Known:
    return Known(
        symbols=checked.symbols,
        facts=facts,
        params=checked.params,
        shapes={variable.name: variable.shape for variable in variables},
        functions=checked.functions,
        predicts=targets_of(checked.elaborated, checked.symbols, facts),
        numeric=numeric_of(checked.elaborated, checked.symbols),
    )


def _stand_in(plan: Plan, facts: Facts, steps: int) -> Word:
    """What stands in for events: it sharpens along a run that leaves its method open."""
    chosen = isinstance(plan.checked.method, Auto)
    return sharpening(steps) if chosen and facts.own_loop is None and steps >= SETTLES else SIGMOID


def _specialized(
    plan: Plan, facts: Facts, fit: FitSettings, steps: int, inference: Inference, word: Word
) -> Problem:
    """The canonical problem with members for quantifiers, surrogates, and a method each."""
    checked = plan.checked
    problem = vector_means(expanded(plan, facts), inference)
    check_axes(problem, inference)
    check_set_shapes(problem, _shapes(plan), checked.params)
    setting = replace(setting_of(checked, inference, moving(checked)), word=word)
    check_ratio_signs(problem, inference, setting.ranges)
    width = 8 if checked.fit.precision == "float64" else 4
    expected = gates(problem, facts, moving(checked), checked.params, width)
    problem = deployed(surrogates(expected, setting), problem, expected)
    context = _context(checked, facts, round(effective(fit, steps)))
    problem = _chosen(gate_courses(problem, context, steps), context)
    check_still_parameters(problem, facts, moving(checked))
    return problem


def _chosen(problem: Problem, context: Context) -> Problem:
    """The problem with a method for each constraint, or a solver, which takes bounds that stay."""
    found = choose(problem, context)
    settled = problem if found.solver is None else settled_bounds(problem)
    return found if settled is problem else choose(settled, context)


def _shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    return {variable.name: variable.shape for variable in plan.variables}


def _draft(
    plan: Plan, facts: Facts, lowered: Lowered, fit: FitSettings, inference: Inference
) -> Program:
    """The program's record of what was written and chosen, before its text is emitted."""
    checked, problem = plan.checked, lowered.problem
    methods = [(c.label, c.member, c.method) for c in problem.constraints]
    settings = repr((methods, fit, sorted(checked.params.items()), sorted(checked.tables.items())))
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
        objective_datasets=_datasets(problem),
        constraints=constraint_facts(lowered, checked, inference),
        metrics={name: _metric_text(checked, value) for name, value in problem.metrics},
        variables=plan.variables,
        given=tuple(sorted(_givens(checked))),
        functions=_functions(checked),
        fit=plain_fit(fit),
        verify=verify_facts(checked),
        stop=_stop_text(checked),
        params=dict(checked.params),
        tables={name: table.values for name, table in checked.tables.items()},
        described=described(facts),
        method=_method_word(problem),
    )


def with_accuracy(problem: Problem, checked: Checked, facts: Facts) -> Problem:
    """Implied data that come with a `test` split: a classifier's accuracy there is recorded."""
    model = checked.symbols.only_model
    taken = {name for name, _ in problem.metrics}
    if "data" not in checked.symbols.implied or "test" not in facts.data or "accuracy" in taken:
        return problem
    losses = {function_name(node) for node in walk(problem.objective) if isinstance(node, Call)}
    if model is None or not losses & {"ce", "bce", "hinge"}:
        return problem
    predicted = call("pred", call(model, Name(id="x")))
    correct = Compare(operands=(predicted, Name(id="y")), operators=("==",))
    accuracy = Expectation(kind="P", body=correct, dataset="test")
    return problem.model_copy(update={"metrics": (*problem.metrics, ("accuracy", accuracy))})


def _metric_text(checked: Checked, value: Expr) -> str:
    return checked.source.slice(value.span) or "P[pred == y on test]"


def _functions(checked: Checked) -> tuple[FunctionSetup, ...]:
    """The callables of `from` and of the registry that expressions call."""
    table = checked.symbols.table
    called = {
        name
        for node in walk(checked.elaborated)
        if isinstance(node, Call) and (name := function_name(node)) is not None
    }
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


def canonical_objective(checked: Checked, facts: Facts) -> Expr:
    """The objective as written, without `let` names, its sums over weights written out."""
    problem = inline_lets(collect(checked), _lets(checked))
    problem = problem.model_copy(update={"constraints": (), "metrics": ()})
    return expand(problem, _expansion(checked, facts)).objective


def _used_params(checked: Checked) -> dict[str, float | tuple[float, ...]]:
    used = {node.id for node in walk(checked.elaborated) if isinstance(node, Name)}
    used -= set(matrices(checked))
    return {name: value for name, value in checked.params.items() if name in used}


def _datasets(problem: Problem) -> tuple[str, ...]:
    from_expectations = (getattr(node, "dataset", None) for node in walk(problem.objective))
    return tuple(dict.fromkeys(name for name in from_expectations if name))


def _stop(checked: Checked) -> Expr | None:
    stops = [item.condition for item in checked.elaborated.items if isinstance(item, Stop)]
    return stops[0] if stops else None


def _stop_text(checked: Checked) -> str | None:
    condition = _stop(checked)
    return None if condition is None else checked.source.slice(condition.span)


def _method_word(problem: Problem) -> str:
    if problem.solver is not None:
        return problem.solver.word
    words = (c.method.word for c in problem.constraints if c.method is not None)
    return "+".join(dict.fromkeys(words)) or "none"


def outputs(plan: Plan, data: Mapping[str, DataFacts]) -> dict[str, int]:
    """Outputs of each model that is built: `ce` one a class, `bce` and regression one a target.

    Where no loss says it, `pred(f(x)) == y` asks for one a class, `f(x) - y` for one a target,
    `pred(f(x)) == 1` for one of two classes and else for one a class; a model with declared
    arguments, `u(t, x)`, is one number. Else its use does: `f(x)*y` is one, `f(x)[2]` of three.
    """
    models = frozenset(plan.checked.symbols.models())
    nodes = list(walk(plan.checked.elaborated))
    sizes: dict[str, int] = {}
    for compared in (_compared_by_loss, _compared_by_class, _compared_by_value):
        for node in nodes:
            found = compared(node)
            if found is None:
                continue
            loss, output, target = found
            for inner in walk(output):
                name = function_name(inner) if isinstance(inner, Call) else None
                size = _outputs(loss, target, data) if name in models else None
                if name is not None and size is not None:
                    sizes.setdefault(name, size)
    symbols = plan.checked.symbols
    columns = targets_of(plan.checked.elaborated, symbols).of
    for name in _predicting(nodes) - sizes.keys():
        size = _outputs("hinge", Name(id=columns.get(name, "")), data)
        sizes |= {} if size is None else {name: size}
    declared = {name for name, item in symbols.models().items() if item.arguments}
    used = used_sizes(nodes, models)
    return {**used, **dict.fromkeys(declared, 1), **sizes}


def _predicting(nodes: Iterable[Node]) -> set[str]:
    """Models whose predictions the spec asks for."""
    return {
        name
        for node in nodes
        if isinstance(node, Call) and function_name(node) in PREDICTIONS
        for inner in walk(node)
        if isinstance(inner, Call) and (name := function_name(inner)) is not None
    } - PREDICTIONS


def _compared_by_loss(node: Node) -> tuple[str, Expr, Expr] | None:
    match node:
        case Call(function=Name(id=loss), arguments=(output, target)):
            return loss, output, target
    return None


def _compared_by_class(node: Node) -> tuple[str, Expr, Expr] | None:
    match node:
        case Compare(operands=(Call(function=Name(id="pred")) as output, Name() as target)) | (
            Compare(operands=(Name() as target, Call(function=Name(id="pred")) as output))
        ):
            return "ce", output, target
    return None


def _compared_by_value(node: Node) -> tuple[str, Expr, Expr] | None:
    match node:
        case Sum(operands=(Call() as output, Name() as target)) | (
            Sum(operands=(Name() as target, Call() as output))
        ):
            return "mse", output, target
    return None


def _outputs(loss: str, target: object, data: Mapping[str, DataFacts]) -> int | None:
    if not isinstance(target, Name):
        return None
    columns = [d.columns[target.id] for d in data.values() if target.id in d.columns]
    if not columns:
        return None
    match loss:
        case "ce" | "nll":
            return max(column.outputs or 0 for column in columns) or None
        case "hinge":
            classes = max(column.outputs or 0 for column in columns)
            return 1 if classes <= 2 else classes
        case "bce" | "mse" | "mae" | "huber":
            shape = columns[0].shape
            return shape[0] if shape else 1
        case _:
            return None
