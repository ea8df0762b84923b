"""The whole module: docstring, imports, constants, functions, loop, and what `main` needs."""

import ast
import tokenize
from collections.abc import Iterable
from typing import NamedTuple

from cspec.compiler.algebra.matrices import is_large
from cspec.compiler.emit.constructions import (
    check_alone,
    mapped_variables,
    parametrizations,
    write_prepare,
)
from cspec.compiler.emit.duals import needs_stand_in, needs_violation
from cspec.compiler.emit.each_example import write_functions
from cspec.compiler.emit.expressions import ModuleScope, Translator
from cspec.compiler.emit.expressions.calls import BODIES
from cspec.compiler.emit.loop import LoopPlan, write_restore, write_train
from cspec.compiler.emit.measures import (
    MakeTranslator,
    steps_on_objective,
    write_cases,
    write_evaluate,
    write_leaves,
    write_measure,
    write_metrics,
    write_objective,
    write_preferences,
    write_stand_in,
    write_violation,
)
from cspec.compiler.emit.pieces import PACKED, Names, constant, is_packed, packed
from cspec.compiler.emit.sets import (
    split_groups,
    write_decide,
    write_held,
    write_masks,
    write_project,
    write_splits,
    write_targets,
)
from cspec.compiler.emit.setup import WORDS, value_of, write_record, write_setup
from cspec.compiler.emit.solvers import write_derivatives, write_line, write_set_solve, write_solve
from cspec.compiler.emit.updates import (
    dual_operations,
    names_of,
    write_combine,
    write_dual_step,
    write_initial_state,
    write_unit_functions,
)
from cspec.compiler.emit.writer import Writer
from cspec.compiler.expressions.derivatives import followed_features, tracked_columns
from cspec.compiler.lower.graph import is_restored
from cspec.compiler.lower.solver_call import SetSolve, Solve
from cspec.compiler.methods.gate_decisions import decisions
from cspec.compiler.methods.projection import each_step
from cspec.compiler.records.graph import RUNTIME_FUNCTIONS
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import SetMember
from cspec.compiler.records.program import Program
from cspec.dsl.tree.nodes import Expr
from cspec.dsl.words.functions import SIGNATURES

PIECES = {
    **RUNTIME_FUNCTIONS,
    "cspec.runtime.functions.pairs": frozenset({"differences", "ratio_differences", "every_sum"}),
    "cspec.runtime.functions.branches": frozenset({"at_largest", "at_smallest"}),
    "cspec.runtime.functions.reductions": frozenset(
        {"example_max", "example_min", "example_sum", "example_all", "example_any"}
    ),
    "cspec.runtime.models": frozenset({"clamp_gates"}),
    "cspec.runtime.methods.admm": frozenset(
        {"attraction", "begin", "split_round", "deliver", "stay", "linearized_step", "report_split"}
    ),
    "cspec.runtime.steps.update": frozenset(
        {"vector", "weigh", "total", "keep", "parameter", "parameters", "ramp_down", "ramp",
         "temperature", "instead", "worst", "stands_in", "shortfall", "distance"}
    ),
    "cspec.runtime.steps.late": frozenset({"late", "late_violation"}),
    "cspec.runtime.setup": WORDS,
    "cspec.runtime.solvers.nlp.problem": frozenset({"matrix", "symmetric"}),
    "cspec.runtime.functions.tensors": frozenset({"numbers"}),
    "cspec.runtime.steps.projection": frozenset({"project_", "project_together"}),
    "cspec.runtime.methods.escalate": frozenset({"escalate"}),
    "cspec.runtime.methods.gates": frozenset({"decide_gates"}),
    "cspec.runtime.steps.feasible_copies": frozenset({"Split"}),
    "cspec.runtime.steps.freezing": frozenset({"freeze_support", "hold_support"}),
    "cspec.runtime.methods.sal": frozenset({"solved", "report_stall"}),
    "cspec.runtime.methods.scaling": frozenset({"scaled"}),
    "cspec.runtime.finish.polish": frozenset({"polish"}),
    "cspec.runtime.finish.exchange": frozenset({"exchanged"}),
    "cspec.runtime.finish.offsets": frozenset({"settle_offsets"}),
    "cspec.runtime.finish.settle": frozenset({"settle_points"}),
    "cspec.runtime.finish.begin_inside": frozenset({"begin_inside"}),
    "cspec.runtime.methods.rehearsal": frozenset({"rehearse"}),
    "cspec.runtime.finish.restore": frozenset({"Restoration", "jacobian"}),
    "cspec.runtime.finish.shortest_step": frozenset({"shortest"}),
    "cspec.runtime.methods.each_example": frozenset(
        {"units_of_each", "balance_each", "tell_each"}
        | {"multiplier_network", "climb_network", "tell_network"}
    ),
    "cspec.runtime.methods.units": frozenset({"slopes", "size_of", "gradient_rate"}),
    "cspec.runtime.bind.starting": frozenset({"start_inside"}),
    "cspec.runtime.methods.frank_wolfe": frozenset({"frank_wolfe_", "report_gap"}),
    "cspec.runtime.models.parametrization": frozenset({"parametrize_", "map_variable_"}),
    "cspec.runtime.steps.output_projection": frozenset({"project_outputs_"}),
    "cspec.runtime.steps.lifting": frozenset({"lift_", "Face"}),
    "cspec.runtime.methods.threshold": frozenset({"shiftable_", "shift_threshold"}),
    "cspec.runtime.methods.extragradient": frozenset({"keep_place", "go_back"}),
}  # fmt: skip
"""Modules of the runtime that emitted modules import from, but `functions`."""
IMPORTED = frozenset({"per_example"}).union(*PIECES.values())
"""What the compiler's own lines call by name."""
MAIN = (
    '\n\nif __name__ == "__main__":\n'
    "    from cspec.runtime import main\n\n"
    "    raise SystemExit(main(globals()))\n"
)


class Emission(NamedTuple):
    """What `emit` is given beside the lowered problem."""

    lowered: Lowered
    scope: ModuleScope
    loop: LoopPlan
    program: Program
    """With an empty `source`: everything else is known."""
    objective: Expr
    """As written."""
    params: dict[str, float | tuple[float, ...]]
    solve: Solve | None = None
    """The call of the solver that owns the run, where one does."""
    set_solve: SetSolve | None = None
    """The same for problems over sets with a projection."""
    starts: tuple[tuple[str, SetMember], ...] = ()
    """Variables that are declared in a set, where they start."""
    certified: tuple[tuple[str, tuple[Expr, ...]], ...] = ()
    """By label, the means that certificates rest on."""
    line: bool = False
    """Whether the line of the only number that moves is searched."""

    @property
    def solved(self) -> bool:
        """Whether a solver owns the run."""
        return self.solve is not None or self.set_solve is not None or self.line


def python_names(names: Iterable[str]) -> dict[str, str]:
    """Module names for callables of the spec, clear of everything the module uses."""
    taken = _taken()
    return {name: taken.fresh(name) for name in names}


def _taken() -> Names:
    return Names(RESERVED_NAMES | frozenset(SIGNATURES) | frozenset(BODIES.values()) | INTERNAL)


def emit(emission: Emission) -> Program:
    """The program with its Python module. Deterministic: same plan and facts, same text."""
    check_alone(emission.lowered, emission.scope.facts)
    loop = emission.loop._replace(
        splits=split_groups(emission.lowered, emission.scope.facts),
        by_objective=not emission.solved
        and steps_on_objective(emission.lowered, emission.objective),
    )
    taken = _taken()
    for name in emission.scope.functions.values():
        taken.fresh(name)
    emission = emission._replace(loop=loop, scope=_scope(emission, taken))
    body, used = Writer(), set[str]()
    body.follows = bool(emission.scope.tracked)
    used |= {"followed"} if body.follows else set()
    template = Translator(emission.scope, body, taken, used)
    _functions(emission, MakeTranslator(template))
    first = Writer()
    write_setup(emission.program, first, used, steps=not emission.solved)
    _write_forwards(template, first)
    searched = "".join(writer.text_after() for _, writer in template.searched.values())
    before = first.text_after() + searched
    rest, called = double_quoted(before + body.text_after() + MAIN)
    used |= called & IMPORTED
    head = Writer()
    head.docstring(_docstring(emission))
    _imports(head, body, template, emission)
    _constants(head, template, emission)
    lines = body.labels_after(head.text() + before)
    source = double_quoted(head.text())[0] + rest
    return emission.program.model_copy(update={"source": source, "lines": lines})


def double_quoted(text: str) -> tuple[str, set[str]]:
    """Python with 'strings' written as "strings", where nothing has to be escaped for it.

    Beside it the names of the functions that it calls.
    """
    lines = text.splitlines(keepends=True)
    # Packed numbers are megabytes, in double quotes: no need to read them.
    read = ["\n" if PACKED in line else line for line in lines]
    tokens = list(tokenize.generate_tokens(iter(read).__next__))
    edits = [t for t in tokens if t.type == tokenize.STRING and t.string.startswith("'")]
    called = {
        name.string
        for dot, name, bracket in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if bracket.string == "(" and dot.string not in (".", "def")
    }
    for token in reversed(edits):
        inner = token.string[1:-1]
        if '"' in inner or "\\'" in inner or token.start[0] != token.end[0]:
            continue
        row, (start, end) = token.start[0] - 1, (token.start[1], token.end[1])
        lines[row] = f'{lines[row][:start]}"{inner}"{lines[row][end:]}'
    return "".join(lines), called


INTERNAL = frozenset(
    {
        "per_example", "narrowed", "entry", "own_entry", "spread", "filled", "as_number",
        "side_by_side", "multiplied", "recoded", "group_index", "fraction", "mean", "by_group",
        "every_group", "if_measured", "one_if_missing", "quotient", "implies",
        "Numbers", "at_places", "by_member", "member_index", "members", "of_members", "row_means",
        "as_tensor", "repeated", "added", "expected_density", "class_prob", "label_prob",
        "label_chance",
        "violations", "truth", "only", "one_each", "broken_or_room", "at_worst", "mean_violation",
        "mean_over_draws",
        "tracked", "feature_slope", "followed",
    }
)  # fmt: skip
"""Functions of the runtime that only the compiler calls."""

RESERVED_NAMES = (
    frozenset().union(*PIECES.values())
    | {
        "torch", "math", "operators", "functions", "Session", "main", "primal", "batch",
        "data", "state", "optimizer", "session", "progress", "f", "g", "true", "loss", "result",
        "measure", "measure_each", "minimized", "constraints", "surrogates", "outputs",
        "evaluate", "metrics", "objective", "preferences", "combine", "project", "train",
        "initial_state", "initial", "closure", "sqp", "spg", "bisection", "gradient", "jacobian",
        "solve",
        "hessian", "multipliers", "seen", "place", "prepare", "smooth", "cases", "said",
        "splits", "sets", "keep_zeros", "freeze", "begun", "name",
        "sizes", "decide", "late", "each", "rows", "moves", "values", "weights",
    }
)  # fmt: skip


def _scope(emission: Emission, names: Names) -> ModuleScope:
    """The scope of the module: the names of params, columns that derivatives are taken by."""
    problem, loop = emission.lowered.problem, emission.loop
    measured = [value for _, value in problem.metrics]
    sides = [side for c in problem.constraints for side in (c.value, c.bound, *c.parts)]
    expressions = [emission.objective, problem.objective, *measured, *sides]
    columns = emission.scope.symbols.column_names
    return emission.scope._replace(
        params={name: names.fresh(name) for name in emission.params},
        length=loop.length,
        mapped=mapped_variables(emission.lowered),
        tracked=tracked_columns(expressions) & columns,
        followed=followed_features(expressions) & columns,
        exact=frozenset() if emission.scope.precision == "float64" else _exact(emission.program),
        vectors=frozenset(name for name, v in emission.params.items() if isinstance(v, tuple)),
        inputs=frozenset(name for setup in emission.program.data for name in setup.inputs),
    )


def _exact(program: Program) -> frozenset[str]:
    return frozenset(column for data in program.data for column in data.exact)


def _functions(emission: Emission, make: MakeTranslator) -> None:
    lowered, loop, writer = emission.lowered, emission.loop, make.writer
    rules, facts, solve = lowered.rules, emission.scope.facts, emission.solve
    write_initial_state(lowered, writer)
    vectors = None if solve is None else solve.vectors
    averaged: frozenset[str] = frozenset()
    if loop.by_objective:
        write_objective(emission.objective, make, rows="batch")
    else:
        noisy = loop.noisy and not emission.solved
        averaged = write_measure(
            lowered, make, vectors, loop.by_value, noisy=noisy, solved=emission.solved
        )
    if needs_violation(lowered):
        write_violation(lowered, make)
    if needs_stand_in(lowered):
        write_stand_in(lowered, make)
    if not emission.solved:
        remembers = write_combine(rules, make(), loop.by_value, averaged)
        loop = loop._replace(remembers=remembers)
    write_functions(lowered, writer)
    write_unit_functions(lowered, make())
    for names in names_of(rules):
        for operation in dual_operations(names.rule):
            write_dual_step(names, operation, writer)
    mapped = parametrizations(lowered)
    if mapped or lowered.outputs or lowered.problem.lifted or lowered.thresholds or emission.starts:
        write_prepare(lowered, facts, make, emission.starts)
    if not emission.solved:
        _kept_in_sets(emission, [a for a in lowered.actions if a not in mapped], make)
    if solve is not None:
        write_derivatives(solve, make)
        write_solve(solve, writer)
    elif emission.set_solve is not None:
        write_set_solve(emission.set_solve, make())
    elif emission.line:
        write_line(lowered, writer)
    else:
        if is_restored(lowered):
            write_restore(writer)
        write_train(loop, make())
    if not loop.by_objective:
        write_objective(emission.objective, make, vectors)
    write_evaluate(lowered, make)
    write_cases(lowered, make)
    if emission.certified:
        write_leaves(emission.certified, make)
    if lowered.soft:
        write_preferences(lowered.soft, make)
    write_metrics(lowered.problem.metrics, make)
    write_record(emission.program, emission.scope.params, writer, make().used)


def _kept_in_sets(emission: Emission, acting: list[SetAction], make: MakeTranslator) -> None:
    """What a loop does with parameters that are kept in sets, and with gates."""
    lowered, loop, facts = emission.lowered, emission.loop, emission.scope.facts
    if acting:
        write_targets(acting, facts, make)
        write_held(acting, make)
    write_decide(decisions(lowered.problem), make)
    if loop.splits:
        write_splits(loop.splits, make())
    every_step = [action for action in lowered.actions if each_step(action)]
    if every_step:
        write_project(every_step, facts, make)
        write_masks(every_step, make)


def _docstring(emission: Emission) -> list[str]:
    program = emission.program
    sense = program.sense
    lines = [f"{sense} {program.objective}".strip(), ""]
    families = {c.family: c for c in program.constraints}
    for constraint in families.values():
        lines.append(f"{constraint.family}: {constraint.text}    by {constraint.method}")
    lines += [
        "",
        f"Compiled by cspec from {program.name}, plan {program.digest[:12]}. Running this file",
        "trains exactly as `cspec run` does: the runtime executes this very text.",
    ]
    return lines


def _imports(head: Writer, body: Writer, template: Translator, emission: Emission) -> None:
    text = "\n".join(body.lines)
    written = [call for _, call in template.constants.values() if not is_packed(call)]
    constants = [ast.unparse(call) for call in written]
    large = large_params(emission)
    constants += [repr(value) for name, value in emission.params.items() if name not in large]
    used = template.used | {"numbers"} if large else template.used
    if "math." in text or any("math." in c or "inf" in c for c in constants):
        head.line("import math")
        head.line()
    if "torch." in text or any("torch." in c for c in constants):
        head.line("import torch")
        head.line()
    groups = {module: used & pieces for module, pieces in PIECES.items()}
    groups["cspec.runtime.functions"] = used.difference(*PIECES.values())
    if "operators.get" in "\n".join((text, *constants)):
        head.line("from cspec.runtime import operators")
    if emission.solve is not None:
        head.line("from cspec.runtime.solvers import sqp")
    if emission.set_solve is not None:
        head.line("from cspec.runtime.solvers.spg import solve as spg")
    if emission.line:
        head.line("from cspec.runtime.solvers import bisection")
    if emission.solved:
        head.line("from cspec.runtime.solving import solve")
    for module, names in sorted(groups.items()):
        if names:
            _import_line(head, module, sorted(names))


def _import_line(head: Writer, module: str, names: list[str]) -> None:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 100:
        head.line(line)
        return
    with head.block(f"from {module} import (", ")"):
        for name in names:
            head.line(f"{name},")


def large_params(emission: Emission) -> dict[str, tuple[float, ...]]:
    """The params of so many numbers that they are packed."""
    return {
        name: value
        for name, value in emission.params.items()
        if isinstance(value, tuple) and is_large(len(value))
    }


def _constants(head: Writer, template: Translator, emission: Emission) -> None:
    params = emission.scope.params
    if emission.params:
        head.line()
    large = large_params(emission)
    for name, value in emission.params.items():
        if name in large:
            head.comment(f"param {name}: {len(large[name]):,} numbers")
            head.line(f"{params[name]} = {ast.unparse(packed(large[name]))}")
        elif isinstance(value, tuple):
            head.assign(params[name], value_of(tuple(map(float, value))), f"param {name}")
        else:
            head.assign(params[name], constant(value), f"param {name}")
    if template.constants:
        head.line()
    for name, call in template.constants.values():
        head.assign(name, call)


def _write_forwards(template: Translator, writer: Writer) -> None:
    """`outputs(primal, rows)`: what a model gives on the rows of a batch, or of whole data."""
    for found, name in template.forwards.items():
        doc = [f"{found.model}({', '.join(found.columns)}), on rows of any dataset."]
        with writer.function(name, ("primal", "rows"), doc):
            columns = ", ".join(
                f"rows[{column!r}]{' == 1' if column in found.truths else ''}"
                for column in found.columns
            )
            call = f"primal[{found.model!r}]({columns})"
            writer.line(f"return {f'per_example({call})' if found.row else call}")
