"""Give the model's step something to differentiate where the true constraint is flat.

    P[pred == 1 | sex == a] <= 5%   ->   E[prob[1] | sex == a] - 5%
    P[u > v] >= 90%                 ->   90% - E[sigmoid(u - v)]
    P[y == 1 | pred == 1] >= 80%    ->   80% - E[(y == 1)*prob[1]]/E[prob[1]]

Multipliers and verdict always use the true expression. What moves and has no surrogate
is refused: a requirement that pulls nothing would be reported as one that can't be met.
"""

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.expressions.rewrite import function_name, number, same
from cspec.compiler.expressions.text import text
from cspec.compiler.passes.canonical import as_written
from cspec.compiler.passes.expansion.each_example import violations
from cspec.compiler.records.facts import ColumnFacts
from cspec.compiler.records.problem import Constraint, PerExample, Problem
from cspec.compiler.surrogates.arithmetic import plus, times
from cspec.compiler.surrogates.atoms import moves
from cspec.compiler.surrogates.domains import within_domains
from cspec.compiler.surrogates.parts import lent
from cspec.compiler.surrogates.setting import Remarks, Setting
from cspec.compiler.surrogates.softener import Softener
from cspec.compiler.surrogates.statistics import is_rate, of_two_rates
from cspec.compiler.surrogates.words import LED, LOGISTIC, SIGMOID, Word, named
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.methods import Method
from cspec.dsl.tree.nodes import Call, Compare, Expectation, Expr, Name, walk
from cspec.dsl.words.losses import OF_ONE_LOGIT, PER_CLASS

UNHELD = "give the optimizer its parameters, or require nothing of it"


def surrogates(problem: Problem, setting: Setting) -> Problem:
    """The problem with `gradient_parts` where they differ from `parts`, and so for the objective.

    Raises:
        SpecError: all that moves, is flat and has no surrogate, in source order.
    """
    problem = _within_domains(problem, setting)
    found: list[Diagnostic] = []
    notes: list[str] = []
    constraints = []
    rated = _rated(problem, setting)
    for c in problem.constraints:
        try:
            changed, remarks = (_of_rates(c, setting) if rated else None) or _surrogate(c, setting)
        except SpecError as error:
            found += error.diagnostics
            continue
        constraints.append(changed)
        found += remarks.found
        notes += remarks.notes(c.label, c.surrogate_text or "")
        if changed.constant:
            notes.append(f"{c.label}: {SAME}: it is judged, and moves nothing")
    word = LOGISTIC if rated else setting.word
    objective, remarks = _objective(problem, setting, word)
    found += remarks.found
    if found:
        raise SpecError(sorted(found, key=lambda d: d.span))
    return problem.model_copy(
        update={
            "constraints": tuple(constraints),
            "objective_gradient": objective,
            "surrogate_notes": tuple(dict.fromkeys(notes)),
        }
    )


def _within_domains(problem: Problem, setting: Setting) -> Problem:
    def within(expr: Expr) -> Expr:
        return within_domains(expr, setting)

    def of_parts(c: Constraint) -> Constraint:
        asked = None if c.surrogate is None else within(c.surrogate)
        parts = c.parts if c.true_or_false else tuple(map(within, c.parts))
        return c.model_copy(update={"parts": parts, "surrogate": asked})

    constraints = map(of_parts, problem.constraints)
    objective = within(problem.objective)
    return problem.with_constraints(constraints).model_copy(update={"objective": objective})


SAME = "the same whatever is predicted"


def _rated(problem: Problem, setting: Setting) -> bool:
    """Whether a rate is what is asked for, and all that holds it back are rates of one form."""
    softener = Softener(setting)
    if not setting.open or not is_rate(problem.objective, softener):
        return False
    hard = [c for c in problem.constraints if c.soft is None]
    flat = [c for c in hard if any(map(softener.flat, c.parts))]
    return bool(flat) and all(_of_rates(c, setting) is not None for c in flat)


def _objective(problem: Problem, setting: Setting, word: Word) -> tuple[Expr | None, Remarks]:
    softener = Softener(setting, word, Remarks(problem.objective.span))
    found = _soft(softener, problem.objective, 1)
    moved = moves(problem.objective, softener.moving)
    if moved and not moves(found, softener.moving) and not softener.remarks.found:
        softener.remarks.refuse(problem.objective, SAME, shown=problem.objective_text)
    if same(found, problem.objective):
        return None, softener.remarks
    return _led(problem, setting, word, found), softener.remarks


def _led(problem: Problem, setting: Setting, word: Word, found: Expr) -> Expr:
    """The surrogate of an objective that counts errors, and a share of their loss.

    Where a class is rare, sigmoids of a model that never predicts it are flat, and a requirement
    that groups fare alike brings it there. An error of a loss pulls the more the larger it is.
    """
    loss = _loss(problem.objective, setting) if setting.open and word.open else None
    if loss is None:
        return found
    softener = Softener(setting, LOGISTIC._replace(loss=loss), Remarks(problem.objective.span))
    leads = _soft(softener, problem.objective, 1)
    return found if softener.remarks.found else plus(found, times(number(LED), leads))


def _loss(objective: Expr, setting: Setting) -> str | None:
    """The loss of the outputs whose errors are counted; None where other predictions are."""
    known, shapes, others = setting.inference.known, set(), 0
    means = [node for node in walk(objective) if isinstance(node, Expectation)]
    for mean, node in ((one, node) for one in means for node in walk(one.body)):
        others += isinstance(node, Call) and function_name(node) == "pred"
        match node:
            case Compare(operators=("==" | "!=",), operands=(Call() as predicted, Name() as y)) if (
                function_name(predicted) == "pred" and known.target(predicted) == y.id
            ):
                outputs = predicted.arguments[0]
                shape = setting.inference.axes(outputs, mean.dataset).shape
                column = known.column(mean.dataset or "", y.id)
                shapes.add(shape if column is not None and _numbered(column, shape) else None)
                others -= 1
    if others or len(shapes) != 1 or None in shapes or not setting.bound:
        return None
    return (PER_CLASS if shapes.pop() else OF_ONE_LOGIT)[0]


def _numbered(column: ColumnFacts, outputs: tuple[int, ...] | None) -> bool:
    """Whether labels are the numbers of the classes that the outputs are of, as a loss takes them.

    Text is numbered; what holds 1 and 2, or -1 and 1, is compared with predictions by value.
    """
    classes = outputs[-1] if outputs else 2
    if column.classes:
        count = len(column.classes)
        named = isinstance(column.classes[0], str)
        return count <= classes and (named or list(column.classes) == list(range(count)))
    if column.kind == "real":
        return not outputs and set(column.values) == {0, 1}
    return bool(column.levels) and column.levels[0] >= 0 and column.levels[-1] < classes


def _of_rates(c: Constraint, setting: Setting) -> tuple[Constraint, Remarks] | None:
    """A requirement of rates beside an objective that is one: both as weighted losses.

    As sigmoids the two would be at their best where scores say nothing; as losses every multiplier
    weighs a classification, whose scores are good for any threshold. None of other requirements.
    """
    open_ = c.method is None or (isinstance(c.method, Method) and c.method.left_open)
    plain = c.relation in ("<=", ">=") and c.event is None and c.each is None and c.soft is None
    if c.surrogate is not None or not open_ or not plain or _still(c, setting):
        return None
    softener = Softener(setting, LOGISTIC, Remarks(c.span))
    found = [of_two_rates(part, softener) for part in c.parts]
    if not found or any(part is None for part in found):
        return None
    parts = tuple(_soft(softener, part, 1) for part in found if part is not None)
    update = {"gradient_parts": parts, "surrogate_text": LOGISTIC.text}
    return c.model_copy(update=update), softener.remarks


def _surrogate(c: Constraint, setting: Setting) -> tuple[Constraint, Remarks]:
    remarks = Remarks(c.span)
    if c.relation == "in" or (c.event is not None and c.binders):
        return c, remarks
    if c.each is not None:
        return _of_each(c, c.each, setting, remarks), remarks
    open_ = c.method is None or (isinstance(c.method, Method) and c.method.left_open)
    word = setting.word if open_ else SIGMOID
    if c.surrogate is not None:
        asked = named(c.surrogate, setting.inference.known.params)
        if asked is None:
            return _lent(c, c.surrogate, Softener(setting, remarks=remarks)), remarks
        word = asked
    if _still(c, setting):
        remarks.found.append(_nothing_trains(c, setting))
        return c, remarks
    softener = Softener(setting, word, remarks)
    sign = 0 if c.relation == "==" else 1
    parts = tuple(_soft(softener, part, sign) for part in c.parts)
    if not remarks.found and _any_moves(c.parts, setting) and not _any_moves(parts, setting):
        # It is the same whatever is predicted, for these data.
        return c.model_copy(update={"constant": True}), remarks
    if all(same(a, b) for a, b in zip(parts, c.parts, strict=True)):
        return c, remarks
    described = c.surrogate_text or word.text
    return c.model_copy(update={"gradient_parts": parts, "surrogate_text": described}), remarks


def _of_each(c: Constraint, each: PerExample, setting: Setting, remarks: Remarks) -> Constraint:
    """A requirement on each example, with what its steps follow where that is something else."""
    if _still(c, setting):
        remarks.found.append(_nothing_trains(c, setting))
        return c
    if each.condition is not None and moves(each.condition, setting.moving):
        what = f"a requirement on each example of `{each.dataset}` `where` the model says so"
        remarks.found += not_compiled(what, each).diagnostics
        return c
    sign = 0 if c.relation == "==" else 1
    word = setting.word
    if c.surrogate is not None:
        asked = named(c.surrogate, setting.inference.known.params)
        softener = Softener(setting, asked or SIGMOID, remarks)
        if asked is None:
            rows = each.model_copy(update={"body": as_written(c.surrogate, c)})
            return c.model_copy(update={"gradient_parts": (_soft(softener, rows, sign),)})
        word = asked
    elif c.event is not None:
        alone = Remarks(c.span)
        if same(_soft(Softener(setting, word, alone), each, 1), each) and not alone.found:
            return c  # its violation can be followed as it is
    truth = each if c.event is None else violations(c.value) or each
    truth = within_domains(truth, setting)
    found = _soft(Softener(setting, word, remarks), truth, sign)
    if c.event is not None and c.surrogate is None:
        each = truth
    if same(found, each):
        return c
    described = c.surrogate_text or word.text
    update = {"parts": (each,), "gradient_parts": (found,), "surrogate_text": described}
    return c.model_copy(update=update)


def _still(c: Constraint, setting: Setting) -> bool:
    """Whether all that a requirement could move came with nothing to train."""
    still = any(moves(part, setting.still) for part in c.parts)
    return still and not _any_moves(c.parts, setting)


def _any_moves(parts: tuple[Expr, ...], setting: Setting) -> bool:
    return any(moves(part, setting.moving) for part in parts)


def _nothing_trains(c: Constraint, setting: Setting) -> Diagnostic:
    names = sorted(name for name in setting.still if any(moves(p, {name}) for p in c.parts))
    models = setting.inference.known.facts.models
    unheld = [name for name in names if not models[name].frozen]
    label = f"no parameter of {listing(names, 'and')} has `requires_grad`"
    if unheld:
        label = f"no optimizer holds a parameter of {listing(unheld, 'and')}"
    return Diagnostic(
        code="CS309",
        message=f"`{c.text}` does not depend on anything that training moves",
        span=c.span,
        label=label,
        helps=(UNHELD if unheld else "let a parameter train: `parameter.requires_grad_()`",),
    )


def _lent(c: Constraint, surrogate: Expr, softener: Softener) -> Constraint:
    """Events in a surrogate get surrogates themselves."""
    sign = {"<=": 1, ">=": -1}.get(c.relation, 0)
    soft = _soft(softener, surrogate, sign)
    setting = softener.setting
    own = lent(c, soft, setting.entries, setting.inference.known.params)
    return c.model_copy(update={"gradient_parts": own})


def _soft(softener: Softener, expr: Expr, sign: int) -> Expr:
    """An expression with a gradient."""
    found = softener.mean(expr, sign)
    if not softener.remarks.found and (lost := softener.out_of_reach(found)) is not None:
        label = "cut off from the parameters, or constant almost everywhere"
        softener.remarks.refuse(lost, label, shown=text(lost))
    return found
