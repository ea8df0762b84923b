"""Parametrizations and Frank-Wolfe steps as Python."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.set_constants import set_constant
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.pieces import constant
from cspec.compiler.emit.sets import tensors_of
from cspec.compiler.lower.sharing import targets
from cspec.compiler.methods.frank_wolfe import rate_of, steps_to_vertices
from cspec.compiler.methods.parametrization import map_of, maps
from cspec.compiler.methods.threshold import thresholded
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.lowered import Lowered, OutputRows, SetAction
from cspec.compiler.records.problem import Lifted, ParameterRef, SetMember
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.nodes import Expectation, Expr, Name, walk


def mapped_variables(lowered: Lowered) -> frozenset[str]:
    """Decision variables that are trained through a map."""
    return frozenset(
        target.id
        for action in lowered.actions
        if maps(action)
        for target in action.targets
        if isinstance(target, Name)
    )


def parametrizations(lowered: Lowered) -> list[SetAction]:
    """Actions that train pre-images."""
    return [a for a in lowered.actions if maps(a)]


def vertex_steps(lowered: Lowered) -> list[SetAction]:
    """Actions that step toward vertices."""
    return [a for a in lowered.actions if steps_to_vertices(a)]


def check_alone(lowered: Lowered, facts: Facts) -> None:
    """A parameter that is mapped, or steps toward vertices, is in one set only.

    Raises:
        SpecError: another set, or a bound, on the same parameter.
    """
    held: dict[str, SetAction] = {}
    for action in lowered.actions:
        for target in targets(action, facts):
            key = _key(target)
            other = held.setdefault(key, action)
            if other is not action and _owns(action, other):
                raise _two(key, other, action).error()
    for action in parametrizations(lowered):
        if map_of(action) == "softplus" and _two_ends(action):
            raise _one_bound(action).error()


def _two_ends(action: SetAction) -> bool:
    """Whether a box has a lower and an upper end, in one constraint or in two."""
    ends: set[str] = set()
    for c in action.constraints:
        for key in ("0", "1"):
            end = None if c.set is None else c.set.arguments.get(key)
            value = value_or_none(end, {}) if isinstance(end, Expr) else None
            if end is not None and (value is None or math.isfinite(value)):
                ends.add(key)
    return action.set.word == "box" and ends == {"0", "1"}


def _one_bound(action: SetAction) -> Diagnostic:
    first = action.constraints[0]
    return Diagnostic(
        code="CS521",
        message=f"`{action.family}` can't be enforced by `softplus`: it has one bound, a box two",
        span=first.span,
        label="two ends",
        helps=("write `by sigmoid`, which lies between two bounds",),
    )


def _key(target: Expr) -> str:
    match target:
        case ParameterRef(model=model, name=name):
            return f"{model}.{name}"
        case Name(id=name):
            return name
        case _:
            return repr(target)


def _owns(*actions: SetAction) -> bool:
    return any(maps(a) or steps_to_vertices(a) for a in actions)


def _two(key: str, first: SetAction, second: SetAction) -> Diagnostic:
    words = " and ".join(f"`{a.family}` by {a.settings.word}" for a in (first, second))
    spans = [c.span for a in (first, second) for c in a.constraints]
    return Diagnostic(
        code="CS521",
        message=f"`{key}` can't be held in two sets at once by {words}",
        span=spans[0],
        notes=(
            "a map, and a step toward vertices, know one set; bounds of a `var` are a set, too",
        ),
        helps=("use `by projection` or `by admm` for both, or write one set",),
    )


def write_prepare(
    lowered: Lowered,
    facts: Facts,
    make: MakeTranslator,
    starts: Sequence[tuple[str, SetMember]] = (),
) -> None:
    """`prepare(primal)`: before the optimizer is made; what is to be said of it.

    `starts` are variables that are declared in a set, where they start.
    """
    doc = ["Before training: starts within their sets, what holds by construction from here on."]
    with make.writer.function("prepare", ("primal",), doc):
        translator = make()
        if starts:
            translator.used.add("start_inside")
            pairs = [
                f"({name!r}, {ast.unparse(set_constant(translator, s))})" for name, s in starts
            ]
            make.writer.text_line(f"said = start_inside(primal, [{', '.join(pairs)}])")
        if shifted := thresholded(lowered.thresholds, facts):
            translator.used.add("shiftable_")
            make.writer.line(f"shiftable_(primal[{shifted!r}])")
        for outputs in lowered.outputs:
            _write_output_projection(outputs, translator)
        for held in lowered.problem.lifted:
            _write_faces(held, translator)
        for action in parametrizations(lowered):
            items = targets(action, facts)
            by = map_of(action)
            operator = ast.unparse(set_constant(translator, action.set))
            names: dict[str, list[str]] = {}
            for item in items:
                if isinstance(item, ParameterRef):
                    names.setdefault(item.model, []).append(item.name)
                elif isinstance(item, Name):
                    translator.used.add("map_variable_")
                    call = f"map_variable_(primal, {item.id!r}, {operator}, {by!r})"
                    make.writer.call(call, action.family)
            for model, found in names.items():
                translator.used.add("parametrize_")
                call = f"parametrize_(primal[{model!r}], {found!r}, {operator}, {by!r})"
                make.writer.call(call, action.family)
        if starts:
            make.writer.line("return said")


def _write_output_projection(outputs: OutputRows, translator: Translator) -> None:
    """The rows as literals, one a line."""
    writer = translator.writer
    translator.used.add("project_outputs_")
    with writer.block("project_outputs_(", ")"):
        writer.line(f"primal[{outputs.model!r}],")
        with writer.block("[", "],"):
            for row, label in zip(outputs.rows, outputs.labels, strict=True):
                writer.line(f"{_numbers(row)},  # {label}")
        writer.line(f"lower={_numbers(outputs.lower)},")
        writer.line(f"upper={_numbers(outputs.upper)},")


def _write_faces(model: Lifted, translator: Translator) -> None:
    """The box as literals, the faces one a line, values as functions of the coordinates."""
    writer, scope = translator.writer, translator.scope
    translator.used |= {"lift_", "Face"}
    lower, upper = zip(*model.box, strict=True)
    with writer.block("lift_(", ")"):
        writer.line(f"primal[{model.model!r}],")
        writer.line(f"lower={_numbers(lower)},")
        writer.line(f"upper={_numbers(upper)},")
        with writer.block("faces=[", "],"):
            for face in model.faces:
                own = scope._replace(params={**scope.params, **{n: n for n in face.names}})
                value = Translator(own, writer, translator.names, translator.used)
                body = ast.unparse(value.translate(face.value))
                names = ", ".join(face.names)
                writer.comment(f"{face.label}: x[{face.axis}] == {face.at:g}")
                place = f"{face.axis}, {face.at!r}"
                writer.text_line(f"Face({place}, lambda {names}: {body}),")


def write_thresholds(lowered: Lowered, translator: Translator) -> None:
    """After the loop: the shift of the score at which the rates hold."""
    model = thresholded(lowered.thresholds, translator.scope.facts)
    if model is None:
        return
    datasets = {
        node.dataset
        for c in lowered.thresholds
        for node in walk(c.value)
        if isinstance(node, Expectation) and node.dataset
    }
    translator.used.add("shift_threshold")
    labels = [c.full_label for c in lowered.thresholds]
    call = f"shift_threshold(session, {model!r}, {sorted(datasets)[0]!r}, {labels!r})"
    translator.writer.call(call)


def _numbers(values: Sequence[float]) -> str:
    return ast.unparse(ast.List(elts=[constant(value) for value in values]))


def write_vertex_steps(actions: Sequence[SetAction], translator: Translator) -> None:
    """Frank-Wolfe steps, before the optimizer's step on what is left."""
    for action in actions:
        translator.used.add("frank_wolfe_")
        rate = rate_of(action)
        lr = "" if rate is None else f", lr={rate!r}"
        operator = ast.unparse(set_constant(translator, action.set))
        call = f"frank_wolfe_({operator}, {ast.unparse(tensors_of(action))}, session.step{lr})"
        translator.writer.call(call, action.family)


def start_in_sets(actions: Sequence[SetAction], translator: Translator) -> list[str]:
    """Frank-Wolfe starts inside its set."""
    calls = []
    for action in actions:
        translator.used.add("project_")
        operator = ast.unparse(set_constant(translator, action.set))
        calls.append(f"project_({operator}, {ast.unparse(tensors_of(action))})")
    return calls


def write_gaps(actions: Sequence[SetAction], translator: Translator) -> None:
    """After the loop: what the gap certifies."""
    for action in actions:
        translator.used.add("report_gap")
        operator = ast.unparse(set_constant(translator, action.set))
        tensors = ast.unparse(tensors_of(action))
        arguments = f"session, {action.name!r}, {operator}, {tensors}"
        translator.writer.call(f"report_gap({arguments})")
