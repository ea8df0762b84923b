"""Plan, facts -> Program.

`specialize` is a pure function: same plan, same facts, same program.
"""

from dataclasses import replace
from math import prod
from typing import NamedTuple

from cspec.compiler.algebra.matrices import matrix_params, whole_params
from cspec.compiler.algebra.sympy import Space
from cspec.compiler.algebra.variables import accurate, declared_sets, solver_notes, space_of
from cspec.compiler.axes.inference import Inference, check_axes, infer
from cspec.compiler.axes.record import Asked
from cspec.compiler.axes.sizes import example_call, models_sized
from cspec.compiler.choose.gate_course import gate_courses
from cspec.compiler.choose.rehearsal import NEVER, Rehearsed, rehearsed, with_rehearsal
from cspec.compiler.choose.schedule import SETTLES, RunLength, budget, effective
from cspec.compiler.choose.strata import with_strata
from cspec.compiler.emit.expressions import ModuleScope
from cspec.compiler.emit.loop import LoopPlan
from cspec.compiler.emit.module import Emission, emit
from cspec.compiler.expressions.rewrite import call, function_name
from cspec.compiler.lower.certificates import Certified, certificates
from cspec.compiler.lower.graph import POLISHED, is_polished, with_polish
from cspec.compiler.lower.margins import margins
from cspec.compiler.lower.report import metric_entries, verify_facts
from cspec.compiler.lower.rules import lower, sharing_notes
from cspec.compiler.lower.setups import with_facts
from cspec.compiler.lower.solver_call import owned_graph, set_solve_of, solve_of
from cspec.compiler.methods.projection import bound_actions
from cspec.compiler.notes.batches import batch_notes
from cspec.compiler.notes.classes import class_notes
from cspec.compiler.notes.moving import moving_notes
from cspec.compiler.notes.own_loop import loop_notes
from cspec.compiler.notes.pruning import pruning_notes
from cspec.compiler.pass_inputs import (
    context_of,
    decided,
    expansion,
    inference_of,
    lets,
    moving,
    on_whole_data,
    one_number,
)
from cspec.compiler.passes.bounds import tighten
from cspec.compiler.passes.every_entry import every_entry, few_sums
from cspec.compiler.passes.expansion.collect import collect
from cspec.compiler.passes.expansion.expand import expand
from cspec.compiler.passes.expansion.inline_lets import inline_lets
from cspec.compiler.passes.expansion.tables import check_tables
from cspec.compiler.passes.gates import deployed, gates
from cspec.compiler.passes.metric_words import metric_words
from cspec.compiler.passes.ratio_signs import check_ratio_signs
from cspec.compiler.passes.rules import rules
from cspec.compiler.passes.sets.identity import sized_identity
from cspec.compiler.passes.vector_means import vector_means
from cspec.compiler.plan import Plan, stop_condition, with_methods, with_rows
from cspec.compiler.program_record import record_of
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import Lowered
from cspec.compiler.records.problem import Problem
from cspec.compiler.records.program import DataSetup, ModelSetup, Program
from cspec.compiler.refusals.data_fits import check_fits
from cspec.compiler.refusals.inputs_first import check_inputs_first
from cspec.compiler.refusals.set_shapes import check_set_shapes
from cspec.compiler.refusals.still_parameters import check_still_parameters
from cspec.compiler.refusals.streams import check_own_loop, check_streams
from cspec.compiler.surrogates.setting import setting_of
from cspec.compiler.surrogates.surrogates import surrogates
from cspec.compiler.surrogates.words import SIGMOID, Word, sharpening
from cspec.dsl.check import Checked
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.settings.methods import Bisection
from cspec.dsl.text.running import roomy
from cspec.dsl.tree.nodes import Call, Compare, Expectation, Expr, Name, walk
from cspec.dsl.tree.rebuild import names
from cspec.dsl.values.intervals import Ranges
from cspec.dsl.words.losses import OF_CLASSES


class _Run(NamedTuple):
    """How long a run is, and what takes its steps."""

    fit: FitSettings
    schedule: RunLength
    notes: tuple[str, ...]
    space: Space | None
    """Decision variables, where there is nothing else to move or to measure on."""
    solved: bool
    """Whether variables alone move on data that stay: such a run may be a solver's."""

    @property
    def by_value(self) -> bool:
        """Whether the optimizer asks for values of the objective within a step."""
        return any(optimizer.word == "lbfgs" for optimizer in self.fit.optimizer)


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
    check_own_loop(checked, facts)
    check_fits(checked.elaborated, facts)
    run = _run(checked, facts)
    inference = inference_of(checked, facts, plan.variables)
    problem, proofs, said = _specialized(plan, facts, run, inference)
    entries = metric_entries(problem, inference)
    lowered = _lowered(plan, run, problem, inference)
    graph = owned_graph(lowered)
    stop = stop_condition(checked)
    polished = stop is None and is_polished(lowered, facts, checked.fit)
    by_batches = () if _ends_whole(run, facts, polished) else batch_notes(problem)
    tried = _rehearsed(plan, run, problem)
    graph = with_polish(graph) if polished else graph
    record = record_of(plan, facts, lowered, run.fit, inference)
    certified = (
        c.model_copy(update={"certificate": proofs[c.label].facts}) if c.label in proofs else c
        for c in record.constraints
    )
    record = record.model_copy(
        update={
            "constraints": tuple(certified),
            "graph": with_rehearsal(graph, tried.steps) if tried.steps else graph,
            "metric_entries": entries,
            "data": with_facts(plan.data if data is None else data, facts),
            "models": plan.models if models is None else models,
            "notes": _notes(lowered, checked, facts, run.notes + said, by_batches),
        }
    )
    functions = {function.name: function.python for function in record.functions}
    gated = tuple(sorted(name for name, model in facts.models.items() if model.gated))
    emission = Emission(
        lowered=lowered,
        scope=ModuleScope(
            checked.symbols, facts, inference, functions, run.fit.seed, run.fit.precision
        ),
        loop=LoopPlan(lowered, run.fit, gated, stop, run.schedule, run.by_value, polished, tried),
        program=record,
        objective=objective_as_written(checked, facts),
        params=_used_params(checked),
        solve=solve_of(lowered, run.space, checked.method),
        set_solve=set_solve_of(lowered),
        line=isinstance(problem.solver, Bisection),
        starts=declared_sets(checked),
        certified=tuple((label, proof.leaves) for label, proof in proofs.items()),
    )
    return emit(emission)


def _ends_whole(run: _Run, facts: Facts, polished: bool) -> bool:
    """Whether a run works on whole data, at its end at least."""
    noisy = run.schedule.steps_per_epoch > 1 and not (run.by_value or run.solved)
    small = sum(prod(p.shape) for m in facts.models.values() for p in m.parameters) <= POLISHED
    return not noisy or (polished and small)


def _rehearsed(plan: Plan, run: _Run, problem: Problem) -> Rehearsed:
    """First steps that are tried at several rates; none where a solver runs, or variables move."""
    if run.solved or plan.variables:
        return NEVER
    whole, steps = run.schedule.steps_per_epoch == 1, run.schedule.steps
    return rehearsed(plan.checked.fit, run.fit, steps, problem, whole=whole)


def _run(checked: Checked, facts: Facts) -> _Run:
    fit, schedule, notes = budget(checked, facts)
    fit, spread = with_strata(fit, checked, facts)
    notes += spread
    space = space_of(checked, facts)
    solved = space is not None or one_number(checked) or on_whole_data(checked) is not None
    if solved:
        fit, said = accurate(fit, checked)
        notes += said
    return _Run(fit, schedule, notes, space, solved)


def _lowered(plan: Plan, run: _Run, problem: Problem, inference: Inference) -> Lowered:
    """The problem's rules and actions, those that hold the bounds of variables with them."""
    lowered = lower(problem, inference, run.schedule, run.by_value)
    bounds = bound_actions(plan.variables, (action.name for action in lowered.actions))
    return lowered._replace(actions=(*lowered.actions, *bounds))


def _notes(
    lowered: Lowered,
    checked: Checked,
    facts: Facts,
    of_run: tuple[str, ...],
    of_batches: tuple[str, ...],
) -> tuple[str, ...]:
    """What people are told before a run, `of_run` first; in a loop of one's own nothing of it."""
    problem = lowered.problem
    if facts.own_loop is not None:
        notes = loop_notes(checked, lowered, facts)
    else:
        notes = of_run + of_batches + solver_notes(problem, checked)
        notes += moving_notes(problem, checked, facts)
        notes += class_notes(checked, facts)
        notes += check_streams(problem, checked, facts)
    if problem.solver is None:
        notes += sharing_notes(lowered.actions, facts)
    return notes + pruning_notes(lowered, facts, checked.params) + problem.surrogate_notes


def objective_as_written(checked: Checked, facts: Facts) -> Expr:
    """The objective as written, without `let` names, its sums over weights written out."""
    problem = inline_lets(collect(checked), lets(checked))
    problem = problem.model_copy(update={"constraints": (), "metrics": ()})
    return expand(problem, expansion(checked, facts)).objective


def _used_params(checked: Checked) -> dict[str, float | tuple[float, ...]]:
    used = names(checked.elaborated) - (matrix_params(checked).keys() - whole_params(checked))
    return {name: value for name, value in checked.params.items() if name in used}


# --- the problem with facts ----------------------------------------------------------------------


def _specialized(
    plan: Plan, facts: Facts, run: _Run, inference: Inference
) -> tuple[Problem, dict[str, Certified], tuple[str, ...]]:
    """The canonical problem with members for quantifiers, surrogates, and a method each.

    Beside it what certificates rest on, and what is said of the margins that they ask for.
    """
    checked = plan.checked
    problem = every_entry(vector_means(expanded(plan, facts), inference), inference)
    problem = few_sums(problem, inference)
    check_axes(problem, inference)
    check_inputs_first(problem, facts)
    check_set_shapes(problem, plan.shapes, checked.params)
    word = SIGMOID if run.solved else _stand_in(checked, facts, run.schedule.steps)
    setting = replace(setting_of(checked, inference, moving(checked)), word=word)
    check_ratio_signs(problem, inference, setting.ranges)
    proofs, problem, said = _to_certify(problem, checked, facts, inference, setting.ranges)
    width = 8 if checked.fit.precision == "float64" else 4
    expected = gates(problem, facts, moving(checked), checked.params, width)
    problem = deployed(surrogates(expected, setting), problem, expected)
    steps = run.schedule.steps
    context = context_of(checked, facts, round(effective(run.fit, steps)))
    problem = with_methods(gate_courses(problem, context, steps), context)
    check_still_parameters(problem, facts, moving(checked))
    return problem, proofs, said


def _to_certify(
    problem: Problem, checked: Checked, facts: Facts, inference: Inference, ranges: Ranges
) -> tuple[dict[str, Certified], Problem, tuple[str, ...]]:
    """What certificates rest on, and the problem with the margins that they ask for."""
    verify = verify_facts(checked)
    if facts.own_loop is not None or all(item.confidence is None for item in verify):
        return {}, problem, ()
    named = {c.full_label: c for c in problem.constraints}
    objective = (n.dataset for n in walk(problem.objective) if isinstance(n, Expectation))
    training = next(filter(None, objective), checked.symbols.default_dataset)
    proofs = certificates(named, checked, verify, training, inference, ranges)
    found = margins(proofs, named, training, inference)
    notes = tuple(margin.note for margin in found.values())
    return proofs, tighten(problem, found, checked.params, checked.method), notes


def _stand_in(checked: Checked, facts: Facts, steps: int) -> Word:
    """What stands in for events: it sharpens along a run whose steps follow from the problem."""
    chosen = checked.method.left_open
    return sharpening(steps) if chosen and facts.own_loop is None and steps >= SETTLES else SIGMOID


def expanded(plan: Plan, facts: Facts) -> Problem:
    """The canonical problem with members for quantifiers, sizes where they are known."""
    checked = plan.checked
    places = {name: item.name_span for name, item in checked.symbols.params().items()}
    check_tables(checked.tables, facts, places)
    problem = with_accuracy(plan.canonical, checked, facts)
    problem = expand(problem, expansion(checked, facts))
    problem = rules(problem, decided(checked, facts))
    problem = with_rows(problem, checked)
    problem = metric_words(problem, checked.symbols)
    return sized_identity(problem, plan.shapes)


def with_accuracy(problem: Problem, checked: Checked, facts: Facts) -> Problem:
    """Implied data that come with a `test` split: a classifier's accuracy there is recorded."""
    model = checked.symbols.only_model
    taken = {name for name, _ in problem.metrics}
    if "data" not in checked.symbols.implied or "test" not in facts.data or "accuracy" in taken:
        return problem
    losses = {function_name(node) for node in walk(problem.objective) if isinstance(node, Call)}
    if model is None or losses.isdisjoint(OF_CLASSES):
        return problem
    predicted = call("pred", call(model, Name(id="x")))
    correct = Compare(operands=(predicted, Name(id="y")), operators=("==",))
    accuracy = Expectation(kind="P", body=correct, dataset="test")
    return problem.model_copy(update={"metrics": (*problem.metrics, ("accuracy", accuracy))})


# --- what has to be tried first ------------------------------------------------------------------


@roomy()
def open_calls(plan: Plan, facts: Facts) -> tuple[Asked, ...]:
    """Calls of models and functions whose outputs are not among the facts.

    Where an argument is itself such a call it comes first; ask again with its answer.

    Raises:
        SpecError: patterns and columns that match nothing.
    """
    if not _calls_others(plan.checked):
        return ()
    inference = inference_of(plan.checked, facts, plan.variables)
    infer(expanded(plan, facts), inference)
    return tuple(inference.asked.values())


def _calls_others(checked: Checked) -> bool:
    """Whether there is a model or a function of a person's own that a spec could call."""
    symbols = checked.symbols
    own = (symbol.role in ("import", "function") for symbol in symbols.table.values())
    return bool(symbols.models()) or any(own)


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
