"""The functions of the module that measure: objective, constraints, report values, metrics."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence, Set

from cspec.compiler.algebra.vectorize import Vectorizer
from cspec.compiler.emit.each_example import each_followed, write_values
from cspec.compiler.emit.expressions import Translator
from cspec.compiler.emit.expressions.means import remembered, with_gradient
from cspec.compiler.emit.expressions.operators import sides
from cspec.compiler.emit.expressions.vectors import in_order, set_constant
from cspec.compiler.emit.pieces import Names, constant, literal, method, parsed, sequence
from cspec.compiler.emit.writer import Writer
from cspec.compiler.expressions.rewrite import last_of_ramp
from cspec.compiler.lower.rules import group_count, outside_reductions
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.records.lowered import FunctionalRule, Lowered, Segment, SetResidual
from cspec.compiler.records.problem import Constraint, Initial, ParameterRef, PerExample
from cspec.compiler.surrogates.branches import along
from cspec.dsl.tree.nodes import Expectation, Expr, Name, Vector, walk

MEASURE, EACH, MINIMIZED = "measure", "measure_each", "minimized"
_MEASURED = "f, the constraints g with gradient, and the true constraints, on one batch."
MANY = 24
"""Constraints beyond which each does not get a local of its own."""
LONGEST = 40
"""Characters of an expression that the function of a metric is named by."""


def write_measure(
    lowered: Lowered,
    make: MakeTranslator,
    vectors: Vectorizer | None = None,
    by_value: bool = False,
    *,
    noisy: bool = False,
    solved: bool = False,
) -> frozenset[str]:
    """`measure(primal, batch) -> (f, g, true)`; with `vectors`, terms of one form at once.

    `by_value`: line searches look at f, so a flat objective is its surrogate there. `noisy`: on
    batches, preferences and penalties take means for averages over late steps; the labels of those
    that do are given back. `solved`: a solver asks for all, and nothing is computed twice.
    """
    writer = make.writer
    followed = any(part.gradients is not None for part in lowered.parts)
    once = solved and not lowered.examples and not followed
    name, doc = MEASURE if solved else measured_by(lowered), _MEASURED
    if name == MINIMIZED:
        doc = "What is minimized, on one batch."
    elif name == EACH:
        first = "f, g and true" if lowered.rules else "f"
        doc = f"{first}, and what is asked of each example of a batch: <= 0 where it is met."
    function = writer.shared if once else writer.function
    with function(name, ("primal", "batch"), [doc]):
        translator = make()
        _objective(lowered, translator, vectors, by_value and not once)
        _preferences(lowered.soft, translator, noisy)
        if lowered.examples:
            write_values(lowered.examples, translator)
        if lowered.rules:
            _measure(lowered, translator, vectors, noisy)
        else:
            none = translator.call("vector") if once else method("f", "new_zeros", constant(0))
            _give(lowered, translator, *([none, none] if name == MEASURE else []))
    if name == EACH and lowered.rules:
        with writer.function(MEASURE, ("primal", "batch"), [_MEASURED]):
            writer.line(f"return {EACH}(primal, batch)[:3]")
    return frozenset(translator.averaged)


def measured_by(lowered: Lowered) -> str:
    """The function that a step measures by."""
    if lowered.examples:
        return EACH
    return MEASURE if lowered.rules else MINIMIZED


def measured(lowered: Lowered) -> str:
    """What that function gives, as the loop unpacks it."""
    vectors = ", g, true" if lowered.rules else ""
    return f"f{vectors}, each" if lowered.examples else f"f{vectors}"


def _give(lowered: Lowered | None, translator: Translator, *vectors: ast.expr) -> None:
    """`return f, g, true, each`: requirements on each example come last, by name."""
    each = [ast.Name(id="each")] if lowered is not None and lowered.examples else []
    found = (ast.Name(id="f"), *vectors, *each)
    translator.writer.give(literal(found) if len(found) > 1 else found[0])


def _measure(
    lowered: Lowered, translator: Translator, vectors: Vectorizer | None, noisy: bool
) -> None:
    """g and the true constraints, behind the objective."""
    writer, parts = translator.writer, lowered.parts
    if vectors is not None:
        write_constraints([f for part in parts for f in part.functions], translator, vectors)
        return
    moves = [(part, _followed(rule, part)) for rule in lowered.rules for part in rule.parts]
    rules = [rule for rule in lowered.rules if noisy and rule.fragment.of_means]
    late = frozenset(part.constraint.full_label for rule in rules for part in rule.parts)
    writer.assign("g", _all_entries(moves, translator, "", late))
    if all(part.gradients is None for part in parts):
        _give(lowered, translator, ast.Name(id="g"), method("g", "detach"))
        return
    truths = [(part, part.functions) for part in parts]
    if translator.scope.tracked or late:  # derivatives by columns, and averages, follow the step
        writer.assign("true", _all_entries(truths, translator, "true_", late))
        _give(lowered, translator, ast.Name(id="g"), parsed("true.detach().to(g.dtype)"))
        return
    with writer.block("with torch.no_grad():"):
        writer.assign("true", _all_entries(truths, translator, "true_"))
    # Rates are counted in float64: the steps go on in the run's type.
    _give(lowered, translator, ast.Name(id="g"), parsed("true.to(g.dtype)"))


def _followed(rule: FunctionalRule, part: Segment) -> Sequence[Expr]:
    """What the step follows; kinks as they truly lie, unless nothing true moves the multipliers."""
    if part.gradients is None:
        return part.functions
    if getattr(rule.rule.settings, "dual_on", "true") == "surrogate":
        return part.gradients
    return _along(part.functions, part.gradients)


def _along(true: Sequence[Expr], seen: Sequence[Expr]) -> list[Expr]:
    return [along(*pair) for pair in zip(true, seen, strict=True)]


def write_constraints(
    functions: Sequence[Expr], translator: Translator, vectors: Vectorizer | None
) -> None:
    """`g = vector(...)`, functions of one form at once where that is asked for; the return."""
    order = None
    if vectors is not None:
        functions, order = vectors.functions(functions)
    value: ast.expr = translator.call("vector", *map(translator.translate, functions))
    if order is not None:
        value = in_order(order, value, translator)
    translator.writer.assign("g", value)
    _give(None, translator, ast.Name(id="g"), method("g", "detach"))


def _objective(
    lowered: Lowered, translator: Translator, vectors: Vectorizer | None, by_value: bool
) -> None:
    writer = translator.writer
    objective = lowered.problem.objective
    value = objective_value(objective, translator, vectors)
    gradient = lowered.problem.objective_gradient
    if gradient is not None and by_value:
        value = with_gradient(translator, gradient)
    elif gradient is not None:
        seen = with_gradient(translator, along(objective, gradient))
        value = translator.call("stands_in", value, seen)
    writer.assign("f", value)
    translator.names.fresh("f")


def _preferences(soft: Sequence[Constraint], translator: Translator, noisy: bool) -> None:
    """What they add to f."""
    for c in soft:
        translator.late = c.full_label if noisy else None
        term = _preference(c, c.parts, c.gradient_parts, translator)
        translator.late = None
        total = ast.BinOp(ast.Name(id="f"), ast.Add(), term)
        translator.writer.assign("f", total, f"preference {c.full_label}", c.full_label)


def objective_value(
    objective: Expr, translator: Translator, vectors: Vectorizer | None
) -> ast.expr:
    """An objective as a tensor; with `vectors`, terms of one form at once."""
    value = with_gradient(
        translator, objective if vectors is None else vectors.expression(objective)
    )
    return translator.call("as_tensor", value) if isinstance(value, ast.Constant) else value


def _preference(
    c: Constraint,
    true: Sequence[Expr],
    seen: Sequence[Expr] | None,
    translator: Translator,
) -> ast.expr:
    """Weight times the violation of a preference: the true one, with the gradient of `seen`.

    Of a preference about each example it is the mean of the violation over them.
    """
    assert c.soft is not None
    power = {} if c.soft.power == 1 else {"power": constant(c.soft.power)}
    amount: ast.expr
    if c.each is not None:
        equal = {"equal": ast.Constant(True)} if c.relation == "==" else {}
        followed = each_followed(c, translator)
        amount = translator.call("mean_violation", followed, **equal, **power)
    elif c.relation == "in":
        amount = _set_violation(c, translator)
        if power:
            amount = ast.BinOp(amount, ast.Pow(), power["power"])
    else:
        entries = translator.call("vector", *(with_gradient(translator, part) for part in true))
        if seen is not None:
            parts = [with_gradient(translator, part) for part in _along(true, seen)]
            entries = translator.call("stands_in", entries, translator.call("vector", *parts))
        if translator.late in translator.averaged and not power:
            equal = {"equal": ast.Constant(True)} if c.relation == "==" else {}
            where = remembered(translator, c.full_label)
            amount = translator.call("late_violation", entries, *where, **equal)
        else:
            word = "distance" if c.relation == "==" else "shortfall"
            amount = translator.call(word, entries, **power)
    return ast.BinOp(constant(c.soft.weight), ast.Mult(), amount)


Entries = Sequence[tuple[Segment, Sequence[Expr]]]
"""Constraints with canonical functions of theirs."""


def _all_entries(
    entries: Entries,
    translator: Translator,
    prefix: str | None = None,
    late: Set[str] = frozenset(),
) -> ast.expr:
    """`vector(...)` of all entries, those of one form at once; with `prefix` in locals if few.

    `late`: labels of those whose means are averages over late steps.
    """
    owners = [(part.constraint, i) for part, found in entries for i, _ in enumerate(found)]
    functions = [function for _, found in entries for function in found]
    groups = [
        chosen
        for places in translator.members.groups(functions)
        for side in (False, True)
        if (chosen := [p for p in places if (owners[p][0].full_label in late) is side])
    ]
    few = len({owners[places[0]][0].full_label for places in groups}) <= MANY
    values = []
    for places in groups:
        together = [functions[place] for place in places]
        labels = [owners[place][0].full_label for place in places]
        translator.late = labels[0] if labels[0] in late else None
        value = _together_or_alone(together, translator, moves=prefix == "")
        translator.averaged.update(labels if translator.late in translator.averaged else ())
        translator.late = None
        if few and prefix is not None:
            value = _named(value, [owners[place] for place in places], translator, prefix)
        values.append(value)
    result = translator.call("vector", *values)
    moved = {place: new for new, place in enumerate(place for g in groups for place in g)}
    order = tuple(moved[place] for place in range(len(functions)))
    return result if list(order) == sorted(order) else in_order(order, result, translator)


def _named(
    value: ast.expr, owners: Sequence[tuple[Constraint, int]], translator: Translator, prefix: str
) -> ast.expr:
    """The local of entries, with the labels and the text of their constraints."""
    (first, index), (last, _) = owners[0], owners[-1]
    said = wanted = first.full_label
    text = first.text
    if len(owners) > 1:
        said += f" ... {last.full_label}"
        wanted = first.label if first.label == last.label else f"{first.label}_to_{last.label}"
        text += "" if first.text == last.text else ", ..."
    key = ("entry", said, index, ast.dump(value))
    comment = f"{said}: {text}"
    return translator.local(key, prefix + wanted, value, comment, first.full_label)


def _together_or_alone(functions: Sequence[Expr], translator: Translator, moves: bool) -> ast.expr:
    """Canonical functions of one form; a set's residual goes through its operator."""
    expr = functions[0] if len(functions) == 1 else translator.members.together(functions)
    if not isinstance(expr, SetResidual):
        return with_gradient(translator, expr) if moves else translator.translate(expr)
    word = "residual" if expr.equality else "inequality"
    operator, subject = set_constant(translator, expr.set), translator.translate(expr.subject)
    return method(operator, word, subject)


def write_violation(lowered: Lowered, make: MakeTranslator) -> None:
    """`constraints(primal, batch) -> true`: the true canonical constraints alone."""
    doc = "The true constraints alone, <= 0 (== 0) where they are met: measured on whole data."
    _write_alone("constraints", doc, [(part, part.functions) for part in lowered.parts], make)


def write_stand_in(lowered: Lowered, make: MakeTranslator) -> None:
    """`surrogates(primal, batch) -> g`: what the model's step sees of the constraints."""
    doc = "The constraints as the model's step sees them: what `dual_on=surrogate` moves by."
    entries = [(part, part.gradients or part.functions) for part in lowered.parts]
    _write_alone("surrogates", doc, entries, make)


def _write_alone(name: str, doc: str, entries: Entries, make: MakeTranslator) -> None:
    with make.writer.function(name, ("primal", "batch"), [doc]):
        make.writer.give(_all_entries(entries, make()))


def write_evaluate(lowered: Lowered, make: MakeTranslator) -> None:
    """`evaluate(primal, data) -> {label: (value, bound)}` in the user's units, as deployed."""
    if not lowered.problem.constraints:
        return
    doc = ["Value and bound of every constraint as written, on whole data and as deployed."]
    with make.writer.function("evaluate", ("primal", "data"), doc):
        translator = make("data", strict=True, noted=True)
        constraints = lowered.problem.constraints
        pairs: list[tuple[str | None, ast.expr]] = []
        for places in _reported_together(constraints, translator):
            several = [constraints[place] for place in places]
            if len(several) > 1:
                pairs.append((None, _reports(several, translator)))
            else:
                pairs.append((several[0].full_label, _report(several[0], translator)))
        _return_dictionary(pairs, make.writer)


def _reported_together(
    constraints: Sequence[Constraint], translator: Translator
) -> list[list[int]]:
    """Places of constraints whose values are computed at once."""
    plain = [place for place, c in enumerate(constraints) if _of_one_number(c, translator)]
    sides = [(constraints[p].value, last_of_ramp(constraints[p].judged_by)) for p in plain]
    found = [[plain[i] for i in places] for places in translator.members.pairs(sides)]
    taken = {place for places in found for place in places}
    alone = [[place] for place in range(len(constraints)) if place not in taken]
    return sorted([*found, *alone])


def _of_one_number(c: Constraint, translator: Translator) -> bool:
    if c.relation == "in" or isinstance(c.value, PerExample):
        return False
    return not any(_many(side, translator) for side in (c.value, last_of_ramp(c.judged_by)))


def _reports(several: Sequence[Constraint], translator: Translator) -> ast.expr:
    """`**members(labels, value, bound)` of constraints of one form."""
    together = translator.members.side
    value = translator.translate(together([c.value for c in several]))
    bound = translator.translate(together([last_of_ramp(c.judged_by) for c in several]))
    labels = tuple(c.full_label for c in several)
    named = translator.module_constant(("labels", labels), "LABELS", lambda: literal(labels))
    return translator.call("members", named, value, bound)


def write_cases(lowered: Lowered, make: MakeTranslator) -> None:
    """`cases(primal, data) -> {label: [value]}`: the ways in which each rule can hold, <= 0."""
    rules = [c for c in lowered.problem.constraints if c.cases]
    if not rules:
        return
    doc = ["The ways in which each rule can hold: at most 0 where it does in that way."]
    with make.writer.function("cases", ("primal", "data"), doc):
        translator = make("data")
        pairs = []
        for c in rules:
            values = [translator.translate(where) for _, where in c.cases]
            pairs.append((c.full_label, sequence(values)))
        _return_dictionary(pairs, make.writer)


def _return_dictionary(pairs: Sequence[tuple[str | None, ast.expr]], writer: Writer) -> None:
    """A dictionary by label; what has none is one itself, of many labels."""
    with writer.block("return {", "}"):
        for label, value in pairs:
            writer.entry(label, value)


def _report(c: Constraint, translator: Translator) -> ast.expr:
    """`(value, bound)`; of many entries the one that is farthest from being met."""
    if c.relation == "in":
        return literal((_set_violation(c, translator), 0))
    value, bound = c.value, last_of_ramp(c.judged_by)
    both = sides(translator, value, bound)
    if isinstance(value, PerExample) or _many(value, translator) or _many(bound, translator):
        return translator.call("worst", *both, ast.Constant(c.relation))
    return ast.Tuple(elts=both)


def _many(expr: Expr, translator: Translator) -> bool:
    """Whether an expression may have several entries: a tensor or groups outside reductions."""
    axes = translator.inference.axes(expr)
    if axes.known and axes.each is None:
        return bool(axes.shape)
    variables = translator.scope.symbols.vars()
    for node in outside_reductions(expr):
        match node:
            case ParameterRef() | Vector():
                return True
            case Name(id=name) if name in variables and variables[name].dimensions:
                return True
            case Expectation() if group_count(node, translator.inference) > 1:
                return True
    return False


def _set_violation(c: Constraint, translator: Translator) -> ast.expr:
    assert c.set is not None
    operator = set_constant(translator, c.set)
    subject = c.set.subject if c.set.subject is not None else c.value
    if isinstance(subject, Name):
        return method(operator, "violation", translator.whole_variable(subject.id))
    return method(operator, "violation", translator.translate(subject))


def write_preferences(soft: Sequence[Constraint], make: MakeTranslator) -> None:
    """`preferences(primal, data) -> {label: amount}`: what each adds to the objective."""
    doc = ["What each preference adds to what is minimized, on whole data and as deployed."]
    with make.writer.function("preferences", ("primal", "data"), doc):
        translator = make("data")
        pairs = []
        for c in soft:
            written = () if c.relation == "in" else (as_written(c.value, c),)
            pairs.append((c.full_label, _preference(c, written, None, translator)))
        _return_dictionary(pairs, make.writer)


def write_objective(
    expr: Expr, make: MakeTranslator, vectors: Vectorizer | None = None, rows: str = "data"
) -> None:
    """`objective(primal, data)`: the objective as written, without preferences; `rows`: on what."""
    doc = ["The objective as written."]
    with make.writer.function("objective", ("primal", rows), doc):
        translator = make(rows)
        make.writer.give(objective_value(expr, translator, vectors))


def steps_on_objective(lowered: Lowered, written: Expr) -> bool:
    """Whether a step follows the objective as it is written, and nothing else is measured."""
    problem = lowered.problem
    others = bool(lowered.rules or lowered.examples or lowered.soft)
    others |= problem.objective_gradient is not None or problem.sense == "maximize"
    return not others and problem.objective == written


# --- metrics -------------------------------------------------------------------------------------


def write_metrics(metrics: Sequence[tuple[str, Expr]], make: MakeTranslator) -> None:
    """Every metric, and what they compare with: values before the first step.

    A function each, so that one that fails leaves the others: `metrics = {"acc": metric_acc}`.
    """
    nodes = [node for _, value in metrics for node in walk(value)]
    bodies = {node.text: node.body for node in nodes if isinstance(node, Initial)}
    _write_table("metrics", "metric", dict(metrics), "Recorded, never optimized.", make)
    if bodies:
        _write_table("initial", "initial", bodies, "Measured before the first step.", make)


def _write_table(
    name: str, prefix: str, values: Mapping[str, Expr], doc: str, make: MakeTranslator
) -> None:
    """A function for each value, and a dictionary of them by the names that people know."""
    writer = make.writer
    if not values:
        return
    functions = {}
    for called, expr in values.items():
        function = functions[called] = make.names.fresh(f"{prefix}_{called[:LONGEST]}")
        with writer.function(function, ("primal", "data"), [doc]):
            value = make("data", strict=True).translate(expr)
            writer.give(value)
    writer.line()
    writer.line()
    with writer.block(f"{name} = {{", "}"):
        for called, function in functions.items():
            writer.line(f"{called!r}: {function},")


def write_leaves(certified: Sequence[tuple[str, Sequence[Expr]]], make: MakeTranslator) -> None:
    """`leaves(primal, data) -> {label: [mean]}`: the means of each requirement, each alone."""
    doc = ["The means that a certificate of each requirement rests on, as deployed."]
    with make.writer.function("leaves", ("primal", "data"), doc):
        translator = make("data", strict=True, noted=True)
        pairs = [
            (label, ", ".join(ast.unparse(translator.translate(leaf)) for leaf in leaves))
            for label, leaves in certified
        ]
        with make.writer.block("return {", "}"):
            for label, values in pairs:
                make.writer.line(f"{label!r}: [{values}],")


class MakeTranslator:
    """Makes a translator for each emitted function: shared scope, own locals."""

    def __init__(self, template: Translator) -> None:
        self._template = template
        self.writer: Writer = template.writer
        self.names: Names = template.names

    def __call__(
        self, container: str = "batch", *, strict: bool = False, noted: bool = False
    ) -> Translator:
        made = self._template.beside(container, self.writer)
        made.strict, made.noted = strict, noted
        return made
