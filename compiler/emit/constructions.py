"""Parametrizations and Frank-Wolfe steps as Python."""

import ast
import math
from collections.abc import Sequence

from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.vectors import set_constant
from cspec.compiler.emit.measures import MakeTranslator
from cspec.compiler.emit.pieces import constant, parsed
from cspec.compiler.emit.sets import tensors_of
from cspec.compiler.emit.writer import Writer
from cspec.compiler.lower.rules import name_of, targets
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
    mapped = (target for action in parametrizations(lowered) for target in action.targets)
    return frozenset(target.id for target in mapped if isinstance(target, Name))


def parametrizations(lowered: Lowered) -> list[SetAction]:
    """Actions that train pre-images."""
    return [action for action in lowered.actions if maps(action)]


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
            key = name_of(target)
            other = held.setdefault(key, action)
            owns = any(maps(a) or steps_to_vertices(a) for a in (action, other))
            if other is not action and owns:
                raise _two(key, other, action).error()
    for action in parametrizations(lowered):
        if map_of(action) == "softplus" and _two_ends(action):
            raise Diagnostic(
                code="CS521",
                message=f"`{action.family}` can't be enforced by `softplus`: it has one bound, "
                "a box two",
                span=action.constraints[0].span,
                label="two ends",
                helps=("write `by sigmoid`, which lies between two bounds",),
            ).error()


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
        writer = make.writer
        if starts:
            pairs = [f"({name!r}, {_set(starting, translator)})" for name, starting in starts]
            writer.text_line(f"said = start_inside(primal, [{', '.join(pairs)}])")
        if shifted := thresholded(lowered.thresholds, facts):
            writer.line(f"shiftable_(primal[{shifted!r}])")
        for outputs in lowered.outputs:
            _write_output_projection(outputs, writer)
        for held in lowered.problem.lifted:
            _write_faces(held, translator)
        for action in parametrizations(lowered):
            how = f"{_set(action.set, translator)}, {map_of(action)!r}"
            names: dict[str, list[str]] = {}
            for item in targets(action, facts):
                if isinstance(item, ParameterRef):
                    names.setdefault(item.model, []).append(item.name)
                elif isinstance(item, Name):
                    writer.call(f"map_variable_(primal, {item.id!r}, {how})", action.family)
            for model, found in names.items():
                call = f"parametrize_(primal[{model!r}], {found!r}, {how})"
                writer.call(call, action.family)
        if starts:
            writer.line("return said")


def _set(member: SetMember, translator: Translator) -> str:
    return ast.unparse(set_constant(translator, member))


def _on_tensors(action: SetAction, translator: Translator) -> str:
    """The set of an action and its tensors, as arguments."""
    return f"{_set(action.set, translator)}, {ast.unparse(tensors_of(action))}"


def _write_output_projection(outputs: OutputRows, writer: Writer) -> None:
    """The rows as literals, one a line."""
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
                writer.item(parsed(f"Face({place}, lambda {names}: {body})"))


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
    labels = [c.full_label for c in lowered.thresholds]
    call = f"shift_threshold(session, {model!r}, {sorted(datasets)[0]!r}, {labels!r})"
    translator.writer.call(call)


def _numbers(values: Sequence[float]) -> str:
    return ast.unparse(ast.List(elts=[constant(value) for value in values]))


def write_vertex_steps(actions: Sequence[SetAction], translator: Translator) -> None:
    """Frank-Wolfe steps, before the optimizer's step on what is left."""
    for action in actions:
        rate = rate_of(action)
        lr = "" if rate is None else f", lr={rate!r}"
        call = f"frank_wolfe_({_on_tensors(action, translator)}, session.step{lr})"
        translator.writer.call(call, action.family)


def start_in_sets(actions: Sequence[SetAction], translator: Translator) -> list[str]:
    """Frank-Wolfe starts inside its set."""
    return [f"project_({_on_tensors(action, translator)})" for action in actions]


def write_gaps(actions: Sequence[SetAction], translator: Translator) -> None:
    """After the loop: what the gap certifies."""
    for action in actions:
        arguments = f"session, {action.name!r}, {_on_tensors(action, translator)}"
        translator.writer.call(f"report_gap({arguments})")
